// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/internal/ledger"
)

// Kinds of what is described. Kinds of versions are [Kinds].
const (
	kindSystem   = "system"
	kindUseCase  = "use_case"
	kindApprover = "approver"
)

// Kinds are the kinds of versions.
var Kinds = []string{"model", "prompt", "policy", "config", "control", "dataset", "tool"}

// Environments are where a version can be in force.
var Environments = []string{"production", "shadow", "staging", "test"}

// Statuses of systems.
const (
	Draft     = "draft"
	InService = "in_service"
	Suspended = "suspended"
	Retired   = "retired" // of versions and keys as well
)

// Statuses of versions, and what [Register.Resolve] says of them.
const (
	Proposed   = "proposed"
	Approved   = "approved"
	Refused    = "refused"
	Unapproved = "unapproved"
	Elsewhere  = "elsewhere"
	Unknown    = "unknown"
)

// description is one description of a system, without its content.
type description struct {
	Version string `json:"version"` // 1, 2, 3 …
	Digest  string `json:"digest"`
	Risk    string `json:"risk"`
	Record  string `json:"record"` // with the content
	Actor   string `json:"actor"`
}

// system is an AI system or a use case.
type system struct {
	Kind        string       `json:"kind"`
	Name        string       `json:"name"`
	Status      string       `json:"status"`
	Since       time.Time    `json:"since"` // when the status began
	By          string       `json:"by"`    // who set the status
	Description description  `json:"description"`
	Pending     *description `json:"pending,omitempty"` // waits for another person
}

// Approval is one person's yes to a version.
type Approval struct {
	Actor  string    `json:"actor"`
	Time   time.Time `json:"time"`
	Record string    `json:"record"`
	Signed string    `json:"signed,omitempty"` // the key
}

// emergency is a promotion ahead of its approvals.
type emergency struct {
	Actor       string    `json:"actor"`
	Environment string    `json:"environment"`
	Due         time.Time `json:"due"`
	Reviewer    string    `json:"reviewer,omitempty"`
	Verdict     string    `json:"verdict,omitempty"` // accepted or rejected
}

// version is one content under its name.
type version struct {
	Kind      string     `json:"kind"`
	Name      string     `json:"name"`
	Version   string     `json:"version"`
	Digest    string     `json:"digest"`
	Parent    string     `json:"parent,omitempty"`
	System    string     `json:"system,omitempty"`
	Author    string     `json:"author"`
	Added     time.Time  `json:"added"`
	Record    string     `json:"record"` // with the content
	Media     string     `json:"media,omitempty"`
	Bytes     int64      `json:"bytes"`
	Status    string     `json:"status"`
	Approvals []Approval `json:"approvals,omitempty"`
	Emergency *emergency `json:"emergency,omitempty"`
}

// Interval is when a version was in force: from From up to, but not including,
// To; a zero To is that it still is.
type Interval struct {
	Version string    `json:"version"`
	Digest  string    `json:"digest"`
	From    time.Time `json:"from"`
	To      time.Time `json:"to,omitzero"`
	Act     string    `json:"act"`
	Actor   string    `json:"actor"`
	Record  string    `json:"record"`
}

// place is where the versions of a name take turns: an environment.
type place struct {
	Kind        string     `json:"kind"`
	Name        string     `json:"name"`
	Environment string     `json:"environment"`
	Stack       []string   `json:"stack"` // promoted versions that a rollback can return to; the last is in force
	History     []Interval `json:"history"`
}

func (p *place) current() string {
	if p == nil || len(p.Stack) == 0 {
		return ""
	}
	return p.Stack[len(p.Stack)-1]
}

// key is a person's own public key.
type key struct {
	Actor     string `json:"actor"`
	Key       string `json:"key"`
	Status    string `json:"status"` // proposed, approved or retired
	Confirmed string `json:"confirmed,omitempty"`
}

// state is the register by public values. What its maps point to never changes.
type state struct {
	systems  map[string]*system  // by name
	versions map[string]*version // by kind/name@version
	places   map[string]*place   // by environment/kind/name
	keys     map[string]*key     // by actor/key
}

func newState() *state {
	return &state{map[string]*system{}, map[string]*version{}, map[string]*place{}, map[string]*key{}}
}

func (s *state) clone() *state {
	return &state{maps.Clone(s.systems), maps.Clone(s.versions), maps.Clone(s.places), maps.Clone(s.keys)}
}

func placeKey(env, kind, name string) string { return env + "/" + kind + "/" + name }

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
	if out.Pending != nil && a.Version == out.Pending.Version {
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

// put sets what a change has changed.
func (s *state) put(c change) {
	switch v := c.doc.(type) {
	case *system:
		s.systems[c.name] = v
	case *version:
		s.versions[c.name] = v
	case *place:
		s.places[c.name] = v
	case *key:
		s.keys[c.name] = v
	}
}

func (v *version) approvedBy(actor string) bool {
	return slices.ContainsFunc(v.Approvals, func(a Approval) bool { return a.Actor == actor })
}

// riskOrder sorts risk classes: what is not known counts as limited.
const riskOrder = "minimal limited unknown high prohibited"

// risk is the highest class of the systems that may use a version: the one that
// it is for, or any.
func (s *state) risk(name string) string {
	highest := "minimal"
	for _, y := range s.systems {
		if name != "" && y.Name != name || y.Status == Retired {
			continue
		}
		classes := []string{y.Description.Risk}
		if y.Pending != nil {
			classes = append(classes, y.Pending.Risk)
		}
		for _, c := range classes {
			if c == "prohibited" && name == "" {
				continue // it uses nothing
			}
			if strings.Index(riskOrder, c) > strings.Index(riskOrder, highest) {
				highest = c
			}
		}
	}
	return highest
}

// needed is how many people must approve a version, beside its author.
func (s *state) needed(system string) int {
	if r := s.risk(system); r == "high" || r == "prohibited" {
		return 2
	}
	return 1
}
