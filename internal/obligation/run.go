// SPDX-License-Identifier: Apache-2.0

package obligation

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/control"
	"github.com/counterfoil/counterfoil/internal/extent"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// run is one evaluation of rules over a view.
type run struct {
	view     *extent.View
	lib      *Library
	facts    *facts
	from, to time.Time
	asOf     time.Time
	most     int
	tallies  map[string]*tally
	methods  []method
}

// method is how a rule is evaluated: what it does with each record of the
// period, in the order of the log, and what it does at the end. Either may be
// nil. Its state is in the closures.
type method struct {
	see func(s *statement)
	end func(ctx context.Context) error
}

// evaluator makes the method of a rule. One that is whole needs every record of
// the log, and is not applicable to who may not see all.
type evaluator struct {
	whole bool
	make  func(r *run, t *tally) method
}

// in says whether a time is in the period.
func (r *run) in(t time.Time) bool { return !t.Before(r.from) && t.Before(r.to) }

// begin makes the tallies of the rules that are wanted.
func (r *run) begin(wanted map[string]bool) {
	r.tallies = map[string]*tally{}
	for _, rule := range r.lib.Rules() {
		if !wanted[rule.ID] {
			continue
		}
		t := &tally{rule: rule, run: r, out: api.RuleResult{ID: rule.ID, Kind: rule.Kind, Name: rule.Name, Question: rule.Question, Version: r.lib.version,
			Unit: rule.Unit, Params: rule.Params, Tolerance: r.lib.tolerance(rule), ShowsNot: rule.ShowsNot, FailedIDs: []string{}, Exceptions: []api.RuleException{}}}
		r.tallies[rule.ID] = t
		e := evaluators[rule.Evaluate]
		switch {
		case rule.Attest != "":
			r.attest(t)
		case rule.Absent != "":
			t.out.Status, t.out.Reason = NoPopulation, "not evaluated: "+rule.Absent
		case e == nil: // an expression
		case e.whole && !r.view.All():
			t.out.Status, t.out.Reason = NotApplicable, "this is about the whole log, and the report is limited to some systems"
		default:
			r.methods = append(r.methods, e.make(r, t))
		}
	}
}

// attest looks for statements of people that stand for a rule: registry records
// with the act "attest" and the name of the rule. They change nothing in the
// register; who wrote them is shown.
func (r *run) attest(t *tally) {
	for _, s := range r.facts.of[record.Registry] {
		g := s.Registry
		if g == nil || g.Act != ActAttest || string(g.Name) != t.rule.ID || s.Time.After(r.asOf) || !g.Due.IsZero() && g.Due.Before(r.asOf) {
			continue
		}
		a := api.Attestation{Place: r.view.Place(s.at, s.ID, s.Time.UTC()), By: s.who(), Writer: string(s.Writer), Digest: string(g.Digest)}
		if !g.Due.IsZero() {
			until := g.Due.UTC()
			a.Until = &until
		}
		if len(t.out.Attested) < r.most {
			t.out.Attested = append(t.out.Attested, a)
		}
	}
	if len(t.out.Attested) > 0 {
		t.out.Status, t.out.Reason = Attested, "a person states it; what the statement says was not tested: "+t.rule.Attest
		return
	}
	t.out.Status, t.out.Reason = NoPopulation, "not evaluated: "+t.rule.Attest+"; no statement of a person about it is in the log"
}

// walk shows every record of the period to the methods.
func (r *run) walk(ctx context.Context) error {
	err := r.view.Each(ctx, ledger.Query{From: r.from, To: r.to}, spot{}, func(at spot, leaf []byte) error {
		s, err := parse(at, leaf)
		if err != nil {
			return err
		}
		for _, m := range r.methods {
			if m.see != nil {
				m.see(s)
			}
		}
		if s.made() {
			return r.express(ctx, s, leaf)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, m := range r.methods {
		if m.end != nil {
			if err := m.end(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// express runs the rules that are expressions over a decision. One that errs
// failed: what can not be read is no evidence.
func (r *run) express(ctx context.Context, s *statement, leaf []byte) error {
	st, err := record.ParseStatement(leaf)
	if err != nil {
		return fmt.Errorf("read statement %d: %w", s.at.Index, err)
	}
	for _, res := range r.lib.controls.Run(ctx, control.NewLeafInput(st, r.asOf)) {
		if t := r.tallies[res.Version]; t != nil && res.Result != control.Skip {
			t.test(string(s.ID), res.Result == control.Pass)
		}
	}
	return ctx.Err()
}

// results are those of all rules, by their ids.
func (r *run) results() []api.RuleResult {
	var out []api.RuleResult
	for _, t := range r.tallies {
		out = append(out, t.result())
	}
	slices.SortFunc(out, func(a, b api.RuleResult) int { return strings.Compare(a.ID, b.ID) })
	return out
}
