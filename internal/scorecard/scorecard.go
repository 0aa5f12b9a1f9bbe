// SPDX-License-Identifier: Apache-2.0

// Package scorecard runs models that are rules: a scorecard, which adds points, or
// a rule set, of which the first rule that applies decides. Who registers one as a
// version of a model or a policy has its decisions replayed, and gets told what
// would have had to be different.
//
//	document (YAML or JSON) ─ parse strictly ─ card
//	card + inputs of a decision ─ points and outcome
//	card + inputs ─ run again with one or two inputs changed ─ what leads to another outcome
//
// # Invariants
//
//   - The same card and the same inputs give the same result. There is no clock,
//     no network and no randomness.
//   - A counterfactual was run, never guessed: the changed inputs were put in, and
//     the outcome came out. Inputs that the card says nobody can change are left as
//     they are.
//   - An input that is missing gets the points for what is missing, and passes no
//     rule. One of another kind than a test wants passes no test, and falls into
//     the bin that takes all.
//
// What it does not do: fit models, or judge whether one is fair.
package scorecard

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// Format is what a document says it is.
const Format = "counterfoil/scorecard/v1"

// Card is a parsed document. It is immutable and safe for concurrent use.
type Card struct {
	Format string `yaml:"scorecard"`
	// Base is the score before any points.
	Base            float64          `yaml:"base"`
	Characteristics []Characteristic `yaml:"characteristics"`
	// Outcomes are tried in order: the first whose From the score reaches, or that
	// has none.
	Outcomes []Outcome `yaml:"outcomes"`
	// Rules are tried in order before the score: the first whose tests all pass
	// decides.
	Rules []Rule `yaml:"rules"`
	// Otherwise is the outcome if nothing else decides.
	Otherwise string `yaml:"otherwise"`
	// Fixed are inputs that nobody can change, such as age.
	Fixed []Place `yaml:"fixed"`
}

// Place is a value of a decision: the input of that name, and a JSON Pointer into
// its value; the empty one is all of it.
type Place struct {
	Input string `yaml:"input" json:"input"`
	Path  string `yaml:"path" json:"path,omitempty"`
}

// Characteristic gives points for one value, by the first bin that it falls into.
type Characteristic struct {
	Name    string `yaml:"name"`
	Place   `yaml:",inline"`
	Missing float64 `yaml:"missing"`
	Bins    []Bin   `yaml:"bins"`
}

// Bin takes values that pass its test; one without a test takes all.
type Bin struct {
	Test   `yaml:",inline"`
	Points float64 `yaml:"points"`
}

// Test passes for numbers below one and from one on, or for one of some texts or
// truth values.
type Test struct {
	Below *float64 `yaml:"below" json:"below,omitempty"`
	From  *float64 `yaml:"from" json:"from,omitempty"`
	Is    []any    `yaml:"is" json:"is,omitempty"`
}

// Rule decides if all of its tests pass.
type Rule struct {
	Name    string     `yaml:"name"`
	If      []RuleTest `yaml:"if"`
	Outcome string     `yaml:"outcome"`
}

// RuleTest is a test of one value.
type RuleTest struct {
	Place `yaml:",inline"`
	Test  `yaml:",inline"`
}

// Outcome is what a score leads to.
type Outcome struct {
	From    *float64 `yaml:"from"`
	Outcome string   `yaml:"outcome"`
}

// Is says whether a document claims to be a card.
func Is(text []byte) bool {
	var head struct {
		Format string `yaml:"scorecard"`
	}
	return yaml.Unmarshal(text, &head) == nil && head.Format != ""
}

// Parse reads a document strictly.
func Parse(text []byte) (*Card, error) {
	c := &Card{}
	if err := yaml.UnmarshalWithOptions(text, c, yaml.DisallowUnknownField()); err != nil {
		return nil, fmt.Errorf("read scorecard: %w", err)
	}
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("read scorecard: %w", err)
	}
	return c, nil
}

func (c *Card) validate() error {
	var errs []error
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Format != Format {
		add("/scorecard is %q, want %q", c.Format, Format)
	}
	if len(c.Outcomes) == 0 && len(c.Rules) == 0 {
		add("/outcomes: there are no outcomes and no rules")
	}
	for i, ch := range c.Characteristics {
		if ch.Name == "" || ch.Input == "" || len(ch.Bins) == 0 {
			add("/characteristics/%d needs a name, an input and bins", i)
		}
	}
	for i, r := range c.Rules {
		if r.Name == "" || r.Outcome == "" || len(r.If) == 0 {
			add("/rules/%d needs a name, tests and an outcome", i)
		}
		for j, t := range r.If {
			if t.Input == "" || t.Below == nil && t.From == nil && t.Is == nil {
				add("/rules/%d/if/%d needs an input, and a test of it", i, j)
			}
		}
	}
	last := len(c.Outcomes) - 1
	for i, o := range c.Outcomes {
		if o.Outcome == "" || o.From == nil && i < last {
			add("/outcomes/%d needs an outcome and, unless it is the last, from", i)
		}
	}
	if c.Otherwise == "" && (len(c.Outcomes) == 0 || c.Outcomes[last].From != nil) {
		add("/otherwise: nothing is said for what no rule and no score decides")
	}
	return errors.Join(errs...)
}

// Values gives what stands at a place; false: nothing.
type Values func(Place) (any, bool)

// Part is what one characteristic gave.
type Part struct {
	Name   string  `json:"name"`
	Input  string  `json:"input"`
	Points float64 `json:"points"`
	// Missing says that the value was not there.
	Missing bool `json:"missing,omitempty"`
}

// Result is what a card came to.
type Result struct {
	Outcome string  `json:"outcome"`
	Score   float64 `json:"score"`
	// Rule is the rule that decided; empty: the score did.
	Rule  string `json:"rule,omitempty"`
	Parts []Part `json:"parts,omitempty"`
}

// Run runs a card over the values of a decision.
func (c *Card) Run(values Values) Result {
	r := Result{Score: c.Base}
	for _, ch := range c.Characteristics {
		p := Part{Name: ch.Name, Input: ch.Input, Points: ch.Missing}
		v, ok := values(ch.Place)
		p.Missing = !ok
		if ok {
			if i := slices.IndexFunc(ch.Bins, func(b Bin) bool { return b.passes(v) }); i >= 0 {
				p.Points = ch.Bins[i].Points
			}
		}
		r.Score += p.Points
		r.Parts = append(r.Parts, p)
	}
	for _, rule := range c.Rules {
		if !slices.ContainsFunc(rule.If, func(t RuleTest) bool {
			v, ok := values(t.Place)
			return !ok || !t.passes(v)
		}) {
			r.Outcome, r.Rule = rule.Outcome, rule.Name
			return r
		}
	}
	for _, o := range c.Outcomes {
		if o.From == nil || r.Score >= *o.From {
			r.Outcome = o.Outcome
			return r
		}
	}
	r.Outcome = c.Otherwise
	return r
}

// passes says whether a value passes; a test of nothing passes all.
func (t *Test) passes(v any) bool {
	if t.Is != nil {
		return slices.ContainsFunc(t.Is, func(w any) bool { return same(w, v) })
	}
	if t.Below == nil && t.From == nil {
		return true
	}
	n, ok := number(v)
	return ok && (t.Below == nil || n < *t.Below) && (t.From == nil || n >= *t.From)
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case uint64:
		return float64(v), true
	case int64:
		return float64(v), true
	}
	return 0, false
}

func same(a, b any) bool {
	x, isX := number(a)
	y, isY := number(b)
	if isX || isY {
		return isX && isY && x == y
	}
	switch a := a.(type) {
	case string:
		s, ok := b.(string)
		return ok && s == a
	case bool:
		s, ok := b.(bool)
		return ok && s == a
	}
	return false
}

// At follows a JSON Pointer (RFC 6901) into a value as encoding/json decodes it.
func At(v any, pointer string) (any, bool) {
	if pointer == "" {
		return v, v != nil
	}
	for part := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		m, ok := v.(map[string]any)
		if !ok {
			return nil, false
		}
		if v, ok = m[strings.NewReplacer("~1", "/", "~0", "~").Replace(part)]; !ok {
			return nil, false
		}
	}
	return v, v != nil
}
