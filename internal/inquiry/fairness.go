// SPDX-License-Identifier: Apache-2.0

package inquiry

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// fairnessMethod is how rates are compared: each with the highest of its span.
// Less than four fifths of it is a breach, as US agencies have it.
const (
	fairnessMethod = "impact-ratio@1"
	fourFifths     = 0.8
)

// term is a span of time of which a source counted.
type term struct{ from, to time.Time }

// cell is what a source counted of a group in a span.
type cell struct {
	where              api.Place
	group              string
	population, chosen number
	rate               number
}

// fairness compares the groups that a system decided about: question 14. The
// records are signals with a group and a span: `population`, and `selected` or
// `selection_rate`.
func fairness(ctx context.Context, a *asking) error {
	a.columns("from", "to", "group", "population", "selection_rate", "impact_ratio", "threshold", "models", "method", "finding")
	a.figures("groups", "suppressed", "rate_unknown", "impact_low", "no_finding")
	terms, err := a.cells(ctx)
	if err != nil {
		return err
	}
	findings, err := a.groupFindings(ctx)
	if err != nil {
		return err
	}
	for _, t := range slices.SortedFunc(maps.Keys(terms), func(x, y term) int { return cmp.Or(x.from.Compare(y.from), x.to.Compare(y.to)) }) {
		models, err := a.models(ctx, t)
		if err != nil {
			return err
		}
		a.compare(t, terms[t], models, findings)
	}
	return nil
}

// cells reads what sources counted.
func (a *asking) cells(ctx context.Context) (map[term][]*cell, error) {
	out := map[term][]*cell{}
	q := a.query(string(record.Signal))
	return out, a.walk(ctx, q, func(at spot, s *statement) error {
		g := &s.Signal
		if g.Group == "" || !slices.Contains([]string{"population", "selected", "selection_rate"}, string(g.Name)) {
			return nil
		}
		t := term{g.From.UTC(), g.To.UTC()}
		n := slices.IndexFunc(out[t], func(c *cell) bool { return c.group == string(g.Group) })
		if n < 0 {
			n = len(out[t])
			out[t] = append(out[t], &cell{where: a.place(at, s), group: string(g.Group)})
		}
		switch c := out[t][n]; g.Name {
		case "population":
			c.population = g.Value
		case "selected":
			c.chosen = g.Value
		default:
			c.rate = g.Value
		}
		return nil
	})
}

// models are the versions that decisions of the system named in a span.
func (a *asking) models(ctx context.Context, t term) ([]string, error) {
	seen := map[string]bool{}
	err := a.walk(ctx, ledger.Query{Type: string(record.Decision), System: a.System, Env: a.Env, From: t.from, To: t.to}, func(_ spot, s *statement) error {
		for _, b := range s.bound() {
			if b.Kind == "model" {
				seen[b.Version] = true
			}
		}
		return nil
	})
	return slices.Sorted(maps.Keys(seen)), err
}

// groupFindings are the findings about groups of the system, by group.
func (a *asking) groupFindings(ctx context.Context) (map[string][]observed, error) {
	out := map[string][]observed{}
	return out, a.walk(ctx, ledger.Query{Type: string(record.Finding), System: a.System}, func(at spot, s *statement) error {
		if g := string(s.Finding.Group); g != "" {
			out[g] = append(out[g], observed{s, a.place(at, s)})
		}
		return nil
	})
}

// compare lists the groups of a span that are large enough, and hides the rest:
// they are not compared with either.
func (a *asking) compare(t term, cells []*cell, models []string, findings map[string][]observed) {
	best := 0.0
	var shown []*cell
	for _, c := range cells {
		a.answer.Looked++
		a.add("groups", 1)
		if !c.population.OK || c.population.Value < minGroup {
			a.add("suppressed", 1)
			continue
		}
		if c.chosen.OK {
			c.rate = number{Value: c.chosen.Value / c.population.Value, OK: true}
		}
		shown = append(shown, c)
		if c.rate.OK {
			best = max(best, c.rate.Value)
		}
	}
	slices.SortFunc(shown, func(x, y *cell) int { return strings.Compare(x.group, y.group) })
	for _, c := range shown {
		v := map[string]any{"group": c.group, "models": models, "method": fairnessMethod, "threshold": fourFifths}
		clock(v, "from", t.from)
		clock(v, "to", t.to)
		say(v, "population", c.population)
		var faults []string
		switch ratio := share(c.rate.Value, best); {
		case !c.rate.OK:
			faults = append(faults, "rate_unknown")
		default:
			v["selection_rate"], v["impact_ratio"] = share(c.rate.Value, 1), ratio
			if c.rate.Value < fourFifths*best {
				faults = append(faults, "impact_low")
				n := slices.IndexFunc(findings[c.group], func(f observed) bool { return !f.Time.Before(t.from) })
				if n < 0 {
					faults = append(faults, "no_finding")
				} else {
					v["finding"] = string(findings[c.group][n].ID)
				}
			}
		}
		a.put(&c.where, faults, v)
	}
}
