// SPDX-License-Identifier: Apache-2.0

package obligation_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/obligation"
)

func (r *rig) report(a obligation.Asked) *api.ObligationReport {
	r.t.Helper()
	if a.Quarter == "" && a.From.IsZero() {
		a.Quarter = "2026Q1"
	}
	out, err := r.o.Report(r.t.Context(), a)
	must(r.t, err)
	return out
}

func rule(t testing.TB, o *api.ObligationReport, id string) api.RuleResult {
	t.Helper()
	for _, r := range o.Rules {
		if r.ID == id {
			return r
		}
	}
	t.Fatalf("the report has no rule %s", id)
	return api.RuleResult{}
}

// TestDefects finds each seeded defect, and nothing else.
func TestDefects(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		r := newRig(t, dbc)
		r.seed()
		r.attest()
		out := r.report(obligation.Asked{})
		for _, res := range out.Rules {
			want := slices.Sorted(slices.Values(defects[res.ID]))
			equal(t, res.ID+" failed", slices.Sorted(slices.Values(res.FailedIDs)), want)
			if res.Population != res.Passed+res.Failed+res.Excepted {
				t.Errorf("%s: %d are not %d, %d and %d", res.ID, res.Population, res.Passed, res.Failed, res.Excepted)
			}
			if len(want) > 0 && res.Passed == 0 {
				t.Errorf("%s: nothing passed", res.ID)
			}
		}
	})
}

func TestSame(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	r.seed()
	one, err := json.Marshal(r.report(obligation.Asked{}))
	must(t, err)
	two, err := json.Marshal(r.report(obligation.Asked{}))
	must(t, err)
	equal(t, "report", string(two), string(one))
}

// TestEmpty asks a ledger with nothing in it: nothing may pass.
func TestEmpty(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		r := newRig(t, dbc)
		out := r.report(obligation.Asked{})
		for _, res := range out.Rules {
			if res.Status == obligation.Pass && res.Population == 0 || res.Status == obligation.Pass && res.ID != "CR-01" {
				t.Errorf("%s passes with %d", res.ID, res.Population)
			}
		}
		for _, p := range out.Packs {
			for _, o := range p.Obligations {
				if o.Status == obligation.Pass {
					t.Errorf("%s passes", o.ID)
				}
			}
		}
	})
}

// TestExceptions accepts a failure, for some time.
func TestExceptions(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	r.register()
	r.decide("d-no-origin", 33, func(m, _ mm, _ gv) { m["inputs"] = []any{mm{"name": "order"}} })
	r.decide("d-good", 33, nil)
	accept := func(id, control string, due int) {
		r.Add("finding", id, 34, mm{"about": "d-no-origin", "finding": mm{"code": "accepted_risk", "status": "accepted", "control": control, "owner": "person:cora", "due": hour(due)}})
	}
	accept("f-other", "CR-13", 2000)
	accept("f-over", "CR-12", 40)
	equal(t, "status", rule(t, r.report(obligation.Asked{}), "CR-12").Status, obligation.Fail)
	accept("f-now", "CR-12", 2000)
	res := rule(t, r.report(obligation.Asked{}), "CR-12")
	equal(t, "status and counts", []any{res.Status, res.Population, res.Passed, res.Failed, res.Excepted}, []any{obligation.Pass, 2, 1, 0, 1})
	e := res.Exceptions[0]
	equal(t, "exception", []any{e.ID, e.Finding, e.By, e.Writer}, []any{"d-no-origin", "f-now", "person:cora", "key:bot"})
}

// TestAttested counts statements of people while they last, and only about what
// no record holds.
func TestAttested(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	r.register()
	r.Add("registry", "attested-12", 20, members{"registry": members{"act": "attest", "kind": "policy", "name": "CR-12", "actor": "person:cora"}})
	out := r.report(obligation.Asked{})
	res := rule(t, out, "CR-60")
	equal(t, "CR-60", []any{res.Status, res.Attested[0].ID, res.Attested[0].By, res.Attested[0].Digest}, []any{obligation.Attested, "attested", "person:cora", digest("d")})
	equal(t, "CR-43", rule(t, out, "CR-43").Status, obligation.NoPopulation) // it was for some time
	equal(t, "CR-12", rule(t, out, "CR-12").Status, obligation.NoPopulation)
	equal(t, "CR-16", rule(t, out, "CR-16").Status, obligation.NoPopulation)
}

// TestSigned wants the signatures of others, and a channel that leads somewhere.
func TestSigned(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	r.register()
	r.Add("challenge", "c-1", 30, mm{"challenge": mm{"kind": "complaint", "status": "received"}})
	for _, id := range []string{"CR-02", "CR-03", "CR-77"} {
		equal(t, id, rule(t, r.report(obligation.Asked{}), id).Status, obligation.Fail)
	}
	r.Add("challenge", "c-1-end", 31, mm{"about": "c-1", "challenge": mm{"kind": "complaint", "status": "resolved", "outcome": "upheld", "reason": "no"}})
	r.attest()
	for _, id := range []string{"CR-01", "CR-02", "CR-03", "CR-77"} {
		equal(t, id, rule(t, r.report(obligation.Asked{}), id).Status, obligation.Pass)
	}
}

// TestTampered changes a leaf in the database.
func TestTampered(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		r := newRig(t, dbc)
		r.register()
		r.decide("d-1", 30, nil)
		r.decide("d-2", 30, nil)
		err := r.Ledger.DB().Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE entry SET statement = (SELECT e.statement FROM entry e JOIN lookup k ON k.idx = e.idx WHERE k.id = 'd-1') WHERE idx = (SELECT idx FROM lookup WHERE id = 'd-2')`)
			return err
		})
		must(t, err)
		res := rule(t, r.report(obligation.Asked{}), "CR-01")
		equal(t, "CR-01", []any{res.Status, res.FailedIDs}, []any{obligation.Fail, []string{"log:example.com/obligation"}})
	})
}

func TestAsked(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	r.seed()
	all := r.report(obligation.Asked{})
	some := r.report(obligation.Asked{Packs: []string{"uk-gdpr"}, FailOnly: true})
	equal(t, "packs", len(some.Packs), 1)
	for _, res := range some.Rules {
		equal(t, res.ID, res.Failed, rule(t, all, res.ID).Failed)
		if res.Failed == 0 {
			t.Errorf("%s has no failure", res.ID)
		}
	}
	for _, o := range some.Packs[0].Obligations {
		if o.Status != obligation.Fail && o.Status != obligation.Partial {
			t.Errorf("%s is %s", o.ID, o.Status)
		}
	}
	last := r.report(obligation.Asked{From: march, To: march.AddDate(0, 0, 1)})
	equal(t, "as of", last.AsOf, march.AddDate(0, 0, 1))
	out, err := r.o.Report(t.Context(), obligation.Asked{})
	must(t, err)
	equal(t, "the quarter before", out.Quarter, "2026Q1")
	for _, a := range []obligation.Asked{{Quarter: "2026Q5"}, {Quarter: "26Q1"}, {Quarter: "2026Q1x"}, {Packs: []string{"moon"}}, {From: march}, {From: march, To: march}, {Quarter: "2026Q1", From: march, To: asked}} {
		_, err := r.o.Report(t.Context(), a)
		var e *ledger.Error
		if !errors.As(err, &e) || e.Code != ledger.Invalid || e.Hint == "" {
			t.Errorf("%+v: %v", a, err)
		}
	}
}

// TestBounds shows a report to who may see one system.
func TestBounds(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	r.seed()
	out := r.report(obligation.Asked{Within: &ledger.Bounds{Systems: []string{"score"}}})
	equal(t, "CR-12", rule(t, out, "CR-12").Population, len(r.made("system=score")))
	equal(t, "CR-01", rule(t, out, "CR-01").Status, obligation.NotApplicable)
	equal(t, "CR-04", rule(t, out, "CR-04").Status, obligation.NotApplicable)
	equal(t, "systems", out.Basis.Systems, []string{"score"})
}

func TestRecord(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	r.register()
	out := r.report(obligation.Asked{Packs: []string{"uk-gdpr"}})
	before, err := obligation.Encode(out)
	must(t, err)
	must(t, r.o.Record(t.Context(), out, obligation.By{Actor: "person:cora"}))
	all := r.Leaves()
	last := all[len(all)-1]
	equal(t, "record", []string{last.Get("id"), last.Get("registry", "act"), last.Get("registry", "version"), last.Get("registry", "actor"), last.Get("registry", "digest")},
		[]string{out.Made.ID, "obligations.report", "2026Q1", "person:cora", fmt.Sprintf("sha256:%x", sha256.Sum256(before))})
	after, err := obligation.Encode(out)
	must(t, err)
	equal(t, "the report with its record", string(after), string(before))
	if err := r.o.Record(t.Context(), out, obligation.By{Actor: "Cora Smith"}); err == nil {
		t.Error("a name is taken for a pseudonym")
	}
}

// TestNoHighRisk asks a ledger whose register has no system of high risk: rules
// about such systems do not apply, unless a system that nobody knows decides.
func TestNoHighRisk(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	r.Act("sys", -2000, "system.describe", "system", "refund-agent@1", "person:olga", "risk=limited")
	r.decide("d-1", 30, nil)
	out := r.report(obligation.Asked{})
	for _, id := range []string{"CR-08", "CR-31", "CR-61"} {
		equal(t, id, rule(t, out, id).Status, obligation.NotApplicable)
	}
	equal(t, "obligations that do not apply", out.Count[obligation.NotApplicable] > 2, true)
	r.decide("d-2", 31, func(m, _ mm, _ gv) { m["system"] = "stranger" })
	out = r.report(obligation.Asked{})
	for _, id := range []string{"CR-08", "CR-31", "CR-61"} {
		equal(t, id, rule(t, out, id).Status, obligation.NoPopulation)
	}
}
