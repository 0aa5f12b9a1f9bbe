// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"maps"
	"slices"
	"time"
)

// dailies is how many records finish adds.
func (g *generator) dailies() int {
	return (Days - 1) * (len(g.beating()) + len(counters()) + len(signals()))
}

// beating are the sources that send heartbeats.
func (g *generator) beating() []string { return append(aiSources(), deskSource, noticeSource) }

// slowAfternoon is an incident at the model provider.
func (g *generator) slowAfternoon() {
	body := func(status, text string, more obj) obj {
		in := obj{"code": "llm-latency", "severity": "medium", "status": status, "opened": stamp(g.incident[0].Add(6 * time.Minute)), "text": text}
		maps.Copy(in, more)
		return obj{"system": aria, "incident": in}
	}
	open := g.add("incident", g.incident[0].Add(6*time.Minute), monitorSource, body("open", "A third of the calls to the provider in swedencentral run into the timeout of 8 s.", nil))
	if open == nil {
		return
	}
	contained := body("contained", "Customers get the fallback message; refund claims are scored again after two minutes.", nil)
	contained["about"] = open.id
	g.add("incident", g.incident[0].Add(38*time.Minute), deskSource, contained)
	closed := body("closed", "The provider reports a failed rollout that it took back. No decision was lost; the timeouts are on record.", obj{"closed": stamp(g.incident[1].Add(20 * time.Minute))})
	closed["about"] = open.id
	g.add("incident", g.incident[1].Add(20*time.Minute), deskSource, closed)
}

// counter is a count that another department owns, and how to count the same
// from the records.
type counter struct {
	name, owner, system, useCase string
	counts                       func(r *rec) bool
	once                         bool // an interaction counts once
}

func decisionOf(r *rec, system string) obj {
	d, ok := r.body["decision"].(obj)
	if !ok || r.body["system"] != system {
		return nil
	}
	return d
}

func channelOf(r *rec) string {
	in, _ := r.body["interaction"].(obj)
	c, _ := in["channel"].(string)
	return c
}

func counters() []counter {
	return []counter{
		{"webchat.conversations", "channel-ops", aria, "customer-service", func(r *rec) bool { return decisionOf(r, aria) != nil && channelOf(r) == "chat" }, true},
		{"telephony.contacts_queued", "telephony-ops", router, "routing", func(r *rec) bool { return decisionOf(r, router) != nil && channelOf(r) == "voice" }, false},
		{"mailgate.messages", "it-mail", drafts, "email-replies", func(r *rec) bool { return decisionOf(r, drafts) != nil }, false},
		{"payments.refund_requests", "payments", fraud, "refunds", func(r *rec) bool { d := decisionOf(r, fraud); return d != nil && d["status"] == "requested" }, false},
	}
}

// signal is a rate of a day.
type signal struct {
	name, system string
	limit        float64
	of           func(r *rec) (hit, counted bool)
}

func signals() []signal {
	return []signal{
		{"escalation_rate", aria, 0.25, func(r *rec) (bool, bool) {
			d := decisionOf(r, aria)
			return d != nil && d["outcome"] == "escalated", d != nil
		}},
		{"override_rate", fraud, 0.2, func(r *rec) (bool, bool) {
			o, ok := r.body["oversight"].(obj)
			return ok && o["act"] == "override", ok && r.body["system"] == fraud
		}},
	}
}

// finish adds what is counted from the records, sorts and numbers them.
func (g *generator) finish() {
	g.sort()
	days := make([][]*rec, Days)
	for _, r := range g.recs {
		d := int(r.at.Sub(g.start) / (24 * time.Hour))
		days[d] = append(days[d], r)
	}
	seen := map[string]bool{}
	for d := range Days - 1 {
		g.reconcile(d, days[d], seen)
		g.measure(d, days[d])
	}
	for d := range Days - 1 {
		for i, s := range g.beating() {
			if s == "router-2" && g.silent(g.at(d, 0, 0)) {
				continue
			}
			g.add("heartbeat", g.at(d, 23, 59).Add(time.Duration(i)*time.Second), s, obj{"heartbeat": obj{"from": stamp(g.at(d, 0, 0)), "to": stamp(g.at(d+1, 0, 0))}})
		}
	}
	g.sort()
	g.plantLate()
	g.number()
}

func (g *generator) sort() {
	slices.SortStableFunc(g.recs, func(a, b *rec) int { return a.at.Compare(b.at) })
}

// reconcile compares a day's records with the counters of others.
func (g *generator) reconcile(day int, recs []*rec, seen map[string]bool) {
	for i, c := range counters() {
		n := 0
		for _, r := range recs {
			if !c.counts(r) {
				continue
			}
			if c.once {
				in := r.body["interaction"].(obj)["id"].(string)
				if seen[in] {
					continue
				}
				seen[in] = true
			}
			n++
		}
		from, at := g.at(day, 0, 0), g.at(day+1, 0, 20).Add(time.Duration(i)*time.Second)
		body := obj{"counter": c.name, "owner": c.owner, "from": stamp(from), "to": stamp(g.at(day+1, 0, 0)), "expected": n, "recorded": n, "status": "matched"}
		wrong := c.system == drafts && g.due(from, "count_mismatch")
		if wrong {
			body["expected"], body["status"] = n+4, "unexplained"
		}
		r := g.add("reconciliation", at, monitorSource, obj{"system": c.system, "use_case": c.useCase, "reconciliation": body})
		if wrong && r != nil {
			g.mark("count_mismatch", r)
		}
	}
}

// measure writes the rates of a day.
func (g *generator) measure(day int, recs []*rec) {
	for i, s := range signals() {
		hits, n := 0, 0
		for _, r := range recs {
			hit, counted := s.of(r)
			if counted {
				n++
			}
			if hit {
				hits++
			}
		}
		rate := 0.0
		if n > 0 {
			rate = round(float64(hits) / float64(n))
		}
		g.add("signal", g.at(day+1, 0, 30).Add(time.Duration(i)*time.Second), monitorSource, obj{"system": s.system, "signal": obj{"name": s.name, "value": rate, "unit": "ratio", "threshold": s.limit,
			"breached": rate > s.limit, "from": stamp(g.at(day, 0, 0)), "to": stamp(g.at(day+1, 0, 0)), "group": s.system}})
	}
}

// number gives each source its sequence and fills the heartbeats in.
func (g *generator) number() {
	last, beat := map[string]int64{}, map[string]int64{}
	for _, r := range g.recs {
		last[r.source] += 1 + r.skip
		seq := last[r.source]
		r.body["source"] = obj{"id": r.source, "seq": seq}
		if hb, ok := r.body["heartbeat"].(obj); ok {
			hb["count"], hb["seq"] = seq-beat[r.source], seq
			beat[r.source] = seq
		}
	}
}
