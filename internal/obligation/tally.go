// SPDX-License-Identifier: Apache-2.0

package obligation

import (
	"time"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/record"
)

// The statuses of rules and obligations.
const (
	Pass          = "PASS"
	Partial       = "PARTIAL"
	Fail          = "FAIL"
	NoPopulation  = "NO-POPULATION"
	NotApplicable = "NOT-APPLICABLE"
	Attested      = "ATTESTED"
)

// tally counts what one rule tests.
type tally struct {
	rule *Rule
	run  *run
	out  api.RuleResult
}

// test counts one thing that was tested. What failed and somebody accepted, in a
// finding about it that names the rule, counts as an exception.
func (t *tally) test(id string, ok bool) { t.testMany(id, 1, ok) }

// testMany counts several that stand or fall together.
func (t *tally) testMany(id string, n int64, ok bool) {
	t.out.Population += n
	switch {
	case ok:
		t.out.Passed += n
	case t.excepted(id):
		t.out.Excepted += n
	default:
		t.out.Failed += n
		if len(t.out.FailedIDs) == t.run.most {
			t.out.More = true
			return
		}
		t.out.FailedIDs = append(t.out.FailedIDs, id)
	}
}

// excepted looks for the finding that accepts a failure. The last word on it
// counts, while it lasts.
func (t *tally) excepted(id string) bool {
	for _, s := range t.run.facts.about[link{record.Finding, id}] {
		f := s.Finding
		if f == nil || f.Status != "accepted" || string(f.Control) != t.rule.ID || s.Time.After(t.run.asOf) {
			continue
		}
		if !f.Due.IsZero() && f.Due.Before(t.run.asOf) {
			continue
		}
		if len(t.out.Exceptions) < t.run.most {
			e := api.RuleException{ID: id, Finding: string(s.ID), By: string(f.Owner), Writer: string(s.Writer)}
			if !f.Due.IsZero() {
				until := f.Due.UTC()
				e.Until = &until
			}
			t.out.Exceptions = append(t.out.Exceptions, e)
		}
		return true
	}
	return false
}

// result is the tally with its status. A rule that tested nothing never passes.
func (t *tally) result() api.RuleResult {
	r := t.out
	if r.Status != "" {
		return r
	}
	switch {
	case r.Population == 0:
		r.Status = NoPopulation
		if r.Reason == "" {
			r.Reason = "the log has nothing of the period to test this with"
		}
	case r.Failed == 0:
		r.Status = Pass
	case float64(r.Failed) <= r.Tolerance*float64(r.Population):
		r.Status = Partial
	default:
		r.Status = Fail
	}
	return r
}

// number is a parameter of the rule that is a whole number.
func (t *tally) number(name string) int64 {
	switch v := t.rule.Params[name].(type) {
	case uint64:
		return int64(min(v, 1<<62))
	case int64:
		return v
	case int:
		return int64(v)
	}
	return 0
}

// days is a parameter that is a number of days.
func (t *tally) days(name string) time.Duration {
	return time.Duration(t.number(name)) * 24 * time.Hour
}

// words is a parameter that is a list of words.
func (t *tally) words(name string) []string {
	list, _ := t.rule.Params[name].([]any)
	var out []string
	for _, v := range list {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}
