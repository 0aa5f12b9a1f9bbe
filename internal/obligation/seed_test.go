// SPDX-License-Identifier: Apache-2.0

package obligation_test

import (
	"fmt"
	"maps"

	"github.com/counterfoil/counterfoil/record"
)

// defects are what the seeded log has wrong, by the rule that must find it, and
// nothing else: every other record is as it must be.
var defects = map[string][]string{
	"CR-04": {"source:crm:3-4"},
	"CR-05": {"attempt-late", "attempt-lost"},
	"CR-06": {"day:2026-03-03"},
	"CR-07": {"source:crm:2026-03-03"},
	"CR-08": {"d-by-hand"},
	"CR-09": {"d-future"},
	"CR-10": {"d-no-config", "d-unapproved", "d-no-prompt"},
	"CR-11": {"m2-up", "m3-up", "m6-up"},
	"CR-12": {"d-no-origin"},
	"CR-13": {"d-no-outcome", "d-open-draft"},
	"CR-17": {"d-no-alternatives"},
	"CR-18": {"d-control-error", "d-denied"},
	"CR-19": {"system:silent", "system:stranger"},
	"CR-20": {"o-no-shown", "o-no-reason"},
	"CR-21": {"d-glance", "d-after"},
	"CR-22": {"reviewer:person:stamp:refund-agent:2026-03"},
	"CR-23": {"o-no-competence"},
	"CR-26": {"system:score", "system:stranger"},
	"CR-28": {"d-no-model"},
	"CR-30": {"interaction:int-d-not-told", "interaction:int-d-told-late"},
	"CR-31": {"d-high-not-told"},
	"CR-32": {"d-emotion-not-told"},
	"CR-33": {"d-unmarked"},
	"CR-35": {"c-unexplained"},
	"CR-36": {"d-not-explained"},
	"CR-37": {"d-vague", "d-no-factors"},
	"CR-38": {"x-no-type"},
	"CR-39": {"d-california-not-told"},
	"CR-3A": {"interaction:int-d-waited"},
	"CR-40": {"c-late", "c-never"},
	"CR-41": {"c-same-person"},
	"CR-44": {"e-early"},
	"CR-46": {"h-own"},
	"CR-47": {"e-forgotten"},
	"CR-48": {"d-personal"},
	"CR-49": {"a-no-purpose"},
	"CR-50": {"m2-ok", "h-own-ok", "e-two-done"},
	"CR-61": {"system:score"},
	"CR-62": {"s-unheeded"},
	"CR-63": {"system:score"},
	"CR-64": {"f-late", "f-open"},
	"CR-65": {"i-silent"},
	"CR-67": {"d-while-suspended"},
	"CR-68": {"d-other-model"},
	"CR-74": {"d-astray"},
}

// seeded writes the log. Records of March are of the quarter that is asked for.
func (r *rig) seed() {
	r.register()
	r.decisions()
	r.reviews()
	r.notices()
	r.challenges()
	r.custody()
	r.monitoring()
	r.counts()
}

func (r *rig) register() {
	for n, s := range []string{"refund-agent=limited", "score=high", "silent=limited", "stopped=limited", "scored=high"} {
		var name, risk string
		_, _ = fmt.Sscanf(replace(s), "%s %s", &name, &risk)
		r.Act(fmt.Sprintf("sys-%d", n), -2000, "system.describe", "system", name+"@1", "person:olga", "risk="+risk)
		r.Act(fmt.Sprintf("sys-%d-on", n), -1999, "system.status", "system", name, "person:gert", "status=in_service")
	}
	r.Act("stop", 100, "system.status", "system", "stopped", "person:gert", "status=suspended")
	r.Act("go-on", 110, "system.status", "system", "stopped", "person:gert", "status=in_service")
	version := func(n string, hour int, approvers []string, more ...string) {
		d := "digest=" + digest(n)
		r.Act("m"+n+"-add", hour, "version.add", "model", "m@"+n, "person:dora", append([]string{d}, more...)...)
		for i, by := range approvers {
			id := "m" + n + "-ok"
			if i > 0 {
				id += fmt.Sprint(i)
			}
			r.Act(id, hour+1, "version.approve", "model", "m@"+n, by, d)
		}
	}
	up := func(n string, hour int, more ...string) {
		r.Act("m"+n+"-up", hour, "version.promote", "model", "m@"+n, "person:ines", append([]string{"digest=" + digest(n), "environment=production"}, more...)...)
	}
	version("1", 1, []string{"person:gert"})
	up("1", 3)
	version("2", 4, []string{"person:dora"}) // by its author
	up("2", 6)
	version("3", 7, nil) // by nobody
	up("3", 8)
	version("4", 9, nil) // an emergency that was reviewed
	up("4", 10, "emergency=true", "due="+hour(50))
	r.Act("m4-seen", 20, "version.review", "model", "m@4", "person:gert", "status=accepted")
	version("5", 11, []string{"person:gert", "person:hans"}, "system=score")
	up("5", 13)
	version("6", 14, []string{"person:gert"}, "system=score") // one for high risk
	up("6", 16)
	r.Add("registry", "attested", 20, members{"registry": members{"act": "attest", "kind": "policy", "name": "CR-60", "actor": "person:cora", "digest": digest("d")}})
	r.Add("registry", "attested-long-ago", 20, members{"registry": members{"act": "attest", "kind": "policy", "name": "CR-43", "actor": "person:cora", "due": hour(21)}})
}

func replace(s string) string {
	b := []byte(s)
	for i := range b {
		if b[i] == '=' {
			b[i] = ' '
		}
	}
	return string(b)
}

// body is a decision as it must be.
func body() members {
	return members{"system": "refund-agent",
		"decision": members{"kind": "refund", "status": "made", "outcome": "approved"},
		"versions": members{"model": "m@1", "config": "c@1", "policy": []string{"p@1"}},
		"inputs":   []any{members{"name": "order", "source": "crm", "as_of": hour(1), "origin": "observed", "category": "orders"}}}
}

// decide appends a decision that is as it must be but for what change does.
func (r *rig) decide(id string, hours int, change func(m members, d members, g *record.Governed)) {
	r.t.Helper()
	g := &record.Governed{System: "in_service", Verdict: "allow", Versions: []record.GovernedVersion{{Version: "m@1", Kind: "model", Digest: digest("1"), State: "approved"}},
		Controls: []record.GovernedControl{{Control: "k@1", Result: "pass"}}}
	m := body()
	if change != nil {
		change(m, m["decision"].(members), g)
	}
	r.Says(id, g)
	r.Add("decision", id, hours, m)
}

type (
	mm = members
	gv = *record.Governed
)

func (r *rig) decisions() {
	r.decide("d-good", 30, nil)
	r.decide("d-shadow", 30, func(m, d mm, _ gv) { m["env"] = "shadow"; delete(d, "outcome"); delete(m, "inputs") })
	r.Door = "manual"
	r.decide("d-by-hand", 31, func(m, _ mm, _ gv) { m["system"] = "score" })
	r.Door = "sdk"
	r.decide("d-no-config", 32, func(m, _ mm, _ gv) { m["versions"] = mm{"model": "m@1", "policy": []string{"p@1"}} })
	r.decide("d-unapproved", 32, func(_, _ mm, g gv) { g.Versions[0].State = "unapproved" })
	chat := mm{"op": "chat", "provider": "acme", "request_model": "gpt-x", "response_model": "gpt-x-2026", "started": hour(30), "ended": hour(31)}
	with := func(m mm, prompt bool, change mm) {
		step := maps.Clone(chat)
		for k, v := range change {
			step[k] = v
			if v == nil {
				delete(step, k)
			}
		}
		m["steps"] = []any{step}
		if prompt {
			m["versions"].(mm)["prompt"] = "q@1"
		}
	}
	r.decide("d-chat", 32, func(m, _ mm, _ gv) { with(m, true, nil) })
	r.decide("d-no-prompt", 32, func(m, _ mm, _ gv) { with(m, false, nil) })
	r.decide("d-no-model", 32, func(m, _ mm, _ gv) { with(m, true, mm{"response_model": nil}) })
	r.decide("d-other-model", 32, func(m, _ mm, _ gv) { with(m, true, mm{"response_model": "gpt-y"}) })
	r.decide("d-found-model", 32, func(m, _ mm, _ gv) { with(m, true, mm{"response_model": "gpt-z"}) })
	r.Add("finding", "f-model", 33, mm{"about": "d-found-model", "finding": mm{"code": "model_mismatch", "status": "open"}})
	r.decide("d-no-origin", 33, func(m, _ mm, _ gv) { m["inputs"] = []any{mm{"name": "order"}} })
	r.decide("d-no-outcome", 33, func(_, d mm, _ gv) { delete(d, "outcome") })
	draft := func(ratio any) func(m, d mm, _ gv) {
		return func(m, _ mm, _ gv) {
			o := mm{"name": "reply", "kind": "draft"}
			if ratio != nil {
				o["edit_ratio"] = ratio
			}
			m["outputs"] = []any{o}
		}
	}
	r.decide("d-open-draft", 33, draft(nil))
	r.decide("d-edited-draft", 33, draft(0.25))
	r.decide("d-control-error", 33, func(_, _ mm, g gv) { g.Controls[0].Result = "error" })
	r.decide("d-denied", 33, func(_, _ mm, g gv) { g.Verdict = "deny" })
	r.decide("d-stranger", 34, func(m, _ mm, _ gv) { m["system"] = "stranger" })
	r.decide("d-personal", 34, func(_, d mm, _ gv) { d["outcome"] = "4111-1111-1111-1111" })
	r.decide("d-running", 99, func(m, _ mm, _ gv) { m["system"] = "stopped" })
	r.decide("d-while-suspended", 105, func(m, _ mm, _ gv) { m["system"] = "stopped" })
	r.decide("d-astray", 34, func(_, d mm, _ gv) { d["supersedes"] = "nothing" })
	r.decide("d-replaces", 34, func(_, d mm, _ gv) { d["supersedes"] = "d-good" })
	r.decide("d-future", 34, func(m, _ mm, _ gv) { m["time"] = hour(36) })
	attempt := func(id string, hours int) {
		r.decide(id, hours, func(_, d mm, _ gv) { d["status"] = "requested"; delete(d, "outcome") })
	}
	attempt("attempt-good", 35)
	r.decide("d-answer", 36, func(m, _ mm, _ gv) { m["about"] = "attempt-good" })
	attempt("attempt-lost", 35)
	attempt("attempt-late", 35)
	r.decide("d-answer-late", 85, func(m, _ mm, _ gv) { m["about"] = "attempt-late" })
	attempt("attempt-last-day", 743)
	r.decide("d-answer-behind", 746, func(m, _ mm, _ gv) { m["about"] = "attempt-last-day" })
	r.adverse()
}

// adverse are decisions against a person.
func (r *rig) adverse() {
	against := func(id string, change func(m, d mm)) {
		r.decide(id, 5, func(m, d mm, _ gv) {
			d["adverse"], d["alternatives"] = true, []any{"approve"}
			m["factors"] = []any{mm{"code": "outside_window", "input": "order"}}
			if change != nil {
				change(m, d)
			}
		})
	}
	against("d-against", nil)
	against("d-no-alternatives", func(_, d mm) { delete(d, "alternatives") })
	against("d-vague", func(m, _ mm) { m["factors"] = []any{mm{"code": "policy", "input": "order"}} })
	against("d-no-factors", func(m, _ mm) { delete(m, "factors") })
	against("d-not-explained", nil)
	for _, id := range []string{"d-against", "d-no-alternatives", "d-vague", "d-no-factors"} {
		r.Add("explanation", "x-"+id, 50, mm{"about": id, "explanation": mm{"audience": "subject", "types": []string{"rationale"}, "delivered": hour(50)}})
	}
	r.Add("explanation", "x-late", 300, mm{"about": "d-not-explained", "explanation": mm{"audience": "auditor", "types": []string{"rationale"}}})
	r.Add("explanation", "x-no-type", 51, mm{"about": "d-good", "explanation": mm{"audience": "subject"}})
}

func (r *rig) reviews() {
	review := func(id, about string, hours int, change mm) {
		o := mm{"act": "override", "actor": "person:mia", "before": "denied", "after": "approved", "reason_code": "goodwill", "dwell_ms": 20000,
			"shown": digest("5"), "competence": "course@1", "opened": []string{"order"}}
		for k, v := range change {
			o[k] = v
			if v == nil {
				delete(o, k)
			}
		}
		r.Add("oversight", id, hours, mm{"about": about, "system": "refund-agent", "oversight": o})
	}
	by := func(id string, hours int) {
		r.decide(id, hours, func(_, d mm, _ gv) { d["automation"], d["effective"] = "meaningful_human", hour(hours+10) })
	}
	by("d-human", 60)
	review("o-human", "d-human", 61, nil)
	by("d-glance", 60)
	review("o-glance", "d-glance", 61, mm{"dwell_ms": 100})
	by("d-after", 60)
	review("o-after", "d-after", 80, nil)
	review("o-no-shown", "d-good", 61, mm{"shown": nil})
	review("o-no-reason", "d-good", 61, mm{"reason_code": nil})
	review("o-no-competence", "d-good", 61, mm{"competence": nil})
	for n := range 50 {
		review(fmt.Sprintf("o-stamp-%d", n), "d-good", 62, mm{"act": "approve", "actor": "person:stamp", "before": "denied", "after": "denied", "dwell_ms": 900})
		review(fmt.Sprintf("o-care-%d", n), "d-good", 62, mm{"act": "approve", "actor": "person:care", "before": "denied", "after": "denied", "dwell_ms": 30000})
	}
}
