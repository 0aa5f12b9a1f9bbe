// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/counterfoil/counterfoil/internal/audit"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

// fuse fails one write step, the n-th from when it is lit.
type fuse struct {
	mu    sync.Mutex
	after bool // fail steps that were done
	left  int  // -1: not lit
	hit   db.Op
	err   error
}

func (f *fuse) hook(op db.Op) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !op.Write || f.left < 0 || op.After != f.after {
		return nil
	}
	f.left--
	if f.left >= 0 {
		return nil
	}
	f.hit = op
	return f.err
}

func (f *fuse) light(n int, after bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left, f.after, f.err, f.hit = n, after, err, db.Op{}
}

// put out the fuse; it says whether it had gone off, and where.
func (f *fuse) out() (db.Op, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left = -1
	return f.hit, f.hit.Step != ""
}

// testFaults fails every write step of a commit, before it is done and after,
// one at a time. The caller is told; nothing is half written; sending the same
// batch again works; and the whole log verifies each time.
func testFaults(t *testing.T, dbc db.Config) {
	f := &fuse{left: -1}
	dbc.Hook = f.hook
	r := newRig(t, dbc, nil)
	r.append(batch(t, "a", 1))
	steps := 0
	for _, after := range []bool{false, true} {
		for n := 0; ; n++ {
			cause, want := db.ErrIO, ledger.Unavailable
			if n%2 == 1 {
				cause, want = db.ErrFull, ledger.Full
			}
			b := batch(t, fmt.Sprintf("f%v%d", after, n), 2)
			f.light(n, after, fmt.Errorf("injected: %w", cause))
			_, err := r.l.Append(t.Context(), b)
			op, hit := f.out()
			if !hit {
				if err != nil {
					t.Fatal(err)
				}
				break
			}
			steps++
			if code(err) != want {
				t.Fatalf("%s %q: got %v, want %s", op, op.Text, err, want)
			}
			res := r.append(b)
			if persisted := after && op.Step == "commit"; res.Items[0].Created == persisted {
				t.Errorf("%s %q: sent again, created is %v", op, op.Text, res.Items[0].Created)
			}
			r.audit()
		}
	}
	if steps < 16 {
		t.Errorf("only %d write steps were failed", steps)
	}
}

// audit is the oracle: it verifies the whole ledger.
func (r *rig) audit() {
	r.t.Helper()
	rep, err := audit.Run(r.t.Context(), audit.Config{DB: r.cfg.DB, Keys: r.keys, Memory: audit.Dir(r.t.TempDir())})
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range rep.Findings {
		r.t.Errorf("audit: %s", f)
	}
}
