// SPDX-License-Identifier: Apache-2.0

package inquiry_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/internal/inquiry"
	"github.com/counterfoil/counterfoil/internal/ledger/ledgertest"
)

func (r *rig) seedAutomated() {
	alone := func(id, significant string) {
		r.Add("decision", id, 30, members{"system": "credit", "decision": members{"kind": "limit", "status": "made", "outcome": "denied", "automation": "solely_automated", "significant": significant}})
	}
	for _, id := range []string{"auto-1", "auto-2", "auto-3", "auto-4", "auto-6"} {
		alone(id, "yes")
	}
	alone("auto-5", "no")
	explain := func(id, about, audience string, delivered int, types ...string) {
		e := members{"audience": audience, "types": types}
		if delivered > 0 {
			e["delivered"] = hour(delivered)
		}
		r.Add("explanation", id, 31, members{"about": about, "system": "credit", "explanation": e})
	}
	explain("x-1", "auto-1", "subject", 32, "rationale", "data")
	r.Add("notice", "x-1-rights", 32, members{"about": "auto-1", "system": "credit", "notice": members{"kind": "contest_rights", "delivered": hour(32)}})
	explain("x-3", "auto-3", "subject", 0, "rationale")
	explain("x-4", "auto-4", "auditor", 31, "rationale")
	explain("x-6", "auto-6", "subject", 33, "rights")
}

func (r *rig) testAutomated(t *testing.T, all []leaf) {
	got := r.ask(t, all, "automated", inquiry.Terms{System: "credit"})
	without, with := []string{}, []string{}
	decisions := ledgertest.Matching(all, "type=decision", "system=credit", "decision.automation=solely_automated", "decision.significant=yes")
	for _, d := range decisions {
		id := d.Get("id")
		rights := len(ledgertest.Matching(all, "type=notice", "about="+id, "notice.kind=contest_rights")) > 0
		es := ledgertest.Matching(all, "type=explanation", "about="+id, "explanation.audience=subject")
		var f []string
		if len(es) == 0 {
			f = append(f, "no_explanation")
		}
		for _, e := range es {
			if e.Get("explanation", "delivered") == "" {
				f = append(f, "not_delivered")
			}
			rights = rights || slices.Contains(e.Members["explanation"].(members)["types"].([]any), any("rights"))
		}
		if !rights {
			f = append(f, "no_rights")
		}
		switch line := id + " " + strings.Join(f, ","); {
		case len(es) == 0:
			without = append(without, line)
		case len(f) > 0:
			with = append(with, line)
		}
	}
	equal(t, "faults", faults(got, ""), append(without, with...))
	equal(t, "faults", faults(got, ""), []string{"auto-2 no_explanation,no_rights", "auto-4 no_explanation,no_rights", "auto-3 not_delivered,no_rights"})
	equal(t, "looked", got.Looked, len(decisions))
	told := got.Rows[2]
	equal(t, "told", []any{told.Record.ID, told.Values["explanation"], told.Values["delay_s"], told.Values["types"], told.Values["notices"], told.Values["rights_told"]},
		[]any{"auto-1", "x-1", 7200, []string{"rationale", "data"}, []string{"contest_rights"}, true})
}

func (r *rig) seedReasons() {
	adverse := func(id string, factors ...members) {
		factors = append([]members{}, factors...)
		r.Add("decision", id, 34, members{"system": "eligibility", "decision": members{"kind": "plan", "status": "made", "outcome": "denied", "adverse": true, "reason": "private words"},
			"inputs": []members{{"name": "income"}, {"name": "history"}}, "factors": factors})
	}
	adverse("r-none")
	adverse("r-vague", members{"code": "other", "input": "income", "method": "shap"})
	adverse("r-unlinked", members{"code": "low_income", "method": "shap"}, members{"code": "late_payments", "input": "mood", "method": "shap"})
	adverse("r-rationale", members{"code": "low_income", "input": "income", "method": "llm_rationale"})
	adverse("r-tested", members{"code": "low_income", "input": "income", "method": "llm_rationale"}, members{"code": "low_income", "input": "income", "method": "shap"})
	adverse("r-fine", members{"code": "low_income", "input": "income", "method": "shap"}, members{"code": "seen_in_person", "method": "human"})
}

func (r *rig) testReasons(t *testing.T, all []leaf) {
	got := r.ask(t, all, "reasons", inquiry.Terms{System: "eligibility"})
	want := []string{}
	decisions := ledgertest.Matching(all, "type=decision", "system=eligibility")
	for _, d := range decisions {
		inputs := map[string]bool{}
		for _, i := range d.Members["inputs"].([]any) {
			inputs[i.(members)["name"].(string)] = true
		}
		factors, _ := d.Members["factors"].([]any)
		if len(factors) == 0 {
			want = append(want, d.Get("id")+" missing")
		}
		for _, f := range factors {
			m := f.(members)
			input, _ := m["input"].(string)
			var codes []string
			if m["code"] == "other" {
				codes = append(codes, "vague")
			}
			if !inputs[input] && m["method"] != "human" {
				codes = append(codes, "unlinked")
			}
			if m["method"] == "llm_rationale" && len(factors) == 1 {
				codes = append(codes, "untested")
			}
			if codes != nil {
				want = append(want, d.Get("id")+" "+strings.Join(codes, ","))
			}
		}
	}
	equal(t, "faults", faults(got, ""), want)
	equal(t, "faults", want, []string{"r-none missing", "r-vague vague", "r-unlinked unlinked", "r-unlinked unlinked", "r-rationale untested"})
	equal(t, "counts", []float64{figure(t, got, "adverse"), figure(t, got, "decisions_with_fault"), figure(t, got, "unlinked")}, []int{len(decisions), 4, 2})
	equal(t, "reason", got.Rows[0].Values["reason"], true)
}
