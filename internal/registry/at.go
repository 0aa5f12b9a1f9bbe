// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"cmp"
	"slices"
	"time"

	"github.com/counterfoil/counterfoil/internal/ledger"
)

// Force is a version that was in force at a time.
type Force struct {
	Kind        string     `json:"kind"`
	Name        string     `json:"name"`
	Environment string     `json:"environment"`
	Interval               // from, to, by whom
	Author      string     `json:"author"`
	Approvals   []Approval `json:"approvals"` // until that time
	Emergency   bool       `json:"emergency,omitempty"`
}

// Turn is one place of which the version differs between two times.
type Turn struct {
	Kind        string `json:"kind"`
	Name        string `json:"name"`
	Environment string `json:"environment"`
	Before      string `json:"before,omitempty"`
	After       string `json:"after,omitempty"`
}

// Moment is what was in force at a time, and what had changed since an earlier
// one.
type Moment struct {
	At       time.Time `json:"at"`
	Since    time.Time `json:"since,omitzero"`
	System   string    `json:"system,omitempty"`
	Register int64     `json:"register"` // size of the log that this was read from
	InForce  []Force   `json:"in_force"`
	Changes  []Turn    `json:"changes"`
}

// At says what was in force at a time for a system (empty: for any), in each
// environment; with a span, what had changed since that long before. Intervals
// that overlap are an error: nothing could be said.
func (g *Register) At(system string, at time.Time, span Span) (*Moment, error) {
	if system != "" {
		if _, ok := g.systems[system]; !ok {
			return nil, fault(ledger.NotFound, "counterfoil system list shows those that there are", "there is no system %q", system)
		}
	}
	m := &Moment{At: at.UTC(), System: system, Register: g.size, Changes: []Turn{}}
	var err error
	if m.InForce, err = g.forceAt(system, at); err != nil {
		return nil, err
	}
	if span <= 0 {
		return m, nil
	}
	m.Since = at.UTC().Add(-time.Duration(span))
	before, err := g.forceAt(system, m.Since)
	if err != nil {
		return nil, err
	}
	m.Changes = turns(before, m.InForce)
	return m, nil
}

func (g *Register) forceAt(system string, at time.Time) ([]Force, error) {
	out := []Force{}
	for _, p := range g.state.places {
		in, err := p.at(at)
		if err != nil {
			return nil, err
		}
		if in == nil {
			continue
		}
		v := g.state.versions[p.Kind+"/"+p.Name+"@"+in.Version]
		if v == nil || system != "" && v.System != "" && v.System != system {
			continue
		}
		f := Force{Kind: p.Kind, Name: p.Name, Environment: p.Environment, Interval: *in, Author: v.Author, Approvals: []Approval{},
			Emergency: v.Emergency != nil && v.Emergency.Environment == p.Environment}
		for _, a := range v.Approvals {
			if !a.Time.After(at) {
				f.Approvals = append(f.Approvals, a)
			}
		}
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b Force) int {
		return cmp.Or(cmp.Compare(a.Environment, b.Environment), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	return out, nil
}

// at finds the interval that holds a time.
func (p *place) at(t time.Time) (found *Interval, err error) {
	for i := range p.History {
		in := &p.History[i]
		if t.Before(in.From) || !in.To.IsZero() && !t.Before(in.To) {
			continue
		}
		if found != nil {
			return nil, fault(ledger.Internal, "run counterfoil rebuild --check", "two versions of %s %s are in force in %s at once", p.Kind, p.Name, p.Environment)
		}
		found = in
	}
	return found, nil
}

func turns(before, after []Force) []Turn {
	out := []Turn{}
	find := func(list []Force, f *Force) string {
		i := slices.IndexFunc(list, func(o Force) bool { return o.Kind == f.Kind && o.Name == f.Name && o.Environment == f.Environment })
		if i < 0 {
			return ""
		}
		return list[i].Version
	}
	for i := range after {
		f := &after[i]
		if old := find(before, f); old != f.Version {
			out = append(out, Turn{f.Kind, f.Name, f.Environment, old, f.Version})
		}
	}
	for i := range before {
		if f := &before[i]; find(after, f) == "" {
			out = append(out, Turn{f.Kind, f.Name, f.Environment, f.Version, ""})
		}
	}
	return out
}
