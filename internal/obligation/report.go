// SPDX-License-Identifier: Apache-2.0

package obligation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/extent"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

// Format and Evaluator name the form of a report, and the code that made it.
const (
	Format    = "counterfoil/obligations/v1"
	Evaluator = "1"
)

// Config says what a reporter works with.
type Config struct {
	// Ledger is what is asked; its earlier shards are asked as well. Required.
	Ledger *ledger.Ledger
	// Library is the rules and packs. Default: those of the program.
	Library *Library
	// Now is the clock, by which things are overdue. Default: time.Now.
	Now func() time.Time
	// Most is how many failed ids, exceptions and statements a rule lists at
	// most. Default: 100.
	Most int
}

// Reporter makes reports about one ledger. It keeps nothing between two of them,
// and is safe for concurrent use.
type Reporter struct{ cfg Config }

// New makes a reporter.
func New(cfg Config) (*Reporter, error) {
	switch {
	case cfg.Ledger == nil:
		return nil, errors.New("make reporter: Ledger is required")
	case cfg.Most < 0:
		return nil, errors.New("make reporter: Most must not be negative")
	}
	if cfg.Most == 0 {
		cfg.Most = 100
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Library == nil {
		lib, err := Default()
		if err != nil {
			return nil, fmt.Errorf("make reporter: %w", err)
		}
		cfg.Library = lib
	}
	return &Reporter{cfg: cfg}, nil
}

// Asked is what a report is to be about.
type Asked struct {
	// Packs are their names. Default: all.
	Packs []string
	// Quarter is the period, such as 2026Q2. Default: From and To, and without
	// them the quarter before the one that is now.
	Quarter  string
	From, To time.Time
	// FailOnly leaves out the obligations and rules without a failure.
	FailOnly bool
	// Within bounds what is seen at all. Default: everything.
	Within *ledger.Bounds
}

// limits are what no report can show, in words.
var limits = []string{
	"Evidence found is not the same as a duty met: that is for people to judge.",
	"Which laws apply to whom, and from when, is for counsel to say; dates are shown with their sources.",
	"What no source sent to the log can not be counted.",
	"Only production records are tested, and public values only: that a private value is there shows, what it says does not.",
	"Tests, shadow runs and staging are left out, except where the numbering of records is tested.",
}

// Report evaluates the rules of the packs over the records of a period.
func (r *Reporter) Report(ctx context.Context, a Asked) (*api.ObligationReport, error) {
	packs, err := r.packs(a.Packs)
	if err != nil {
		return nil, err
	}
	now := r.cfg.Now().UTC().Truncate(time.Second)
	from, to, quarter, err := a.period(now)
	if err != nil {
		return nil, err
	}
	v, err := extent.Look(ctx, r.cfg.Ledger, a.Within, "records that name no system are not among them, and what they would show counts as missing")
	if err != nil {
		return nil, err
	}
	e := &run{view: v, lib: r.cfg.Library, from: from, to: to, asOf: to, most: r.cfg.Most}
	if now.Before(to) {
		e.asOf = now
	}
	if e.facts, err = gather(ctx, v); err != nil {
		return nil, err
	}
	wanted := map[string]bool{}
	for _, p := range packs {
		for _, o := range p.Obligations {
			for _, id := range o.Rules {
				wanted[id] = true
			}
		}
	}
	e.begin(wanted)
	if err := e.walk(ctx); err != nil {
		return nil, err
	}
	out := &api.ObligationReport{Format: Format, Evaluator: Evaluator, Basis: v.Basis, Quarter: quarter, From: from, To: to, AsOf: e.asOf, Limits: limits, Rules: e.results()}
	conclude(out, packs)
	if a.FailOnly {
		failOnly(out)
	}
	return out, nil
}

// packs are those that are named.
func (r *Reporter) packs(names []string) ([]*Pack, error) {
	if len(names) == 0 {
		return r.cfg.Library.packs, nil
	}
	var out []*Pack
	for _, p := range r.cfg.Library.packs {
		if slices.Contains(names, p.Name) {
			out = append(out, p)
		}
	}
	known := r.cfg.Library.Names()
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, fault(ledger.Invalid, "use any of: "+strings.Join(known, ", "), "there is no pack %q", name)
		}
	}
	return out, nil
}

// period is the time that a report is about.
func (a *Asked) period(now time.Time) (from, to time.Time, quarter string, err error) {
	if a.Quarter != "" {
		if !a.From.IsZero() || !a.To.IsZero() {
			return from, to, "", fault(ledger.Invalid, "give the one or the other", "a quarter has its own from and to")
		}
		from, to, err = Quarter(a.Quarter)
		return from, to, a.Quarter, err
	}
	if a.From.IsZero() && a.To.IsZero() {
		month := (int(now.Month()) - 1) / 3 * 3
		to = time.Date(now.Year(), time.Month(month+1), 1, 0, 0, 0, 0, time.UTC)
		from = to.AddDate(0, -3, 0)
		return from, to, fmt.Sprintf("%dQ%d", from.Year(), (int(from.Month())+2)/3), nil
	}
	if a.From.IsZero() || a.To.IsZero() || !a.From.Before(a.To) {
		return from, to, "", fault(ledger.Invalid, "give both, or a quarter such as 2026Q2", "a period needs a from and a later to")
	}
	return a.From.UTC(), a.To.UTC(), "", nil
}

// Quarter is the time of a quarter by its name, such as 2026Q2.
func Quarter(name string) (from, to time.Time, err error) {
	var year, n int
	if _, err := fmt.Sscanf(name, "%4dQ%1d", &year, &n); err != nil || name != fmt.Sprintf("%dQ%d", year, n) || year < 1970 || n < 1 || n > 4 {
		return from, to, fault(ledger.Invalid, "write it like 2026Q2", "%q is no quarter", name)
	}
	from = time.Date(year, time.Month(3*n-2), 1, 0, 0, 0, 0, time.UTC)
	return from, from.AddDate(0, 3, 0), nil
}

// conclude adds the obligations, each with what its rules came to.
func conclude(out *api.ObligationReport, packs []*Pack) {
	rules := map[string]*api.RuleResult{}
	out.Tally, out.Count = map[string]int{}, map[string]int{}
	for n := range out.Rules {
		rules[out.Rules[n].ID] = &out.Rules[n]
		out.Tally[out.Rules[n].Status]++
	}
	for _, p := range packs {
		q := api.ObligationPack{Name: p.Name, Title: p.Title, Version: p.Version, Digest: p.digest, Note: p.Note, Obligations: []api.ObligationResult{}}
		for _, o := range p.Obligations {
			res := api.ObligationResult{ID: o.ID, Text: o.Text, Source: o.Source, Evidence: o.Evidence, Rules: o.Rules, InForce: len(o.Applies) == 0}
			for _, d := range o.Applies {
				res.Applies = append(res.Applies, api.AppliesFrom(d))
				day, err := time.Parse(time.DateOnly, d.From) // checked when the pack was read
				res.InForce = res.InForce || err == nil && !out.AsOf.Before(day)
			}
			res.Status, res.Summary = sum(o.Rules, rules)
			out.Count[res.Status]++
			q.Obligations = append(q.Obligations, res)
		}
		out.Packs = append(out.Packs, q)
	}
}

// sum is what the rules of an obligation come to. One failure shows; a rule that
// tested nothing leaves a gap, and never makes a PASS.
func sum(ids []string, rules map[string]*api.RuleResult) (status, summary string) {
	count := map[string]int{}
	for _, id := range ids {
		count[rules[id].Status]++
	}
	applicable := len(ids) - count[NotApplicable]
	found := count[Pass] + count[Partial]
	switch {
	case applicable == 0:
		status = NotApplicable
	case count[Fail] > 0:
		status = Fail
	case count[Pass] == applicable:
		status = Pass
	case found > 0:
		status = Partial
	case count[Attested] == applicable:
		status = Attested
	case count[Attested] > 0:
		status = Partial
	default:
		status = NoPopulation
	}
	summary = fmt.Sprintf("evidence found for %d of %d rules", count[Pass], len(ids))
	for _, s := range []string{Partial, Fail, Attested, NoPopulation, NotApplicable} {
		if count[s] > 0 {
			summary += fmt.Sprintf("; %d %s", count[s], s)
		}
	}
	return status, summary
}

// failOnly leaves out what has no failure. The counts stay those of the whole.
func failOnly(out *api.ObligationReport) {
	failing := func(status string) bool { return status == Fail || status == Partial }
	kept := map[string]bool{}
	out.Rules = slices.DeleteFunc(out.Rules, func(r api.RuleResult) bool {
		kept[r.ID] = r.Failed > 0
		return r.Failed == 0
	})
	for n := range out.Packs {
		p := &out.Packs[n]
		p.Obligations = slices.DeleteFunc(p.Obligations, func(o api.ObligationResult) bool {
			return !failing(o.Status) || !slices.ContainsFunc(o.Rules, func(id string) bool { return kept[id] })
		})
	}
}

func fault(code ledger.Code, hint, format string, args ...any) error {
	return &ledger.Error{Code: code, Message: fmt.Sprintf(format, args...), Hint: hint}
}
