// SPDX-License-Identifier: Apache-2.0

package inquiry

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/extent"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// What the log says itself about models that are not those that were asked for:
// codes of findings, and a kind of notices.
const (
	codeMismatch = "model_mismatch"
	codeChanged  = "model_changed"
	kindChange   = "model_change"
)

// pair is a model that was asked for and the one that answered.
type pair struct{ provider, request, response string }

// drift counts the calls of models.
type drift struct {
	v     *view
	out   *api.Drift
	pairs map[pair]*api.ModelPair
}

// Drift says which models answered for a system, in place of which it asked
// for, and since when: in its decisions and in the steps about them.
func (i *Inquirer) Drift(ctx context.Context, system string, within *ledger.Bounds) (*api.Drift, error) {
	if system == "" {
		return nil, fault(ledger.Invalid, "name a system, as the register has it", "models answer for a system")
	}
	v, err := i.look(ctx, within)
	if err != nil {
		return nil, err
	}
	d := &drift{v: v, pairs: map[pair]*api.ModelPair{}, out: &api.Drift{Basis: v.Basis, System: system,
		Pairs: []api.ModelPair{}, Changes: []api.ModelChange{}, Findings: []api.FollowUp{}, Notices: []api.FollowUp{}}}
	if err := v.Each(ctx, ledger.Query{Type: string(record.Decision), System: system}, spot{}, d.add); err != nil {
		return nil, err
	}
	if err := v.about(ctx, ledger.Query{Type: string(record.Step)}, system, d.add); err != nil {
		return nil, err
	}
	for _, p := range d.pairs {
		d.out.Pairs = append(d.out.Pairs, *p)
	}
	slices.SortFunc(d.out.Pairs, func(a, b api.ModelPair) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Request, b.Request), a.First.Time.Compare(b.First.Time),
			cmp.Compare(a.First.Index, b.First.Index), cmp.Compare(a.Response, b.Response))
	})
	d.out.Changes = changes(d.out.Pairs)
	return d.out, d.said(ctx)
}

// add counts the calls of a record.
func (d *drift) add(at spot, leaf []byte) error {
	d.out.Records++
	if !bytes.Contains(leaf, []byte(`_model":"`)) { // no call of a model: the common case of steps
		return nil
	}
	s, err := parse(at, leaf)
	if err != nil {
		return err
	}
	for _, step := range s.Steps {
		if step.Request == "" && step.Response == "" {
			continue
		}
		if d.out.Calls++; step.Response == "" {
			d.out.Silent++
			continue
		}
		here := d.v.place(at, s)
		if !step.Started.IsZero() {
			here.Time = step.Started.Time
		}
		d.count(pair{string(step.Provider), string(step.Request), string(step.Response)}, here)
	}
	return nil
}

// count adds one call. The times of calls decide which was first, because
// records of calls may come late.
func (d *drift) count(k pair, here api.Place) {
	p := d.pairs[k]
	if p == nil {
		p = &api.ModelPair{Provider: k.provider, Request: k.request, Response: k.response, First: here, Last: here, Differs: k.request != "" && k.request != k.response}
		d.pairs[k] = p
	}
	p.Count++
	if here.Time.Before(p.First.Time) {
		p.First = here
	}
	if !here.Time.Before(p.Last.Time) {
		p.Last = here
	}
}

// changes are the pairs that followed another of the same request. The pairs
// are sorted by when they came up.
func changes(pairs []api.ModelPair) []api.ModelChange {
	out := []api.ModelChange{}
	for n := 1; n < len(pairs); n++ {
		a, b := &pairs[n-1], &pairs[n]
		if a.Provider != b.Provider || a.Request != b.Request {
			continue
		}
		c := api.ModelChange{Provider: b.Provider, Request: b.Request, Before: a.Response, After: b.Response, First: b.First}
		if a.Last.Time.After(b.First.Time) {
			c.Again = &a.Last
		}
		out = append(out, c)
	}
	return out
}

// said adds what the log says itself about the models of the system.
func (d *drift) said(ctx context.Context) error {
	for _, code := range []string{codeMismatch, codeChanged} {
		err := d.v.about(ctx, ledger.Query{Type: string(record.Finding), Kind: code}, d.out.System, func(at spot, leaf []byte) error {
			f, err := d.v.followUp(at, leaf)
			d.out.Findings = append(d.out.Findings, f)
			return err
		})
		if err != nil {
			return err
		}
	}
	return d.v.about(ctx, ledger.Query{Type: string(record.Notice), Kind: kindChange}, d.out.System, func(at spot, leaf []byte) error {
		f, err := d.v.followUp(at, leaf)
		d.out.Notices = append(d.out.Notices, f)
		return err
	})
}

// follower is a record that names no system, and what it is about.
type follower struct {
	at    spot
	leaf  []byte
	about string
}

// about calls fn with the records that match and are of a system: those that
// name it, and those that name none and are about a decision of it.
func (v *view) about(ctx context.Context, q ledger.Query, system string, fn func(spot, []byte) error) error {
	var rest []follower
	err := v.Each(ctx, q, spot{}, func(at spot, leaf []byte) error {
		s, err := parse(at, leaf)
		switch {
		case err != nil:
			return err
		case string(s.System) == system:
			return fn(at, leaf)
		case s.System == "" && s.About != "":
			rest = append(rest, follower{at, leaf, string(s.About)})
		}
		return nil
	})
	if err != nil {
		return err
	}
	for some := range slices.Chunk(rest, extent.IDsEach) {
		var ids []string
		for _, f := range some {
			ids = append(ids, f.about)
		}
		ours := map[string]bool{}
		err := v.Among(ctx, ledger.Query{System: system}, ids, func(at spot, leaf []byte) error {
			s, err := parse(at, leaf)
			if err == nil {
				ours[string(s.ID)] = true
			}
			return err
		})
		if err != nil {
			return err
		}
		for _, f := range some {
			if ours[f.about] {
				if err := fn(f.at, f.leaf); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
