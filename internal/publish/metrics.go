// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// register adds the lag of each peer to the metrics. Several publishers may
// share a registerer.
func (p *Publisher) register() error {
	p.failures = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "counterfoil_publish_failures_total",
		Help: "Tries to publish a checkpoint that failed."}, []string{"origin", "peer"})
	if p.cfg.Registerer == nil {
		return nil
	}
	if err := p.cfg.Registerer.Register(p.failures); err != nil {
		are, ok := errors.AsType[prometheus.AlreadyRegisteredError](err)
		if !ok {
			return fmt.Errorf("register metrics: %w", err)
		}
		p.failures = are.ExistingCollector.(*prometheus.CounterVec)
	}
	for i, peer := range p.peers {
		labels := prometheus.Labels{"origin": p.cfg.Origin, "peer": peer.name()}
		for _, g := range []prometheus.Collector{
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "counterfoil_publish_lag_seconds", ConstLabels: labels,
				Help: "Seconds since the peer last took a checkpoint; 0 while it has the newest, -1 when it never took one."}, func() float64 { return p.lagSeconds(i) }),
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "counterfoil_publish_size", ConstLabels: labels,
				Help: "Size of the last checkpoint that the peer took; -1: none."}, func() float64 { return float64(p.Lags()[i].Size) }),
		} {
			if err := p.cfg.Registerer.Register(g); err != nil {
				return fmt.Errorf("register metrics: %w", err)
			}
		}
	}
	return nil
}

func (p *Publisher) lagSeconds(i int) float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.lags[i]
	if l.Success.IsZero() {
		return -1
	}
	if l.Size == p.newest {
		return 0
	}
	return p.cfg.Now().Sub(l.Success).Seconds()
}
