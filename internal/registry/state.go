// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"slices"
	"strings"
	"time"
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

func placeKey(env, kind, name string) string { return env + "/" + kind + "/" + name }

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
