// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"strings"
	"time"
)

// mail is an email: the router finds the queue, draft-assist drafts a reply, a
// person sends it as it is, edited, or not at all.
func (g *generator) mail(at time.Time, c customer) {
	k := g.contact(at, c, "email")
	o := g.order(at)
	pair := pick(g, g.library.mails[c.lang()])
	letter, middle := fill(pair[0], c, o), fill(pair[1], c, o)
	open, end := "Dear "+c.first+" "+c.last+",\n\n", "\n\nKind regards\nNordlicht Home, customer care"
	if c.lang() == "de" {
		open, end = "Guten Tag "+c.first+" "+c.last+",\n\n", "\n\nFreundliche Grüße\nNordlicht Home, Kundenservice"
	}
	draft := open + middle + end
	g.route(at.Add(g.between(time.Second, 6*time.Second)), k, nil)
	t := at.Add(g.between(20*time.Second, 3*time.Minute))
	d := g.add("decision", t, "drafts-1", k.on(obj{
		"decision": obj{"kind": "reply_draft", "status": "made", "outcome": "drafted", "adverse": false, "significant": "no", "automation": "assistive", "reversible": true,
			"confidence": round(0.5 + 0.49*g.rng.Float64()), "decided": stamp(t)},
		"versions": g.versions(t, "gpt-4o-mini", "reply-draft", "drafts-eu", []string{"returns", "contact"}, []string{"pii-in-reply", "tone-check"}),
		"inputs": []obj{input("letter", "mailgate", "message", "provided", at, letter), input("order", "oms", "order", "observed", t.Add(-5*time.Second), o.value(c)),
			input("profile", "crm", "profile", "observed", t.Add(-5*time.Second), c.profile())},
		"steps":    []obj{{"op": "retrieval", "tool": "knowledge-base", "side_effect": "none", "arguments": obj{"query": o.item.category}, "result": []obj{pick(g, g.library.articles)}}, g.chat(t, draftModel, letter, draft)},
		"outputs":  []obj{{"name": "draft", "kind": "draft", "marked_ai": true, "locale": c.locale, "value": draft}},
		"controls": g.controls("gateway", "pii-in-reply", "tone-check")}, drafts, "email-replies"))
	if d != nil {
		g.send(g.office(t.Add(g.between(4*time.Minute, 5*time.Hour))), k, d, draft, middle)
	}
}

// send is what a person did with a draft.
func (g *generator) send(at time.Time, k *contact, d *rec, draft, middle string) {
	act := obj{"act": "approve", "before": "drafted", "after": "sent", "actor": g.agent(), "role": "agent", "team": "care-" + k.c.lang(), "dwell_ms": g.between(9*time.Second, 140*time.Second).Milliseconds(),
		"shown": digest(draft), "edit_ratio": 0.0, "opened": []string{"letter", "order"}}
	switch n := g.rng.IntN(100); {
	case n < 42:
		more := map[string]string{"en": " I have also noted on your account that you prefer to be written to in the evening.", "de": " Ich habe außerdem vermerkt, dass Sie abends am besten zu erreichen sind."}[k.c.lang()]
		act["act"], act["after"], act["reason_code"], act["edit_ratio"] = "edit", "sent_edited", pick(g, []string{"tone", "facts", "too-long", "missing-detail"}), round(0.04+0.5*g.rng.Float64())
		act["text"] = strings.Replace(draft, middle, middle+more, 1)
		act["reason"] = "The draft did not say what happens next."
	case n < 50:
		act["act"], act["after"], act["reason_code"], act["reason"] = "reject", "written_by_hand", "wrong-topic", "The draft answers another question than the one that was asked."
	}
	g.add("oversight", at, deskSource, k.on(obj{"about": d.id, "oversight": act}, drafts, "email-replies"))
}

// call is a phone call that goes straight to people.
func (g *generator) call(at time.Time, c customer) {
	k := g.contact(at, c, "voice")
	g.route(at.Add(g.between(400*time.Millisecond, 2*time.Second)), k, nil)
}

// route is the router putting a contact into a queue. On the silent day one of
// the two routers does nothing.
func (g *generator) route(at time.Time, k *contact, after *rec) {
	source := pick(g, []string{"router-1", "router-2"})
	if g.silent(at) {
		source = "router-1"
	}
	queue := pick(g, []string{"orders", "orders", "returns", "returns", "billing", "technical", "complaints", "general"}) + "-" + k.c.lang()
	if k.c.tier == "gold" {
		queue = "gold-" + k.c.lang()
	}
	p := round(0.4 + 0.55*g.rng.Float64())
	model := "priority-router-1.9.0"
	body := k.on(obj{
		"decision": obj{"kind": "route", "status": "made", "outcome": queue, "adverse": false, "significant": "no", "automation": "solely_automated", "reversible": true, "confidence": p,
			"alternatives": []obj{{"option": "general-" + k.c.lang(), "score": round((1 - p) * 0.6)}, {"option": "returns-" + k.c.lang(), "score": round((1 - p) * 0.4)}}, "decided": stamp(at)},
		"versions": g.versions(at, router, "", "routing-eu", []string{"contact"}, nil),
		"inputs": []obj{input("contact", k.channel, "contact", "observed", at, obj{"caller": k.c.subject, "language": k.c.locale, "waiting": g.rng.IntN(14), "words": pick(g, []string{"order, late, parcel", "refund, broken", "invoice, company", "garantie, defekt", "lieferung, adresse"})}),
			input("tier", "crm", "profile", "observed", at.Add(-time.Second), obj{"tier": k.c.tier, "since": k.c.since, "open_cases": g.rng.IntN(3)})},
		"steps":   []obj{{"op": "classify", "id": g.minted("sp"), "provider": "in-house", "request_model": model, "response_model": model, "started": stamp(at.Add(-12 * time.Millisecond)), "ended": stamp(at), "result": obj{"queue": queue, "p": p}}},
		"outputs": []obj{{"name": "queue", "kind": "action", "value": obj{"queue": queue, "priority": 1 + g.rng.IntN(3), "position": g.rng.IntN(20)}}},
		"factors": []obj{{"code": "topic", "direction": "for", "method": "shap", "input": "contact", "weight": round(p * 0.7), "label": "words of the contact"}, {"code": "tier", "direction": "neutral", "method": "shap", "input": "tier", "weight": round(p * 0.1), "label": "customer tier"}},
	}, router, "routing")
	if delete(body["versions"].(obj), "control"); after != nil {
		body["about"] = after.id
	}
	g.add("decision", at, source, body)
}
