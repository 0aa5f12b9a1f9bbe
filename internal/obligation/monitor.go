// SPDX-License-Identifier: Apache-2.0

package obligation

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/counterfoil/counterfoil/record"
)

// signals wants systems that decide to be measured: a signal of one of the
// names, not older than some days when the report is about.
func signals(r *run, t *tally) method {
	names := t.words("signals")
	systems := map[text]bool{}
	m := decisions(func(s *statement) { systems[s.System] = true })
	return r.measured(t, m, systems, func(s *statement) bool { return slices.Contains(names, string(s.Signal.Name)) })
}

// watched wants high-risk systems that decide to be measured.
func watched(r *run, t *tally) method {
	systems := map[text]bool{}
	m := highRisk(r, t, func(s *statement) { systems[s.System] = true })
	return r.measured(t, m, systems, func(*statement) bool { return true })
}

// groups wants systems with significant decisions to be measured by group.
func groups(r *run, t *tally) method {
	systems := map[text]bool{}
	m := decisions(func(s *statement) {
		if s.Decision.Significant == "yes" || s.Decision.Significant == "unknown" {
			systems[s.System] = true
		}
	})
	return r.measured(t, m, systems, func(s *statement) bool { return s.Signal.Group != "" })
}

// measured wants a fresh signal for each system that a method has collected.
func (r *run) measured(t *tally, m method, systems map[text]bool, good func(s *statement) bool) method {
	end := m.end
	m.end = func(ctx context.Context) error {
		since := r.asOf.Add(-t.days("days"))
		for _, name := range slices.Sorted(maps.Keys(systems)) {
			t.test("system:"+string(name), slices.ContainsFunc(r.facts.of[record.Signal], func(s *statement) bool {
				return s.Signal != nil && s.System == name && good(s) && s.Time.After(since) && !s.Time.After(r.asOf)
			}))
		}
		if end == nil {
			return nil
		}
		return end(ctx)
	}
	return m
}

// breaches wants a finding soon behind each measured value that is out of bounds.
func breaches(r *run, t *tally) method {
	return method{see: func(s *statement) {
		if s.Signal == nil || !bool(s.Signal.Breached) || !s.production() {
			return
		}
		due := s.Time.Add(t.days("days"))
		soon := func(f *statement) bool {
			return f.Finding != nil && !f.Time.Before(s.Time.Time) && !f.Time.After(due)
		}
		found := slices.ContainsFunc(r.facts.about[link{record.Finding, string(s.ID)}], soon) ||
			s.System != "" && slices.ContainsFunc(r.facts.of[record.Finding], func(f *statement) bool {
				return f.System == s.System && f.About == "" && soon(f)
			})
		if found || r.asOf.After(due) {
			t.test(string(s.ID), found)
		}
	}}
}

// incidents wants a notice to an authority, or whoever must know, about each
// serious incident in time.
func incidents(r *run, t *tally) method {
	kinds, severe := t.words("notices"), t.words("severities")
	return method{see: func(s *statement) {
		i := s.Incident
		if i == nil || !slices.Contains(severe, string(i.Severity)) || !s.production() || r.facts.is[link{record.Incident, string(s.About)}] {
			return
		}
		due := first(i.Opened.Time, s.Time.Time).Add(t.days("days"))
		said := slices.ContainsFunc(r.facts.about[link{record.Notice, string(s.ID)}], func(n *statement) bool {
			return n.Notice != nil && slices.Contains(kinds, string(n.Notice.Kind)) && !n.delivered().After(due)
		})
		if said || r.asOf.After(due) {
			t.test(string(s.ID), said)
		}
	}}
}

// keptLongEnough wants nothing to expire before its time.
func keptLongEnough(r *run, t *tally) method {
	return atEnd(func() {
		for _, s := range r.facts.of[record.Erasure] {
			e := s.Erasure
			if e == nil || e.Status != "executed" || e.Ground != "retention" || e.Month == "" || !r.in(s.Time.Time) {
				continue
			}
			month, err := time.Parse("2006-01", string(e.Month))
			t.test(string(s.ID), err == nil && !s.Time.Before(month.AddDate(0, 1+int(t.number("months")), 0)))
		}
	})
}

// holds wants each legal hold to be approved soon by a second person, and to be
// looked at again when that is due.
func holds(r *run, t *tally) method {
	return atEnd(func() {
		for _, s := range r.facts.of[record.Hold] {
			h := s.Hold
			if h == nil || h.Act != "place" || !r.in(s.Time.Time) {
				continue
			}
			due := s.Time.Add(t.days("days"))
			judged := slices.ContainsFunc(r.facts.of[record.Hold], func(o *statement) bool {
				return o.Hold != nil && o.Hold.Name == h.Name && (o.Hold.Act == "approve" || o.Hold.Act == "refuse") && o.Hold.Actor != h.Actor &&
					s.at.Before(o.at) && !o.Time.After(due)
			})
			if judged || r.asOf.After(due) {
				t.test(string(s.ID), judged)
			}
		}
	})
}

// erasures wants each request for an erasure to come to an end in time:
// completed, or refused with a ground.
func erasures(r *run, t *tally) method {
	return atEnd(func() {
		for _, s := range r.facts.of[record.Erasure] {
			e := s.Erasure
			if e == nil || e.Status != "requested" || e.Request == "" || !r.in(s.Time.Time) {
				continue
			}
			due := s.Time.Add(t.days("days"))
			ended := slices.ContainsFunc(r.facts.of[record.Erasure], func(o *statement) bool {
				x := o.Erasure
				return x != nil && x.Request == e.Request && (x.Status == "completed" || x.Status == "refused") && !o.Time.After(due)
			})
			if ended || r.asOf.After(due) {
				t.test(string(s.ID), ended)
			}
		}
	})
}

// access wants each look at private values to say for which purpose.
func access(_ *run, t *tally) method {
	words := t.words("acts")
	return method{see: func(s *statement) {
		if a := s.Access; a != nil && slices.Contains(words, string(a.Act)) && a.Result == "allowed" {
			t.test(string(s.ID), a.Purpose != "" && a.Actor != "")
		}
	}}
}
