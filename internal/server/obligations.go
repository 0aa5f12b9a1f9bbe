// SPDX-License-Identifier: Apache-2.0

package server

import (
	"net/http"
	"strings"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/access"
	"github.com/counterfoil/counterfoil/internal/obligation"
)

// routeObligations lists the routes of obligation reports. Both read the log and
// may take their time; the second notes the report in it.
func (s *Server) routeObligations() {
	const l = "/v1/ledgers/{ledger}/reports/obligations"
	s.handle("GET "+l, access.ReportDuties, long(get(s.obligations)))
	s.handle("POST "+l, access.ReportDuties, long(post(s, s.noteObligations)))
}

// reporter makes reports about the ledger of the path.
func (s *Server) reporter(r *http.Request) (*obligation.Reporter, error) {
	l, err := s.ledger(r)
	if err != nil {
		return nil, err
	}
	return obligation.New(obligation.Config{Ledger: l})
}

func (s *Server) obligations(r *http.Request) (*api.ObligationReport, error) {
	q, err := parameters(r, "packs", "quarter", "from", "to", "fail_only")
	if err != nil {
		return nil, err
	}
	a := obligation.Asked{Quarter: q.Get("quarter"), Within: callerOf(r).bounds()}
	if packs := q.Get("packs"); packs != "" {
		a.Packs = strings.Split(packs, ",")
	}
	if a.From, a.To, err = span(q); err != nil {
		return nil, err
	}
	if a.FailOnly, err = boolean(q, "fail_only"); err != nil {
		return nil, err
	}
	o, err := s.reporter(r)
	if err != nil {
		return nil, err
	}
	return o.Report(r.Context(), a)
}

func (s *Server) noteObligations(r *http.Request, who *caller, in api.ObligationsRequest) (*api.ObligationReport, error) {
	o, err := s.reporter(r)
	if err != nil {
		return nil, err
	}
	out, err := o.Report(r.Context(), obligation.Asked{Packs: in.Packs, Quarter: in.Quarter, From: in.From, To: in.To, FailOnly: in.FailOnly, Within: who.bounds()})
	if err != nil {
		return nil, err
	}
	return out, o.Record(r.Context(), out, obligation.By{Actor: who.ID, Principal: who.principal})
}
