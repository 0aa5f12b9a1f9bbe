// SPDX-License-Identifier: Apache-2.0

package search_test

import (
	"errors"
	"testing"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/search"
)

// TestSaved keeps, changes, runs and forgets queries.
func TestSaved(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		r, ctx := newRig(t, dbc), t.Context()
		code := func(err error) ledger.Code {
			if e, ok := errors.AsType[*ledger.Error](err); ok {
				return e.Code
			}
			return ""
		}
		none := func(old *search.Saved) bool { return old == nil }
		first, err := r.x.Save(ctx, "person:ann", "denied", "outcome:denied", none)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.x.Save(ctx, "person:ann", "denied", "outcome:approved", none); !errors.Is(err, search.ErrChanged) {
			t.Errorf("written over: %v", err)
		}
		if _, err := r.x.Save(ctx, "person:ann", "b", "systm:x", nil); err == nil {
			t.Error("a broken query is kept")
		} else if f, ok := errors.AsType[*search.Fault](err); !ok || f.Column != 1 {
			t.Errorf("a broken query: %v", err)
		}
		for name, query := range map[string]string{"a name": "", "c": "system:\"\x1b[2J\"", "b": "principal:mia@example.com"} {
			if _, err := r.x.Save(ctx, "person:ann", name, query, nil); code(err) != ledger.Invalid {
				t.Errorf("%s %s: %v", name, query, err)
			}
		}
		if _, err := r.x.Save(ctx, "person:bob", "denied", "", nil); code(err) != ledger.Conflict {
			t.Errorf("another's: %v", err)
		}
		if err := r.x.Forget(ctx, "person:bob", "denied", nil); code(err) != ledger.Conflict {
			t.Errorf("another's: %v", err)
		}
		have, err := r.x.SavedQuery(ctx, "denied")
		if err != nil || have.Tag() != first.Tag() || *have != *first {
			t.Errorf("read %+v, written %+v, %v", have, first, err)
		}
		if _, err := r.x.Save(ctx, "person:ann", "denied", "outcome:approved", func(s *search.Saved) bool { return s.Tag() == first.Tag() }); err != nil {
			t.Error(err)
		}
		if all, err := r.x.SavedQueries(ctx); err != nil || len(all) != 1 || all[0].Query != "outcome:approved" {
			t.Errorf("listed %+v, %v", all, err)
		}
		if err := r.x.Forget(ctx, "person:ann", "denied", nil); err != nil {
			t.Error(err)
		}
		if err := r.x.Forget(ctx, "person:ann", "denied", nil); code(err) != ledger.NotFound {
			t.Errorf("forgotten twice: %v", err)
		}
		if _, err := r.x.SavedQuery(ctx, "denied"); code(err) != ledger.NotFound {
			t.Errorf("it is still there: %v", err)
		}
	})
}
