// SPDX-License-Identifier: Apache-2.0

package obligation

import (
	"slices"
	"time"

	"github.com/counterfoil/counterfoil/record"
)

// dispute is a challenge with all of its steps, as the log has them.
type dispute struct {
	first        *statement
	kind         text
	received     time.Time
	due          time.Time
	acknowledged time.Time
	resolved     *statement
	withdrawn    bool
	resolver     text
}

// disputes are the challenges that were received in the period.
func (r *run) disputes() []*dispute {
	var out []*dispute
	for _, s := range r.facts.of[record.Challenge] {
		c := s.Challenge
		if c == nil || c.Status != "received" || r.facts.is[link{record.Challenge, string(s.About)}] {
			continue
		}
		d := &dispute{first: s, kind: c.Kind, received: first(c.Received.Time, s.Time.Time), due: c.Due.Time}
		if !r.in(d.received) {
			continue
		}
		for _, next := range r.facts.about[link{record.Challenge, string(s.ID)}] {
			d.step(next)
		}
		out = append(out, d)
	}
	return out
}

func (d *dispute) step(s *statement) {
	c := s.Challenge
	if c == nil {
		return
	}
	if !c.Due.IsZero() {
		d.due = c.Due.Time
	}
	switch c.Status {
	case "acknowledged":
		d.acknowledged = earlier(d.acknowledged, s.Time.Time)
	case "assigned":
		d.resolver = c.Assignee
	case "resolved":
		d.resolved = s
	case "withdrawn":
		d.withdrawn = true
	}
}

// challengeClocks wants a challenge to be acknowledged and resolved in time, with
// an outcome. What is not due yet is not tested.
func challengeClocks(r *run, t *tally) method {
	return atEnd(func() {
		for _, d := range r.disputes() {
			ack := d.received.Add(t.days("acknowledge_days"))
			acknowledged := !d.acknowledged.IsZero() && !d.acknowledged.After(ack) || d.resolved != nil && !d.resolved.Time.After(ack)
			due := first(d.due, d.received.Add(t.days("answer_days")))
			switch {
			case d.withdrawn:
			case d.resolved != nil:
				t.test(string(d.first.ID), acknowledged && !d.resolved.Time.After(due) && d.resolved.Challenge.Outcome != "")
			case r.asOf.After(due) || r.asOf.After(ack) && !acknowledged:
				t.test(string(d.first.ID), false)
			}
		}
	})
}

// humanReview wants a contest, or a request for a person, to have been resolved
// by somebody who took no part before, with a reason.
func humanReview(r *run, t *tally) method {
	kinds := t.words("kinds")
	return atEnd(func() {
		for _, d := range r.disputes() {
			if d.resolved == nil || !slices.Contains(kinds, string(d.kind)) {
				continue
			}
			by := d.resolver
			if by == "" {
				by = d.resolved.Writer
			}
			reason := len(d.resolved.Challenge.Reason) > 0
			took := slices.ContainsFunc(r.facts.about[link{record.Oversight, string(d.first.About)}], func(o *statement) bool {
				return o.Oversight != nil && o.Oversight.Actor == by && o.Time.Before(d.received)
			})
			t.test(string(d.first.ID), reason && d.resolved.Challenge.Outcome != "" && !took)
		}
	})
}

// onRequest wants who asks about a decision to get an explanation in time.
func onRequest(r *run, t *tally) method {
	kinds := t.words("kinds")
	return atEnd(func() {
		for _, d := range r.disputes() {
			if !slices.Contains(kinds, string(d.kind)) || d.withdrawn {
				continue
			}
			due := first(d.due, d.received.Add(t.days("answer_days")))
			all := slices.Clone(r.facts.about[link{record.Explanation, string(d.first.ID)}])
			if d.first.About != "" {
				all = append(all, r.facts.about[link{record.Explanation, string(d.first.About)}]...)
			}
			given := slices.ContainsFunc(all, func(x *statement) bool {
				return x.Explained != nil && x.Explained.Audience == "subject" && !x.delivered().After(due)
			})
			if given || r.asOf.After(due) {
				t.test(string(d.first.ID), given)
			}
		}
	})
}

// channel wants the way by which people complain to be alive: something that
// came in during the year was resolved.
func channel(r *run, t *tally) method {
	return atEnd(func() {
		since := r.asOf.Add(-t.days("days"))
		came, done := false, false
		for _, s := range r.facts.of[record.Challenge] {
			if c := s.Challenge; c != nil && s.Time.After(since) && !s.Time.After(r.asOf) {
				came = came || c.Status == "received"
				done = done || c.Status == "resolved"
			}
		}
		if came || done {
			t.test("challenges", done)
		}
	})
}

// findings wants what was found to be resolved, or accepted, when it is due. The
// last word about a finding is a finding record about it, or a later one of the
// same code about the same record.
func findings(r *run, t *tally) method {
	return atEnd(func() {
		for _, s := range r.facts.of[record.Finding] {
			f := s.Finding
			if f == nil || f.Status != "open" || f.Due.IsZero() || !r.in(s.Time.Time) || !s.production() {
				continue
			}
			closed := r.closed(s)
			switch {
			case !closed.IsZero():
				t.test(string(s.ID), !closed.After(f.Due.Time))
			case r.asOf.After(f.Due.Time):
				t.test(string(s.ID), false)
			}
		}
	})
}

// closed is when a finding was resolved or accepted.
func (r *run) closed(s *statement) (at time.Time) {
	ends := func(o *statement, same bool) {
		if f := o.Finding; f != nil && (f.Status == "resolved" || f.Status == "accepted") && (!same || f.Code == s.Finding.Code) && !o.Time.Before(s.Time.Time) {
			at = earlier(at, o.Time.Time)
		}
	}
	for _, o := range r.facts.about[link{record.Finding, string(s.ID)}] {
		ends(o, false)
	}
	if s.About != "" {
		for _, o := range r.facts.about[link{record.Finding, string(s.About)}] {
			ends(o, true)
		}
	}
	return at
}
