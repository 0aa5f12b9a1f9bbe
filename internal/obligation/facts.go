// SPDX-License-Identifier: Apache-2.0

package obligation

import (
	"context"
	"slices"
	"time"

	"github.com/counterfoil/counterfoil/internal/extent"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// facts are the records of the whole log that are neither decisions nor steps:
// what was done about decisions often stands long behind them. They are kept in
// memory, about half a kilobyte each.
type facts struct {
	of    map[record.Type][]*statement
	about map[link][]*statement
	on    map[link][]*statement // an interaction
	acts  map[subject][]*statement
	is    map[link]bool // what is a challenge, or an incident: what is about one is a later word on it
}

// link is a type and the id of the record, or interaction, that is followed up.
type link struct {
	kind record.Type
	id   string
}

// subject is what acts of the register are about: a kind and a name, or
// name@version.
type subject struct{ kind, name string }

// gather reads the facts.
func gather(ctx context.Context, v *extent.View) (*facts, error) {
	f := &facts{of: map[record.Type][]*statement{}, about: map[link][]*statement{}, on: map[link][]*statement{}, acts: map[subject][]*statement{}, is: map[link]bool{}}
	for _, kind := range record.Types() {
		if kind == record.Decision || kind == record.Step {
			continue
		}
		from := v
		if kind == record.Registry {
			from = v.Whole() // acts on a system count as of that system, though their records name none
		}
		err := from.Each(ctx, ledger.Query{Type: string(kind)}, spot{}, func(at spot, leaf []byte) error {
			s, err := parse(at, leaf)
			if err != nil {
				return err
			}
			if kind != record.Registry || may(v, s) {
				f.take(kind, s)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return f, nil
}

// may says whether the caller may see an act of the register.
func may(v *extent.View, s *statement) bool {
	name := s.System
	if s.Registry != nil && s.Registry.isSystem() {
		name = s.Registry.Name
	}
	return v.May(string(name))
}

func (f *facts) take(kind record.Type, s *statement) {
	f.of[kind] = append(f.of[kind], s)
	if kind == record.Challenge || kind == record.Incident {
		f.is[link{kind, string(s.ID)}] = true
	}
	if s.About != "" {
		k := link{kind, string(s.About)}
		f.about[k] = append(f.about[k], s)
	}
	if s.Interaction.ID != "" {
		k := link{kind, string(s.Interaction.ID)}
		f.on[k] = append(f.on[k], s)
	}
	if r := s.Registry; r != nil && ledger.ChangesRegister(string(r.Act)) {
		k := subject{string(r.Kind), r.full()}
		f.acts[k] = append(f.acts[k], s)
	}
}

// reviews are what people did about a decision, or about the attempt before it.
func (f *facts) reviews(s *statement) []*statement {
	out := slices.Clone(f.about[link{record.Oversight, string(s.ID)}])
	if s.About != "" {
		out = append(out, f.about[link{record.Oversight, string(s.About)}]...)
	}
	return out
}

// told are the notices of some kinds about a decision or its interaction.
func (f *facts) told(s *statement, kinds []string) []*statement {
	all := slices.Concat(f.about[link{record.Notice, string(s.ID)}], f.on[link{record.Notice, string(s.Interaction.ID)}])
	return slices.DeleteFunc(all, func(n *statement) bool { return n.Notice == nil || !slices.Contains(kinds, string(n.Notice.Kind)) })
}

// risk is that of a system at a time, as the register has it; empty: unknown.
func (f *facts) risk(system text, at time.Time) (risk text) {
	for _, a := range f.acts[subject{"system", string(system)}] {
		if a.Registry.Risk != "" && !a.Recorded.After(at) {
			risk = a.Registry.Risk
		}
	}
	return risk
}

// noneOf says that the register has systems, and that none of them ever had the
// risk.
func (f *facts) noneOf(risk text) bool {
	known := false
	for k, all := range f.acts {
		if k.kind != "system" {
			continue
		}
		known = true
		if slices.ContainsFunc(all, func(s *statement) bool { return s.Registry.Risk == risk }) {
			return false
		}
	}
	return known
}

// status is that of a system at a time, as the register has it.
func (f *facts) status(system string, at time.Time) (status text) {
	for _, a := range f.acts[subject{"system", system}] {
		if string(a.Registry.Act) == ledger.ActStatus && !a.Recorded.After(at) {
			status = a.Registry.Status
		}
	}
	return status
}

// found says whether there is a finding about a record.
func (f *facts) found(id text, codes ...string) bool {
	return slices.ContainsFunc(f.about[link{record.Finding, string(id)}], func(s *statement) bool {
		return s.Finding != nil && (len(codes) == 0 || slices.Contains(codes, string(s.Finding.Code)))
	})
}
