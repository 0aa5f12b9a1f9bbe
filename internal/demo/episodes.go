// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"time"
)

// hours is how busy each hour of the day (UTC) is, weekdays how busy each day.
func hours() [24]int {
	return [24]int{0, 1, 1, 1, 1, 2, 6, 14, 26, 34, 36, 34, 29, 28, 27, 26, 27, 30, 33, 30, 22, 14, 7, 3}
}

func weekday(d time.Weekday) float64 {
	return map[time.Weekday]float64{time.Monday: 1.3, time.Tuesday: 1.12, time.Wednesday: 1.05, time.Thursday: 1.02, time.Friday: 1.0, time.Saturday: 0.68, time.Sunday: 0.55}[d]
}

// episodes fills the days with what customers want, until each day has its
// share of the records.
func (g *generator) episodes() {
	var weights [Days]float64
	sum := 0.0
	for d := range weights {
		weights[d] = weekday(g.at(d, 0, 0).Weekday()) * (0.93 + 0.14*g.rng.Float64())
		if d == Days-1 {
			weights[d] *= g.elapsed()
		}
		sum += weights[d]
	}
	base := len(g.recs)
	budget := float64(g.cfg.Records - base - g.dailies())
	done := 0.0
	for d, w := range weights {
		done += w
		if d == highlightDay {
			g.highlightStory()
		}
		for float64(len(g.recs)-base) < budget*done/sum {
			g.episode(g.moment(d))
		}
	}
}

// moment draws a time of a day after the curve of its hours.
func (g *generator) moment(day int) time.Time {
	total := 0
	for _, h := range hours() {
		total += h
	}
	n := g.rng.IntN(total)
	hour := 0
	for h, w := range hours() {
		if hour = h; n < w {
			break
		}
		n -= w
	}
	at := g.at(day, hour, 0).Add(g.between(0, time.Hour-time.Millisecond))
	if at.After(g.cfg.Now) { // today: somewhere in what has passed of it
		midnight := g.at(day, 0, 0)
		at = midnight.Add(g.between(0, g.cfg.Now.Sub(midnight)))
	}
	return at
}

// elapsed is which part of an ordinary day's contacts has come today by now.
func (g *generator) elapsed() float64 {
	sum, total := 0.0, 0.0
	for h, w := range hours() {
		from := g.at(Days-1, h, 0)
		total += float64(w)
		sum += float64(w) * min(1, max(0, g.cfg.Now.Sub(from).Hours()))
	}
	return sum / total
}

// episode is one contact of one customer with everything that follows from it.
func (g *generator) episode(at time.Time) {
	c := g.someone()
	switch n := g.rng.IntN(100); {
	case n < 44:
		g.conversation(at, c, pick(g, []string{"order_status", "order_status", "order_status", "change_address", "cancel_order", "product_question", "product_question", "complaint", "person_request"}))
	case n < 66:
		g.conversation(at, c, "refund_request")
	case n < 86:
		g.mail(at, c)
	default:
		g.call(at, c)
	}
}

// contact is one interaction of a customer.
type contact struct {
	c       customer
	id      string
	journey string
	channel string
	source  string
	started time.Time
	wanted  time.Time // when the person asked for a human
}

func (g *generator) contact(at time.Time, c customer, channel string) *contact {
	k := &contact{c: c, id: g.minted("int_"), journey: g.minted("jrn_"), channel: channel, started: at}
	switch channel {
	case "voice":
		k.source = "aria-voice-1"
	case "chat":
		k.source = pick(g, []string{"aria-chat-1", "aria-chat-2"})
	}
	return k
}

// on puts the interaction and the customer into a record.
func (k *contact) on(body obj, system, useCase string) obj {
	in := obj{"id": k.id, "channel": k.channel, "journey": k.journey, "started": stamp(k.started), "locale": k.c.locale, "jurisdiction": k.c.country}
	if !k.wanted.IsZero() {
		in["human_requested"] = stamp(k.wanted)
	}
	body["interaction"], body["subject"], body["system"], body["use_case"] = in, k.c.subject, system, useCase
	return body
}

// chat is the step in which a language model wrote something.
func (g *generator) chat(at time.Time, model, user, reply string) obj {
	took := g.between(700*time.Millisecond, 4200*time.Millisecond)
	return obj{"op": "chat", "id": g.minted("sp"), "provider": "azure-openai", "request_model": model, "response_model": model, "started": stamp(at.Add(-took)), "ended": stamp(at),
		"usage": obj{"input_tokens": 620 + len(user)/4 + g.rng.IntN(500), "output_tokens": len(reply)/4 + 12 + g.rng.IntN(20)}, "finish_reasons": []string{"stop"},
		"params": obj{"temperature": 0.2, "max_tokens": 400}, "response_id": "chatcmpl-" + g.minted(""),
		"messages": []obj{{"role": "user", "content": user}, {"role": "assistant", "content": reply}}}
}

// tool is the step in which a tool was called.
func (g *generator) tool(at time.Time, name, effect string, arguments, result any) obj {
	return obj{"op": "execute_tool", "id": g.minted("sp"), "tool": name, "side_effect": effect, "call_id": "call_" + g.minted(""), "arguments": arguments, "result": result,
		"started": stamp(at.Add(-g.between(30*time.Millisecond, 400*time.Millisecond))), "ended": stamp(at)}
}

// controls are the results of the controls that ran on a decision.
func (g *generator) controls(by string, ids ...string) []obj {
	severity := map[string]string{"pii-in-reply": "high", "tone-check": "medium", "adverse-needs-reason": "critical", "ai-marking": "high"}
	version := map[string]string{"pii-in-reply": "3", "tone-check": "2", "adverse-needs-reason": "1", "ai-marking": "1"}
	var out []obj
	for _, id := range ids {
		c := obj{"id": id, "version": version[id], "by": by, "severity": severity[id], "result": "pass"}
		if id == "tone-check" && g.chance(2) {
			c["result"], c["reason"] = "fail", "the reply explains to the customer why the customer is wrong"
		}
		out = append(out, c)
	}
	return out
}

func input(name, source, category, origin string, asOf time.Time, value any) obj {
	return obj{"name": name, "source": source, "category": category, "origin": origin, "as_of": stamp(asOf), "value": value}
}
