// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"time"
)

// contest is a customer contesting a denied refund, and a person deciding.
func (g *generator) contest(at time.Time, cl *claim, d *rec) {
	words := map[string][]string{
		"en": {"I never got the parcel. My neighbour at another number signed for it. Please look at the delivery photo.", "I have had three refunds because three things arrived broken. That is your packaging, not me.",
			"I disagree. The serial number on the photo is the one on the box, I attach both.", "I want a person to decide this. Your computer got it wrong."},
		"de": {"Ich habe das Paket nie bekommen, unterschrieben hat jemand mit anderer Hausnummer. Bitte sehen Sie das Foto an.", "Ich hatte drei Erstattungen, weil drei Sachen kaputt ankamen. Das liegt an der Verpackung.",
			"Ich widerspreche und möchte, dass ein Mensch entscheidet."},
	}
	regime := "gdpr-22"
	if cl.c.country == "GB" {
		regime = "uk-dpa-22c"
	}
	ch := g.add("challenge", at, deskSource, cl.on(obj{"about": d.id, "challenge": obj{"kind": "contest", "status": "received", "regime": regime, "received": stamp(at),
		"due": stamp(at.AddDate(0, 0, 30)), "text": pick(g, words[cl.c.lang()])}}, fraud, "refunds"))
	if ch == nil {
		return
	}
	analyst := g.analyst()
	g.add("challenge", at.Add(g.between(10*time.Minute, 3*time.Hour)), deskSource, cl.on(obj{"about": ch.id, "challenge": obj{"kind": "contest", "status": "assigned", "regime": regime,
		"received": stamp(at), "assignee": analyst}}, fraud, "refunds"))
	looked := g.office(at.Add(g.between(4*time.Hour, 52*time.Hour)))
	overturn := g.chance(50)
	act, after, outcome, why := "approve", "denied", "upheld", "The serial number and the delivery photo agree with the decision."
	if overturn {
		act, after, outcome, why = "override", "approved", "overturned", "The delivery photo shows another house number; the customer is right."
	}
	o := g.oversee(looked, cl, d, oversight{act: act, actor: analyst, before: "denied", after: after, code: map[bool]string{true: "delivery-disputed", false: "decision-confirmed"}[overturn],
		dwell: g.between(70*time.Second, 9*time.Minute), opened: []string{"order", "delivery-photo", "refund_history"}, reason: why})
	if o != nil && overturn {
		g.replace(looked.Add(g.between(5*time.Second, 40*time.Second)), cl, d, "approved", why)
	}
	g.add("challenge", looked.Add(g.between(time.Minute, 10*time.Minute)), deskSource, cl.on(obj{"about": ch.id, "challenge": obj{"kind": "contest", "status": "resolved", "outcome": outcome, "regime": regime,
		"received": stamp(at), "assignee": analyst, "reason": why}}, fraud, "refunds"))
	if overturn {
		g.tell(looked.Add(15*time.Minute), cl, o, "refund_approved", map[string]string{"en": "A person looked at your refund again and decided in your favour: {amount} for {order} is on its way.",
			"de": "Ein Mensch hat Ihren Fall noch einmal geprüft und zu Ihren Gunsten entschieden: {amount} zu {order} ist unterwegs."})
	} else {
		g.explain(looked.Add(20*time.Minute), cl, d, "reviewer")
	}
}

// referred is a claim between the thresholds: a person decides.
func (g *generator) referred(at time.Time, cl *claim) {
	d := g.verdict(at, cl, "made", "referred")
	if d == nil {
		return
	}
	looked := g.office(at.Add(g.between(8*time.Minute, 7*time.Hour)))
	act := oversight{act: "approve", actor: g.analyst(), before: "referred", after: "approved", code: "evidence-plausible", dwell: g.between(25*time.Second, 6*time.Minute),
		opened: []string{"order", "refund_history"}, reason: "Photo and description fit together."}
	if cl.score > 0.6 && g.chance(70) {
		act.act, act.after, act.code, act.reason = "reject", "denied", "evidence-missing", "No photo after two reminders; the claim does not fit the delivery."
	}
	quick := g.want("too_quick_approval", at)
	if quick {
		act.act, act.after, act.code, act.reason, act.dwell, act.opened = "approve", "approved", "evidence-plausible", "ok", 800*time.Millisecond, []string{"order"}
	}
	o := g.oversee(looked, cl, d, act)
	if quick {
		g.planted(o)
	}
	r := g.replace(looked.Add(g.between(2*time.Second, 20*time.Second)), cl, d, act.after, act.reason)
	if act.after == "denied" {
		g.tell(looked.Add(g.between(2*time.Minute, 50*time.Minute)), cl, r, "adverse_decision", map[string]string{
			"en": "A colleague looked at your claim for {order} and could not approve the refund of {amount}. You can contest this within 30 days.",
			"de": "Eine Kollegin hat Ihre Reklamation zu {order} geprüft und konnte der Erstattung von {amount} nicht zustimmen. Sie können das innerhalb von 30 Tagen anfechten."})
		return
	}
	g.tell(looked.Add(g.between(2*time.Minute, 50*time.Minute)), cl, r, "refund_approved", map[string]string{
		"en": "We refund {amount} for {order} to your card ending {four}.", "de": "Wir erstatten {amount} zu {order} auf die Karte mit der Endung {four}."})
}

// oversight is a person's act.
type oversight struct {
	act, actor, before, after, code string
	dwell                           time.Duration
	opened                          []string
	reason                          string
}

// oversee records a person's act on a decision of the fraud score.
func (g *generator) oversee(at time.Time, cl *claim, d *rec, o oversight) *rec {
	return g.add("oversight", at, deskSource, cl.on(obj{"about": d.id, "oversight": obj{"act": o.act, "actor": o.actor, "role": "fraud-analyst", "team": "refunds-eu", "before": o.before, "after": o.after,
		"reason_code": o.code, "opened": o.opened, "dwell_ms": o.dwell.Milliseconds(), "shown": digest(d.id + "/review"), "reason": o.reason}}, fraud, "refunds"))
}

// replace is the decision that stands after a person decided.
func (g *generator) replace(at time.Time, cl *claim, d *rec, outcome, why string) *rec {
	body := cl.on(obj{"about": d.id,
		"decision": obj{"kind": "refund", "status": "made", "outcome": outcome, "adverse": outcome == "denied", "significant": "yes", "automation": "meaningful_human", "reversible": true,
			"supersedes": d.id, "decided": stamp(at), "effective": stamp(at), "score": cl.score, "reason": why},
		"versions": g.fraudVersions(at), "factors": []obj{{"code": "human-review", "direction": map[bool]string{true: "against", false: "for"}[outcome == "denied"], "method": "human", "label": why}},
		"inputs":   []obj{input("review", "desk", "review", "observed", at, obj{"about": d.id, "delivery_photo": "s3://nordlicht-pod/" + cl.o.id + ".jpg", "order": cl.o.value(cl.c)})},
		"controls": g.controls("gateway", "adverse-needs-reason")}, fraud, "refunds")
	return g.add("decision", at, "fraud-eu-1", body)
}

func (g *generator) analyst() string {
	return pick(g, []string{"analyst-1", "analyst-3", "analyst-4", "analyst-6"})
}
