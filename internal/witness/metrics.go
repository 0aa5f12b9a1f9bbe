// SPDX-License-Identifier: Apache-2.0

package witness

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	requests *prometheus.CounterVec
	size     *prometheus.GaugeVec
	forks    *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "counterfoil_witness_requests_total", Help: "add-checkpoint requests by status."}, []string{"status"}),
		size:     prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "counterfoil_witness_size", Help: "Largest size cosigned since the start."}, []string{"origin"}),
		forks:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "counterfoil_witness_forks_total", Help: "Checkpoints kept as evidence against a log."}, []string{"origin", "proven"}),
	}
	if reg == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.requests, m.size, m.forks} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return m, nil
}
