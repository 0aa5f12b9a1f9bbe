// SPDX-License-Identifier: Apache-2.0

package obligation_test

import (
	"encoding/json"
	"testing"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/obligation"
	"github.com/counterfoil/counterfoil/record"
)

// TestShards asks a ledger that went on in another log: what stands in the first
// counts, and what the second has about it too.
func TestShards(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		old := newRig(t, dbc)
		old.register()
		old.decide("d-old", 30, func(m, _ mm, _ gv) {
			m["source"] = mm{"id": "crm", "seq": 1}
			m["outputs"] = []any{mm{"name": "reply", "kind": "message", "delivered": hour(31), "marked_ai": true}}
		})
		r := openRig(t, dbtest.SQLite(t), "example.com/obligation/2", ledger.Config{Previous: []*ledger.Ledger{old.Ledger}})
		r.decide("d-new", 40, func(m, _ mm, _ gv) { m["source"], m["about"] = mm{"id": "crm", "seq": 3}, "d-old" })
		r.Add("notice", "n-1", 41, mm{"interaction": mm{"id": "int-d-old"}, "notice": mm{"kind": "ai_interaction", "delivered": hour(29)}})
		out := r.report(obligation.Asked{})
		for id, want := range map[string][]any{
			"CR-01": {obligation.Pass, len(old.Leaves()) + len(r.Leaves())}, "CR-04": {obligation.Fail, 3}, "CR-10": {obligation.Pass, 2},
			"CR-30": {obligation.Pass, 1}, "CR-74": {obligation.Pass, 1}, "CR-11": {obligation.Fail, 6},
		} {
			res := rule(t, out, id)
			equal(t, id, []any{res.Status, res.Population}, want)
		}
		equal(t, "earlier", []any{len(out.Basis.Earlier), rule(t, out, "CR-60").Attested[0].Log}, []any{1, "example.com/obligation"})
	})
}

// TestSealedValues asks a ledger that keeps private what others have in clear:
// what is sealed counts as absent, and nothing breaks.
func TestSealedValues(t *testing.T) {
	t.Parallel()
	rules, err := record.Strict("/oversight/actor", "/oversight/dwell_ms", "/oversight/opened/*", "/registry/actor", "/registry/due", "/registry/emergency", "/decision/adverse",
		"/decision/outcome", "/decision/significant", "/steps/*/response_model", "/versions/model", "/versions/policy/*", "/explanation/types/*", "/system", "/challenge/due", "/signal/breached")
	must(t, err)
	r := openRig(t, dbtest.SQLite(t), "example.com/strict", ledger.Config{Rules: rules})
	r.seed()
	out := r.report(obligation.Asked{})
	made := rule(t, out, "CR-12").Population
	equal(t, "CR-10", rule(t, out, "CR-10").Failed, made) // no model is seen
	equal(t, "CR-13", rule(t, out, "CR-13").Failed, made) // nor an outcome
	equal(t, "CR-62", rule(t, out, "CR-62").Status, obligation.NoPopulation)
	for _, res := range out.Rules {
		equal(t, res.ID, res.Population, res.Passed+res.Failed+res.Excepted)
	}
}

// TestOverTheWire reads a report back from JSON: its digest, and its other forms,
// are the same.
func TestOverTheWire(t *testing.T) {
	t.Parallel()
	out := seededReport(t)
	text, err := obligation.Encode(out)
	must(t, err)
	var back api.ObligationReport
	must(t, json.Unmarshal(text, &back))
	again, err := obligation.Encode(&back)
	must(t, err)
	equal(t, "report", string(again), string(text))
	equal(t, "page", written(t, obligation.HTML, &back), written(t, obligation.HTML, out))
	equal(t, "OSCAL", written(t, obligation.OSCAL, &back), written(t, obligation.OSCAL, out))
}
