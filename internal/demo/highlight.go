// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"time"
)

// highlightDay is when the story happens that the demo shows first.
const highlightDay = 23

// highlightStory is one refund, told from the first message to the payment: the
// score denies it, the customer contests, a person overrides.
func (g *generator) highlightStory() {
	c := customer{subject: "customer:5f2c81a9d4", first: "Priya", last: "Walker", email: "priya.walker58@example.com", locale: "en-GB", country: "GB", city: "Leeds",
		street: "41 Mill Lane", zip: "LS6 2QT", tier: "plus", since: 2019, refunds: 3, lastFour: "7716"}
	at := g.at(highlightDay, 10, 11).Add(32*time.Second + 418*time.Millisecond)
	o := order{id: "W482913", item: g.library.products[7], quantity: 1, total: 326.90, carrier: "DPD", signed: true,
		placed: at.AddDate(0, 0, -11), delivered: at.AddDate(0, 0, -6)}
	k := g.contact(at.Add(-50*time.Second), c, "chat")
	k.source = "aria-chat-1"
	g.openingWords(at, k, o)

	cl := &claim{contact: k, o: o, score: 0.86}
	g.attempt(at.Add(2*time.Second), cl)
	cl.factors = []reason{g.library.reasons[0], g.library.reasons[1], g.library.reasons[6]}
	decided := at.Add(2*time.Second + 540*time.Millisecond)
	d := g.verdict(decided, cl, "made", "denied")
	g.highlight = d.id
	g.tell(decided.Add(4*time.Minute), cl, d, "adverse_decision", map[string]string{
		"en": "Our automated check declined the refund of {amount} for {order}. You can contest this within 30 days; a person will then decide. Reply to this message or call us."})
	g.explain(decided.Add(4*time.Minute+7*time.Second), cl, d, "subject")

	said := g.at(highlightDay+1, 8, 2).Add(11 * time.Second)
	challenge := func(at time.Time, about string, body obj) *rec {
		body["kind"], body["regime"], body["received"] = "contest", "uk-dpa-22c", stamp(said)
		return g.add("challenge", at, deskSource, cl.on(obj{"about": about, "challenge": body}, fraud, "refunds"))
	}
	ch := challenge(said, d.id, obj{"status": "received", "due": stamp(said.AddDate(0, 0, 30)),
		"text": "I did not sign for anything. I live at number 41, and the man at 14 collects everyone's parcels. Two of my three refunds were for the same broken lamp. Please have a person look at the photo."})
	challenge(said.Add(22*time.Minute), ch.id, obj{"status": "assigned", "assignee": "analyst-3"})
	looked := said.Add(2*time.Hour + 26*time.Minute)
	why := "The delivery photo shows number 14; the customer lives at 41. Two of the three refunds are one case, booked twice."
	over := g.oversee(looked, cl, d, oversight{act: "override", actor: "analyst-3", before: "denied", after: "approved", code: "delivery-disputed", dwell: 214 * time.Second,
		opened: []string{"order", "delivery-photo", "refund_history", "conversation"}, reason: why})
	g.replace(looked.Add(9*time.Second), cl, d, "approved", why)
	challenge(looked.Add(90*time.Second), ch.id, obj{"status": "resolved", "outcome": "overturned", "assignee": "analyst-3", "reason": why})
	g.tell(looked.Add(4*time.Minute), cl, over, "refund_approved", map[string]string{
		"en": "A person looked at your refund again and decided in your favour: {amount} for {order} goes back to your card ending {four} within five working days. We are sorry for the trouble."})
	g.add("finding", looked.Add(40*time.Minute), deskSource, cl.on(obj{"about": d.id, "finding": obj{"code": "double-counted-refund", "status": "open", "severity": "high", "owner": "owner-fraud-score",
		"due": stamp(looked.AddDate(0, 0, 14)), "text": "refund_history counts a replaced refund twice. How many denials rest on this?"}}, fraud, "refunds"))
}

// openingWords is what the customer wrote, and what aria did.
func (g *generator) openingWords(at time.Time, k *contact, o order) {
	g.add("notice", k.started, noticeSource, k.on(obj{"notice": obj{"kind": "ai_interaction", "template": "ai-disclosure@2", "locale": k.c.locale, "delivered": stamp(k.started),
		"text": "You are talking to aria, an AI system. Ask for a person at any time."}}, aria, "customer-service"))
	d := g.answer(at, k, "refund_request", o)
	ask := fill("Hi, the {item} never arrived. DPD says it was signed for on {delivered}, but nobody was home. Order {order}. I'd like the {amount} back please.", k.c, o)
	reply := fill("I'm sorry, {first}, that is frustrating. I've put in a refund request over {amount} for {order}; you'll hear from us within the hour.", k.c, o)
	d.body["inputs"].([]obj)[0]["value"] = ask
	d.body["outputs"].([]obj)[0]["value"] = reply
	d.body["steps"].([]obj)[0]["messages"] = []obj{{"role": "user", "content": ask}, {"role": "assistant", "content": reply}}
}
