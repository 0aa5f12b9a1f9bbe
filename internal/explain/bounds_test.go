// SPDX-License-Identifier: Apache-2.0

package explain_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/explain"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// TestBounds explains nothing that the caller may not see, and asks for no more
// than the audience is told.
func TestBounds(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	r.append(lines(t, "testdata/d-refund/records.ndjson")...)
	blind := r.explainer(func(c *explain.Config) {
		c.Sees = func(_ context.Context, st *record.Statement) (bool, error) { return st.Fields().System != "fraud", nil }
	})
	if _, err := blind.Explain(t.Context(), explain.Request{Decision: "dec-63", Audience: "subject", Language: "en"}); code(err) != ledger.NotFound {
		t.Errorf("a decision that may not be seen: %v", err)
	}
	var asked []string
	x := r.explainer(func(c *explain.Config) {
		c.Open = func(ctx context.Context, st *record.Statement, pointers []string) ([]record.Opening, error) {
			asked = append(asked, pointers...)
			return r.open(ctx, st, pointers)
		}
	})
	r.explain(x, "dec-63", explain.Subject, "en")
	want := []string{"/decision/detail", "/factors/0/label", "/factors/1/label", "/factors/2/label"}
	if slices.Sort(asked); !slices.Equal(asked, want) {
		t.Errorf("opened %v, want %v", asked, want)
	}
	for _, req := range []explain.Request{{"dec-63", "king", "en"}, {"dec-63", "subject", "xx"}, {"sig-4", "subject", "en"}} {
		if _, err := x.Explain(t.Context(), req); code(err) != ledger.Invalid {
			t.Errorf("%v: %v", req, err)
		}
	}
	if e := r.explain(x, "chl-9", explain.Subject, "en"); e.Decision != "dec-63" {
		t.Errorf("from a challenge, %s is explained", e.Decision)
	}
}

// TestErased explains without what was erased, and says so; what was delivered
// before can not be shown again once it is erased itself.
func TestErased(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		r := newRig(t, dbc)
		r.append(lines(t, "testdata/d-refund/records.ndjson")[1])
		x, req := r.explainer(nil), explain.Request{Decision: "dec-63", Audience: explain.Subject, Language: "en"}
		d, err := x.Deliver(t.Context(), explain.By{Actor: "person:zoe", Principal: "test"}, req, "email")
		if err != nil {
			t.Fatal(err)
		}
		r.erase("e-1", ledger.Target{Index: 0, ID: "dec-63", Pointers: []string{"/factors/0/label"}})
		e := r.explain(x, "dec-63", explain.Subject, "en")
		if strings.Contains(e.Text(), "three refunds") || !slices.Contains(e.Missing, explain.Missing{Type: explain.Rationale, Key: "rationale.reasons", Ground: explain.Ground{Record: "dec-63", Pointer: "/factors/0/label"}, State: explain.Erased}) {
			t.Errorf("after the erasure:\n%s%v", e.Text(), e.Missing)
		}
		if again, err := x.Delivered(t.Context(), req); err != nil || again.Text != d.Text {
			t.Errorf("what was delivered: %+v, %v", again, err)
		}
		r.erase("e-2", ledger.Target{Index: d.Index, ID: d.Record})
		if _, err := x.Delivered(t.Context(), req); code(err) != ledger.NotFound || !strings.Contains(err.Error(), "was erased") {
			t.Errorf("what was erased: %v", err)
		}
	})
}

func (r *rig) erase(id string, target ledger.Target) {
	r.Helper()
	rec, err := record.Parse([]byte(`{"type":"erasure","id":"` + id + `","time":"2026-06-09T10:00:00Z","erasure":{"ground":"order","status":"executed","targets":[{"id":"` + target.ID + `"}]}}`))
	if err != nil {
		r.Fatal(err)
	}
	_, err = r.l.Append(r.Context(), ledger.Batch{Records: []*record.Record{rec}, Principal: "test", Capture: "manual", Custody: true,
		Also: func(ctx context.Context, tx *db.Tx, places []int64) error {
			return r.l.EraseValues(ctx, tx, places[0], []ledger.Target{target})
		}})
	if err != nil {
		r.Fatal(err)
	}
}
