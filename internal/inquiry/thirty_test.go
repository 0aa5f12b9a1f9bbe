// SPDX-License-Identifier: Apache-2.0

package inquiry_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/inquiry"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// TestThirty asks the questions of the list about a log with the defects that
// each must find, and counts again from the leaves.
func TestThirty(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		r := newRig(t, dbc)
		for _, seed := range seeds {
			seed(r)
		}
		all := r.Leaves()
		for name, test := range map[string]func(*testing.T, []leaf){
			"human": r.testHuman, "involvement": r.testInvolvement, "stamps": r.testStamps, "automated": r.testAutomated, "reasons": r.testReasons,
			"escalations": r.testEscalations, "notices": r.testNotices, "emotions": r.testEmotions, "drafts": r.testDrafts, "monitoring": r.testMonitoring,
			"inventory": r.testInventory, "completeness": r.testCompleteness, "incident": r.testIncident, "fairness": r.testFairness, "limits": r.testLimits,
		} {
			t.Run(name, func(t *testing.T) { test(t, all) })
		}
	})
}

// seeds write what the tests ask about.
var seeds = []func(*rig){(*rig).seedHumans, (*rig).seedStamps, (*rig).seedAutomated, (*rig).seedReasons, (*rig).seedWishes, (*rig).seedTalks,
	(*rig).seedEmotions, (*rig).seedDrafts, (*rig).seedMonitoring, (*rig).seedSources, (*rig).seedIncidents, (*rig).seedGroups, (*rig).seedSystems}

// ask asks a question and holds its basis against the log.
func (r *rig) ask(t *testing.T, all []leaf, word string, terms inquiry.Terms) *api.Answer {
	t.Helper()
	got, err := r.i.Ask(t.Context(), word, terms)
	must(t, err)
	if terms.Within == nil {
		basis(t, got.Basis, len(all))
	}
	wrong := 0
	for _, row := range got.Rows {
		if len(row.Faults) > 0 {
			wrong++
		}
		for name := range row.Values {
			if !slices.Contains(got.Columns, name) {
				t.Errorf("%s: no column %s in %q", word, name, got.Columns)
			}
		}
	}
	if got.Asked == "" || got.Unknown == nil || !got.More && int64(wrong) != got.Wrong {
		t.Errorf("%s: %d rows with a fault, said %d; %+v", word, wrong, got.Wrong, got.Unknown)
	}
	return got
}

// faults are those of the rows that have any: record or value, and codes.
func faults(a *api.Answer, by string) []string {
	out := []string{}
	for _, row := range a.Rows {
		if len(row.Faults) == 0 {
			continue
		}
		name := fmt.Sprint(row.Values[by])
		if by == "" {
			name = row.Record.ID
		}
		out = append(out, name+" "+strings.Join(row.Faults, ","))
	}
	return out
}

// figure is one of an answer; it must be there.
func figure(t *testing.T, a *api.Answer, name string) float64 {
	t.Helper()
	for _, f := range a.Figures {
		if f.Name == name {
			return f.Value
		}
	}
	t.Errorf("no figure %s in %+v", name, a.Figures)
	return -1
}

func (r *rig) testLimits(t *testing.T, all []leaf) {
	small, err := inquiry.New(inquiry.Config{Ledger: r.Ledger, Most: 1, Now: func() time.Time { return asked }})
	must(t, err)
	for _, q := range inquiry.Questions() {
		if q.Word == "" {
			continue
		}
		terms := inquiry.Terms{}
		switch q.Needs {
		case "decision":
			terms.ID = "late-rev"
		case "incident":
			terms.ID = "inc-1"
		case "system":
			terms.System = "monitored"
		}
		whole := r.ask(t, all, q.Word, terms)
		cut, err := small.Ask(t.Context(), q.Word, terms)
		must(t, err)
		if cut.Wrong != whole.Wrong || cut.Looked != whole.Looked || len(cut.Rows) > 1 || cut.More != (len(whole.Rows) > 1) {
			t.Errorf("%s cut: %d of %d wrong, %d of %d looked at, more %v", q.Word, cut.Wrong, whole.Wrong, cut.Looked, whole.Looked, cut.More)
		}
		equal(t, q.Word+" figures", cut.Figures, whole.Figures)
		if terms.ID == "" { // no record here names an environment, and that is production
			terms.Env = "production"
			equal(t, q.Word+" in production", r.ask(t, all, q.Word, terms).Figures, whole.Figures)
			terms.Env = ""
		}
		terms.Within = &ledger.Bounds{Systems: []string{"nothing"}}
		none, err := r.i.Ask(t.Context(), q.Word, terms)
		if e, ok := errors.AsType[*ledger.Error](err); ok && e.Code == ledger.NotFound {
			continue
		}
		must(t, err)
		if none.Wrong != 0 || len(none.Rows) != 0 || len(none.Unknown) == 0 {
			t.Errorf("%s: somebody with another system learns %+v", q.Word, none)
		}
	}
}

// TestQuestions holds the list against what answers it.
func TestQuestions(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	all := inquiry.Questions()
	if len(all) != 30 {
		t.Errorf("%d questions", len(all))
	}
	for n, q := range all {
		if q.N != n+1 || q.Question == "" || !strings.Contains(q.Example, fmt.Sprintf("ask %d", q.N)) || (q.Word == "") == (q.Command == "") || (q.Word != "") != (len(q.Unknown) > 0) {
			t.Errorf("%+v", q)
		}
		if q.Word == "" {
			continue
		}
		_, err := r.i.Ask(t.Context(), q.Word, inquiry.Terms{})
		if e, ok := errors.AsType[*ledger.Error](err); (q.Needs != "") != (ok && e.Code == ledger.Invalid) {
			t.Errorf("%s: %v", q.Word, err)
		}
		if q.Needs == "" || q.Needs == "system" {
			a, err := r.i.Ask(t.Context(), q.Word, inquiry.Terms{System: "nothing"})
			must(t, err)
			if a.Looked != 0 || a.Wrong != 0 || a.Rows == nil || a.Figures == nil || len(a.Columns) == 0 {
				t.Errorf("%s of an empty log: %+v", q.Word, a)
			}
		}
	}
	for _, word := range []string{"", "everything"} {
		_, err := r.i.Ask(t.Context(), word, inquiry.Terms{})
		if e, ok := errors.AsType[*ledger.Error](err); !ok || e.Code != ledger.NotFound || !strings.Contains(e.Hint, "rubber-stamps") {
			t.Errorf("%q: %v", word, err)
		}
	}
}

// TestSealedQuestions asks a ledger that keeps private what it may: what is
// sealed counts as absent, and nothing fails.
func TestSealedQuestions(t *testing.T) {
	t.Parallel()
	r := newStrictRig(t, dbtest.SQLite(t), "/oversight/opened/*", "/oversight/dwell_ms", "/oversight/edit_ratio", "/factors/*/code", "/inputs/*/name", "/signal/value",
		"/signal/breached", "/interaction/id", "/explanation/types/*", "/explanation/delivered", "/notice/kind", "/decision/effective", "/source/seq", "/heartbeat/count",
		"/reconciliation/expected", "/incident/opened", "/outputs/*/delivered", "/decision/threshold")
	for _, seed := range seeds {
		seed(r)
	}
	for _, q := range inquiry.Questions() {
		if q.Word == "" {
			continue
		}
		id := map[string]string{"decision": "late-rev", "incident": "inc-1"}[q.Needs]
		_, err := r.i.Ask(t.Context(), q.Word, inquiry.Terms{ID: id, System: map[bool]string{true: "monitored"}[q.Needs == "system"]})
		must(t, err)
	}
}

// many makes records at once.
func (r *rig) many(all ...*record.Record) { r.AddAll(all) }
