// SPDX-License-Identifier: Apache-2.0

// Package replay runs again what was in force when a decision was made, on what
// was recorded of it, and says whether the same comes out.
//
//	decision ─ its private values ─ the record as it was received
//	governed: controls with name@version ─ their texts ─ run again ─ the same result?
//	versions: models and policies that are scorecards ─ run again ─ the same outcome and score?
//	--with name@version ─ run, too: what would have happened
//
// # Invariants
//
//   - What runs is the text that the register has under that name and version,
//     whose digest was checked; "now" is when the decision was recorded.
//   - What can not be run again says why: the text was erased or is kept elsewhere,
//     a value is gone. It is never counted as the same.
//   - A replay changes nothing. Whoever may open the values of the record may have
//     it replayed; the access record is written by the caller before.
//
// What it does not do: call models. A language model is not deterministic, and its
// provider may have changed it; what it answered is in the record.
package replay

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/internal/control"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/scorecard"
	"github.com/counterfoil/counterfoil/record"
)

// Text gives the text of a version and its digest. An [*ledger.Error] says why
// there is none.
type Text func(ctx context.Context, kind, version string) (text []byte, digest string, err error)

// States of what was run again.
const (
	Same      = "same"
	Different = "different"
	NotRun    = "not_run" // Why says why
	WhatIf    = "what_if" // it was not in force then
)

// Control is one control that was run.
type Control struct {
	Control  string `json:"control"`
	State    string `json:"state"`
	Recorded string `json:"recorded,omitempty"` // pass, fail, error or skip
	Result   string `json:"result,omitempty"`
	Why      string `json:"why,omitempty"`
}

// Score is one scorecard that was run.
type Score struct {
	Version string `json:"version"`
	Kind    string `json:"kind"`
	State   string `json:"state"`
	// Recorded is what the decision says it came to.
	Recorded struct {
		Outcome string   `json:"outcome,omitempty"`
		Score   *float64 `json:"score,omitempty"`
	} `json:"recorded"`
	Result          *scorecard.Result          `json:"result,omitempty"`
	Counterfactuals []scorecard.Counterfactual `json:"counterfactuals,omitempty"` // executed
	Why             string                     `json:"why,omitempty"`
}

// Result is what a replay came to.
type Result struct {
	Record   string    `json:"record"`
	Index    int64     `json:"index"`
	Recorded time.Time `json:"recorded"`
	// Faithful says that all that could be run again gave the same, and that
	// something was run.
	Faithful bool      `json:"faithful"`
	Controls []Control `json:"controls"`
	Scores   []Score   `json:"scores"`
	// Gone are private values that were erased, or that the caller may not open.
	Gone []string `json:"gone,omitempty"`
}

// replaying is one decision.
type replaying struct {
	st   *record.Statement
	rec  *record.Record
	text Text
	out  *Result
}

// Run replays a decision. openings are the values that may be used. with names
// versions, as kind:name@version, that are run beside those of then; the kind is
// control, model, policy or config, and control if it is left out.
func Run(ctx context.Context, rules *record.Rules, e ledger.Entry, openings []record.Opening, text Text, with []string) (*Result, error) {
	st, err := record.ParseStatement(e.Statement)
	if err != nil {
		return nil, fmt.Errorf("replay: %w", err)
	}
	f := st.Fields()
	if f.Type != string(record.Decision) {
		return nil, &ledger.Error{Code: ledger.Invalid, Message: fmt.Sprintf("record %s is no decision", f.ID), Hint: "name the decision that it is about"}
	}
	r := &replaying{st: st, text: text, out: &Result{Record: f.ID, Index: e.Index, Recorded: f.Recorded, Controls: []Control{}, Scores: []Score{}}}
	if r.rec, r.out.Gone, err = ledger.Rebuild(rules, st, openings); err != nil {
		return nil, err
	}
	if err := r.controls(ctx); err != nil {
		return nil, err
	}
	if err := r.scores(ctx); err != nil {
		return nil, err
	}
	r.out.Faithful = r.faithful()
	for _, w := range with {
		if err := r.whatIf(ctx, w); err != nil {
			return nil, err
		}
	}
	return r.out, nil
}

func (r *replaying) faithful() bool {
	ran, different := 0, 0
	count := func(state string) {
		switch state {
		case Same:
			ran++
		case Different:
			different++
		}
	}
	for _, c := range r.out.Controls {
		count(c.State)
	}
	for _, s := range r.out.Scores {
		count(s.State)
	}
	return ran > 0 && different == 0
}

// why says why there is no text; other errors are errors.
func why(err error) (string, error) {
	if e, ok := errors.AsType[*ledger.Error](err); ok && (e.Code == ledger.NotFound || e.Code == ledger.Invalid) {
		return e.Message, nil
	}
	return "", err
}

// run runs one control on the decision.
func (r *replaying) run(ctx context.Context, version string) (c Control, err error) {
	c.Control = version
	text, _, err := r.text(ctx, "control", version)
	if err != nil {
		c.State = NotRun
		c.Why, err = why(err)
		return c, err
	}
	compiled, err := control.Compile(text)
	if err != nil {
		return Control{Control: version, State: NotRun, Why: "it does not compile: " + err.Error()}, nil
	}
	in := control.NewInput(r.rec, r.out.Recorded)
	in.Partial = len(r.out.Gone) > 0
	set := control.NewSet([]control.Named{{Version: version, Control: compiled}}, r.st.Fields().Status == "requested")
	results := set.Run(ctx, in)
	if len(results) == 0 {
		return Control{Control: version, State: NotRun, Why: "the decision is not in its scope, or it runs at another moment"}, nil
	}
	c.Result = results[0].Result
	if c.Result == control.Fail || c.Result == control.Error {
		c.Why = results[0].Reason
	}
	return c, nil
}

func (r *replaying) controls(ctx context.Context) error {
	g := r.st.Governed()
	if g == nil {
		return nil
	}
	for _, was := range g.Controls {
		c, err := r.run(ctx, was.Control)
		if err != nil {
			return err
		}
		c.Recorded = was.Result
		switch {
		case c.State != "":
		case c.Result == was.Result:
			c.State = Same
		case len(r.out.Gone) > 0:
			c.State, c.Why = NotRun, "values of the decision are gone"
		default:
			c.State = Different
		}
		r.out.Controls = append(r.out.Controls, c)
	}
	return nil
}

// scores replays the versions of the decision that are scorecards.
func (r *replaying) scores(ctx context.Context) error {
	for _, v := range r.rec.Versions() {
		if v.Kind != "model" && v.Kind != "policy" && v.Kind != "config" {
			continue
		}
		text, digest, err := r.text(ctx, v.Kind, v.Version)
		if err != nil {
			if _, err := why(err); err != nil {
				return err
			}
			continue // most versions are no scorecards, and nobody registered them
		}
		if !scorecard.Is(text) {
			continue
		}
		s := r.score(v.Kind, v.Version, text)
		if was := r.digestThen(v.Version); s.State == "" && was != "" && was != digest {
			s.State, s.Why = NotRun, "the register has another text under that name than when the decision was made"
		}
		switch {
		case s.State != "":
		case s.Result.Outcome == s.Recorded.Outcome && (s.Recorded.Score == nil || math.Abs(*s.Recorded.Score-s.Result.Score) < 1e-9):
			s.State = Same
		case len(r.out.Gone) > 0:
			s.State, s.Why = NotRun, "values of the decision are gone"
		default:
			s.State = Different
		}
		r.out.Scores = append(r.out.Scores, s)
	}
	return nil
}

// digestThen is the digest that a version had when the decision was recorded.
func (r *replaying) digestThen(version string) string {
	g := r.st.Governed()
	if g == nil {
		return ""
	}
	for _, v := range g.Versions {
		if v.Version == version {
			return v.Digest
		}
	}
	return ""
}

// score runs one scorecard on the inputs of the decision.
func (r *replaying) score(kind, version string, text []byte) Score {
	s := Score{Kind: kind, Version: version}
	var doc struct {
		Decision struct {
			Outcome string
			Score   any
		}
		Inputs []struct {
			Name  string
			Value any
		}
	}
	card, err := scorecard.Parse(text)
	if err == nil {
		err = json.Unmarshal(r.rec.Canonical(), &doc)
	}
	if err != nil {
		s.State, s.Why = NotRun, err.Error()
		return s
	}
	s.Recorded.Outcome = doc.Decision.Outcome
	if n, ok := doc.Decision.Score.(float64); ok {
		s.Recorded.Score = &n
	}
	inputs := map[string]any{}
	for _, in := range doc.Inputs {
		inputs[in.Name] = in.Value
	}
	values := func(p scorecard.Place) (any, bool) { return scorecard.At(inputs[p.Input], p.Path) }
	result := card.Run(values)
	s.Result, s.Counterfactuals = &result, card.Counterfactuals(values, "")
	return s
}

// whatIf runs a version that was not in force then.
func (r *replaying) whatIf(ctx context.Context, with string) error {
	kind, version, ok := strings.Cut(with, ":")
	if !ok {
		kind, version = "control", with
	}
	if !slices.Contains([]string{"control", "model", "policy", "config"}, kind) || !strings.Contains(version, "@") {
		return &ledger.Error{Code: ledger.Invalid, Message: fmt.Sprintf("%q is no version", with), Hint: "write it like control:refund-limit@4 or policy:returns@6"}
	}
	if kind == "control" {
		c, err := r.run(ctx, version)
		if err == nil && c.State == NotRun && c.Why != "" && c.Result == "" {
			r.out.Controls = append(r.out.Controls, c)
			return nil
		}
		c.State = cmp.Or(c.State, WhatIf)
		r.out.Controls = append(r.out.Controls, c)
		return err
	}
	text, _, err := r.text(ctx, kind, version)
	if err != nil {
		return err
	}
	if !scorecard.Is(text) {
		return &ledger.Error{Code: ledger.Invalid, Message: fmt.Sprintf("%s %s is not a scorecard", kind, version), Hint: "only scorecards and controls can be run: a document that begins with scorecard: " + scorecard.Format}
	}
	s := r.score(kind, version, text)
	s.State = cmp.Or(s.State, WhatIf)
	r.out.Scores = append(r.out.Scores, s)
	return nil
}
