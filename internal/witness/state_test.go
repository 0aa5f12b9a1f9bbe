// SPDX-License-Identifier: Apache-2.0

package witness_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/witness"
	"github.com/counterfoil/counterfoil/proof"
)

// TestForkIsKept offers histories that contradict what was cosigned: another
// root for the size, and a proven growth from another tree. Nothing of them is
// cosigned, then or after a restart, and the evidence stays.
func TestForkIsKept(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		r := newRig(t, dbc)
		honest, fork := grown(t, r.key, 40, 40), grown(t, r.key, 40, 7)
		r.cosigned(honest.request(0, 11))
		attack := func() {
			r.conflict(11, fork.request(11, 11)) // another root
			r.conflict(11, fork.request(0, 11))  // whatever the sender says it thinks
			r.conflict(11, fork.request(0, 40))  // a new beginning
			r.conflict(11, fork.request(5, 40))
			r.send(http.StatusUnprocessableEntity, fork.request(11, 40).Format())
			r.conflict(11, honest.request(0, 5)) // rollback
			r.conflict(11, honest.request(5, 5))
			r.knows(11, 2, 0)
		}
		attack()
		r.restart()
		attack() // and it is not kept twice
		forks, err := r.w.Forks(t.Context())
		if err != nil || len(forks) != 2 {
			t.Fatalf("%d forks, %v", len(forks), err)
		}
		for i, size := range []int64{11, 40} {
			f := forks[i]
			if !f.Proven || f.Origin != origin || string(f.Known) != string(honest.checkpoint(11)) || string(f.Offered) != string(fork.checkpoint(size)) {
				t.Errorf("fork %d: %+v", i, f)
			}
		}
		if !slices.Equal(forks[1].Proof, fork.request(11, 40).Proof) {
			t.Error("the proof that convicts the log is not the one that was sent")
		}
		r.cosigned(honest.request(11, 40))
		r.knows(40, 2, 0)
	})
}

// TestSuspect keeps a proof that proves nothing apart from a fork: anybody can
// send one.
func TestSuspect(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	h := grown(t, r.key, 40, 40)
	r.cosigned(h.request(0, 11))
	bad := h.request(11, 40)
	bad.Proof = bad.Proof[1:]
	for range 3 {
		r.send(http.StatusUnprocessableEntity, bad.Format())
	}
	r.knows(11, 0, 1)
}

func TestRestart(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		r := newRig(t, dbc)
		h := grown(t, r.key, 40, 40)
		known := int64(0)
		for _, size := range []int64{3, 8, 40} {
			r.cosigned(h.request(known, size))
			r.restart()
			r.knows(size, 0, 0)
			r.conflict(size, h.request(known, size))
			r.cosigned(h.request(size, size))
			known = size
		}
	})
}

// TestState refuses the state of another key, and a damaged one.
func TestState(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		r := newRig(t, dbc)
		r.cosigned(grown(t, r.key, 40, 40).request(0, 11))
		r.stop()
		d, err := db.Open(t.Context(), dbc)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		cfg := witness.Config{DB: d, Signer: r.signer, Logs: []string{r.key.vkey}}
		other := cfg
		if other.Signer, err = witness.CreateKey(filepath.Join(t.TempDir(), "other.key"), name); err != nil {
			t.Fatal(err)
		}
		if _, err := witness.New(t.Context(), other); err == nil || !strings.Contains(err.Error(), r.signer.Verifier().String()) {
			t.Errorf("the state of another key: %v", err)
		}
		for _, damage := range []string{`UPDATE witnessed SET size = 10`, `UPDATE witnessed SET size = 11, root = note`} {
			err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				_, err := tx.Exec(ctx, damage)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := witness.New(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "damaged") {
				t.Errorf("%s: %v", damage, err)
			}
		}
	})
}

func TestConfig(t *testing.T) {
	t.Parallel()
	_, err := witness.New(t.Context(), witness.Config{Logs: []string{"nonsense"}})
	for _, want := range []string{"DB is required", "Signer is required", `"nonsense"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	k := newKey(t, origin)
	if _, err := witness.New(t.Context(), witness.Config{Logs: []string{k.vkey, k.vkey}}); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("a key twice: %v", err)
	}
}

// TestConcurrent lets two histories race for two witnesses on one state: for
// each size one root is ever cosigned, and all that is cosigned is one history.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		const size, senders = 60, 8
		a := newRig(t, dbc)
		b := &rig{t: t, dbc: dbc, signer: a.signer, key: a.key}
		b.start()
		histories := []*history{grown(t, a.key, size, size), grown(t, a.key, size, 0)}
		bodies := make([][][][]byte, len(histories)) // of a history, from a size, to a size
		for i, h := range histories {
			bodies[i] = make([][][]byte, size+1)
			for old := range bodies[i] {
				bodies[i][old] = [][]byte{h.request(int64(old), min(size, int64(old)+1)).Format(), h.request(int64(old), min(size, int64(old)+3)).Format()}
			}
		}
		var mu sync.Mutex
		roots := map[int64]map[proof.Checkpoint]bool{}
		var wg sync.WaitGroup
		for i := range senders {
			wg.Go(func() {
				which, url := i%2, []string{a.url, b.url}[i/2%2]
				for known := int64(0); known < size; {
					body := bodies[which][known][i/4%2]
					ans, err := post(t.Context(), url, body)
					if err != nil {
						t.Error(err)
						return
					}
					req, err := witness.ParseRequest(body)
					if err != nil {
						t.Error(err)
						return
					}
					cp, err := proof.ParseCheckpoint(req.Note)
					if err != nil {
						t.Error(err)
						return
					}
					switch ans.status {
					case http.StatusOK:
						if err := verify(a.w.Key(), req.Note, ans.body); err != nil {
							t.Error(err)
						}
						mu.Lock()
						if roots[cp.Size] == nil {
							roots[cp.Size] = map[proof.Checkpoint]bool{}
						}
						roots[cp.Size][cp] = true
						mu.Unlock()
						known = cp.Size
					case http.StatusConflict:
						var now int64
						if _, err := fmt.Sscan(ans.body, &now); err != nil {
							t.Error(err)
							return
						}
						if now == known { // another root for it: this history has lost
							return
						}
						known = now
					case http.StatusUnprocessableEntity: // lost
						return
					default:
						t.Errorf("%d %q", ans.status, ans.body)
						return
					}
				}
			})
		}
		wg.Wait()
		var all []proof.Checkpoint
		for n, of := range roots {
			if len(of) != 1 {
				t.Errorf("%d roots were cosigned for size %d", len(of), n)
			}
			for cp := range of {
				all = append(all, cp)
			}
		}
		won := 0
		for _, h := range histories {
			if !slices.ContainsFunc(all, func(cp proof.Checkpoint) bool { return h.root(cp.Size) != cp.Root }) {
				won++
			}
		}
		if won != 1 || len(all) == 0 || roots[size] == nil {
			t.Errorf("%d checkpoints were cosigned; %d histories hold all of them", len(all), won)
		}
	})
}

// fuse fails one write step, the n-th from when it is lit.
type fuse struct {
	mu    sync.Mutex
	after bool
	left  int // -1: not lit
	hit   db.Op
}

func (f *fuse) hook(op db.Op) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !op.Write || f.left < 0 || op.After != f.after {
		return nil
	}
	if f.left--; f.left >= 0 {
		return nil
	}
	f.hit = op
	return fmt.Errorf("injected: %w", db.ErrIO)
}

func (f *fuse) light(n int, after bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left, f.after, f.hit = n, after, db.Op{}
}

// out puts out the fuse and says where it went off, if it did.
func (f *fuse) out() db.Op {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left = -1
	return f.hit
}

// TestFaults fails each write step, before it is done and after. The answer is
// 503 without a signature, and asking again works, also where the commit that
// was reported as failed had been done.
func TestFaults(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		f := &fuse{left: -1}
		dbc.Hook = f.hook
		r := newRig(t, dbc)
		h := grown(t, r.key, 60, 60)
		known, steps := int64(0), 0
		for _, after := range []bool{false, true} {
			for n := 0; ; n++ {
				req := h.request(known, known+1)
				f.light(n, after)
				a, err := post(t.Context(), r.url, req.Format())
				op := f.out()
				if err != nil {
					t.Fatal(err)
				}
				if op.Step == "" {
					if err := verify(r.w.Key(), req.Note, a.body); a.status != http.StatusOK || err != nil {
						t.Fatalf("%d %q, %v", a.status, a.body, err)
					}
					known++
					break
				}
				steps++
				if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" || strings.Contains(a.body, "— ") || strings.Contains(a.body, "injected") {
					t.Errorf("%s %q: %d %q", op, op.Text, a.status, a.body)
				}
				if after && op.Step == "commit" {
					r.conflict(known+1, req)
					known++
					r.cosigned(h.request(known, known))
					continue
				}
				r.knows(known, 0, 0)
				r.cosigned(req)
				known++
			}
		}
		if steps < 8 {
			t.Errorf("only %d write steps were failed", steps)
		}
	})
}

// TestGone has no database at all.
func TestGone(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	h := grown(t, r.key, 9, 9)
	fork := grown(t, r.key, 9, 0)
	r.cosigned(h.request(0, 4))
	f := &fuse{left: -1}
	r.stop()
	r.dbc.Hook = func(op db.Op) error {
		if f.left == 0 {
			return fmt.Errorf("injected: %w", db.ErrUnavailable)
		}
		return nil
	}
	r.start()
	f.left = 0
	r.send(http.StatusServiceUnavailable, h.request(4, 9).Format())
	r.send(http.StatusServiceUnavailable, fork.request(4, 4).Format()) // a fork that can not be kept is not denied either
	if status, _ := get(t, r.url+"/"); status != http.StatusServiceUnavailable {
		t.Errorf("home: %d", status)
	}
	if _, err := r.w.Forks(t.Context()); !errors.Is(err, db.ErrUnavailable) {
		t.Errorf("forks: %v", err)
	}
}
