// SPDX-License-Identifier: Apache-2.0

package inquiry

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

// wish is an interaction in which somebody asked for a person.
type wish struct {
	where                api.Place
	system               text
	requested, connected time.Time
	refusals             int // decisions not to pass on
	escalated            bool
	decided              bool
	values               map[string]any
}

// escalations lists who asked for a person and was not passed on: question 16.
func escalations(a *asking) error {
	a.columns("interaction", "system", "requested", "outcome", "threshold", "policies", "connected", "wait_s")
	a.figures("asked", "escalated", "not_escalated", "no_decision", "never_connected")
	wishes := map[string]*wish{}
	// Who asked shows on any record of the interaction, and so does who came.
	err := a.walk(ledger.Query{System: a.System, Env: a.Env}, func(at spot, s *statement) error {
		if s.Interaction.ID == "" {
			return nil
		}
		w := wishes[string(s.Interaction.ID)]
		if w == nil {
			if s.Interaction.Requested.IsZero() && !isEscalation(s) && s.Interaction.Connected.IsZero() {
				return nil
			}
			w = &wish{where: a.place(at, s), system: s.System, values: map[string]any{}}
			wishes[string(s.Interaction.ID)] = w
		}
		w.see(s)
		return nil
	})
	if err != nil {
		return err
	}
	ids := slices.SortedFunc(maps.Keys(wishes), func(x, y string) int {
		return cmp.Or(wishes[x].requested.Compare(wishes[y].requested), cmp.Compare(x, y))
	})
	for _, id := range ids {
		if w := wishes[id]; !w.requested.IsZero() && a.covers(w.requested) {
			a.judge(id, w)
		}
	}
	return nil
}

// isEscalation says whether a record decides about passing on to a person.
func isEscalation(s *statement) bool {
	return hasPart(string(s.Decision.Kind), "escalate", "escalation", "handover", "handoff")
}

// see adds a record of the interaction.
func (w *wish) see(s *statement) {
	if r := s.Interaction.Requested; !r.IsZero() && (w.requested.IsZero() || r.Before(w.requested)) {
		w.requested = r.Time
	}
	if c := s.Interaction.Connected; !c.IsZero() && (w.connected.IsZero() || c.Before(w.connected)) {
		w.connected = c.Time
	}
	if s.Oversight.Act == "escalate" {
		w.escalated = true
	}
	if !isEscalation(s) {
		return
	}
	if !s.made() {
		return
	}
	w.decided = true
	if hasPart(string(s.Decision.Outcome), "not", "no", "denied", "refused", "declined", "kept") {
		w.refusals++
		word(w.values, "outcome", s.Decision.Outcome)
		s.Decision.Threshold.say(w.values, "threshold")
		var policies []string
		for _, b := range s.bound() {
			if b.Kind == "policy" {
				policies = append(policies, b.Version)
			}
		}
		if policies != nil {
			w.values["policies"] = policies
		}
		return
	}
	w.escalated = true
}

// judge says what became of a wish.
func (a *asking) judge(id string, w *wish) {
	a.answer.Looked++
	a.add("asked", 1)
	var faults []string
	if w.refusals > 0 {
		faults = append(faults, "not_escalated")
	}
	if !w.decided && !w.escalated && w.connected.IsZero() {
		faults = append(faults, "no_decision")
	}
	if len(faults) == 0 {
		a.add("escalated", 1)
		return
	}
	w.values["interaction"] = id
	word(w.values, "system", w.system)
	clock(w.values, "requested", w.requested)
	clock(w.values, "connected", w.connected)
	if w.connected.IsZero() {
		a.add("never_connected", 1)
	} else {
		w.values["wait_s"] = w.connected.Sub(w.requested).Seconds()
	}
	a.put(&w.where, faults, w.values)
}

// talk is an interaction in which AI answered.
type talk struct {
	where   api.Place
	system  text
	channel text
	reply   time.Time
	told    []notice
}

// notice is one that one talks to AI.
type notice struct {
	when             time.Time
	template, locale text
}

// notices says whether customers were told that they talk to AI before it first
// answered: question 17.
func notices(a *asking) error {
	a.columns("interaction", "system", "channel", "replied", "told", "late_s", "template", "locale")
	a.figures("interactions", "told", "no_notice", "late_notice", "rate")
	talks, told := map[string]*talk{}, map[string][]notice{}
	of := map[string]string{} // the interaction of a decision
	err := a.walk(ledger.Query{Env: a.Env}, func(at spot, s *statement) error {
		id := string(s.Interaction.ID)
		if id == "" && s.Notice.Kind != "" {
			id = of[string(s.About)]
		}
		if id == "" {
			return nil
		}
		if s.Decision.Kind != "" {
			of[string(s.ID)] = id
		}
		if hasPart(string(s.Notice.Kind), "ai") {
			told[id] = append(told[id], notice{s.Notice.Delivered.or(s.Time.Time), s.Notice.Template, s.Notice.Locale})
		}
		reply, ok := s.reply()
		if !ok || a.System != "" && string(s.System) != a.System {
			return nil
		}
		if t := talks[id]; t == nil || reply.Before(t.reply) {
			talks[id] = &talk{where: a.place(at, s), system: s.System, channel: s.Interaction.Channel, reply: reply}
		}
		return nil
	})
	if err != nil {
		return err
	}
	ids := slices.SortedFunc(maps.Keys(talks), func(x, y string) int {
		return cmp.Or(talks[x].reply.Compare(talks[y].reply), cmp.Compare(x, y))
	})
	good := 0.0
	for _, id := range ids {
		t := talks[id]
		if !a.covers(t.reply) {
			continue
		}
		a.answer.Looked++
		a.add("interactions", 1)
		if t.told = earliest(told[id], func(n notice) int64 { return n.when.UnixNano() }); len(t.told) > 0 && !t.told[0].when.After(t.reply) {
			good++
			continue
		}
		a.untold(id, t)
	}
	a.add("told", good)
	a.add("rate", share(good, float64(a.answer.Looked)))
	return nil
}

// untold lists an interaction in which AI answered first.
func (a *asking) untold(id string, t *talk) {
	faults := []string{"no_notice"}
	v := map[string]any{"interaction": id}
	word(v, "system", t.system)
	word(v, "channel", t.channel)
	clock(v, "replied", t.reply)
	if len(t.told) > 0 {
		faults = []string{"late_notice"}
		n := t.told[0]
		clock(v, "told", n.when)
		v["late_s"] = n.when.Sub(t.reply).Seconds()
		word(v, "template", n.template)
		word(v, "locale", n.locale)
	}
	a.put(&t.where, faults, v)
}

// reply is when a record says that AI answered a customer. A draft is none: a
// person sends it, or nobody.
func (s *statement) reply() (first time.Time, ok bool) {
	for _, o := range s.Outputs {
		if o.Kind != "message" && o.Kind != "audio" {
			continue
		}
		if when := o.Delivered.or(s.when()); !ok || when.Before(first) {
			first, ok = when, true
		}
	}
	return first, ok
}
