// SPDX-License-Identifier: Apache-2.0

package inquiry

import (
	"context"
	"slices"

	"github.com/counterfoil/counterfoil/record"
)

// Codes of factors that say nothing, and methods by which a model says why it
// did something, which shows nothing of how it came to it.
var (
	vagueCodes = []string{"other", "others", "unknown", "none", "na", "n/a", "misc", "miscellaneous", "general", "unspecified", "policy", "internal_policy",
		"score", "model_score", "low_score", "insufficient_score", "model", "ai", "system", "default"}
	untested = []string{"rationale", "self", "narrative", "cot"}
)

// reasons lists the adverse decisions of which the factors are missing, vague,
// or not linked to an input: question 13. There is a row for each such factor.
func reasons(ctx context.Context, a *asking) error {
	a.columns("system", "outcome", "factor", "method", "input", "reason")
	a.figures("adverse", "decisions_with_fault", "missing", "vague", "unlinked", "untested")
	q := a.query(string(record.Decision))
	q.Adverse, q.Status = "true", "made"
	return a.walk(ctx, q, func(at spot, s *statement) error {
		a.answer.Looked++
		a.add("adverse", 1)
		here, before := a.place(at, s), a.answer.Wrong
		list := func(faults []string, f factor) {
			if len(faults) == 0 {
				return
			}
			v := map[string]any{"reason": s.Decision.Reason != nil}
			word(v, "system", s.System)
			word(v, "outcome", s.Decision.Outcome)
			word(v, "factor", f.Code)
			word(v, "method", f.Method)
			word(v, "input", f.Input)
			a.put(&here, faults, v)
		}
		if len(s.Factors) == 0 {
			list([]string{"missing"}, factor{})
		}
		for _, f := range s.Factors {
			list(f.defects(s), f)
		}
		if a.answer.Wrong > before {
			a.add("decisions_with_fault", 1)
		}
		return nil
	})
}

// defects are what is wrong with a factor of a decision.
func (f *factor) defects(s *statement) []string {
	var out []string
	if f.Code == "" || slices.Contains(vagueCodes, string(f.Code)) {
		out = append(out, "vague")
	}
	if f.Method != "human" && !slices.ContainsFunc(s.Inputs, func(i input) bool { return i.Name == f.Input }) {
		out = append(out, "unlinked")
	}
	if hasPart(string(f.Method), untested...) && !s.tested(f) {
		out = append(out, "untested")
	}
	return out
}

// tested says whether another factor of the same code was found by a method that
// is no account of the model's own.
func (s *statement) tested(f *factor) bool {
	return slices.ContainsFunc(s.Factors, func(o factor) bool {
		return o.Code == f.Code && o.Method != "" && !hasPart(string(o.Method), untested...)
	})
}
