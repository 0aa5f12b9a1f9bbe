// SPDX-License-Identifier: Apache-2.0

package guard_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/audit"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/guard"
	"github.com/counterfoil/counterfoil/internal/keyring"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/ledger/ledgertest"
	"github.com/counterfoil/counterfoil/record"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

// register is a strict model of one.
type register struct {
	size     int64
	systems  map[string]guard.System
	versions map[string]string // kind name@version → state
	controls []guard.Control
}

func (r *register) Size() int64 { return r.size }

func (r *register) System(name string) (guard.System, bool) {
	s, ok := r.systems[name]
	return s, ok
}

func (r *register) Resolve(kind, version, env string) (digest, state string) {
	state, ok := r.versions[kind+" "+version]
	if !ok {
		return "", "unknown"
	}
	if state == "approved" && env != "production" {
		state = "elsewhere"
	}
	return "sha256:" + strings.Repeat("ab", 32), state
}

func (r *register) Controls(env string) []guard.Control {
	if env != "production" {
		return nil
	}
	return r.controls
}

// limit is a control that wants a person for what costs more than 100.
const limit = `
name: refund-limit
title: Refunds over the limit
about: A refund over the limit is decided by a person.
owner: payments-team
severity: high
moments: [guard, record]
action: require_human
scope: {kinds: [refund]}
params: {limit: 100}
when: has(r.decision.detail) && has(r.decision.detail.amount)
expect: r.decision.detail.amount <= params.limit
message: The refund is over the limit.
cases:
  - name: small
    record: {type: decision, id: a, time: "2026-01-01T00:00:00Z", system: s, decision: {kind: refund, status: made, detail: {amount: 10}}}
    result: pass
  - name: large
    record: {type: decision, id: a, time: "2026-01-01T00:00:00Z", system: s, decision: {kind: refund, status: made, detail: {amount: 1000}}}
    result: fail
`

// ban is a control that denies.
const ban = `
name: no-gifts
title: No gifts
about: Gifts are not given.
owner: payments-team
severity: critical
moments: [guard, record]
action: deny
scope: {kinds: [gift]}
expect: "false"
message: Gifts are not given.
cases:
  - name: gift
    record: {type: decision, id: a, time: "2026-01-01T00:00:00Z", system: s, decision: {kind: gift, status: made}}
    result: fail
  - name: other
    record: {type: decision, id: a, time: "2026-01-01T00:00:00Z", system: s, decision: {kind: refund, status: made}}
    result: skip
`

// rig is a ledger with a guard.
type rig struct {
	*testing.T
	l     *ledger.Ledger
	db    *db.DB
	keys  *keyring.Keyring
	g     *guard.Guard
	reg   *register
	now   time.Time
	mu    sync.Mutex
	queue []guard.Review // guarded by mu
}

func newRig(t *testing.T, dbc db.Config) *rig {
	t.Helper()
	r := &rig{T: t, now: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)}
	r.reg = &register{size: 1, systems: map[string]guard.System{
		"refund-agent": {State: "in_service", Team: "care", Risk: "high", Reaction: time.Hour, OnFailure: "fail_open"},
		"careful":      {State: "in_service", Team: "care", Strict: true, MustAsk: true, OnFailure: "fail_closed"},
		"halted":       {State: "suspended", Team: "care"},
		"new":          {State: "draft", Team: "care"},
	}, versions: map[string]string{"prompt p@1": "approved", "prompt p@2": "unapproved", "policy q@1": "retired"},
		controls: []guard.Control{{Version: "refund-limit@1", Digest: "1", Content: []byte(limit)}, {Version: "no-gifts@2", Digest: "2", Content: []byte(ban)}}}
	own := ledger.Config{Now: func() time.Time { return r.now }}
	r.l = ledgertest.New(t, dbc, "example.com/guard", &own)
	r.db, r.keys = own.DB, own.Keys
	var err error
	r.g, err = guard.New(t.Context(), guard.Config{Ledger: r.l, Load: func(context.Context) (guard.Register, error) { return r.reg, nil }, Now: func() time.Time { return r.now },
		Enqueue: func(_ context.Context, _ *db.Tx, rv guard.Review) error {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.queue = append(r.queue, rv)
			return nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	err = r.db.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error { return ledger.SetRegister(ctx, tx, 1) })
	if err != nil {
		t.Fatal(err)
	}
	r.l.Govern(r.g)
	ledgertest.Run(t, r.l)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var wg sync.WaitGroup
	wg.Go(func() { _ = r.g.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
	return r
}

// decision is a record; more are members of the decision, rest of the record.
func decision(t testing.TB, id, system, kind, status, more, rest string) *record.Record {
	t.Helper()
	r, err := record.Parse(fmt.Appendf(nil, `{"type":"decision","id":%q,"time":"2026-11-23T09:59:00Z","system":%q,"decision":{"kind":%q,"status":%q%s}%s}`, id, system, kind, status, more, rest))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) append(rec *record.Record) (*record.Governed, error) {
	res, err := r.l.Append(r.Context(), ledger.Batch{Records: []*record.Record{rec}, Principal: "test", Capture: "sdk"})
	if err != nil {
		return nil, err
	}
	return res.Items[0].Governed, nil
}

func (r *rig) must(rec *record.Record) *record.Governed {
	r.Helper()
	g, err := r.append(rec)
	if err != nil {
		r.Fatal(err)
	}
	return g
}

// findings are the codes of those about a record; "": about none.
func (r *rig) findings(about string) []string {
	r.Helper()
	out := []string{}
	for e, err := range r.l.Entries(r.Context(), 0, -1) {
		if err != nil {
			r.Fatal(err)
		}
		st, err := record.ParseStatement(e.Statement)
		if err != nil {
			r.Fatal(err)
		}
		if f := st.Fields(); st.Type() == record.Finding && f.About == about {
			out = append(out, f.Kind)
		}
	}
	slices.Sort(out)
	return out
}

func (r *rig) whole() {
	r.Helper()
	report, err := audit.Run(r.Context(), audit.Config{DB: r.db, Keys: r.keys})
	if err != nil || !report.Whole() {
		r.Errorf("the ledger is not whole: %v %v", report.Findings, err)
	}
}

func each(t *testing.T, test func(*rig)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		r := newRig(t, dbc)
		test(r)
		r.whole()
	})
}

// TestRecorded judges decisions as they are recorded.
func TestRecorded(t *testing.T) {
	t.Parallel()
	each(t, func(r *rig) {
		for _, c := range []struct {
			id, system, kind, more, rest string
			state, verdict               string
			found                        []string
		}{
			{"plain", "refund-agent", "refund", "", `,"versions":{"prompt":"p@1"}`, "in_service", "", nil},
			{"small", "refund-agent", "refund", `,"detail":{"amount":10}`, "", "in_service", "", nil},
			{"large", "refund-agent", "refund", `,"detail":{"amount":1000}`, "", "in_service", "require_human", []string{"control_failed"}},
			{"gift", "refund-agent", "gift", "", "", "in_service", "deny", []string{"control_failed"}},
			{"versions", "refund-agent", "other", "", `,"versions":{"prompt":"p@2","policy":["q@1","z@9"]}`, "in_service", "", []string{"version_retired", "version_unapproved", "version_unknown"}},
			{"shadow", "refund-agent", "other", "", `,"env":"shadow","versions":{"prompt":"p@1"}`, "in_service", "", []string{"version_elsewhere"}},
			{"models", "refund-agent", "other", "", `,"steps":[{"op":"chat","request_model":"a","response_model":"a-2026"},{"op":"chat","request_model":"a","response_model":"b"}]`, "in_service", "", []string{"model_mismatch"}},
			{"halted", "halted", "other", "", "", "suspended", "deny", []string{"system_suspended"}},
			{"draft", "new", "other", "", "", "draft", "deny", []string{"system_draft"}},
			{"tried", "new", "other", "", `,"env":"test"`, "draft", "", nil},
			{"unasked", "careful", "other", "", `,"versions":{"prompt":"p@1"}`, "in_service", "", []string{"guard_missing"}},
			{"stranger", "nobody", "gift", "", `,"versions":{"prompt":"p@2"}`, "unknown", "", nil},
		} {
			g := r.must(decision(r.T, c.id, c.system, c.kind, "made", c.more, c.rest))
			if g.System != c.state || g.Verdict != c.verdict {
				t.Errorf("%s: %+v, want %s and %s", c.id, g, c.state, c.verdict)
			}
			if have := r.findings(c.id); !slices.Equal(have, append([]string{}, c.found...)) {
				t.Errorf("%s: found %v, want %v", c.id, have, c.found)
			}
		}
		if len(r.queue) != 1 || r.queue[0].ID != "large" || !r.queue[0].Due.Equal(r.now.Add(time.Hour)) || !slices.Equal(r.queue[0].Why, []string{"refund-limit@1"}) {
			t.Errorf("the queue is %+v", r.queue)
		}
		_, err := r.append(decision(r.T, "strict", "careful", "other", "made", "", `,"versions":{"policy":["q@1"],"prompt":"p@2"}`))
		e, ok := errors.AsType[*record.Error](err)
		if !ok || len(e.Problems) != 2 || e.Problems[0].Pointer != "/versions/policy/0" || e.Problems[1].Code != guard.CodeNotApproved {
			t.Errorf("a strict system was refused with %v", err)
		}
		for range 1000 { // written behind our back
			if len(r.findings("")) == 1 {
				break
			}
		}
		if have := r.findings(""); !slices.Equal(have, []string{"version_refused"}) {
			t.Errorf("the refusal was noted as %v", have)
		}
	})
}

// TestNoRegister leaves a ledger alone of which the register is empty.
func TestNoRegister(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		r := newRig(t, dbc)
		r.reg = &register{}
		g, err := guard.New(t.Context(), guard.Config{Ledger: r.l, Load: func(context.Context) (guard.Register, error) { return r.reg, nil }})
		if err != nil {
			t.Fatal(err)
		}
		err = r.db.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error { return ledger.SetRegister(ctx, tx, 0) })
		if err != nil {
			t.Fatal(err)
		}
		r.l.Govern(g)
		if gov := r.must(decision(t, "one", "any", "gift", "made", "", "")); gov != nil {
			t.Errorf("governed by nothing: %+v", gov)
		}
		if _, err := g.Ask(t.Context(), decision(t, "two", "any", "gift", "requested", "", ""), "test", "sdk"); codeOf(err) != ledger.NotFound {
			t.Errorf("asked about a system that is not registered: %v", err)
		}
		r.whole()
	})
}

func codeOf(err error) ledger.Code {
	if e, ok := errors.AsType[*ledger.Error](err); ok {
		return e.Code
	}
	return ""
}

// TestAsk follows verdicts and their tokens to what was done.
func TestAsk(t *testing.T) {
	t.Parallel()
	each(t, func(r *rig) {
		ask := func(id, kind, more string) *guard.Answer {
			t.Helper()
			a, err := r.g.Ask(r.Context(), decision(r.T, id, "refund-agent", kind, "requested", more, ""), "test", "sdk")
			if err != nil {
				t.Fatal(err)
			}
			return a
		}
		done := func(id, token string, want ...string) {
			t.Helper()
			kind := strings.SplitN(id, "-", 2)[0]
			r.must(decision(r.T, id, "refund-agent", kind, "made", fmt.Sprintf(`,"guard":%q`, token), ""))
			if have := r.findings(id); !slices.Equal(have, append([]string{}, want...)) {
				t.Errorf("%s: found %v, want %v", id, have, want)
			}
		}
		small := ask("a-small", "refund", `,"detail":{"amount":10}`)
		if small.Verdict != "allow" || small.OnFailure != "fail_open" || len(small.Reasons) != 0 || len(small.Governed.Controls) != 1 {
			t.Errorf("a small refund: %+v", small)
		}
		large := ask("a-large", "refund", `,"detail":{"amount":1000}`)
		if large.Verdict != "require_human" || len(large.Reasons) != 1 || large.Reasons[0].Message != "The refund is over the limit." || large.Reasons[0].Control != "refund-limit@1" {
			t.Errorf("a large refund: %+v", large)
		}
		gift := ask("a-gift", "gift", "")
		if gift.Verdict != "deny" {
			t.Errorf("a gift: %+v", gift)
		}
		if len(r.findings("a-gift")) != 0 || len(r.queue) != 1 || r.queue[0].ID != "a-large" {
			t.Errorf("findings %v, queue %v", r.findings("a-gift"), r.queue)
		}
		again := ask("a-large", "refund", `,"detail":{"amount":1000}`)
		if again.Verdict != large.Verdict || again.Receipts.Items[0].Created || len(r.queue) != 1 {
			t.Errorf("asked again: %+v", again)
		}

		done("refund-ok", small.Token)
		done("refund-bypassed", large.Token, "guard_person_bypassed")
		done("gift-anyway", gift.Token, "control_failed", "guard_denied")
		done("refund-forged", small.Token[:len(small.Token)-3]+"xyz", "guard_token_invalid")
		done("refund-turned", strings.Replace(gift.Token, ".d.", ".a.", 1), "guard_token_invalid")
		done("gift-other", small.Token, "control_failed", "guard_token_invalid")
		done("refund-person", r.g.PersonToken("a-large", "refund-agent", "refund"))
		r.now = r.now.Add(20 * time.Minute)
		late := decision(r.T, "refund-late", "refund-agent", "refund", "made", fmt.Sprintf(`,"guard":%q`, small.Token), "")
		r.must(late) // it was made in time, and is recorded late
		if have := r.findings("refund-late"); len(have) != 0 {
			t.Errorf("a decision that was sent late: %v", have)
		}

		gap := decision(r.T, "a-gap", "refund-agent", "refund", "requested", "", `,"controls":[{"id":"guard","result":"error","by":"client"}]`)
		r.must(gap)
		if have := r.findings("a-gap"); !slices.Equal(have, []string{"guard_gap"}) {
			t.Errorf("a gap: %v", have)
		}
		for _, rec := range []*record.Record{decision(r.T, "made", "refund-agent", "refund", "made", "", ""), gap} {
			if _, err := r.g.Ask(r.Context(), rec, "test", "sdk"); err == nil {
				t.Errorf("%s was judged", rec.ID())
			}
		}
	})
}

// TestBacktest tries a stricter limit over what was recorded.
func TestBacktest(t *testing.T) {
	t.Parallel()
	each(t, func(r *rig) {
		for n := range 20 {
			r.must(decision(r.T, fmt.Sprint("d", n), "refund-agent", "refund", "made", fmt.Sprintf(`,"detail":{"amount":%d}`, n*10), ""))
		}
		draft := strings.Replace(limit, "limit: 100", "limit: 50", 1)
		draft = strings.Replace(draft, "name: small", "name: little", 1)
		size, err := r.l.Size(r.Context())
		if err != nil {
			t.Fatal(err)
		}
		res, err := r.g.Backtest(r.Context(), "person:gov", "governance", "test", api.Backtest{Document: draft})
		if err != nil {
			t.Fatal(err)
		}
		// 0 to 50 pass both, 60 to 100 pass only the old, 110 to 190 fail both.
		if res.Decisions != 20 || res.Against != "refund-limit@1" || res.Before["fail"] != 9 || res.Results["fail"] != 14 || res.ChangedCount != 5 || res.Changed[0].ID != "d6" || res.Size != size {
			t.Errorf("would have been %+v", res)
		}
		p, err := r.l.List(r.Context(), ledger.Query{Type: "access", Kind: "backtest"})
		if err != nil || len(p.Entries) != 1 || !strings.Contains(string(p.Entries[0].Statement), `"count":20`) {
			t.Errorf("the access was recorded as %v, %v", p.Entries, err)
		}
		same, err := r.g.Backtest(r.Context(), "person:gov", "governance", "test", api.Backtest{Name: "refund-limit"})
		if err != nil || same.Against != "" || same.ChangedCount != 9 || same.Results["pass"] != 11 {
			t.Errorf("the one in force: %+v, %v", same, err)
		}
		for name, in := range map[string]api.Backtest{"nothing": {}, "both": {Name: "a", Document: "b"}, "unknown": {Name: "zzz"}, "broken": {Document: "name: x"}} {
			if _, err := r.g.Backtest(r.Context(), "p", "r", "t", in); codeOf(err) == "" {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
