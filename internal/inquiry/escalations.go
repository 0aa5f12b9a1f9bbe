// SPDX-License-Identifier: Apache-2.0

package inquiry

import (
	"cmp"
	"context"
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
func escalations(ctx context.Context, a *asking) error {
	a.columns("interaction", "system", "requested", "outcome", "threshold", "policies", "connected", "wait_s")
	a.figures("asked", "escalated", "not_escalated", "no_decision", "never_connected")
	wishes := map[string]*wish{}
	// Who asked shows on any record of the interaction, and so does who came.
	err := a.sift(ctx, ledger.Query{System: a.System, Env: a.Env}, wishWords, func(at spot, s *statement) error {
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

// Parts of the kinds of decisions about passing on, and what stands in records
// that are about a wish for a person.
var (
	escalationWords = []string{"escalate", "escalation", "handover", "handoff"}
	wishWords       = append([]string{`"human_requested"`, `"human_connected"`}, spelled(escalationWords)...)
)

// isEscalation says whether a record decides about passing on to a person.
func isEscalation(s *statement) bool {
	return hasPart(string(s.Decision.Kind), escalationWords...)
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
		say(w.values, "threshold", s.Decision.Threshold)
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
