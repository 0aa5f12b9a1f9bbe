// SPDX-License-Identifier: Apache-2.0

package inquiry_test

import (
	"maps"
	"testing"

	"github.com/counterfoil/counterfoil/internal/inquiry"
	"github.com/counterfoil/counterfoil/internal/ledger/ledgertest"
)

func (r *rig) seedWishes() {
	in := func(id string, more ...string) members {
		m := members{"id": id, "human_requested": hour(40)}
		for n := 0; n+1 < len(more); n += 2 {
			m[more[n]] = more[n+1]
		}
		return m
	}
	decide := func(id, kind, outcome string, where members) {
		r.Add("decision", id, 40, members{"system": "voice-bot", "interaction": where, "decision": members{"kind": kind, "status": "made", "outcome": outcome, "threshold": 0.7},
			"versions": members{"policy": []string{"handover@3"}}})
	}
	decide("w-yes", "escalate", "escalated", in("i-yes"))
	decide("w-not", "escalate", "not_escalated", in("i-not"))
	decide("w-not-2", "reply", "answered", in("i-not", "human_connected", hour(42)))
	decide("w-none", "reply", "answered", in("i-none"))
	decide("w-came", "reply", "answered", in("i-came", "human_connected", hour(41)))
	decide("w-helped", "reply", "answered", in("i-helped"))
	r.Add("oversight", "w-help", 41, members{"about": "w-helped", "system": "voice-bot", "interaction": members{"id": "i-helped"}, "oversight": members{"act": "escalate", "actor": "person:mia"}})
	decide("w-quiet", "escalate", "not_escalated", members{"id": "i-quiet"}) // nobody asked
}

func (r *rig) testEscalations(t *testing.T, all []leaf) {
	got := r.ask(t, all, "escalations", inquiry.Terms{System: "voice-bot"})
	asked, refused := map[string]bool{}, map[string]bool{}
	for _, l := range ledgertest.Matching(all, "system=voice-bot") {
		id := l.Get("interaction", "id")
		if l.Get("interaction", "human_requested") != "" {
			asked[id] = true
		}
		if l.Get("decision", "outcome") == "not_escalated" {
			refused[id] = true
		}
	}
	equal(t, "asked", got.Looked, len(asked))
	equal(t, "faults", faults(got, "interaction"), []string{"i-none no_decision", "i-not not_escalated"})
	if !refused["i-not"] || !asked["i-not"] || asked["i-quiet"] {
		t.Error("the seed is another")
	}
	v := got.Rows[1].Values
	equal(t, "row", []any{v["requested"], v["connected"], v["wait_s"], v["threshold"], v["policies"], v["outcome"]},
		[]any{hour(40), hour(42), 7200, 0.7, []string{"handover@3"}, "not_escalated"})
	equal(t, "counts", []float64{figure(t, got, "escalated"), figure(t, got, "never_connected")}, []int{3, 1})
	if later := r.ask(t, all, "escalations", inquiry.Terms{From: march.AddDate(0, 0, 10)}); later.Looked != 0 {
		t.Errorf("later: %+v", later)
	}
}

func (r *rig) seedTalks() {
	reply := func(id string, hours int, kind string) {
		r.Add("decision", id, hours, members{"system": "chat-bot", "interaction": members{"id": "t-" + id, "channel": "chat"}, "decision": members{"kind": "reply", "status": "made"},
			"outputs": []members{{"name": "reply", "kind": kind, "delivered": hour(hours)}}})
	}
	told := func(id, about, interaction string, hours int) {
		m := members{"system": "chat-bot", "notice": members{"kind": "ai_interaction", "template": "ai-disclosure@2", "locale": "de", "delivered": hour(hours)}}
		if about != "" {
			m["about"] = about
		}
		if interaction != "" {
			m["interaction"] = members{"id": interaction}
		}
		r.Add("notice", id, hours, m)
	}
	told("n-ok", "", "t-ok", 49)
	reply("ok", 50, "message")
	reply("late", 51, "message")
	told("n-late", "", "t-late", 53)
	reply("none", 52, "message")
	reply("draft", 52, "draft")
	reply("same", 54, "audio")
	told("n-same", "same", "", 54)
	r.Add("notice", "n-else", 50, members{"interaction": members{"id": "t-none"}, "notice": members{"kind": "recording"}})
}

func (r *rig) testNotices(t *testing.T, all []leaf) {
	got := r.ask(t, all, "notices", inquiry.Terms{System: "chat-bot"})
	talks, good := 0.0, 0.0
	for _, d := range ledgertest.Matching(all, "type=decision", "system=chat-bot") {
		out := d.Members["outputs"].([]any)[0].(members)
		if out["kind"] == "draft" {
			continue
		}
		talks++
		for _, n := range ledgertest.Matching(all, "type=notice", "notice.kind=ai_interaction") {
			if (n.Get("interaction", "id") == d.Get("interaction", "id") || n.Get("about") == d.Get("id")) && n.Get("notice", "delivered") <= out["delivered"].(string) {
				good++
			}
		}
	}
	equal(t, "counts", []float64{float64(got.Looked), figure(t, got, "told"), figure(t, got, "rate")}, []float64{talks, good, good / talks})
	equal(t, "faults", faults(got, "interaction"), []string{"t-late late_notice", "t-none no_notice"})
	v := got.Rows[0].Values
	equal(t, "late", []any{v["replied"], v["told"], v["late_s"], v["template"], v["locale"], v["channel"]}, []any{hour(51), hour(53), 7200, "ai-disclosure@2", "de", "chat"})
	equal(t, "from", r.ask(t, all, "notices", inquiry.Terms{System: "chat-bot", From: march.Add(52 * 3600e9)}).Looked, 2)
}

func (r *rig) seedEmotions() {
	infer := func(id, system, category string, more members) {
		m := members{"system": system, "decision": members{"kind": "route", "status": "made"}, "inputs": []members{{"name": "mood", "category": category}}}
		maps.Copy(m, more)
		r.Add("decision", id, 60, m)
	}
	r.Act("voice-1", 55, "system.describe", "system", "voice-router", "person:gert", "risk=high")
	infer("e-1", "voice-router", "customer_voice_emotion", members{"use_case": "routing"})
	infer("e-2", "voice-router", "customer_voice_emotion", nil)
	r.Add("notice", "e-told", 59, members{"interaction": members{"id": "int-e-1"}, "notice": members{"kind": "emotion_recognition"}})
	infer("e-3", "coach", "employee_voice_emotion", nil)
	infer("e-4", "text-router", "text_sentiment", nil)
	r.Add("step", "e-5", 60, members{"about": "e-3", "system": "coach", "steps": []members{{"op": "classify"}}, "inputs": []members{{"name": "face", "category": "employee_emotion"}}})
}

func (r *rig) testEmotions(t *testing.T, all []leaf) {
	got := r.ask(t, all, "emotions", inquiry.Terms{})
	equal(t, "faults", faults(got, "system"), []string{"coach risk_unknown,prohibited,no_notice", "voice-router no_notice"})
	uses := ledgertest.Matching(all, "type=decision", "system=voice-router")
	v := got.Rows[1].Values
	equal(t, "customers", []any{v["audience"], v["risk"], v["records"], v["told"], v["notice_rate"], v["use_cases"]}, []any{"customer", "high", len(uses), 1, 0.5, []string{"routing"}})
	equal(t, "employees", []any{got.Rows[0].Values["audience"], got.Rows[0].Values["records"]}, []any{"employee", 2})
	equal(t, "systems", []float64{float64(got.Looked), figure(t, got, "prohibited")}, []int{2, 1})
}
