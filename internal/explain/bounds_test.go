// SPDX-License-Identifier: Apache-2.0

package explain_test

import (
	"context"
	"slices"
	"testing"

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
