// SPDX-License-Identifier: Apache-2.0

package custody_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/counterfoil/counterfoil/internal/custody"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

// fuse fails the n-th write step of a database, before it is done or after.
type fuse struct {
	mu    sync.Mutex // guards all below
	left  int        // -1: out
	after bool
	hit   bool
}

func (f *fuse) hook(op db.Op) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !op.Write || op.After != f.after || f.left < 0 {
		return nil
	}
	if f.left--; f.left >= 0 {
		return nil
	}
	f.hit = true
	return fmt.Errorf("injected: %w", db.ErrIO)
}

func (f *fuse) light(n int, after bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left, f.after, f.hit = n, after, false
}

func (f *fuse) out() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left = -1
	return f.hit
}

// TestEraseFaults fails every write of an erasure in turn, before it is done and
// after. It can be executed again until it is done; after each step the ledger is
// whole, and in the end nothing is left.
func TestEraseFaults(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		f := &fuse{left: -1}
		dbc.Hook = f.hook
		r := newRig(t, dbc, func(c *custody.Config) { c.Step = 2 })
		ctx := t.Context()
		failed := 0
		for _, after := range []bool{false, true} {
			for n := 0; ; n++ {
				who := fmt.Sprintf("p-%v-%d", after, n)
				for i := range 3 {
					r.decide(fmt.Sprintf("%s-%d", who, i), who, false)
				}
				req := must[custody.Request](t)(r.c.AskErasure(ctx, piet, ask(who)))
				must[custody.Request](t)(r.c.ApproveErasure(ctx, paula, req.ID, true, ""))
				f.light(n, after)
				_, err := r.c.ExecuteErasures(ctx, rosa, []string{req.ID})
				hit := f.out()
				r.whole()
				if !hit {
					if err != nil {
						t.Fatalf("without a fault: %v", err)
					}
					break
				}
				failed++
				// A purge that fails is told, though all is erased; a commit whose
				// answer was lost may have completed the request.
				if _, err := r.c.ExecuteErasures(ctx, rosa, []string{req.ID}); err != nil && code(err) != ledger.Conflict {
					t.Fatalf("step %d, after %v: executed again: %v", n, after, err)
				}
				r.whole()
				for i := range 3 {
					if left := r.open(fmt.Sprintf("%s-%d", who, i)); left != 0 {
						t.Fatalf("step %d, after %v: %d values are left", n, after, left)
					}
				}
				if k, err := r.l.CountSubjects(ctx, [][]byte{r.l.SubjectMAC(fmt.Appendf(nil, "%q", "customer:"+who))}); err != nil || k != 0 {
					t.Fatalf("step %d, after %v: the key is there: %v", n, after, err)
				}
			}
		}
		if failed < 20 {
			t.Errorf("only %d steps were failed", failed)
		}
	})
}

// TestRetentionFaults does the same to the retention job.
func TestRetentionFaults(t *testing.T) {
	t.Parallel()
	f := &fuse{left: -1}
	dbc := dbtest.SQLite(t)
	dbc.Hook = f.hook
	r := newRig(t, dbc, func(c *custody.Config) { c.Step = 2 })
	failed := 0
	for _, after := range []bool{false, true} {
		for n := 0; ; n++ {
			id := fmt.Sprintf("d-%v-%d", after, n)
			for i := range 3 {
				r.decide(fmt.Sprintf("%s-%d", id, i), fmt.Sprintf("p%d", i), false)
			}
			r.pass(1, 2, 0)
			f.light(n, after)
			_, err := r.c.RunRetention(t.Context(), rosa, nil)
			hit := f.out()
			r.whole()
			if !hit {
				if err != nil {
					t.Fatalf("without a fault: %v", err)
				}
				break
			}
			failed++
			if _, err := r.c.RunRetention(t.Context(), rosa, nil); err != nil {
				t.Fatalf("step %d, after %v: run again: %v", n, after, err)
			}
			r.whole()
			if left := r.open(id + "-0"); left != 0 {
				t.Fatalf("step %d, after %v: %d values are left", n, after, left)
			}
		}
	}
	if failed < 20 {
		t.Errorf("only %d steps were failed", failed)
	}
}

// TestHoldsBindTheLedger tries to erase behind the back of the plan: the
// transaction that erases looks at the holds itself.
func TestHoldsBindTheLedger(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t), nil)
	ctx := t.Context()
	r.decide("d-1", "mia", false)
	write := func(fn func(ctx context.Context, tx *db.Tx) error) error { return r.d.Write(ctx, fn) }
	if err := write(func(ctx context.Context, tx *db.Tx) error { return ledger.PlaceHold(ctx, tx, "sudden", []int64{0}) }); err != nil {
		t.Fatal(err)
	}
	err := write(func(ctx context.Context, tx *db.Tx) error {
		return r.l.EraseValues(ctx, tx, 1, []ledger.Target{{Index: 0, ID: "d-1"}})
	})
	if code(err) != ledger.Held {
		t.Errorf("erased under a hold: %v", err)
	}
	err = write(func(ctx context.Context, tx *db.Tx) error {
		_, err := ledger.DestroyMonth(ctx, tx, 1, ledger.DefaultClass, ledger.Month(r.clock()))
		return err
	})
	if code(err) != ledger.Held {
		t.Errorf("a month expired under a hold: %v", err)
	}
	if r.open("d-1") != 3 {
		t.Error("something was erased")
	}
}
