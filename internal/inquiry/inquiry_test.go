// SPDX-License-Identifier: Apache-2.0

package inquiry_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/inquiry"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/ledger/ledgertest"
)

// TestAnswers asks every question of a log with known defects, and counts again
// from the leaves.
func TestAnswers(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		r := newRig(t, dbc)
		r.seed()
		all := r.Leaves()
		t.Run("overrides", func(t *testing.T) { r.testOverrides(t, all) })
		t.Run("filters", func(t *testing.T) { r.testFilters(t, all) })
		t.Run("unapproved", func(t *testing.T) { r.testUnapproved(t, all) })
		t.Run("emergencies", func(t *testing.T) { r.testEmergencies(t) })
		t.Run("suspension", func(t *testing.T) { r.testSuspension(t, all) })
		t.Run("drift", func(t *testing.T) { r.testDrift(t, all) })
		t.Run("bounds", func(t *testing.T) { r.testBounds(t, all) })
	})
}

func (r *rig) testOverrides(t *testing.T, all []leaf) {
	got, err := r.i.Overrides(t.Context(), inquiry.Asked{Model: "refund-model@3", From: march, To: march.AddDate(0, 1, 0), Approvals: true})
	must(t, err)
	basis(t, got.Basis, len(all))
	decisions := ledgertest.Matching(all, "type=decision", "versions.model=refund-model@3")
	overrides := ledgertest.Matching(all, "type=oversight", "oversight.act=override")
	about := map[string]leaf{}
	for _, d := range decisions {
		about[d.Get("id")] = d
	}
	touched, acts, same, other, unbound := map[string]bool{}, 0, 0, 0, 0
	for _, o := range overrides {
		d, ok := about[o.Get("about")]
		if !ok {
			continue
		}
		acts++
		if touched[d.Get("id")] {
			continue
		}
		touched[d.Get("id")] = true
		g, _ := d.Members["governed"].(members)
		if g == nil {
			unbound++
		} else if versions := g["versions"].([]any); versions[0].(members)["digest"] == digest("3") {
			same++
		} else {
			other++
		}
	}
	equal(t, "decisions", got.Decisions, len(decisions))
	equal(t, "touched", got.Touched, len(touched))
	equal(t, "acts", got.Acts, acts)
	equal(t, "listed", len(got.Items), acts)
	equal(t, "astray", got.Astray, 1)
	if acts != 6 || len(touched) != 5 || other != 1 {
		t.Errorf("the log has %d overrides of %d decisions, %d bound to another digest", acts, len(touched), other)
	}
	first := got.Items[0]
	if first.Decision.ID != "d-0" || first.Outcome != "denied" || first.Before != "denied" || first.After != "approved" || first.Reviewer != "person:mia" ||
		first.ReasonCode != "goodwill" || !first.Reason || first.Dwell == nil || *first.Dwell != 0 {
		t.Errorf("the first override is %+v", first)
	}
	if len(got.Versions) != 1 {
		t.Fatalf("versions %+v", got.Versions)
	}
	v := got.Versions[0]
	equal(t, "approved", v.Approved, []string{digest("3")})
	equal(t, "bindings", []int64{v.Same, v.Other, v.Unbound}, []int{same, other, unbound})
	equal(t, "acts on the version", ids(v.Acts), []string{"m3-add person:dora", "m3-ok person:gert", "m3-up person:dora", "m3-back person:gert"})
}

func (r *rig) testFilters(t *testing.T, all []leaf) {
	ask := func(a inquiry.Asked) *api.Overrides {
		t.Helper()
		got, err := r.i.Overrides(t.Context(), a)
		must(t, err)
		return got
	}
	equal(t, "of any kind", ask(inquiry.Asked{Act: "any", System: "refund-agent"}).Acts, len(ledgertest.Matching(all, "type=oversight"))-2)
	equal(t, "approvals", ask(inquiry.Asked{Act: "approve"}).Acts, len(ledgertest.Matching(all, "type=oversight", "oversight.act=approve")))
	equal(t, "elsewhere", ask(inquiry.Asked{System: "other-agent"}).Acts, 1)
	equal(t, "another outcome", ask(inquiry.Asked{Outcome: "approved"}).Acts, 0)
	equal(t, "another environment", ask(inquiry.Asked{Env: "shadow"}).Decisions, 0)
	live := ask(inquiry.Asked{System: "refund-agent", Env: "production"}) // what names no environment
	equal(t, "in production", []int64{live.Decisions, live.Touched}, []int64{ask(inquiry.Asked{System: "refund-agent"}).Decisions - ask(inquiry.Asked{Env: "test"}).Decisions,
		ask(inquiry.Asked{System: "refund-agent"}).Touched})
	equal(t, "a policy", ask(inquiry.Asked{Policy: "returns@5"}).Touched, 5)
	equal(t, "a day", ask(inquiry.Asked{From: march.AddDate(0, 0, 6), To: march.AddDate(0, 0, 7)}).Touched, 3)
	every := ask(inquiry.Asked{Approvals: true})
	var named []string
	for _, v := range every.Versions {
		named = append(named, v.Kind+" "+v.Version)
	}
	equal(t, "versions", named, []string{"model other@1", "model refund-model@3", "policy returns@5"})
	small, err := inquiry.New(inquiry.Config{Ledger: r.Ledger, Most: 2})
	must(t, err)
	cut, err := small.Overrides(t.Context(), inquiry.Asked{})
	must(t, err)
	if len(cut.Items) != 2 || !cut.More || cut.Acts != every.Acts || every.More {
		t.Errorf("a cut list has %d of %d, more %v", len(cut.Items), cut.Acts, cut.More)
	}
	for _, a := range []inquiry.Asked{{Act: "frown"}, {Model: "refund-model"}, {Config: "@1"}, {Policy: "a@"}} {
		_, err := r.i.Overrides(t.Context(), a)
		if e, ok := errors.AsType[*ledger.Error](err); !ok || e.Code != ledger.Invalid || e.Hint == "" {
			t.Errorf("%+v: %v", a, err)
		}
	}
}

func (r *rig) testUnapproved(t *testing.T, all []leaf) {
	got, err := r.i.Unapproved(t.Context(), inquiry.Went{})
	must(t, err)
	basis(t, got.Basis, len(all))
	promotions := len(ledgertest.Matching(all, "type=registry", "registry.act=version.promote")) + len(ledgertest.Matching(all, "type=registry", "registry.act=version.rollback"))
	equal(t, "promotions", got.Promotions, promotions)
	equal(t, "approvals", got.Approvals, len(ledgertest.Matching(all, "type=registry", "registry.act=version.approve")))
	equal(t, "proposed", got.Proposed, len(ledgertest.Matching(all, "type=registry", "registry.act=version.add")))
	var found []string
	for _, d := range got.Items {
		found = append(found, d.Act.ID+" "+d.Code)
		switch d.Act.ID {
		case "m5-up":
			equal(t, "late", ids(d.Late), []string{"m5-ok person:gert"})
			equal(t, "need", []int{d.Need, d.Have}, []int{1, 0})
		case "p2-up":
			equal(t, "need of high risk", []int{d.Need, d.Have}, []int{2, 1})
		}
	}
	equal(t, "defects", found, []string{"m4-ok approved_by_author", "m4-up promoted_unapproved", "m5-up promoted_unapproved", "p2-up promoted_unapproved",
		"p3-up promoted_refused", "p9-ok approved_other_digest", "p8-up promoted_unproposed", "p8-up promoted_unapproved", "e6-up emergency_by_author"})
	if len(got.Refused) != 1 || got.Refused[0].By != "person:dora" || got.Refused[0].Version != "refund-model@3" || got.Refused[0].Act != "version.approve" {
		t.Errorf("refused: %+v", got.Refused)
	}
	judged := slices.DeleteFunc(ledgertest.Matching(all, "type=decision"), func(l leaf) bool { return l.Members["governed"] == nil })
	equal(t, "judged", got.Decisions, len(judged))
	if len(got.Used) != 1 || got.Used[0].Version != "returns@5" || got.Used[0].State != "unknown" || got.Used[0].Count != int64(len(judged)) ||
		got.Used[0].First.ID != judged[0].Get("id") || got.Used[0].Last.ID != judged[len(judged)-1].Get("id") {
		t.Errorf("used: %+v", got.Used)
	}
	staging, err := r.i.Unapproved(t.Context(), inquiry.Went{Env: "staging", To: march.Add(9 * 3600e9)})
	must(t, err)
	equal(t, "in staging", []any{staging.Promotions, len(staging.Items), staging.Decisions}, []any{1, 2, 0})
	test, err := r.i.Unapproved(t.Context(), inquiry.Went{Env: "test", From: march.AddDate(0, 0, 5)})
	must(t, err)
	equal(t, "in test, later", []any{test.Promotions, test.Decisions}, []any{0, 0})
}

func (r *rig) testEmergencies(t *testing.T) {
	got, err := r.i.Unapproved(t.Context(), inquiry.Went{Env: "production"})
	must(t, err)
	var states []string
	for _, e := range got.Emergencies {
		s := e.Act.Version + " " + e.State
		if e.Review != nil {
			s += " " + e.Review.By
		}
		states = append(states, s)
	}
	equal(t, "emergencies", states, []string{"fix@1 own person:dora", "fix@2 done person:gert", "fix@3 done_late person:gert", "fix@4 open", "fix@5 overdue", "fix@6 overdue"})
}

func (r *rig) testSuspension(t *testing.T, all []leaf) {
	got, err := r.i.Suspension(t.Context(), "refund-agent", nil)
	must(t, err)
	basis(t, got.Basis, len(all))
	equal(t, "status", got.Status, "in_service")
	equal(t, "acts", ids(got.Acts), []string{"sys-2 person:gert", "halt person:gert", "go-on person:olga"})
	var made []string
	for _, d := range ledgertest.Matching(all, "type=decision", "system=refund-agent", "decision.status=made") {
		if at := d.Get("time"); at >= hour(200) && at < hour(210) {
			made = append(made, d.Get("id"))
		}
	}
	if len(got.Periods) != 1 {
		t.Fatalf("periods: %+v", got.Periods)
	}
	p := got.Periods[0]
	var listed []string
	for _, d := range p.Decisions {
		listed = append(listed, d.ID)
	}
	equal(t, "made", listed, made)
	equal(t, "made", listed, []string{"late-1", "late-2", "hidden"})
	equal(t, "counts", []int64{got.Made, p.Made, p.Attempts, p.Backdated, p.ByEnv["production"], p.ByEnv["test"]}, []int64{3, 3, 1, 1, 2, 1})
	if p.Began.By != "person:gert" || !p.Began.Reason || p.Ended == nil || p.Ended.By != "person:olga" {
		t.Errorf("from %+v to %+v", p.Began, p.Ended)
	}
	if len(p.Informed) != 1 || p.Informed[0].ID != "told" {
		t.Errorf("informed: %+v", p.Informed)
	}
	if f := p.Decisions[0].Findings; len(f) != 1 || f[0].Code != "system_suspended" || f[0].Status != "open" {
		t.Errorf("findings: %+v", f)
	}
	never, err := r.i.Suspension(t.Context(), "other-agent", nil)
	must(t, err)
	if never.Status != "" || len(never.Periods) != 0 || never.Acts == nil {
		t.Errorf("a system without acts: %+v", never)
	}
	if _, err := r.i.Suspension(t.Context(), "", nil); err == nil {
		t.Error("no system was taken for one")
	}
}

func (r *rig) testDrift(t *testing.T, all []leaf) {
	got, err := r.i.Drift(t.Context(), "refund-agent", nil)
	must(t, err)
	basis(t, got.Basis, len(all))
	count := map[string]int64{}
	for _, l := range all {
		if l.Get("system") != "refund-agent" && l.Get("about") != "call-5" {
			continue
		}
		steps, _ := l.Members["steps"].([]any)
		for _, s := range steps {
			if m := s.(members); m["request_model"] != nil {
				answered, _ := m["response_model"].(string)
				count[answered]++
			}
		}
	}
	equal(t, "calls", []int64{got.Calls, got.Silent}, []int64{count["gpt-x-1"] + count["gpt-x-2"] + count[""], count[""]})
	if len(got.Pairs) != 2 || len(got.Changes) != 1 {
		t.Fatalf("pairs %+v, changes %+v", got.Pairs, got.Changes)
	}
	for _, p := range got.Pairs {
		if p.Request != "gpt-x" || p.Provider != "acme" || !p.Differs || p.Count != count[p.Response] || p.Count != 3 {
			t.Errorf("%+v", p)
		}
	}
	if c := got.Changes[0]; c.Before != "gpt-x-1" || c.After != "gpt-x-2" || c.First.ID != "call-3" || c.Again != nil {
		t.Errorf("%+v", c)
	}
	if len(got.Findings) != 1 || got.Findings[0].ID != "call-3-found" || len(got.Notices) != 1 || got.Notices[0].ID != "vendor" {
		t.Errorf("findings %+v, notices %+v", got.Findings, got.Notices)
	}
	if _, err := r.i.Drift(t.Context(), "", nil); err == nil {
		t.Error("no system was taken for one")
	}
}

// testBounds asks as somebody who may see one system.
func (r *rig) testBounds(t *testing.T, all []leaf) {
	within := &ledger.Bounds{Systems: []string{"other-agent"}}
	got, err := r.i.Overrides(t.Context(), inquiry.Asked{Within: within, Approvals: true})
	must(t, err)
	equal(t, "one system", []int64{got.Decisions, got.Acts, got.Astray}, []int64{1, 1, 0})
	if !slices.Equal(got.Basis.Systems, within.Systems) || !strings.Contains(got.Basis.Complete, "a system that you may see") {
		t.Errorf("basis %+v", got.Basis)
	}
	changes, err := r.i.Unapproved(t.Context(), inquiry.Went{Within: within})
	must(t, err)
	equal(t, "changes", []int64{changes.Promotions, changes.Decisions}, []int64{0, 0})
	mine := &ledger.Bounds{Systems: []string{"refund-agent"}}
	s, err := r.i.Suspension(t.Context(), "refund-agent", mine)
	must(t, err)
	equal(t, "acts", len(s.Acts), len(ledgertest.Matching(all, "type=registry", "registry.name=refund-agent", "registry.act=system.status")))
	d, err := r.i.Drift(t.Context(), "refund-agent", within)
	must(t, err)
	equal(t, "calls", d.Calls, 0)
}

// basis holds what an answer says it rests on against the log.
func basis(t *testing.T, b api.Basis, leaves int) {
	t.Helper()
	if b.Origin != "example.com/inquiry" || b.Size != int64(leaves) || !strings.HasPrefix(b.Checkpoint, b.Origin+"\n") ||
		!strings.Contains(b.Complete, "complete with respect to the") || b.Systems != nil {
		t.Errorf("basis %+v for %d leaves", b, leaves)
	}
}

func ids(acts []api.RegistryAct) []string {
	out := []string{}
	for _, a := range acts {
		out = append(out, a.ID+" "+a.By)
	}
	return out
}
