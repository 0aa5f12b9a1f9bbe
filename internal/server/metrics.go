// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/counterfoil/counterfoil/api"
)

// metrics are the server's own; ledgers and publishers register theirs.
type metrics struct {
	requests *prometheus.CounterVec
	latency  *prometheus.HistogramVec
	inflight prometheus.Gauge
	panics   prometheus.Counter
	appended prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "counterfoil_http_requests_total", Help: "Requests by route and status."}, []string{"route", "status"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "counterfoil_http_request_seconds", Help: "Time from request to answer.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10}}, []string{"route"}),
		inflight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "counterfoil_http_requests_in_flight", Help: "Requests being answered."}),
		panics:   prometheus.NewCounter(prometheus.CounterOpts{Name: "counterfoil_http_panics_total", Help: "Handlers that panicked."}),
		appended: prometheus.NewCounter(prometheus.CounterOpts{Name: "counterfoil_http_records_total", Help: "Records acknowledged over HTTP, existing ones included."}),
	}
	for _, c := range []prometheus.Collector{m.requests, m.latency, m.inflight, m.panics, m.appended} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return m, nil
}

func (s *Server) showMetrics(w http.ResponseWriter, r *http.Request) error {
	promhttp.HandlerFor(s.cfg.Registry, promhttp.HandlerOpts{}).ServeHTTP(w, r)
	return nil
}

// healthz says that the process answers.
func (s *Server) healthz(*http.Request) (api.Health, error) {
	return api.Health{Status: "ok", Checks: map[string]string{"version": s.cfg.Version}}, nil
}

// readyz says whether requests can be served: every check by name.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) error {
	checks := s.cfg.Ledgers.Ready(r.Context())
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(checks)) {
		if checks[name] != "" {
			faults = append(faults, fmt.Errorf("%s: %s", name, checks[name]))
		} else {
			checks[name] = "ok"
		}
	}
	if len(faults) > 0 {
		return refused("unavailable", "see the log; counterfoil doctor says more", "not ready: %v", errors.Join(faults...))
	}
	return get(func(*http.Request) (api.Health, error) { return api.Health{Status: "ok", Checks: checks}, nil })(w, r)
}

// home tells a person with a browser where they are.
func (s *Server) home(w http.ResponseWriter, r *http.Request) error {
	var text strings.Builder
	text.WriteString("Counterfoil " + s.cfg.Version + ", the AI audit trail.\n\n")
	names := s.cfg.Ledgers.Names()
	if actor, _, err := s.authenticate(r); err != nil { // the names of ledgers are for who may see them
		names = nil
		text.WriteString("sign in       /auth/\n")
	} else {
		names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !actor.Sees(baseOf(name)) })
	}
	for _, name := range names {
		text.WriteString(fmt.Sprintf("ledger %s\n  records     /v1/ledgers/%s/records\n  statistics  /v1/ledgers/%s/stats\n  log         /log/%s/checkpoint\n  trust       /v1/ledgers/%s/trust\n", name, name, name, name, name))
	}
	text.WriteString("\nAPI           /openapi.json\nrecord schema /schema/record.json\nhealth        /healthz /readyz /metrics\n")
	return send(w, "text/plain; charset=utf-8", "no-store", []byte(text.String()))
}
