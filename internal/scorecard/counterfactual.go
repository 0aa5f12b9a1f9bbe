// SPDX-License-Identifier: Apache-2.0

package scorecard

import (
	"fmt"
	"math"
	"slices"
	"strconv"
)

// Change is one value that would have been different.
type Change struct {
	Place
	// To says what it would have been, in words of the card's tests: "below 100",
	// "at least 500", "DE".
	To string `json:"to"`
}

// Counterfactual is a set of changes that leads to another outcome. It was run.
type Counterfactual struct {
	Changes []Change `json:"changes"`
	Outcome string   `json:"outcome"`
	Score   float64  `json:"score"`
}

// Bounds of the search for counterfactuals.
const (
	maxRuns  = 20_000
	maxFound = 20
)

// candidate is a value to try.
type candidate struct {
	Change
	value any
	far   float64 // how far from the value as it is; 0 for texts
}

// Counterfactuals runs the card again with one value changed, and if that never
// leads to another outcome with two, and gives those that do: for numbers the
// nearest side of each limit, for texts each that a test names. The order is that
// of the card. want is the outcome that is looked for; empty: any other.
func (c *Card) Counterfactuals(values Values, want string) []Counterfactual {
	as := c.Run(values)
	all := c.candidates(values)
	runs := 0
	try := func(changes ...candidate) (Counterfactual, bool) {
		runs++
		r := c.Run(func(p Place) (any, bool) {
			for _, ch := range changes {
				if ch.Place == p {
					return ch.value, true
				}
			}
			return values(p)
		})
		out := Counterfactual{Outcome: r.Outcome, Score: r.Score}
		for _, ch := range changes {
			out.Changes = append(out.Changes, ch.Change)
		}
		return out, r.Outcome != as.Outcome && (want == "" || r.Outcome == want)
	}
	var found []Counterfactual
	seen := map[string]bool{} // place, side and outcome: the nearest limit is enough
	for _, a := range all {
		cf, ok := try(a)
		key := fmt.Sprint(a.Place, a.far > 0, a.far < 0, cf.Outcome)
		if ok && !(a.far != 0 && seen[key]) {
			found, seen[key] = append(found, cf), true
		}
	}
	if len(found) > 0 {
		return found[:min(len(found), maxFound)]
	}
	for i, a := range all {
		for _, b := range all[i+1:] {
			if a.Place == b.Place {
				continue
			}
			if runs >= maxRuns || len(found) >= maxFound {
				return found
			}
			if cf, ok := try(a, b); ok {
				found = append(found, cf)
			}
		}
	}
	return found
}

// candidates are the values worth trying: on the other side of each limit, nearest
// first, and each text that a test names, and one that none does.
func (c *Card) candidates(values Values) []candidate {
	tests := map[Place][]Test{}
	var places []Place
	add := func(p Place, t Test) {
		if slices.Contains(c.Fixed, p) {
			return
		}
		if tests[p] == nil {
			places = append(places, p)
		}
		tests[p] = append(tests[p], t)
	}
	for _, ch := range c.Characteristics {
		for _, b := range ch.Bins {
			add(ch.Place, b.Test)
		}
	}
	for _, r := range c.Rules {
		for _, t := range r.If {
			add(t.Place, t.Test)
		}
	}
	var out []candidate
	for _, p := range places {
		v, _ := values(p)
		out = append(out, candidatesOf(p, v, tests[p])...)
	}
	return out
}

func candidatesOf(p Place, v any, tests []Test) []candidate {
	var out []candidate
	now, numeric := number(v)
	words, texts := false, []any{}
	for _, t := range tests {
		for _, limit := range []*float64{t.Below, t.From} {
			if limit == nil || v != nil && !numeric {
				continue
			}
			text := strconv.FormatFloat(*limit, 'f', -1, 64)
			if v == nil || now >= *limit {
				out = append(out, candidate{Change{p, "below " + text}, math.Nextafter(*limit, math.Inf(-1)), *limit - now})
			}
			if v == nil || now < *limit {
				out = append(out, candidate{Change{p, "at least " + text}, *limit, *limit - now})
			}
		}
		for _, w := range t.Is {
			words = true
			if !same(w, v) && !slices.ContainsFunc(texts, func(x any) bool { return same(x, w) }) {
				texts = append(texts, w)
				out = append(out, candidate{Change{p, fmt.Sprint(w)}, w, 0})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b candidate) int { return int(math.Copysign(1, math.Abs(a.far)-math.Abs(b.far))) })
	if words && !numeric {
		out = append(out, candidate{Change{p, "something else"}, "\x00 something that no test names", 0})
	}
	return out
}
