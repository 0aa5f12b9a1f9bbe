// SPDX-License-Identifier: Apache-2.0

package inquiry_test

import (
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/inquiry"
)

// TestShards asks a ledger that went on in another log: what stands in the first
// counts, and comes before.
func TestShards(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		old := newRig(t, dbc)
		old.Act("p1-add", 1, "version.add", "prompt", "reply@1", "person:dora", "digest="+digest("a"))
		old.Act("p1-ok", 2, "version.approve", "prompt", "reply@1", "person:gert", "digest="+digest("a"))
		old.decide("d-old", 3, digest("3"), nil)
		old.Act("halt", 4, "system.status", "system", "refund-agent", "person:gert", "status=suspended")
		r := newRigAfter(t, dbtest.SQLite(t), old.Ledger)
		r.Act("p1-up", 5, "version.promote", "prompt", "reply@1", "person:dora", "environment=production")
		r.Act("p2-up", 6, "version.promote", "prompt", "reply@2", "person:dora", "environment=production")
		r.decide("d-new", 7, digest("3"), nil)
		r.Add("oversight", "o-1", 8, members{"about": "d-old", "oversight": members{"act": "override", "actor": "person:mia"}})
		r.Add("oversight", "o-2", 8, members{"about": "d-new", "oversight": members{"act": "override", "actor": "person:mia"}})

		o, err := r.i.Overrides(t.Context(), inquiry.Asked{})
		must(t, err)
		if o.Decisions != 2 || o.Acts != 2 || o.Astray != 0 || o.Items[0].Decision.Log != "example.com/inquiry" || o.Items[1].Decision.Log != "" {
			t.Errorf("%+v", o)
		}
		if len(o.Basis.Earlier) != 1 || o.Basis.Earlier[0].Size != int64(len(old.Leaves())) || o.Basis.Earlier[0].Dropped || !strings.Contains(o.Basis.Complete, "earlier logs") {
			t.Errorf("basis %+v", o.Basis)
		}
		c, err := r.i.Unapproved(t.Context(), inquiry.Went{})
		must(t, err)
		var found []string
		for _, d := range c.Items {
			found = append(found, d.Act.ID+" "+d.Code)
		}
		equal(t, "defects", found, []string{"p2-up promoted_unproposed", "p2-up promoted_unapproved"})
		s, err := r.i.Suspension(t.Context(), "refund-agent", nil)
		must(t, err)
		if s.Made != 1 || len(s.Periods) != 1 || s.Periods[0].Decisions[0].ID != "d-new" {
			t.Errorf("%+v", s)
		}
	})
}

// TestSealedValues asks a ledger that keeps private what others have in clear:
// what is sealed counts as absent, and nothing fails.
func TestSealedValues(t *testing.T) {
	t.Parallel()
	r := newStrictRig(t, dbtest.SQLite(t), "/oversight/actor", "/oversight/dwell_ms", "/registry/actor", "/registry/due", "/registry/emergency",
		"/decision/outcome", "/steps/*/response_model", "/versions/model", "/system")
	r.seed()
	o, err := r.i.Overrides(t.Context(), inquiry.Asked{})
	must(t, err)
	if o.Acts != 7 || o.Items[0].Reviewer != "" || o.Items[0].Dwell != nil || o.Items[0].Outcome != "" {
		t.Errorf("%+v", o)
	}
	c, err := r.i.Unapproved(t.Context(), inquiry.Went{})
	must(t, err)
	if c.Promotions == 0 || len(c.Emergencies) != 0 || c.Items[0].Act.By != "key:bot" {
		t.Errorf("%+v", c)
	}
	s, err := r.i.Suspension(t.Context(), "refund-agent", nil)
	must(t, err)
	d, err := r.i.Drift(t.Context(), "refund-agent", nil)
	must(t, err)
	if len(s.Acts) != 3 || s.Made != 0 || d.Calls != 0 {
		t.Errorf("%+v, %+v", s, d)
	}
}
