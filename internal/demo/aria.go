// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"time"
)

const (
	ariaModel  = "gpt-4o-2024-08-06"
	draftModel = "gpt-4o-mini-2024-07-18"
)

// conversation is a talk of a customer with aria, by chat or phone.
func (g *generator) conversation(at time.Time, c customer, intent string) {
	channel := "chat"
	if g.chance(28) {
		channel = "voice"
	}
	k := g.contact(at, c, channel)
	if g.chance(35) {
		g.add("notice", at, noticeSource, k.on(obj{"notice": obj{"kind": "ai_interaction", "template": "ai-disclosure@2", "locale": c.locale, "delivered": stamp(at),
			"text": map[string]string{"en": "You are talking to aria, an AI system. Ask for a person at any time.", "de": "Sie sprechen mit aria, einem KI-System. Sie können jederzeit einen Menschen verlangen."}[c.lang()]}}, aria, "customer-service"))
	}
	o := g.order(at)
	t := at.Add(g.between(20*time.Second, 70*time.Second))
	d := g.answer(t, k, intent, o)
	switch {
	case intent == "refund_request":
		g.refund(t.Add(g.between(time.Second, 4*time.Second)), k, o)
	case intent == "person_request":
		k.wanted = t
		g.handover(t.Add(g.between(5*time.Second, 20*time.Second)), k, o, d)
	case g.chance(26):
		t = t.Add(g.between(40*time.Second, 150*time.Second))
		d = g.answer(t, k, pick(g, []string{"product_question", "order_status", "change_address"}), o)
		if g.chance(30) {
			g.handover(t.Add(g.between(30*time.Second, 90*time.Second)), k, o, d)
		}
	case g.chance(14):
		g.retrieval(t.Add(g.between(200*time.Millisecond, 3*time.Second)), k, d)
	}
	if d != nil {
		g.toneFinding(d, k)
	}
}

// answer is one decision of aria: what to do about a message, and the reply.
func (g *generator) answer(at time.Time, k *contact, intent string, o order) *rec {
	c, lang := k.c, k.c.lang()
	s := g.library.scripts[intent]
	ask, reply := fill(pick(g, s.asks[lang]), c, o), fill(pick(g, s.replies[lang]), c, o)
	outcome := map[string]string{"order_status": "answered", "change_address": "address_changed", "cancel_order": "cancelled", "product_question": "answered",
		"complaint": "complaint_opened", "person_request": "escalated", "refund_request": "forwarded"}[intent]
	status, confidence := "made", round(0.62+0.37*g.rng.Float64())
	article := pick(g, g.library.articles)
	chat := g.chat(at, ariaModel, ask, reply)
	steps := []obj{chat, g.tool(at.Add(-900*time.Millisecond), "get_order", "none", obj{"order_id": o.id}, o.value(c))}
	if effect := map[string]string{"change_address": "change_address", "cancel_order": "cancel_order", "refund_request": "request_refund"}[intent]; effect != "" {
		steps = append(steps, g.tool(at.Add(-300*time.Millisecond), effect, "irreversible", obj{"order_id": o.id, "customer": c.subject}, obj{"accepted": true, "reference": g.minted("rf_")}))
	}
	out := obj{"name": "reply", "kind": "message", "marked_ai": true, "locale": c.locale, "delivered": stamp(at), "value": reply}
	if k.channel == "voice" {
		out["kind"], out["ref"], out["digest"] = "audio", "s3://nordlicht-voice/"+k.id+".opus", digest(k.id+reply)
	}
	if at.After(g.incident[0]) && at.Before(g.incident[1]) && g.chance(45) {
		status, outcome = "timeout", "fallback_message"
		chat["error"] = "timeout"
	}
	controls := g.controls("gateway", "pii-in-reply", "tone-check", "ai-marking")
	if g.want("control_error", at) {
		controls[0]["result"], controls[0]["reason"] = "error", "the rule did not answer within 250 ms"
	}
	if g.want("model_mismatch", at) {
		chat["response_model"] = draftModel
	}
	if g.want("unmarked_output", at) {
		out["marked_ai"] = false
	}
	body := k.on(obj{
		"decision": obj{"kind": intent, "status": status, "outcome": outcome, "adverse": false, "significant": "no", "automation": "solely_automated", "reversible": intent != "cancel_order",
			"confidence": confidence, "requested": stamp(at.Add(-g.between(5*time.Second, 9*time.Second))), "decided": stamp(at),
			"alternatives": []obj{{"option": "escalate", "score": round(1 - confidence)}}},
		"versions": g.versions(at, "gpt-4o", "aria-system", "aria-eu", []string{"returns", "contact"}, []string{"pii-in-reply", "tone-check", "ai-marking"}),
		"inputs": []obj{input("message", k.channel, "message", "provided", at.Add(-8*time.Second), ask), input("profile", "crm", "profile", "observed", at.Add(-7*time.Second), c.profile()),
			input("article", "knowledge-base", "article", "observed", at.Add(-7*time.Second), article)},
		"steps": steps, "outputs": []obj{out}, "controls": controls,
		"factors": []obj{{"code": "intent-" + intent, "direction": "for", "method": "llm", "input": "message", "weight": confidence, "label": "what the message asks for"}},
	}, aria, "customer-service")
	d := g.add("decision", at, k.source, body)
	g.planted(d)
	return d
}

// retrieval is a step that arrived after its decision.
func (g *generator) retrieval(at time.Time, k *contact, d *rec) {
	if d == nil {
		return
	}
	hits := []obj{pick(g, g.library.articles), pick(g, g.library.articles)}
	g.add("step", at, k.source, k.on(obj{"about": d.id, "steps": []obj{
		{"op": "embeddings", "provider": "azure-openai", "request_model": "text-embedding-3-small", "usage": obj{"input_tokens": 24 + g.rng.IntN(60)}},
		{"op": "retrieval", "tool": "knowledge-base", "side_effect": "none", "arguments": obj{"top": 2}, "result": hits}}}, aria, "customer-service"))
}

// handover is aria passing on to a person, and the router finding the queue.
func (g *generator) handover(at time.Time, k *contact, o order, d *rec) {
	if d == nil {
		return
	}
	text := map[string]string{"en": "I'm passing you on to a colleague who can see our conversation.", "de": "Ich verbinde Sie mit einer Kollegin, die unser Gespräch sehen kann."}[k.c.lang()]
	e := g.add("decision", at, k.source, k.on(obj{"about": d.id,
		"decision": obj{"kind": "escalate", "status": "made", "outcome": "escalated", "adverse": false, "significant": "no", "automation": "solely_automated", "reversible": true,
			"confidence": round(0.8 + 0.19*g.rng.Float64()), "reason": "the customer asked for a person, or aria was not sure enough"},
		"versions": g.versions(at, "gpt-4o", "aria-system", "aria-eu", []string{"contact"}, []string{"ai-marking"}),
		"inputs":   []obj{input("conversation", k.channel, "message", "provided", at.Add(-time.Second), obj{"turns": 3 + g.rng.IntN(6), "order": o.value(k.c), "mood": pick(g, []string{"calm", "annoyed", "worried"})})},
		"steps":    []obj{g.chat(at, ariaModel, "hand over?", text)},
		"outputs":  []obj{{"name": "reply", "kind": "message", "marked_ai": true, "locale": k.c.locale, "delivered": stamp(at), "value": text}},
		"controls": g.controls("gateway", "ai-marking")}, aria, "customer-service"))
	if !k.wanted.IsZero() && g.chance(50) {
		received := k.wanted
		ch := g.add("challenge", at.Add(2*time.Second), deskSource, k.on(obj{"about": d.id, "challenge": obj{"kind": "person_request", "status": "received", "received": stamp(received), "due": stamp(received.Add(time.Hour)),
			"text": "asked for a person in the conversation"}}, aria, "customer-service"))
		if ch != nil {
			done := at.Add(g.between(2*time.Minute, 25*time.Minute))
			g.add("challenge", done, deskSource, k.on(obj{"about": ch.id, "challenge": obj{"kind": "person_request", "status": "resolved", "outcome": "upheld", "received": stamp(received),
				"assignee": g.agent(), "reason": "a colleague took over"}}, aria, "customer-service"))
		}
	}
	g.route(at.Add(g.between(time.Second, 4*time.Second)), k, e)
}

// agent is a pseudonymous colleague.
func (g *generator) agent() string {
	return pick(g, []string{"agent-03", "agent-07", "agent-11", "agent-12", "agent-18", "agent-24", "agent-29", "agent-31"})
}

// toneFinding opens a finding for a reply that failed the tone check.
func (g *generator) toneFinding(d *rec, k *contact) {
	failed := false
	for _, c := range d.body["controls"].([]obj) {
		failed = failed || c["id"] == "tone-check" && c["result"] == "fail"
	}
	if !failed {
		return
	}
	at := d.at.Add(g.between(time.Minute, 5*time.Minute))
	body := func(status, text string) obj {
		return k.on(obj{"about": d.id, "finding": obj{"code": "tone", "status": status, "severity": "medium", "owner": "lead-2", "control": "tone-check", "due": stamp(d.at.Add(7 * 24 * time.Hour)), "text": text}}, aria, "customer-service")
	}
	g.add("finding", at, monitorSource, body("open", "A reply argues with the customer."))
	g.add("finding", at.Add(g.between(2*time.Hour, 30*time.Hour)), deskSource, body("acknowledged", "Read; belongs to the cases from before the next prompt."))
	g.add("finding", at.Add(g.between(40*time.Hour, 90*time.Hour)), deskSource, body("resolved", "Example added to the test set of aria-system."))
}
