// SPDX-License-Identifier: Apache-2.0

package app

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/counterfoil/counterfoil/internal/ledger"
)

// metrics are those of the write path, by ledger.
type metrics struct {
	records *prometheus.CounterVec
	commits *prometheus.CounterVec
	took    *prometheus.HistogramVec
	batch   *prometheus.HistogramVec
	size    *prometheus.GaugeVec
	queued  *prometheus.GaugeVec
	alerts  *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	by := []string{"ledger"}
	m := &metrics{
		records: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "counterfoil_records_total", Help: "Records committed."}, by),
		commits: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "counterfoil_commits_total", Help: "Commits by result."}, []string{"ledger", "result"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "counterfoil_commit_seconds", Help: "Time of one durable commit.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5}}, by),
		batch: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "counterfoil_commit_records", Help: "Records in one commit.",
			Buckets: []float64{1, 4, 16, 64, 256, 1024, 4096}}, by),
		size:   prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "counterfoil_log_size", Help: "Leaves in the log."}, by),
		alerts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "counterfoil_alarms_total", Help: "Alarms that somebody must look at, such as a broken glass."}, by),
		queued: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "counterfoil_queue_records", Help: "Records that waited when the last commit ended."}, by),
	}
	for _, c := range []prometheus.Collector{m.records, m.commits, m.took, m.batch, m.size, m.queued, m.alerts} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return m, nil
}

func (m *metrics) commit(name string, c ledger.Commit) {
	result := "ok"
	if c.Err != nil {
		result = "failed"
	} else if c.Records > 0 {
		m.records.WithLabelValues(name).Add(float64(c.Records))
		m.batch.WithLabelValues(name).Observe(float64(c.Records))
		m.size.WithLabelValues(name).Set(float64(c.Size))
	}
	m.commits.WithLabelValues(name, result).Inc()
	m.took.WithLabelValues(name).Observe(c.Took.Seconds())
	m.queued.WithLabelValues(name).Set(float64(c.Queued))
}
