// SPDX-License-Identifier: Apache-2.0

package server

import (
	"encoding/base64"
	"net/http"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/access"
	"github.com/counterfoil/counterfoil/internal/guard"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// routeGuard lists the routes of what is judged before it is done.
func (s *Server) routeGuard() {
	const l = "/v1/ledgers/{ledger}"
	s.handle("POST "+l+"/guard", access.AskGuard, s.askGuard)
	s.handle("POST "+l+"/controls/backtest", access.TestControl, long(post(s, s.backtest)))
}

// guardOf is the guard of the ledger that the path names.
func (s *Server) guardOf(r *http.Request) (*guard.Guard, error) {
	g, ok := s.cfg.Ledgers.Guard(r.PathValue("ledger"))
	if !ok {
		return nil, refused(string(ledger.NotFound), "", "there is no ledger %q", r.PathValue("ledger"))
	}
	return g, nil
}

// askGuard judges one decision that is about to be made.
func (s *Server) askGuard(w http.ResponseWriter, r *http.Request) error {
	g, err := s.guardOf(r)
	if err != nil {
		return err
	}
	l, err := s.ledger(r)
	if err != nil {
		return err
	}
	if _, err := parameters(r); err != nil {
		return err
	}
	held := &lease{s: s}
	defer held.release()
	buf := buffers.Get().(*[]byte)
	defer giveBack(buf)
	if err := s.body(w, r, buf, held); err != nil {
		return err
	}
	if len(*buf) > maxForm {
		return refused("body_too_large", "send large steps as records of their own", "the body is larger than %d bytes", maxForm)
	}
	raws, _, err := s.split(r, *buf)
	if err != nil {
		return err
	}
	if len(raws) != 1 {
		return refused("too_many_records", "ask for each decision on its own", "the guard judges one decision at a time")
	}
	rec, err := l.Rules().Parse(raws[0])
	if err != nil {
		return err
	}
	c := callerOf(r)
	if err := s.mayAppend(r, c, []*record.Record{rec}); err != nil {
		return err
	}
	a, err := g.Ask(r.Context(), rec, c.principal, "sdk")
	if err != nil {
		return refusedAppend(err, true)
	}
	return get(func(*http.Request) (api.GuardAnswer, error) { return wireAnswer(a), nil })(w, r)
}

func wireAnswer(a *guard.Answer) api.GuardAnswer {
	it := a.Receipts.Items[0]
	out := api.GuardAnswer{Verdict: a.Verdict, Reasons: []api.GuardReason{}, Controls: []api.GuardControl{}, Token: a.Token, Expires: a.Expires, OnFailure: a.OnFailure,
		Record: api.Placed{ID: it.ID, Index: it.Index, Status: api.Existing}, Checkpoint: string(a.Receipts.Checkpoint)}
	if it.Created {
		out.Record.Status = api.Created
	}
	for _, h := range it.Path {
		out.Record.Proof = append(out.Record.Proof, base64.StdEncoding.EncodeToString(h[:]))
	}
	for _, r := range a.Reasons {
		out.Reasons = append(out.Reasons, api.GuardReason(r))
	}
	for _, c := range a.Governed.Controls {
		out.Controls = append(out.Controls, api.GuardControl(c))
	}
	return out
}

// backtest runs a control over recorded decisions. It shows nothing of them but
// ids and results.
func (s *Server) backtest(r *http.Request, who *caller, in api.Backtest) (*api.BacktestResult, error) {
	g, err := s.guardOf(r)
	if err != nil {
		return nil, err
	}
	return g.Backtest(r.Context(), who.ID, string(who.role), who.principal, in)
}
