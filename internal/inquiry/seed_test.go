// SPDX-License-Identifier: Apache-2.0

package inquiry_test

import (
	"fmt"
	"maps"

	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// seed writes a log with these defects:
//
//   - refund-model@4 is approved by its author alone;
//   - refund-model@5 is promoted, and approved two days later;
//   - reply@2 is promoted with one approval, though the risk is high by then;
//   - reply@3 was refused, and is promoted;
//   - fix@1 is promoted in an emergency and reviewed by who promoted it, fix@2
//     in time, fix@3 late and rejected, fix@4 not yet, fix@5 never; fix@6 by its author;
//   - dora tries to approve her own model, which the register refuses;
//   - the policy that decisions use is unknown to the register;
//   - refund-agent is suspended and decides three times, once in a test; one
//     more decision is recorded in that time and says it is older, one is
//     recorded after it and says that it was made in it, one is only an attempt;
//   - the model that answers gpt-x changes from gpt-x-1 to gpt-x-2.
func (r *rig) seed() {
	r.Act("sys-1", 1, "system.describe", "system", "refund-agent@1", "person:olga", "risk=limited")
	r.Act("sys-2", 2, "system.status", "system", "refund-agent", "person:gert", "status=in_service")
	r.versions()
	r.emergencies()
	r.decisions()
	r.suspend()
	r.models()
}

func (r *rig) versions() {
	const model, reply = "refund-model", "reply"
	r.Act("m3-add", 3, "version.add", "model", model+"@3", "person:dora", "digest="+digest("3"))
	r.Act("m3-ok", 4, "version.approve", "model", model+"@3", "person:gert", "digest="+digest("3"))
	r.Act("m3-up", 5, "version.promote", "model", model+"@3", "person:dora", "digest="+digest("3"), "environment=production")
	r.Act("m4-add", 6, "version.add", "model", model+"@4", "person:dora", "digest="+digest("4"))
	r.Act("m4-ok", 7, "version.approve", "model", model+"@4", "person:dora", "digest="+digest("4"))
	r.Act("m4-up", 8, "version.promote", "model", model+"@4", "person:dora", "digest="+digest("4"), "environment=staging")
	r.Act("m5-add", 9, "version.add", "model", model+"@5", "person:dora", "digest="+digest("5"))
	r.Act("m5-up", 10, "version.promote", "model", model+"@5", "person:dora", "digest="+digest("5"), "environment=production")
	r.Act("m5-ok", 58, "version.approve", "model", model+"@5", "person:gert", "digest="+digest("5"))
	r.Act("m3-back", 60, "version.rollback", "model", model+"@3", "person:gert", "digest="+digest("3"), "environment=production")
	r.Act("p1-add", 61, "version.add", "prompt", reply+"@1", "person:dora", "digest="+digest("a"), "system=refund-agent")
	r.Act("p1-ok", 62, "version.approve", "prompt", reply+"@1", "person:gert", "digest="+digest("a"))
	r.Act("p1-up", 63, "version.promote", "prompt", reply+"@1", "person:dora", "environment=production")
	r.Act("sys-3", 64, "system.describe", "system", "refund-agent@2", "person:olga", "risk=high")
	r.Act("p2-add", 65, "version.add", "prompt", reply+"@2", "person:dora", "digest="+digest("b"), "system=refund-agent")
	r.Act("p2-ok", 66, "version.approve", "prompt", reply+"@2", "person:gert", "digest="+digest("b"))
	r.Act("p2-up", 67, "version.promote", "prompt", reply+"@2", "person:dora", "environment=production")
	r.Act("p3-add", 68, "version.add", "prompt", reply+"@3", "person:dora", "digest="+digest("c"), "system=refund-agent")
	r.Act("p3-ok", 69, "version.approve", "prompt", reply+"@3", "person:gert", "digest="+digest("c"))
	r.Act("p3-ok2", 70, "version.approve", "prompt", reply+"@3", "person:hans", "digest="+digest("c"))
	r.Act("p3-no", 71, "version.refuse", "prompt", reply+"@3", "person:ines", "digest="+digest("c"))
	r.Act("p3-up", 72, "version.promote", "prompt", reply+"@3", "person:dora", "environment=production")
	r.Act("p9-ok", 73, "version.approve", "prompt", reply+"@1", "person:hans", "digest="+digest("f"))
	r.Act("p8-up", 74, "version.promote", "prompt", reply+"@8", "person:dora", "environment=test")
}

func (r *rig) emergencies() {
	reviews := []struct {
		by, status string
		hour       int
	}{{"person:dora", "accepted", 90}, {"person:gert", "accepted", 91}, {"person:gert", "rejected", 130}, {}, {}}
	for n := range reviews {
		name, due := fmt.Sprintf("fix@%d", n+1), 120
		if n == 3 {
			due = 24 * 25 // behind the day on which the question comes
		}
		r.Act(fmt.Sprintf("e%d-add", n+1), 80, "version.add", "config", name, "person:erik", "digest="+digest("e"))
		r.Act(fmt.Sprintf("e%d-up", n+1), 81, "version.promote", "config", name, "person:dora", "environment=production", "emergency=true", "due="+hour(due))
	}
	r.Act("e6-add", 82, "version.add", "config", "fix@6", "person:erik", "digest="+digest("e"))
	r.Act("e6-up", 82, "version.promote", "config", "fix@6", "person:erik", "environment=production", "emergency=true", "due="+hour(120))
	must(r.t, r.Ledger.Note(r.t.Context(), ledger.Access{Act: ledger.ActApprove, Actor: "person:dora", Target: "refund-model@3", Denied: true, Count: 1}))
	for n, review := range reviews {
		if review.by != "" {
			r.Act(fmt.Sprintf("e%d-seen", n+1), review.hour, "version.review", "config", fmt.Sprintf("fix@%d", n+1), review.by, "status="+review.status)
		}
	}
	r.Act("e2-back", 131, "version.rollback", "config", "fix@2", "person:gert", "digest="+digest("e"), "environment=production")
	r.Act("e2-down", 132, "version.promote", "config", "fix@2", "person:gert", "digest="+digest("e"), "environment=staging")
}

// decide appends a decision of the refund agent with refund-model@3.
func (r *rig) decide(id string, hours int, bound string, more members) {
	r.t.Helper()
	m := members{"system": "refund-agent", "decision": members{"kind": "refund", "status": "made", "outcome": "denied", "adverse": true},
		"versions": members{"model": "refund-model@3", "policy": []string{"returns@5"}}}
	maps.Copy(m, more)
	if bound != "" {
		r.Says(id, &record.Governed{System: "in_service", Versions: []record.GovernedVersion{
			{Version: "refund-model@3", Kind: "model", Digest: bound, State: "approved"}, {Version: "returns@5", Kind: "policy", State: "unknown"}}})
	}
	r.Add("decision", id, hours, m)
}

func (r *rig) decisions() {
	for n := range 40 {
		id, bound := fmt.Sprintf("d-%d", n), digest("3")
		if n == 8 {
			bound = digest("9")
		}
		if n == 12 {
			bound = ""
		}
		r.decide(id, 140+n, bound, nil)
		if n%4 != 0 {
			continue
		}
		act := "override"
		if n%8 == 4 {
			act = "approve"
		}
		r.Add("oversight", "o-"+id, 141+n, members{"about": id, "oversight": members{"act": act, "actor": "person:mia", "role": "reviewer", "team": "cx",
			"before": "denied", "after": "approved", "reason_code": "goodwill", "reason": "she was right", "dwell_ms": 1000 * n}})
	}
	r.Add("oversight", "o-again", 182, members{"about": "d-0", "oversight": members{"act": "override", "actor": "person:noah", "before": "approved", "after": "denied"}})
	r.Add("oversight", "o-astray", 183, members{"about": "nothing", "oversight": members{"act": "override", "actor": "person:noah"}})
	r.Add("decision", "other-1", 184, members{"system": "other-agent", "decision": members{"kind": "refund", "status": "made", "outcome": "denied"}, "versions": members{"model": "other@1"}})
	r.Add("oversight", "o-other", 185, members{"about": "other-1", "system": "other-agent", "oversight": members{"act": "override", "actor": "person:mia"}})
}

func (r *rig) suspend() {
	r.Act("halt", 200, "system.status", "system", "refund-agent", "person:gert", "status=suspended")
	r.Add("notice", "told", 200, members{"about": "halt", "notice": members{"kind": "suspension"}})
	r.decide("late-1", 201, "", nil)
	r.Add("finding", "late-1-found", 201, members{"about": "late-1", "finding": members{"code": "system_suspended", "status": "open", "severity": "high"}})
	r.decide("late-2", 202, "", members{"env": "test"})
	r.decide("attempt", 203, "", members{"decision": members{"kind": "refund", "status": "refused"}})
	r.decide("older", 204, "", members{"time": hour(199)})
	r.Act("go-on", 210, "system.status", "system", "refund-agent", "person:olga", "status=in_service")
	r.decide("hidden", 212, "", members{"time": hour(205)})
	r.decide("fine", 213, "", nil)
}

func (r *rig) models() {
	call := func(id string, hours int, response string) {
		step := members{"op": "chat", "provider": "acme", "request_model": "gpt-x"}
		if response != "" {
			step["response_model"] = response
		}
		r.decide(id, hours, "", members{"steps": []any{step, members{"op": "execute_tool", "tool": "get_order"}}})
	}
	for n := range 6 {
		call(fmt.Sprintf("call-%d", n), 220+n, []string{"gpt-x-1", "gpt-x-1", "gpt-x-1", "gpt-x-2", "gpt-x-2", ""}[n])
	}
	r.Add("step", "call-6", 230, members{"about": "call-5", "steps": []any{members{"op": "chat", "provider": "acme", "request_model": "gpt-x", "response_model": "gpt-x-2"}}})
	r.Add("step", "call-7", 231, members{"about": "other-1", "steps": []any{members{"op": "chat", "provider": "acme", "request_model": "gpt-x", "response_model": "gpt-x-3"}}})
	r.Add("finding", "call-3-found", 223, members{"about": "call-3", "finding": members{"code": "model_changed", "status": "open"}})
	r.Add("finding", "other-found", 223, members{"about": "other-1", "finding": members{"code": "model_mismatch", "status": "open"}})
	r.Add("notice", "vendor", 232, members{"system": "refund-agent", "notice": members{"kind": "model_change"}})
}
