// SPDX-License-Identifier: Apache-2.0

package app_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/internal/app"
	"github.com/counterfoil/counterfoil/internal/audit"
	"github.com/counterfoil/counterfoil/internal/custody"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// trail is a store with one ledger that is rolled as time passes.
type trail struct {
	*testing.T
	s   app.Store
	now time.Time
}

func newTrail(t *testing.T, s app.Store) *trail {
	create(t, s, "main")
	return &trail{T: t, s: s, now: time.Now()}
}

// month lets time pass until another month has begun.
func (t *trail) month() { t.now = t.now.AddDate(0, 0, 32) }

func (t *trail) open(name string) *app.Opened {
	t.Helper()
	o, err := t.s.Open(t.Context(), name, true, func(c *ledger.Config) { c.Now = func() time.Time { return t.now } })
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// send appends records to a ledger.
func (t *trail) send(name string, texts ...string) (*ledger.Receipts, error) {
	t.Helper()
	o := t.open(name)
	stop := o.Start()
	b := ledger.Batch{Principal: "test", Capture: "sdk"}
	for _, text := range texts {
		r, err := record.Default().Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		b.Records = append(b.Records, r)
	}
	res, err := o.Ledger.Append(t.Context(), b)
	if cerr := errors.Join(stop(), o.Close()); cerr != nil {
		t.Error(cerr)
	}
	return res, err
}

func (t *trail) must(name string, texts ...string) *ledger.Receipts {
	t.Helper()
	res, err := t.send(name, texts...)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func (t *trail) roll(edit func(*app.Rolling)) (app.Shard, error) {
	r := app.Rolling{Name: "main", Now: t.now, By: "test"}
	if edit != nil {
		edit(&r)
	}
	return t.s.Roll(t.Context(), r)
}

func (t *trail) mustRoll() app.Shard {
	t.Helper()
	sh, err := t.roll(nil)
	if err != nil || sh.Name == "" {
		t.Fatalf("rolled %+v: %v", sh, err)
	}
	return sh
}

// audit wants every shard, and the chain of them, to be whole, or finds codes.
func (t *trail) audit(want ...string) {
	t.Helper()
	var have []string
	var shards []audit.Shard
	for _, chain := range app.Chains(names(t.T, t.s)) {
		for _, n := range chain {
			o, err := t.s.Open(t.Context(), n, false, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer o.Close()
			rep, err := audit.Run(t.Context(), audit.Config{DB: o.DB, Keys: o.Keys, Memory: audit.Dir(t.s.VerifierDir())})
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range rep.Findings {
				have = append(have, f.Code)
				t.Logf("%s: %s", n, f)
			}
			shards = append(shards, audit.Shard{Name: n, DB: o.DB})
		}
	}
	found, err := audit.Chain(t.Context(), shards)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		have = append(have, f.Code)
		t.Log(f)
	}
	slices.Sort(have)
	if have = slices.Compact(have); !slices.Equal(have, want) {
		t.Errorf("the audit finds %v, want %v", have, want)
	}
}

// edit changes a shard behind its back.
func (t *trail) edit(name, query string, args ...any) {
	t.Helper()
	o := t.open(name)
	err := o.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, query, args...)
		return err
	})
	if err = errors.Join(err, o.Close()); err != nil {
		t.Fatal(err)
	}
}

// private is a decision with a private value.
func private(id string) string {
	return strings.Replace(decision(id), `{"type"`, `{"x_note":"secret","type"`, 1)
}

func TestRoll(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s app.Store) {
		tr := newTrail(t, s)
		first := tr.must("main", private("one"), decision("two"))
		tr.month()
		sh := tr.mustRoll()
		if want := "main." + tr.now.AddDate(0, 0, -tr.now.Day()).Format("2006-01"); sh.Name != want || sh.Size != 3 || sh.Closed.IsZero() {
			t.Errorf("closed %+v, want %s of 3 records", sh, want)
		}
		if n := names(t, s); !slices.Equal(n, []string{"main", sh.Name}) {
			t.Errorf("there are %v", n)
		}
		tr.audit()
		_, err := tr.send(sh.Name, decision("three"))
		refused(t, err, ledger.Closed, "rolled")

		again := tr.must("main", private("one"))
		if it := again.Items[0]; it.Created || it.Index != 0 || it.Checkpoint != nil || string(again.Checkpoint) == string(first.Checkpoint) || again.Size != 3 {
			t.Errorf("the same again is answered %+v under size %d", it, again.Size)
		}
		mixed := tr.must("main", decision("three"), decision("two"))
		if a, b := mixed.Items[0], mixed.Items[1]; !a.Created || a.Index != 1 || mixed.Size != 2 || b.Created || b.Index != 1 || b.Size != 3 || b.Checkpoint == nil {
			t.Errorf("new and old together are answered %+v", mixed.Items)
		}
		_, err = tr.send("main", decision("four"), decision("one"))
		refused(t, err, ledger.Conflict, "other content")
		tr.audit()

		if _, err := tr.roll(func(r *app.Rolling) { r.Due = true }); err != nil {
			t.Error(err)
		}
		if n := names(t, s); len(n) != 2 {
			t.Errorf("rolled twice in a month: %v", n)
		}
		tr.month()
		tr.mustRoll()
		tr.month()
		tr.mustRoll()
		tr.audit()
		if again := tr.must("main", decision("two"), decision("three")); again.Items[0].Created || again.Items[1].Created {
			t.Errorf("answered %+v", again.Items)
		}
		all, err := s.Shards(t.Context(), "main")
		if err != nil || len(all) != 4 || all[3].Name != "main" || !all[3].Closed.IsZero() {
			t.Errorf("the shards are %+v: %v", all, err)
		}
	})
}

var errKilled = errors.New("killed")

// TestRollKilled stops a roll before each step, and rolls again.
func TestRollKilled(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s app.Store) {
		tr := newTrail(t, s)
		for n := 0; ; n++ {
			id := fmt.Sprint("r", n)
			tr.must("main", decision(id))
			tr.month()
			steps, last := 0, ""
			_, err := tr.roll(func(r *app.Rolling) {
				r.Step = func(name string) error {
					if steps++; steps > n {
						last = name
						return errKilled
					}
					return nil
				}
			})
			if err == nil {
				if n < 5 {
					t.Errorf("only %d steps", n)
				}
				tr.audit()
				return
			}
			if !errors.Is(err, errKilled) {
				t.Fatalf("killed before %s: %v", last, err)
			}
			tr.audit()
			if n > 0 {
				tr.now = tr.now.Add(time.Hour)
				if sh, err := tr.roll(func(r *app.Rolling) { r.Finish = true }); err != nil || sh.Name == "" {
					t.Fatalf("finish after %s: %+v %v", last, sh, err)
				}
			} else {
				tr.mustRoll()
			}
			tr.audit()
			if res := tr.must("main", decision(id)); res.Items[0].Created {
				t.Errorf("killed before %s: the record was forgotten", last)
			}
		}
	})
}

func TestDrop(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s app.Store) {
		tr := newTrail(t, s)
		tr.must("main", private("one"), decision("two"))
		_, err := s.Drop(t.Context(), "main", "test")
		refused(t, err, ledger.Invalid, "not a closed shard")
		tr.month()
		a := tr.mustRoll()
		tr.must("main", decision("three"))
		tr.month()
		b := tr.mustRoll()
		_, err = s.Drop(t.Context(), a.Name, "test")
		refused(t, err, ledger.Conflict, "private values")
		tr.expire(a.Name)
		tr.audit()
		for range 2 {
			sh, err := s.Drop(t.Context(), a.Name, "test")
			if err != nil || sh.Dropped.IsZero() {
				t.Fatalf("dropped %+v: %v", sh, err)
			}
			tr.audit()
		}
		_, err = tr.send(a.Name, decision("four"))
		refused(t, err, ledger.Closed)
		if res := tr.must("main", decision("three"), decision("two")); res.Items[0].Created || !res.Items[1].Created {
			t.Errorf("answered %+v", res.Items)
		}
		if _, err := s.Drop(t.Context(), b.Name, "test"); err != nil {
			t.Fatal(err)
		}
		tr.audit()
	})
}

// expire lets the time of every class go by in a shard.
func (t *trail) expire(name string) {
	t.Helper()
	o := t.open(name)
	stop := o.Start()
	c, err := custody.New(custody.Config{Ledger: o.Ledger, Policy: o.Policy, Now: func() time.Time { return t.now.AddDate(40, 0, 0) }})
	if err == nil {
		_, err = c.RunRetention(t.Context(), custody.By{Actor: "test", Role: "records"}, nil)
	}
	if err = errors.Join(err, stop(), o.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestShardsTampered changes shards behind their backs.
func TestShardsTampered(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do   func(t *trail, a, b string)
		want []string
	}{
		"lost leaves": {func(t *trail, a, _ string) { t.edit(a, `DELETE FROM entry`) }, []string{audit.LeafMissing}},
		"lost leaves, said to be dropped": {func(t *trail, a, _ string) {
			t.edit(a, `DELETE FROM entry`)
			t.edit(a, `INSERT INTO meta (name, value) VALUES ('dropped', ?)`, []byte("2026-11-03T10:00:00Z"))
		}, []string{audit.ShardMismatch}},
		"opened again": {func(t *trail, a, _ string) { t.edit(a, `DELETE FROM meta WHERE name LIKE 'closed%'`) }, []string{audit.ShardMismatch}},
		"other end": {func(t *trail, a, _ string) {
			t.edit(a, `UPDATE meta SET value = ? WHERE name = 'closed_size'`, []byte("1"))
		}, []string{audit.ShardMismatch}},
		"went on": {func(t *trail, a, _ string) {
			t.edit(a, `DELETE FROM meta WHERE name LIKE 'closed%'`)
			t.must(a, decision("x"))
			t.edit(a, `INSERT INTO meta (name, value) VALUES ('closed', ?), ('closed_size', ?)`, []byte("2026-11-03T10:00:00Z"), []byte("2"))
		}, []string{audit.ShardMismatch}},
		"dropped, other end": {func(t *trail, a, _ string) {
			if _, err := t.s.Drop(t.Context(), a, "test"); err != nil {
				t.Fatal(err)
			}
			t.edit(a, `UPDATE checkpoint SET note = ?`, []byte("counterfoil.local/main\n2\nAAAA\n"))
			t.edit(a, `UPDATE head SET checkpoint = ?`, []byte("counterfoil.local/main\n2\nAAAA\n"))
		}, []string{audit.CheckpointInvalid, audit.CheckpointMissing, audit.LeafMissing, audit.ShardMismatch}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, s app.Store) {
				tr := newTrail(t, s)
				tr.must("main", decision("one"))
				tr.month()
				a := tr.mustRoll()
				tr.month()
				b := tr.mustRoll()
				tr.audit()
				c.do(tr, a.Name, b.Name)
				tr.audit(c.want...)
			})
		})
	}
}

// TestRolledElsewhere has two nodes on one database; one of them rolls.
func TestRolledElsewhere(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s app.Store) {
		if s.Database == "" {
			t.Skip("one process writes an embedded ledger")
		}
		tr := newTrail(t, s)
		tr.must("main", decision("one"))
		o := tr.open("main")
		defer o.Close()
		stop := o.Start()
		defer stop()
		send := func(id string) error {
			r, err := record.Default().Parse([]byte(decision(id)))
			if err != nil {
				t.Fatal(err)
			}
			_, err = o.Ledger.Append(t.Context(), ledger.Batch{Records: []*record.Record{r}, Principal: "test", Capture: "sdk"})
			return err
		}
		if err := send("two"); err != nil {
			t.Fatal(err)
		}
		tr.month()
		tr.mustRoll()
		refused(t, send("three"), ledger.Closed, "rolled")
		if !o.Ledger.IsMoved() {
			t.Error("the ledger does not know that it was moved")
		}
		tr.audit()
	})
}
