// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"slices"
	"strings"
	"time"
)

// claim is one refund on its way through the fraud score.
type claim struct {
	*contact
	o       order
	score   float64
	factors []reason
	attempt *rec
}

// refund is the whole life of a refund claim: the attempt, the decision, and
// what people and customers make of it.
func (g *generator) refund(at time.Time, k *contact, o order) {
	if at.Add(45 * time.Minute).After(g.cfg.Now) {
		return // an attempt without outcome, or a denial without notice, would look like a defect
	}
	cl := &claim{contact: k, o: o, score: g.score(k.c, o)}
	g.attempt(at, cl)
	if g.want("attempt_without_outcome", at) {
		g.planted(cl.attempt)
		return
	}
	decided := at.Add(g.between(180*time.Millisecond, 900*time.Millisecond))
	if decided.After(g.incident[0]) && decided.Before(g.incident[1]) && g.chance(40) {
		g.verdict(decided.Add(8*time.Second), cl, "timeout", "retried")
		decided = decided.Add(2 * time.Minute)
		g.attempt(decided.Add(-400*time.Millisecond), cl)
	}
	switch {
	case g.due(at, "unknown_model_version", "adverse_without_reason", "late_notice"):
		cl.score = 0.86
	case g.due(at, "too_quick_approval"):
		cl.score = 0.66
	}
	switch {
	case cl.score >= 0.8:
		g.denied(decided, cl)
	case cl.score >= 0.45 || o.total > 500:
		cl.score = max(cl.score, 0.47)
		g.referred(decided, cl)
	default:
		d := g.verdict(decided, cl, "made", "approved")
		g.tell(decided.Add(g.between(20*time.Second, 10*time.Minute)), cl, d, "refund_approved", map[string]string{
			"en": "Good news: we refund {amount} for {order} to your card ending {four} within five working days.",
			"de": "Gute Nachricht: Wir erstatten {amount} zu {order} innerhalb von fünf Werktagen auf die Karte mit der Endung {four}."})
	}
}

// score is how suspicious a claim looks; most do not.
func (g *generator) score(c customer, o order) float64 {
	s := 0.05 + 0.5*g.rng.Float64()*g.rng.Float64() + 0.11*float64(c.refunds)
	if o.signed {
		s += 0.07
	}
	if o.total > 300 {
		s += 0.12
	}
	if g.chance(20) {
		s += 0.5
	}
	return round(min(s, 0.98))
}

func (g *generator) fraudVersions(at time.Time) obj {
	return g.versions(at, fraud, "", "refunds-eu", []string{"returns"}, []string{"adverse-needs-reason"})
}

// attempt is recorded before the model is called.
func (g *generator) attempt(at time.Time, cl *claim) {
	cl.attempt = g.add("decision", at, "fraud-eu-1", cl.on(obj{
		"decision": obj{"kind": "refund", "status": "requested", "significant": "yes", "automation": "solely_automated", "requested": stamp(at)},
		"versions": g.fraudVersions(at),
		"inputs":   []obj{input("claim", "aria", "claim", "provided", at, obj{"order_id": cl.o.id, "amount": cl.o.total, "currency": cl.c.currency(), "via": cl.id})},
	}, fraud, "refunds"))
}

// verdict is the decision on a claim.
func (g *generator) verdict(at time.Time, cl *claim, status, outcome string) *rec {
	adverse := outcome == "denied"
	c, o := cl.c, cl.o
	if len(cl.factors) == 0 {
		cl.factors = g.grounds(cl)
	}
	scored := obj{"op": "classify", "id": g.minted("sp"), "provider": "in-house", "started": stamp(at.Add(-60 * time.Millisecond)), "ended": stamp(at), "result": obj{"score": cl.score, "calibrated": round(cl.score * 0.97)}}
	model := strings.Replace(g.inForce(fraud, at), "@", "-", 1)
	scored["request_model"], scored["response_model"] = model, model
	decision := obj{"kind": "refund", "status": status, "outcome": outcome, "adverse": adverse, "significant": "yes", "automation": "solely_automated", "reversible": true,
		"threshold": 0.8, "score": cl.score, "confidence": round(0.55 + 0.44*g.rng.Float64()), "requested": stamp(cl.attempt.at), "decided": stamp(at), "effective": stamp(at),
		"alternatives": []obj{{"option": "approved", "score": round(1 - cl.score)}, {"option": "referred", "score": round(cl.score * (1 - cl.score))}}}
	if adverse {
		decision["reason"] = "Denied: " + cl.factors[0].label + "; " + cl.factors[1].label + "."
	}
	versions := g.fraudVersions(at)
	body := cl.on(obj{"about": cl.attempt.id, "decision": decision, "versions": versions,
		"inputs": []obj{input("claim", "aria", "claim", "provided", cl.attempt.at, obj{"order_id": o.id, "amount": o.total, "currency": c.currency(), "via": cl.id, "photo": !cl.says("photo_missing"), "serial_matches": !cl.says("serial_mismatch")}),
			input("order", "oms", "order", "observed", at.Add(-2*time.Second), o.value(c)),
			input("refund_history", "payments", "history", "observed", at.Add(-2*time.Second), obj{"refunds_60_days": c.refunds, "sum_60_days": round(float64(c.refunds) * 71.3), "chargebacks": 0, "orders_12_months": 4 + c.refunds*2}),
			input("device", "web", "device", "observed", at.Add(-3*time.Second), obj{"fingerprint": g.minted("dev_"), "accounts_seen": cl.accounts(), "country": c.country})},
		"steps":    []obj{g.tool(at.Add(-300*time.Millisecond), "get_order", "none", obj{"order_id": o.id}, obj{"status": "delivered", "signed": o.signed, "carrier": o.carrier}), scored},
		"outputs":  []obj{{"name": "score", "kind": "score", "value": cl.score}},
		"factors":  weights(cl),
		"controls": g.controls("gateway", "adverse-needs-reason")}, fraud, "refunds")
	switch {
	case status == "timeout":
		delete(body, "factors")
		delete(body, "outputs")
		delete(decision, "score")
		scored["error"] = "timeout"
		delete(scored, "result")
	case adverse && g.want("adverse_without_reason", at):
		delete(body, "factors")
		delete(decision, "reason")
		body["controls"].([]obj)[0]["result"] = "skip"
	case adverse && g.want("unknown_model_version", at):
		versions["model"] = fraud + "@3.4.0-rc1"
		scored["request_model"], scored["response_model"] = fraud+"-3.4.0-rc1", fraud+"-3.4.0-rc1"
	}
	d := g.add("decision", at, "fraud-eu-1", body)
	g.planted(d)
	return d
}

// grounds picks what a score stands on: the facts of the claim first.
func (g *generator) grounds(cl *claim) []reason {
	facts := map[string]bool{"refunds_60_days": cl.c.refunds > 1, "signed_delivery": cl.o.signed, "high_value": cl.o.total > 300,
		"late_return": cl.attempt.at.Sub(cl.o.delivered) > 30*24*time.Hour}
	var out, rest []reason
	for _, r := range g.library.reasons {
		switch holds, known := facts[r.code]; {
		case holds:
			out = append(out, r)
		case !known:
			rest = append(rest, r)
		}
	}
	for len(out) < 3 {
		i := g.rng.IntN(len(rest))
		out = append(out, rest[i])
		rest = append(rest[:i:i], rest[i+1:]...)
	}
	return out[:3]
}

// says reports whether the score stands on a reason, so that the inputs agree.
func (cl *claim) says(code string) bool {
	return slices.ContainsFunc(cl.factors, func(r reason) bool { return r.code == code })
}

// accounts is how many accounts the claim's device was seen with.
func (cl *claim) accounts() int {
	if cl.says("device_seen_elsewhere") {
		return 3 + cl.c.refunds
	}
	return 1
}

func weights(cl *claim) []obj {
	var out []obj
	w := cl.score * 0.5
	for _, r := range cl.factors {
		direction := "against"
		if cl.score < 0.45 {
			direction = "neutral"
		}
		out = append(out, obj{"code": r.code, "direction": direction, "method": "shap", "input": r.input, "weight": round(w), "label": r.label})
		w *= 0.6
	}
	return out
}

// tell sends a notice about a decision.
func (g *generator) tell(at time.Time, cl *claim, d *rec, kind string, text map[string]string) *rec {
	if d == nil {
		return nil
	}
	return g.add("notice", at, noticeSource, cl.on(obj{"about": d.id, "notice": obj{"kind": kind, "template": strings.ReplaceAll(kind, "_", "-") + "@4", "locale": cl.c.locale,
		"delivered": stamp(at), "text": fill(text[cl.c.lang()], cl.c, cl.o)}}, fraud, "refunds"))
}

// denied is a refund denied by the score, with the notice, the explanation and
// often a contest.
func (g *generator) denied(at time.Time, cl *claim) {
	d := g.verdict(at, cl, "made", "denied")
	if d == nil {
		return
	}
	wait := g.between(time.Minute, 40*time.Minute)
	late := g.want("late_notice", at)
	if late {
		wait = 9*24*time.Hour + 3*time.Hour + 11*time.Minute
	}
	n := g.tell(at.Add(wait), cl, d, "adverse_decision", map[string]string{
		"en": "Our automated check declined the refund of {amount} for {order}. You can contest this within 30 days; a person will then decide. Reply to this message or call us.",
		"de": "Unsere automatische Prüfung hat die Erstattung von {amount} zu {order} abgelehnt. Sie können das innerhalb von 30 Tagen anfechten, dann entscheidet ein Mensch. Antworten Sie auf diese Nachricht oder rufen Sie uns an."})
	if late {
		g.planted(n)
		return
	}
	g.explain(at.Add(wait+g.between(2*time.Second, 20*time.Second)), cl, d, "subject")
	if g.chance(50) {
		g.contest(at.Add(wait+g.between(30*time.Minute, 44*time.Hour)), cl, d)
	}
}

// explain is the explanation of a decision to someone.
func (g *generator) explain(at time.Time, cl *claim, d *rec, audience string) {
	f := cl.factors
	lead := map[string]string{"en": "The check weighed three things most: ", "de": "Am stärksten zählte bei der Prüfung: "}[cl.c.lang()]
	tail := map[string]string{"en": ". It used your order, your refunds of the last 60 days and the device you wrote from. The team Refunds EU is responsible; a person will look at it if you ask.",
		"de": ". Verwendet wurden Ihre Bestellung, Ihre Erstattungen der letzten 60 Tage und Ihr Gerät. Verantwortlich ist das Team Refunds EU; auf Wunsch sieht ein Mensch den Fall an."}[cl.c.lang()]
	text := lead + f[0].text[cl.c.lang()] + "; " + f[1].text[cl.c.lang()] + "; " + f[2].text[cl.c.lang()] + tail
	g.add("explanation", at, noticeSource, cl.on(obj{"about": d.id, "explanation": obj{"audience": audience, "types": []string{"rationale", "data", "responsibility"},
		"template": "refund-explanation@2", "locale": cl.c.locale, "delivered": stamp(at), "digest": digest(text), "text": text}}, fraud, "refunds"))
}
