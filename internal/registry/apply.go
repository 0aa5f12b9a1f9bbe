// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"slices"

	"github.com/counterfoil/counterfoil/internal/ledger"
)

// change is one thing that an act has changed, as a row.
type change struct {
	topic, name string
	doc         any
}

// apply returns what an act changes. It is pure, believes the act, and reads
// nothing private: the tables can be made again from the statements alone.
func apply(s *state, a *Act) []change {
	switch a.Act {
	case ledger.ActDescribe:
		return []change{{"system", a.Name, applyDescribe(s.systems[a.Name], a)}}
	case ledger.ActStatus:
		return applyStatus(s, a)
	case ledger.ActAddKey, ledger.ActConfirmKey, ledger.ActDropKey:
		return applyKey(s, a)
	case ledger.ActAdd:
		v := &version{Kind: a.Kind, Name: a.Name, Version: a.Version, Digest: a.Digest, Parent: a.Parent, System: a.System, Author: a.Actor,
			Added: a.Time, Record: a.ID, Media: a.Media, Bytes: a.Bytes, Status: Proposed}
		return []change{{"version", a.ref(), v}}
	case ledger.ActRollback:
		return applyRollback(s, a)
	}
	old, ok := s.versions[a.ref()]
	if !ok {
		return nil
	}
	v := *old
	out := []change{{"version", a.ref(), &v}}
	switch a.Act {
	case ledger.ActApprove:
		v.approve(s, a)
	case ledger.ActRefuse:
		v.Status = Refused
	case ledger.ActRetire:
		v.Status = Retired
	case ledger.ActReview:
		applyReview(s, &v, a)
	case ledger.ActPromote:
		if a.Emergency {
			v.Emergency = &emergency{Actor: a.Actor, Environment: a.Environment, Due: a.Due}
		}
		p := s.place(a)
		p.Stack = append(p.Stack, a.Version)
		p.turn(a)
		out = append(out, change{"place", placeKey(a.Environment, a.Kind, a.Name), p})
	}
	return out
}

func applyDescribe(old *system, a *Act) *system {
	d := description{Version: a.Version, Digest: a.Digest, Risk: a.Risk, Record: a.ID, Actor: a.Actor}
	if old == nil {
		return &system{Kind: a.Kind, Name: a.Name, Status: Draft, Since: a.Time, By: a.Actor, Description: d}
	}
	out := *old
	if old.Status == Draft {
		out.Description = d
	} else {
		out.Pending = &d
	}
	return &out
}

func applyStatus(s *state, a *Act) []change {
	old, ok := s.systems[a.Name]
	if !ok {
		return nil
	}
	out := *old
	if out.Pending != nil && a.Status == InService && a.Version == out.Pending.Version {
		out.Description, out.Pending = *out.Pending, nil
	}
	if out.Status != a.Status {
		out.Status, out.Since, out.By = a.Status, a.Time, a.Actor
	}
	return []change{{"system", a.Name, &out}}
}

func applyKey(s *state, a *Act) []change {
	id := a.Name + "/" + a.Version
	k := key{Actor: a.Name, Key: a.Version, Status: Proposed}
	if old := s.keys[id]; old != nil {
		k = *old
	}
	switch a.Act {
	case ledger.ActConfirmKey:
		k.Status, k.Confirmed = Approved, a.Actor
	case ledger.ActDropKey:
		k.Status = Retired
	}
	return []change{{"key", id, &k}}
}

// approve counts an approval.
func (v *version) approve(s *state, a *Act) {
	ok := Approval{Actor: a.Actor, Time: a.Time, Record: a.ID}
	if a.Signature != nil {
		ok.Signed = a.Signature.Key
	}
	v.Approvals = append(slices.Clone(v.Approvals), ok)
	if len(v.Approvals) >= s.needed(v.System) {
		v.Status = Approved
	}
}

// applyReview ends an emergency. Who acted in it and who reviewed it were not the
// author: when the review accepts it, both have approved the version.
func applyReview(s *state, v *version, a *Act) {
	e := *v.Emergency
	e.Reviewer, e.Verdict = a.Actor, a.Status
	v.Emergency = &e
	if a.Status != "accepted" {
		return
	}
	v.Approvals = slices.Clone(v.Approvals)
	for _, who := range []string{e.Actor, a.Actor} {
		if !v.approvedBy(who) {
			v.Approvals = append(v.Approvals, Approval{Actor: who, Time: a.Time, Record: a.ID})
		}
	}
	if v.Status == Proposed && len(v.Approvals) >= s.needed(v.System) {
		v.Status = Approved
	}
}

func applyRollback(s *state, a *Act) []change {
	p := s.place(a)
	if i := slices.Index(p.Stack, a.Version); i >= 0 {
		p.Stack = p.Stack[:lastIndex(p.Stack, a.Version)+1]
	}
	p.turn(a)
	return []change{{"place", placeKey(a.Environment, a.Kind, a.Name), p}}
}

// place is a copy of the place of an act, to be changed.
func (s *state) place(a *Act) *place {
	p := &place{Kind: a.Kind, Name: a.Name, Environment: a.Environment}
	if old := s.places[placeKey(a.Environment, a.Kind, a.Name)]; old != nil {
		p.Stack, p.History = slices.Clone(old.Stack), slices.Clone(old.History)
	}
	return p
}

// turn ends the interval in force and begins another. Clocks of nodes differ: no
// interval ends before it began.
func (p *place) turn(a *Act) {
	from := a.Time
	if n := len(p.History); n > 0 {
		if last := &p.History[n-1]; from.Before(last.From) {
			from = last.From
		}
		p.History[n-1].To = from
	}
	p.History = append(p.History, Interval{Version: a.Version, Digest: a.Digest, From: from, Act: a.Act, Actor: a.Actor, Record: a.ID})
}

func lastIndex(list []string, s string) int {
	for i, v := range slices.Backward(list) {
		if v == s {
			return i
		}
	}
	return -1
}
