// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"net/http"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/access"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/reconstruct"
	"github.com/counterfoil/counterfoil/internal/sample"
	"github.com/counterfoil/counterfoil/record"
)

// routeSample lists the route that draws samples.
func (s *Server) routeSample() {
	s.handle("POST /v1/ledgers/{ledger}/samples", access.DrawSample, long(post(s, s.drawSample)))
}

func (s *Server) drawSample(r *http.Request, who *caller, in api.SampleOrder) (*sample.Sheet, error) {
	l, err := s.ledger(r)
	if err != nil {
		return nil, err
	}
	teller, err := reconstruct.New(reconstruct.Config{Ledger: l})
	if err != nil {
		return nil, err
	}
	p, err := sample.New(sample.Config{Ledger: l, Check: func(ctx context.Context, e ledger.Entry, st *record.Statement) (sample.Finding, error) {
		return lookOver(ctx, teller, st)
	}})
	if err != nil {
		return nil, err
	}
	sheet, err := p.Draw(r.Context(), sample.By{Actor: who.ID, Role: string(who.role), Principal: who.principal, Purpose: who.purpose, Ticket: who.ticket}, in.Query, in.Size, in.Seed)
	if err != nil {
		return nil, refusedAppend(queryFault(err), true)
	}
	return sheet, nil
}

// lookOver puts a record together again, and says what of it is not there.
func lookOver(ctx context.Context, t *reconstruct.Teller, st *record.Statement) (sample.Finding, error) {
	story, err := t.Decision(ctx, st.ID())
	if e, ok := errors.AsType[*ledger.Error](err); ok && (e.Code == ledger.NotFound || e.Code == ledger.Invalid) {
		return sample.Finding{Note: e.Message}, nil
	}
	if err != nil {
		return sample.Finding{}, err
	}
	f := sample.Finding{}
	for _, ref := range story.References {
		if ref.Record != st.ID() {
			continue
		}
		f.References++
		if ref.State == reconstruct.Missing {
			f.Missing = append(f.Missing, ref.Pointer+" names "+ref.Names)
		}
	}
	for _, e := range story.Events {
		for _, v := range e.Values {
			if e.Record == st.ID() && v.State == reconstruct.Erased {
				f.Erased++
			}
			if e.Record == st.ID() && v.State == reconstruct.Missing {
				f.Missing = append(f.Missing, "the value at "+v.Pointer)
			}
		}
	}
	f.OK = len(f.Missing) == 0
	return f, nil
}
