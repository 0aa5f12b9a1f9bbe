// SPDX-License-Identifier: Apache-2.0

package obligation_test

import (
	"context"
	"fmt"
	"maps"
)

func (r *rig) notices() {
	said := func(id string, hours int, change func(m, d mm)) {
		r.decide(id, hours, func(m, d mm, _ gv) {
			m["outputs"] = []any{mm{"name": "reply", "kind": "message", "delivered": hour(hours), "marked_ai": true}}
			if change != nil {
				change(m, d)
			}
		})
	}
	tell := func(id, interaction, kind string, hours int) {
		r.Add("notice", id, hours, mm{"interaction": mm{"id": interaction}, "notice": mm{"kind": kind, "delivered": hour(hours)}})
	}
	for n, id := range []string{"d-told", "d-told-late", "d-unmarked"} {
		said(id, 70, func(m, _ mm) {
			if n == 2 {
				m["outputs"] = []any{mm{"name": "reply", "kind": "message", "delivered": hour(70)}}
			}
		})
		tell("n-"+id, "int-"+id, "ai_interaction", []int{69, 75, 69}[n])
	}
	said("d-not-told", 70, nil)
	said("d-helps", 70, func(_, d mm) { d["automation"] = "assistive" })
	r.decide("d-high-told", 71, func(m, _ mm, _ gv) { m["system"] = "score" })
	tell("n-high", "int-d-high-told", "high_risk_subject", 70)
	tell("n-hand", "int-d-by-hand", "high_risk_subject", 30)
	r.decide("d-scored", 71, func(m, d mm, _ gv) { m["system"], d["significant"], d["alternatives"] = "scored", "unknown", "none" })
	tell("n-scored", "int-d-scored", "high_risk_subject", 70)
	r.decide("d-high-not-told", 71, func(m, d mm, _ gv) { m["system"], d["significant"], d["alternatives"] = "score", "unknown", "none" })
	emotion := func(m, _ mm, _ gv) {
		m["inputs"] = []any{mm{"name": "tone", "source": "voice", "as_of": hour(1), "origin": "inferred", "category": "voice_emotion"}}
	}
	r.decide("d-emotion-told", 72, emotion)
	tell("n-emotion", "int-d-emotion-told", "emotion_recognition", 71)
	r.decide("d-emotion-not-told", 72, emotion)
	there := func(id string) func(m, d mm, _ gv) {
		return func(m, d mm, _ gv) {
			m["interaction"] = mm{"id": "int-" + id, "jurisdiction": "US-CA"}
			d["significant"], d["alternatives"] = "yes", "none"
		}
	}
	r.decide("d-california-told", 73, there("d-california-told"))
	tell("n-california", "int-d-california-told", "adm_pre_use", 72)
	r.decide("d-california-not-told", 73, there("d-california-not-told"))
	wait := func(id string, more mm) func(m, d mm, _ gv) {
		return func(m, _ mm, _ gv) {
			i := mm{"id": "int-" + id, "human_requested": hour(72)}
			maps.Copy(i, more)
			m["interaction"] = i
		}
	}
	r.decide("d-waited", 73, wait("d-waited", nil))
	r.decide("d-connected", 73, wait("d-connected", mm{"human_connected": hour(73)}))
}

func (r *rig) challenges() {
	open := func(id, kind, about string, due int) {
		c := mm{"kind": kind, "status": "received", "received": hour(120), "due": hour(due)}
		m := mm{"challenge": c}
		if about != "" {
			m["about"] = about
		}
		r.Add("challenge", id, 120, m)
	}
	step := func(id, about, kind, status string, hours int, more mm) {
		c := mm{"kind": kind, "status": status}
		maps.Copy(c, more)
		r.Add("challenge", id, hours, mm{"about": about, "challenge": c})
	}
	done := mm{"outcome": "overturned", "reason": "she was right"}
	open("c-good", "complaint", "", 300)
	step("c-good-ack", "c-good", "complaint", "acknowledged", 121, nil)
	step("c-good-end", "c-good", "complaint", "resolved", 200, done)
	open("c-late", "complaint", "", 150)
	step("c-late-end", "c-late", "complaint", "resolved", 200, done)
	open("c-never", "complaint", "", 150)
	open("c-not-due", "complaint", "", 1200)
	step("c-not-due-ack", "c-not-due", "complaint", "acknowledged", 121, nil)
	contest := func(id, about, assignee string) {
		open(id, "contest", about, 300)
		step(id+"-to", id, "contest", "assigned", 121, mm{"assignee": assignee})
		step(id+"-end", id, "contest", "resolved", 130, done)
	}
	contest("c-other-person", "d-human", "person:lena")
	r.Add("explanation", "x-c", 129, mm{"about": "c-other-person", "explanation": mm{"audience": "subject", "types": []string{"rationale"}, "delivered": hour(129)}})
	contest("c-same-person", "d-human", "person:mia")
	r.Add("explanation", "x-same", 129, mm{"about": "c-same-person", "explanation": mm{"audience": "subject", "types": []string{"rationale"}, "delivered": hour(129)}})
	contest("c-unexplained", "d-told", "person:lena")
}

func (r *rig) custody() {
	erase := func(id, status, request string, hours int, change mm) {
		e := mm{"ground": "data_subject", "status": status, "request": request}
		maps.Copy(e, change)
		r.Add("erasure", id, hours, mm{"erasure": e})
	}
	three := mm{"requester": "person:a", "approver": "person:b", "executor": "person:c"}
	erase("e-good", "requested", "q1", 130, mm{"requester": "person:a"})
	erase("e-good-done", "completed", "q1", 140, three)
	erase("e-forgotten", "requested", "q2", -700, mm{"requester": "person:a"})
	erase("e-two", "requested", "q3", 130, nil)
	erase("e-two-done", "completed", "q3", 140, mm{"requester": "person:a", "approver": "person:a", "executor": "person:c"})
	month := func(id, month string) {
		r.Add("erasure", id, 150, mm{"erasure": mm{"ground": "retention", "status": "executed", "class": "default", "month": month, "keys": 1}})
	}
	month("e-in-time", "2025-06")
	month("e-early", "2026-01")
	hold := func(id, act, name, actor string, hours int) {
		r.Add("hold", id, hours, mm{"hold": mm{"act": act, "name": name, "actor": actor}})
	}
	hold("h-good", "place", "h1", "person:lou", 130)
	hold("h-good-ok", "approve", "h1", "person:pat", 140)
	hold("h-own", "place", "h2", "person:lou", 130)
	hold("h-own-ok", "approve", "h2", "person:lou", 140)
	look := func(id, purpose string) {
		a := mm{"act": "read", "actor": "person:mia", "result": "allowed"}
		if purpose != "" {
			a["purpose"] = purpose
		}
		r.Add("access", id, 131, mm{"access": a})
	}
	look("a-good", "complaint")
	look("a-no-purpose", "")
}

func (r *rig) monitoring() {
	measure := func(id, system, name string, hours int, more mm) {
		s := mm{"name": name, "value": 0.1}
		maps.Copy(s, more)
		r.Add("signal", id, hours, mm{"system": system, "signal": s})
	}
	for _, system := range []string{"refund-agent", "stopped", "scored"} {
		measure("s-over-"+system, system, "override_rate", 160, nil)
	}
	measure("s-group", "refund-agent", "denial_rate", 160, mm{"group": "age-65"})
	measure("s-group-scored", "scored", "denial_rate", 160, mm{"group": "age-65"})
	measure("s-old", "score", "override_rate", -700, nil)
	measure("s-heeded", "refund-agent", "error_rate", 161, mm{"breached": true})
	r.Add("finding", "f-heeded", 162, mm{"about": "s-heeded", "finding": mm{"code": "breach", "status": "open"}})
	measure("s-unheeded", "refund-agent", "error_rate", 163, mm{"breached": true})
	found := func(id string, due int) {
		r.Add("finding", id, 164, mm{"about": "d-good", "finding": mm{"code": id, "status": "open", "due": hour(due)}})
	}
	ended := func(id, about, code string, hours int) {
		r.Add("finding", id, hours, mm{"about": about, "finding": mm{"code": code, "status": "resolved"}})
	}
	found("f-good", 200)
	ended("f-good-end", "f-good", "f-good", 190)
	found("f-same-code", 200)
	ended("f-same-code-end", "d-good", "f-same-code", 190)
	found("f-late", 200)
	ended("f-late-end", "f-late", "f-late", 210)
	found("f-open", 200)
	found("f-not-due", 2000)
	for _, id := range []string{"i-told", "i-silent"} {
		r.Add("incident", id, 170, mm{"incident": mm{"code": "outage", "severity": "high", "status": "open", "opened": hour(170)}})
	}
	r.Add("notice", "n-incident", 180, mm{"about": "i-told", "notice": mm{"kind": "incident_report", "delivered": hour(180)}})
}

// counts are the numbers of a source, its heartbeats, and reconciliations.
func (r *rig) counts() {
	numbered := func(id string, seq, hours int) {
		r.decide(id, hours, func(m, _ mm, _ gv) { m["source"] = mm{"id": "crm", "seq": seq} })
	}
	numbered("q-1", 1, 30)
	numbered("q-2", 2, 54)
	numbered("q-5", 5, 78)
	beat := func(id string, from int) {
		r.Add("heartbeat", id, from+24, mm{"source": mm{"id": "crm"}, "heartbeat": mm{"from": hour(from), "to": hour(from + 24), "count": 1}})
	}
	beat("b-2", 24)
	beat("b-4", 72)
	for day := range 40 {
		if day == 2 { // the third of March
			continue
		}
		r.Add("reconciliation", fmt.Sprintf("r-%d", day), 24*day+25, mm{"reconciliation": mm{"counter": "phone", "owner": "finance", "from": hour(24 * day), "to": hour(24*day + 24),
			"expected": 1, "recorded": 1, "status": "matched"}})
	}
}

// others sign the log.
func (r *rig) attest() {
	size, err := r.Ledger.Size(context.WithoutCancel(r.t.Context()))
	must(r.t, err)
	r.At(asked)
	must(r.t, r.Ledger.AddCosignature(r.t.Context(), size, "w", []byte("— w x\n")))
	must(r.t, r.Ledger.AddTimestamp(r.t.Context(), size, "tsa", []byte("token")))
}
