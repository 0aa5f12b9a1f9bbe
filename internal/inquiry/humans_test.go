// SPDX-License-Identifier: Apache-2.0

package inquiry_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/internal/inquiry"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/ledger/ledgertest"
	"github.com/counterfoil/counterfoil/record"
)

// looked is an act of somebody who did all that is asked of them, but for what
// is left out.
func looked(without ...string) members {
	m := members{"act": "approve", "actor": "person:mia", "role": "reviewer", "competence": "refunds@2", "shown": digest("a"), "opened": []string{"order"},
		"dwell_ms": 30000, "before": "denied", "after": "denied"}
	for _, name := range without {
		delete(m, name)
	}
	return m
}

func (r *rig) seedHumans() {
	with := func(id string, hours int, more members) {
		d := members{"kind": "refund", "status": "made", "outcome": "denied", "automation": "meaningful_human", "effective": hour(20)}
		m := members{"system": "desk", "decision": d}
		maps.Copy(m, more)
		r.Add("decision", id, hours, m)
	}
	act := func(id, about string, hours int, o members) {
		r.Add("oversight", id, hours, members{"about": about, "system": "desk", "oversight": o})
	}
	for _, id := range []string{"fine", "late-rev", "zero", "no-one", "unopened", "no-role", "untrained", "second-look"} {
		with(id, 18, nil)
	}
	r.Add("decision", "att", 17, members{"system": "desk", "decision": members{"kind": "refund", "status": "requested"}})
	act("o-att", "att", 18, looked())
	with("after-att", 19, members{"about": "att"})
	act("o-fine", "fine", 19, looked())
	act("o-late", "late-rev", 21, looked())
	zero := looked()
	zero["dwell_ms"] = 0
	act("o-zero", "zero", 19, zero)
	act("o-unopened", "unopened", 19, looked("opened"))
	act("o-no-role", "no-role", 19, looked("role"))
	act("o-untrained", "untrained", 19, looked("competence"))
	act("o-first", "second-look", 18, looked("shown", "opened", "dwell_ms"))
	change := looked()
	change["act"], change["after"], change["reason_code"] = "override", "approved", "goodwill"
	act("o-second", "second-look", 19, change)
}

// weak counts the failed tests of a leaf by their words in docs/questions.md.
func weak(act, decision leaf) (out []string) {
	if e := decision.When("decision", "effective"); !e.IsZero() && act.When("time").After(e) {
		out = append(out, "timing")
	}
	if act.Get("oversight", "role") == "" {
		out = append(out, "authority")
	}
	if act.Get("oversight", "competence") == "" {
		out = append(out, "competence")
	}
	o := act.Members["oversight"].(members)
	if opened, _ := o["opened"].([]any); act.Get("oversight", "shown") == "" || len(opened) == 0 {
		out = append(out, "evidence")
	}
	if d, ok := o["dwell_ms"].(float64); !ok || d == 0 {
		out = append(out, "dwell")
	}
	return out
}

func (r *rig) testInvolvement(t *testing.T, all []leaf) {
	got := r.ask(t, all, "involvement", inquiry.Terms{System: "desk"})
	want := []string{}
	labelled := ledgertest.Matching(all, "type=decision", "system=desk", "decision.automation=meaningful_human")
	for _, d := range labelled {
		best := []string{"nobody"}
		for _, a := range ledgertest.Matching(all, "type=oversight") {
			if a.Get("about") != d.Get("id") && (d.Get("about") == "" || a.Get("about") != d.Get("about")) {
				continue
			}
			if w := weak(a, d); best != nil && (len(w) < len(best) || best[0] == "nobody") {
				best = w
			}
		}
		if len(best) > 0 {
			want = append(want, d.Get("id")+" "+strings.Join(best, ","))
		}
	}
	equal(t, "faults", faults(got, ""), want)
	equal(t, "faults", want, []string{"late-rev timing", "zero dwell", "no-one nobody", "unopened evidence", "no-role authority", "untrained competence"})
	equal(t, "labelled", got.Looked, len(labelled))
	for _, code := range []string{"timing", "dwell", "nobody", "evidence", "authority"} {
		equal(t, code, figure(t, got, code), 1)
	}
	if later := r.ask(t, all, "involvement", inquiry.Terms{System: "desk", From: march.AddDate(0, 0, 5)}); later.Looked != 0 {
		t.Errorf("later: %+v", later)
	}
}

func (r *rig) testHuman(t *testing.T, all []leaf) {
	got := r.ask(t, all, "human", inquiry.Terms{ID: "second-look"})
	equal(t, "faults", faults(got, ""), []string{"o-first evidence,dwell"})
	equal(t, "acts", got.Looked, len(ledgertest.Matching(all, "type=oversight", "about=second-look")))
	v := got.Rows[1].Values
	equal(t, "act", []any{v["act"], v["reviewer"], v["role"], v["competence"], v["shown"], v["opened"], v["dwell_s"], v["before"], v["after"], v["changed"], v["reason_code"], v["reason"]},
		[]any{"override", "person:mia", "reviewer", "refunds@2", digest("a"), []string{"order"}, 30, "denied", "approved", true, "goodwill", false})
	equal(t, "by its attempt", len(r.ask(t, all, "human", inquiry.Terms{ID: "after-att"}).Rows), 1)
	equal(t, "of nobody", r.ask(t, all, "human", inquiry.Terms{ID: "no-one"}).Rows[0].Faults, []string{"nobody"})
	_, err := r.i.Ask(t.Context(), "human", inquiry.Terms{ID: "nothing"})
	if e, ok := errors.AsType[*ledger.Error](err); !ok || e.Code != ledger.NotFound {
		t.Errorf("%v", err)
	}
}

func (r *rig) seedStamps() {
	var all []*record.Record
	for _, g := range []struct {
		team         string
		n, dwell, up int // every up-th changes something
	}{{"fast", 60, 2000, 0}, {"slow", 60, 40000, 6}, {"tiny", 10, 1000, 0}, {"hasty", 55, 3000, 0}} {
		for n := range g.n {
			act := "approve"
			if g.up > 0 && n%g.up == 0 {
				act = "override"
			}
			all = append(all, r.Make("oversight", fmt.Sprintf("stamp-%s-%d", g.team, n), 24+n, members{"about": "s-1", "system": "stamped",
				"oversight": members{"act": act, "actor": "person:" + g.team, "team": g.team, "dwell_ms": g.dwell + n}}))
		}
	}
	r.many(all...)
	r.Add("finding", "rubber-stamp:2026-03:fast", 90, members{"finding": members{"code": "rubber_stamp", "status": "open"}})
}

func (r *rig) testStamps(t *testing.T, all []leaf) {
	got := r.ask(t, all, "rubber-stamps", inquiry.Terms{System: "stamped"})
	equal(t, "faults", faults(got, "name"), []string{"fast rubber_stamp", "hasty rubber_stamp,no_finding", "person:fast rubber_stamp", "person:hasty rubber_stamp,no_finding"})
	equal(t, "counts", []float64{figure(t, got, "acts"), figure(t, got, "groups"), figure(t, got, "suppressed")}, []int{len(ledgertest.Matching(all, "type=oversight", "system=stamped")), 8, 2})
	for _, row := range got.Rows {
		name := strings.TrimPrefix(row.Values["name"].(string), "person:")
		var dwells []float64
		changed, days := 0.0, map[string]bool{}
		for _, l := range ledgertest.Matching(all, "type=oversight", "oversight.team="+name) {
			dwells = append(dwells, l.Members["oversight"].(members)["dwell_ms"].(float64)/1000)
			days[l.Get("time")[:10]] = true
			if l.Get("oversight", "act") == "override" {
				changed++
			}
		}
		slices.Sort(dwells)
		n := float64(len(dwells))
		middle := (dwells[(len(dwells)-1)/2] + dwells[len(dwells)/2]) / 2
		equal(t, name, []any{row.Values["acts"], row.Values["median_dwell_s"], fmt.Sprintf("%.3f", row.Values["change_rate"]), fmt.Sprintf("%.3f", row.Values["per_day"])},
			[]any{n, middle, fmt.Sprintf("%.3f", changed/n), fmt.Sprintf("%.3f", n/float64(len(days)))})
		if name == "tiny" {
			t.Error("a group of ten is shown")
		}
	}
	equal(t, "finding", got.Rows[0].Values["finding"], "rubber-stamp:2026-03:fast")
}
