// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"testing"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

// draftControl is a back-test of a draft that finds fault with every refund.
const draftControl = `{"document":"name: no-refunds\ntitle: t\nowner: o\nseverity: low\nmessage: m\nexpect: r.decision.kind != \"refund\"\ncases:\n- {name: a, record: {type: decision, id: a, time: \"2026-01-01T00:00:00Z\", system: s, decision: {kind: refund, status: made}}, result: fail}\n- {name: b, record: {type: decision, id: a, time: \"2026-01-01T00:00:00Z\", system: s, decision: {kind: x, status: made}}, result: pass}\n"}`

// TestGuard asks over the API before an act, and tries a control on what was
// recorded.
func TestGuard(t *testing.T) {
	t.Parallel()
	r := guarded(t, options{})
	const at = inMain + "/guard"
	attempt := func(id string) string { return decision(id, `"decision":{"kind":"refund","status":"requested"}`) }
	r.as("key:bot source", at, attempt("early")).problem(404, "not_found") // no register
	r.shelf.change(func(s *shelf) { s.governs = governed{} })
	l, _ := r.shelf.Ledger("main")
	must(t, l.DB().Write(t.Context(), func(ctx context.Context, tx *db.Tx) error { return ledger.SetRegister(ctx, tx, 1) }))
	a := into[api.GuardAnswer](r.as("key:bot source", at, attempt("a1")).want(200))
	if a.Verdict != api.Allow || a.OnFailure != api.FailClosed || a.Record.Status != api.Created || a.Token == "" || len(a.Record.Proof) > 64 {
		t.Errorf("asked: %+v", a)
	}
	if again := into[api.GuardAnswer](r.as("key:bot source", at, attempt("a1")).want(200)); again.Record.Status != api.Existing || again.Verdict != api.Allow {
		t.Errorf("asked again: %+v", again)
	}
	r.as("key:bot source", at, decision("a2")).problem(422, "bad_value")
	r.as("key:bot source", at, attempt("a1")[:20]).problem(400, "syntax")
	r.as("key:bot source", records, decision("sent")).want(201)
	r.as("key:bot source", at, decision("sent", `"decision":{"kind":"refund","status":"requested"}`)).problem(409, "conflict")
	r.as("key:bot source/main/other", at, attempt("a3")).problem(403, "forbidden")
	strict := r.as("key:bot source", records, `{"type":"decision","id":"st","time":"2026-01-01T00:00:00Z","system":"strict-agent","decision":{"kind":"k","status":"made"},"versions":{"prompt":"p@1"}}`).problem(422, "not_approved")
	if len(strict.Errors) != 1 || strict.Errors[0].Pointer != "/versions/prompt" {
		t.Errorf("a strict system was refused with %+v", strict)
	}
	res := into[api.BacktestResult](r.as("person:g governance", inMain+"/controls/backtest", draftControl).want(200))
	if res.Decisions != 2 || res.Results["fail"] != 1 || res.Results["skip"] != 1 || res.ChangedCount != 1 || res.Changed[0].ID != "sent" {
		t.Errorf("back-tested: %+v", res)
	}
	r.as("person:g governance", inMain+"/controls/backtest", `{"document":"name: x"}`).problem(400, "invalid")
	r.audit()
}
