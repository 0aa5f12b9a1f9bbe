// SPDX-License-Identifier: Apache-2.0

package obligation_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/obligation"
)

func (r *rig) report(a obligation.Asked) *api.ObligationReport {
	r.t.Helper()
	if a.Quarter == "" && a.From.IsZero() {
		a.Quarter = "2026Q1"
	}
	out, err := r.o.Report(r.t.Context(), a)
	must(r.t, err)
	return out
}

func rule(t testing.TB, o *api.ObligationReport, id string) api.RuleResult {
	t.Helper()
	for _, r := range o.Rules {
		if r.ID == id {
			return r
		}
	}
	t.Fatalf("the report has no rule %s", id)
	return api.RuleResult{}
}

// TestDefects finds each seeded defect, and nothing else.
func TestDefects(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		r := newRig(t, dbc)
		r.seed()
		r.attest()
		out := r.report(obligation.Asked{})
		for _, res := range out.Rules {
			want := slices.Sorted(slices.Values(defects[res.ID]))
			equal(t, res.ID+" failed", slices.Sorted(slices.Values(res.FailedIDs)), want)
			if res.Population != res.Passed+res.Failed+res.Excepted {
				t.Errorf("%s: %d are not %d, %d and %d", res.ID, res.Population, res.Passed, res.Failed, res.Excepted)
			}
			if len(want) > 0 && res.Passed == 0 {
				t.Errorf("%s: nothing passed", res.ID)
			}
		}
	})
}

func TestSame(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	r.seed()
	one, err := json.Marshal(r.report(obligation.Asked{}))
	must(t, err)
	two, err := json.Marshal(r.report(obligation.Asked{}))
	must(t, err)
	equal(t, "report", string(two), string(one))
}
