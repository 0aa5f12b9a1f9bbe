// SPDX-License-Identifier: Apache-2.0

package inquiry

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// review is what a person did, and when.
type review struct {
	oversight
	where api.Place
	when  time.Time
}

// dwell is how long was looked at, in seconds.
func (r *review) dwell() (seconds float64, ok bool) {
	var ms float64
	if r.Dwell == nil || json.Unmarshal(r.Dwell, &ms) != nil {
		return 0, false
	}
	return ms / 1000, true
}

// changes says whether the act left the decision other than it was.
func (r *review) changes() bool {
	return slices.Contains([]string{"edit", "override", "reject", "stop"}, string(r.Act))
}

// reviews are the acts of people by what they are about.
func (a *asking) reviews(ctx context.Context, q ledger.Query) (map[string][]review, error) {
	q.Type = string(record.Oversight)
	return collect(ctx, a, q, func(at spot, s *statement) (string, review) {
		return string(s.About), review{s.Oversight, a.place(at, s), s.Time.Time}
	})
}

// on are the acts on a decision, and on the attempt before it.
func on(acts map[string][]review, s *statement) []review {
	return slices.Concat(acts[string(s.About)], acts[string(s.ID)])
}

// weak lists the tests of meaningful involvement that an act fails.
func (r *review) weak(s *statement) []string {
	var out []string
	if !s.Decision.Effective.IsZero() && r.when.After(s.Decision.Effective.Time) {
		out = append(out, "timing")
	}
	if r.Role == "" {
		out = append(out, "authority")
	}
	if r.Competence == "" {
		out = append(out, "competence")
	}
	if r.Shown == "" || len(words(r.Opened)) == 0 {
		out = append(out, "evidence")
	}
	if seconds, ok := r.dwell(); !ok || seconds == 0 {
		out = append(out, "dwell")
	}
	return out
}

// reviewColumns are the values of an act.
var reviewColumns = []string{"act", "reviewer", "role", "team", "competence", "shown", "opened", "dwell_s", "before", "after", "changed", "reason_code", "reason", "edit_ratio"}

func (r *review) values() map[string]any {
	v := map[string]any{"opened": words(r.Opened), "changed": r.changes(), "reason": r.Reason != nil}
	for name, t := range map[string]text{"act": r.Act, "reviewer": r.Actor, "role": r.Role, "team": r.Team, "competence": r.Competence,
		"shown": r.Shown, "before": r.Before, "after": r.After, "reason_code": r.ReasonCode} {
		word(v, name, t)
	}
	if seconds, ok := r.dwell(); ok {
		v["dwell_s"] = seconds
	}
	say(v, "edit_ratio", r.EditRatio)
	return v
}

// human says who was behind a decision: question 8.
func human(ctx context.Context, a *asking) error {
	a.columns(reviewColumns...)
	var found *statement
	err := a.Among(ctx, ledger.Query{Type: string(record.Decision)}, []string{a.ID}, func(at spot, leaf []byte) (err error) {
		found, err = parse(at, leaf)
		return err
	})
	if err != nil {
		return err
	}
	if found == nil {
		return fault(ledger.NotFound, "counterfoil list --type decision lists them", "there is no decision %s", a.ID)
	}
	acts := map[string][]review{}
	for _, id := range slices.Compact([]string{string(found.About), string(found.ID)}) {
		if id == "" {
			continue
		}
		some, err := a.reviews(ctx, ledger.Query{About: id})
		if err != nil {
			return err
		}
		acts[id] = some[id]
	}
	all := on(acts, found)
	a.answer.Looked = int64(len(all))
	a.figures("acts")
	a.add("acts", float64(len(all)))
	for _, r := range all {
		a.put(&r.where, r.weak(found), r.values())
	}
	if len(all) == 0 {
		a.put(nil, []string{"nobody"}, map[string]any{})
	}
	return nil
}

// involvement tests the decisions that are labelled as made with a person:
// question 9.
func involvement(ctx context.Context, a *asking) error {
	a.columns(append([]string{"system", "outcome", "acted", "effective"}, reviewColumns...)...)
	a.figures("labelled", "nobody", "timing", "authority", "evidence", "dwell", "competence_unrecorded", "effective_unrecorded")
	acts, err := a.reviews(ctx, ledger.Query{})
	if err != nil {
		return err
	}
	tracked := false
	for _, some := range acts {
		tracked = tracked || slices.ContainsFunc(some, func(r review) bool { return r.Competence != "" })
	}
	if !tracked {
		a.unknown("No act names the competence of who did it, so that this test is left out.")
	}
	q := a.query(string(record.Decision))
	q.Automation = "meaningful_human"
	return a.walk(ctx, q, func(at spot, s *statement) error {
		a.answer.Looked++
		a.add("labelled", 1)
		if s.Decision.Effective.IsZero() {
			a.add("effective_unrecorded", 1)
		}
		best, faults := strongest(on(acts, s), s)
		if best != nil && best.Competence == "" {
			a.add("competence_unrecorded", 1)
		}
		if !tracked {
			faults = slices.DeleteFunc(faults, func(f string) bool { return f == "competence" })
		}
		if len(faults) == 0 {
			return nil
		}
		v := map[string]any{}
		if best != nil {
			v = best.values()
			clock(v, "acted", best.when)
		}
		word(v, "system", s.System)
		word(v, "outcome", s.Decision.Outcome)
		clock(v, "effective", s.Decision.Effective.Time)
		here := a.place(at, s)
		a.put(&here, faults, v)
		return nil
	})
}

// strongest is the act that fails fewest tests: one that passes is enough.
func strongest(acts []review, s *statement) (best *review, faults []string) {
	faults = []string{"nobody"}
	for n := range acts {
		if f := acts[n].weak(s); best == nil || len(f) < len(faults) {
			best, faults = &acts[n], f
		}
	}
	return best, faults
}
