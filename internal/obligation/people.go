// SPDX-License-Identifier: Apache-2.0

package obligation

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/record"
)

// actors wants to know who sent each decision, and who acted on it.
func actors(_ *run, t *tally) method {
	return method{see: func(s *statement) {
		switch {
		case s.Oversight != nil && s.production():
			t.test(string(s.ID), s.Writer != "" && s.Oversight.Actor != "")
		case s.made():
			t.test(string(s.ID), s.Writer != "")
		}
	}}
}

// reviewing is the method that tests each act of a person on a decision.
func reviewing(see func(s *statement)) method {
	return method{see: func(s *statement) {
		if s.Oversight != nil && s.production() {
			see(s)
		}
	}}
}

// acts wants a review to say what it changed, on which view, and how long it took.
func acts(_ *run, t *tally) method {
	return reviewing(func(s *statement) {
		o := s.Oversight
		t.test(string(s.ID), o.Before != "" && o.After != "" && o.Dwell.OK && o.Shown != "" && (o.Act == "approve" || o.ReasonCode != ""))
	})
}

// competent wants a review to name what shows that the reviewer is qualified.
func competent(_ *run, t *tally) method {
	return reviewing(func(s *statement) { t.test(string(s.ID), s.Oversight.Competence != "") })
}

// involved wants a person to have taken part before a decision took effect, if
// it is labelled so: who was qualified, opened something, and took their time.
func involved(r *run, t *tally) method {
	floor := t.number("dwell_ms")
	return decisions(func(s *statement) {
		if s.Decision.Automation != "meaningful_human" {
			return
		}
		t.test(string(s.ID), slices.ContainsFunc(r.facts.reviews(s), func(a *statement) bool {
			o := a.Oversight
			return o != nil && !a.Time.After(s.effective()) && o.Competence != "" && len(o.Opened) > 0 && o.Dwell.Whole() >= floor
		}))
	})
}

// stamping wants no reviewer who changes next to nothing and hardly looks, in a
// month and a system with enough acts to tell, unless there is a finding.
func stamping(r *run, t *tally) method {
	type group struct{ actor, system, month string }
	type acted struct {
		changed int64
		dwell   []int64
	}
	all := map[group]*acted{}
	m := reviewing(func(s *statement) {
		g := group{string(s.Oversight.Actor), string(s.System), s.Time.UTC().Format("2006-01")}
		if all[g] == nil {
			all[g] = &acted{}
		}
		if s.Oversight.Before != s.Oversight.After {
			all[g].changed++
		}
		all[g].dwell = append(all[g].dwell, s.Oversight.Dwell.Whole())
	})
	m.end = func(context.Context) error {
		order := slices.SortedFunc(maps.Keys(all), func(a, b group) int {
			return strings.Compare(a.actor+"\x00"+a.system+"\x00"+a.month, b.actor+"\x00"+b.system+"\x00"+b.month)
		})
		for _, g := range order {
			a := all[g]
			n := int64(len(a.dwell))
			if n < t.number("least") {
				continue
			}
			slices.Sort(a.dwell)
			stamps := a.changed*1000 < n*t.number("changed_permille") && a.dwell[n/2] < t.number("dwell_ms")
			t.test("reviewer:"+g.actor+":"+g.system+":"+g.month, !stamps || r.foundOn(text(g.system), t.words("findings")))
		}
		return nil
	}
	return m
}

// foundOn says whether there is a finding of one of the codes on a system, in
// the period or behind it.
func (r *run) foundOn(system text, codes []string) bool {
	return slices.ContainsFunc(r.facts.of[record.Finding], func(s *statement) bool {
		return s.Finding != nil && s.System == system && slices.Contains(codes, string(s.Finding.Code)) && !s.Time.Before(r.from)
	})
}

// duties wants two people where one act needs another's: the author and the
// approver of a version, who places a hold and who approves it, who asks for an
// erasure, approves it and executes it.
func duties(r *run, t *tally) method {
	return atEnd(func() {
		for _, s := range r.facts.of[record.Registry] {
			if g := s.Registry; g != nil && r.in(s.Time.Time) && g.Act == "version.approve" {
				h := readHistory(r.facts.acts[subject{string(g.Kind), g.full()}], &statement{at: s.at, Registry: g, Time: s.Time})
				t.test(string(s.ID), h.proposed == nil || h.proposed.who() != s.who())
			}
		}
		placed := map[text]text{}
		for _, s := range r.facts.of[record.Hold] {
			switch h := s.Hold; {
			case h == nil:
			case h.Act == "place" || h.Act == "release":
				placed[h.Name] = h.Actor
			case strings.HasPrefix(string(h.Act), "approve") && r.in(s.Time.Time):
				t.test(string(s.ID), h.Actor != "" && h.Actor != placed[h.Name])
			}
		}
		for _, s := range r.facts.of[record.Erasure] {
			if e := s.Erasure; e != nil && e.Status == "completed" && e.Request != "" && r.in(s.Time.Time) {
				t.test(string(s.ID), e.Requester != e.Approver && e.Approver != e.Executor && e.Requester != e.Executor)
			}
		}
	})
}

// humanReached wants whoever asked for a person to have got one, or an open case.
func humanReached(r *run, t *tally) method {
	wanted, reached := map[text]time.Time{}, map[text]bool{}
	return method{
		see: func(s *statement) {
			i := s.Interaction
			if i.ID == "" || !s.production() {
				return
			}
			if !i.Wanted.IsZero() {
				wanted[i.ID] = i.Wanted.Time
			}
			if !i.Connected.IsZero() {
				reached[i.ID] = true
			}
		},
		end: func(context.Context) error {
			for _, id := range slices.Sorted(maps.Keys(wanted)) {
				t.test("interaction:"+string(id), reached[id] || len(r.facts.on[link{record.Challenge, string(id)}]) > 0)
			}
			return nil
		},
	}
}
