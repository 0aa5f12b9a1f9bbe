// SPDX-License-Identifier: Apache-2.0

package inquiry_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/counterfoil/counterfoil/internal/inquiry"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/ledger/ledgertest"
)

func (r *rig) seedDrafts() {
	draft := func(id string, value bool) {
		out := members{"name": "draft", "kind": "draft"}
		if value {
			out["value"] = "private words"
		}
		r.Add("decision", id, 70, members{"system": "drafter", "decision": members{"kind": "reply_draft", "status": "made"}, "outputs": []members{out}, "versions": members{"prompt": "reply@7"}})
	}
	act := func(id, what, who string, more members) {
		o := members{"act": what, "actor": who, "dwell_ms": 20000}
		maps.Copy(o, more)
		r.Add("oversight", "o-"+id, 71, members{"about": id, "system": "drafter", "oversight": o})
	}
	for _, id := range []string{"dr-same", "dr-light", "dr-heavy", "dr-rejected", "dr-alone", "dr-unmeasured", "dr-textless"} {
		draft(id, id != "dr-textless")
	}
	act("dr-same", "approve", "person:mia", nil)
	act("dr-light", "edit", "person:mia", members{"edit_ratio": 0.125, "text": "private words"})
	act("dr-heavy", "edit", "person:noah", members{"edit_ratio": 0.75, "text": "private words"})
	act("dr-rejected", "reject", "person:noah", nil)
	act("dr-unmeasured", "edit", "person:olga", members{"text": "private words"})
	act("dr-textless", "edit", "person:olga", members{"edit_ratio": 0.5})
}

func (r *rig) testDrafts(t *testing.T, all []leaf) {
	got := r.ask(t, all, "drafts", inquiry.Terms{System: "drafter"})
	want := map[string]float64{"drafts": 0}
	for _, d := range ledgertest.Matching(all, "type=decision", "system=drafter") {
		want["drafts"]++
		acts := ledgertest.Matching(all, "type=oversight", "about="+d.Get("id"))
		if len(acts) == 0 {
			want["no_act"]++
			continue
		}
		o := acts[0].Members["oversight"].(members)
		ratio, ok := o["edit_ratio"].(float64)
		switch {
		case o["act"] == "reject":
			want["not_sent"]++
		case o["act"] == "approve":
			want["unchanged"]++
		case !ok:
			want["unmeasured"]++
		case ratio <= 0.2:
			want["light"]++
		default:
			want["heavy"]++
		}
	}
	for name, n := range want {
		equal(t, name, figure(t, got, name), n)
	}
	equal(t, "heavy", want["heavy"], 2)
	rows := []string{}
	for _, row := range got.Rows {
		v := row.Values
		rows = append(rows, fmt.Sprint(v["prompt"], " ", v["reviewer"], " ", v["edit"], " ", v["drafts"], " ", v["median_dwell_s"], " ", row.Faults))
	}
	equal(t, "rows", rows, []string{"reply@7 <nil> no_act 1 <nil> []", "reply@7 person:mia light 1 20 []", "reply@7 person:mia unchanged 1 20 []", "reply@7 person:noah heavy 1 20 []",
		"reply@7 person:noah not_sent 1 20 []", "reply@7 person:olga heavy 1 20 [texts_missing]", "reply@7 person:olga unmeasured 1 20 []"})
}

func (r *rig) seedMonitoring() {
	signal := func(id string, hours int, name string, breached bool) {
		r.Add("signal", id, hours, members{"system": "monitored", "signal": members{"name": name, "value": 0.5, "threshold": 0.25, "breached": breached}})
	}
	finding := func(id, about string, hours int, more members) {
		f := members{"code": "over_threshold", "status": "open", "severity": "high", "owner": "person:olga"}
		maps.Copy(f, more)
		m := members{"system": "monitored", "finding": f}
		if about != "" {
			m["about"] = about
		}
		r.Add("finding", id, hours, m)
	}
	signal("m-fine", 80, "drift", false)
	signal("m-found", 81, "drift", true)
	finding("f-found", "m-found", 82, members{"due": hour(500)})
	signal("m-late", 83, "errors", true)
	finding("f-late", "m-late", 83+60, members{"due": hour(150)})
	signal("m-lost", 84, "violations", true)
	signal("m-named", 85, "latency", true)
	finding("f-named", "", 86, members{"code": "latency_high", "due": hour(200)})
	r.Add("finding", "f-named-done", 90, members{"about": "f-named", "finding": members{"code": "latency_high", "status": "resolved"}})
	r.Act("m-halt", 91, "system.status", "system", "monitored", "person:gert", "status=suspended")
	r.Add("oversight", "m-stop", 91, members{"about": "m-lost", "system": "monitored", "oversight": members{"act": "stop", "actor": "person:mia"}})
}

func (r *rig) testMonitoring(t *testing.T, all []leaf) {
	got := r.ask(t, all, "monitoring", inquiry.Terms{System: "monitored"})
	equal(t, "faults", faults(got, ""), []string{"m-late late_finding", "m-lost no_finding", "f-late overdue"})
	breaches := slices.DeleteFunc(ledgertest.Matching(all, "type=signal", "system=monitored"), func(l leaf) bool { return l.Members["signal"].(members)["breached"] != true })
	equal(t, "counts", []float64{float64(got.Looked), figure(t, got, "breaches"), figure(t, got, "findings"), figure(t, got, "open"), figure(t, got, "actions")},
		[]int{len(ledgertest.Matching(all, "type=signal", "system=monitored")), len(breaches), len(ledgertest.Matching(all, "type=finding", "system=monitored")), 2, 2})
	for _, row := range got.Rows {
		v := row.Values
		switch row.Record.ID {
		case "m-found":
			equal(t, "found", []any{v["finding"], v["after_h"], v["value"], v["threshold"]}, []any{"f-found", 1, 0.5, 0.25})
		case "m-named":
			equal(t, "named", v["finding"], "f-named")
		case "f-named":
			equal(t, "closed", []any{v["closed"], v["owner"], v["severity"]}, []any{hour(90), "person:olga", "high"})
		case "m-halt":
			equal(t, "act", []any{v["by"], v["status"]}, []any{"person:gert", "suspended"})
		}
	}
}

func (r *rig) seedIncidents() {
	incident := func(id, about, status, severity string, hours int, more members) {
		in := members{"code": "wrong_refusals", "status": status, "severity": severity}
		maps.Copy(in, more)
		m := members{"system": "claims", "incident": in}
		if about != "" {
			m["about"] = about
		}
		r.Add("incident", id, hours, m)
	}
	r.Add("decision", "claim-1", 1, members{"system": "claims", "decision": members{"kind": "claim", "status": "made"}})
	incident("inc-1", "claim-1", "open", "critical", 2, members{"opened": hour(1)})
	r.Add("decision", "claim-2", 3, members{"system": "claims", "decision": members{"kind": "claim", "status": "made"}})
	r.Add("hold", "inc-1-hold", 4, members{"about": "inc-1", "system": "claims", "hold": members{"act": "place", "name": "inc-1"}})
	r.Act("inc-1-halt", 5, "system.status", "system", "claims", "person:gert", "status=suspended")
	r.Act("inc-1-fix", 6, "version.promote", "prompt", "claims@2", "person:dora", "environment=production", "system=claims")
	r.Add("notice", "inc-1-vendor", 7, members{"about": "inc-1", "system": "claims", "notice": members{"kind": "vendor"}})
	r.Add("notice", "inc-1-told", 1+16*24, members{"about": "inc-1", "system": "claims", "notice": members{"kind": "market_authority"}})
	incident("inc-1-end", "inc-1", "closed", "critical", 400, members{"closed": hour(400)})
	incident("inc-2", "", "open", "high", 10, nil)
	incident("inc-3", "", "open", "low", 10, nil)
	incident("inc-4", "", "open", "high", 20*24, members{"code": "death_of_person"})
}

func (r *rig) testIncident(t *testing.T, all []leaf) {
	got := r.ask(t, all, "incident", inquiry.Terms{ID: "inc-1"})
	equal(t, "faults", faults(got, "kind"), []string{"clocks reported_late", "change altered_before_report"})
	v := got.Rows[0].Values
	equal(t, "clocks", []any{v["aware"], v["due"], v["reported"], v["closed"], v["limit_h"]}, []any{hour(1), hour(1 + 15*24), hour(1 + 16*24), hour(400), 15 * 24})
	var events []string
	for _, row := range got.Rows[1:] {
		events = append(events, fmt.Sprint(row.Record.ID, " ", row.Values["after_h"]))
	}
	equal(t, "events", events, []string{"inc-1 1", "inc-1-hold 3", "inc-1-halt 4", "inc-1-fix 5", "inc-1-vendor 6", "inc-1-told 384", "inc-1-end 399"})
	within := 0
	for _, d := range ledgertest.Matching(all, "type=decision", "system=claims") {
		if at := d.When("time"); !at.Before(march.Add(3600e9)) && at.Before(march.Add(400*3600e9)) {
			within++
		}
	}
	equal(t, "decisions", []float64{figure(t, got, "decisions_named"), figure(t, got, "decisions_in_its_time")}, []int{1, within})
	equal(t, "by its last record", r.ask(t, all, "incident", inquiry.Terms{ID: "inc-1-end"}).Figures, got.Figures)
	equal(t, "not reported", faults(r.ask(t, all, "incident", inquiry.Terms{ID: "inc-2"}), "kind")[0], "clocks not_reported,no_hold")
	equal(t, "not serious", r.ask(t, all, "incident", inquiry.Terms{ID: "inc-3"}).Rows[0].Faults, []string{})
	equal(t, "of a death", r.ask(t, all, "incident", inquiry.Terms{ID: "inc-4"}).Rows[0].Values["due"], hour(30*24))
	_, err := r.i.Ask(t.Context(), "incident", inquiry.Terms{ID: "nothing"})
	if e, ok := errors.AsType[*ledger.Error](err); !ok || e.Code != ledger.NotFound {
		t.Errorf("%v", err)
	}
}
