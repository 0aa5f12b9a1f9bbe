// SPDX-License-Identifier: Apache-2.0

package db_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
)

// TestEveryStepCanFail fails each step of a transaction once before and once
// after it happened. Only the commit that happened leaves something behind.
func TestEveryStepCanFail(t *testing.T) {
	t.Parallel()
	points := []string{"before begin", "after begin", "before exec", "after exec", "before query", "after query",
		"before insert", "after insert", "before commit", "after commit"}
	dbtest.Each(t, func(t *testing.T, cfg db.Config) {
		boom := errors.New("boom")
		var mu sync.Mutex
		at, hit := "", 0
		cfg.Hook = func(op db.Op) error {
			mu.Lock()
			defer mu.Unlock()
			if op.String() == at && op.Write {
				hit++
				return boom
			}
			return nil
		}
		d := create(t, cfg)
		write := func(idx int) error {
			return d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				var n int
				if err := tx.QueryRow(ctx, `SELECT n FROM counter WHERE one = 1`+tx.ForUpdate()).Scan(&n); err != nil {
					return err
				}
				if _, err := tx.Exec(ctx, `UPDATE counter SET n = ?`, n+1); err != nil {
					return err
				}
				return tx.Insert(ctx, "item", []string{"idx", "name"}, [][]any{{int64(idx), fmt.Sprint(idx)}})
			})
		}
		for i, point := range points {
			mu.Lock()
			at, hit = point, 0
			mu.Unlock()
			before := count(t, d)
			if err := write(i); !errors.Is(err, boom) {
				t.Errorf("%s: %v", point, err)
			}
			mu.Lock()
			at = ""
			if hit != 1 {
				t.Errorf("%s: happened %d times", point, hit)
			}
			mu.Unlock()
			left := count(t, d) - before
			if want := map[bool]int{true: 1}[point == "after commit"]; left != want {
				t.Errorf("%s: left %d rows, want %d", point, left, want)
			}
			if err := write(i + 100); err != nil {
				t.Errorf("%s: next write: %v", point, err)
			}
		}
	})
}

func TestContextEnds(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, cfg db.Config) {
		d := create(t, cfg)
		ctx, cancel := context.WithCancel(t.Context())
		err := d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			if _, err := tx.Exec(ctx, `INSERT INTO item (idx, name) VALUES (1, 'a')`); err != nil {
				return err
			}
			cancel()
			return nil
		})
		if !errors.Is(err, context.Canceled) || count(t, d) != 0 {
			t.Fatalf("ended before commit: %v, %d rows", err, count(t, d))
		}
		if err := insert(ctx, d, 1, "a"); !errors.Is(err, context.Canceled) {
			t.Errorf("ended before begin: %v", err)
		}
		ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		err = d.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
			var n int64
			return tx.QueryRow(ctx, `WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 1000000000) SELECT COUNT(*) FROM c`).Scan(&n)
		})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("long query: %v", err)
		}
		if errors.Is(err, db.ErrUnavailable) {
			t.Errorf("the caller's limit is taken for ours: %v", err)
		}
		if err := insert(t.Context(), d, 1, "a"); err != nil || count(t, d) != 1 {
			t.Errorf("afterwards: %v, %d rows", err, count(t, d))
		}
	})
}

// TestWaitForWriter ends a wait for the writer that another transaction has.
func TestWaitForWriter(t *testing.T) {
	t.Parallel()
	cfg := dbtest.SQLite(t)
	d := create(t, cfg)
	other := open(t, cfg) // as another process would have it
	err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		for name, db := range map[string]*db.DB{"same process": d, "other process": other} {
			short, cancel := context.WithTimeout(ctx, 30*time.Millisecond)
			if err := insert(short, db, 1, "a"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", name, err)
			}
			cancel()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, db := range []*db.DB{d, other} {
		if err := insert(t.Context(), db, i, fmt.Sprint(i)); err != nil {
			t.Error(err)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, cfg db.Config) {
		cfg.MaxConns = 2
		d := create(t, cfg)
		const writers, each = 4, 25
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
						var n int
						if err := tx.QueryRow(ctx, `SELECT n FROM counter WHERE one = 1`+tx.ForUpdate()).Scan(&n); err != nil {
							return err
						}
						if _, err := tx.Exec(ctx, `UPDATE counter SET n = ? WHERE one = 1`, n+1); err != nil {
							return err
						}
						return tx.Insert(ctx, "item", []string{"idx", "name"}, [][]any{{int64(n), fmt.Sprint(w, " ", i)}})
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
			wg.Go(func() {
				for range each {
					err := d.Read(t.Context(), func(ctx context.Context, tx *db.Tx) error {
						var n, rows int
						if err := tx.QueryRow(ctx, `SELECT n FROM counter`).Scan(&n); err != nil {
							return err
						}
						if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM item`).Scan(&rows); err != nil {
							return err
						}
						if n != rows {
							t.Errorf("counter %d beside %d rows", n, rows)
						}
						return nil
					})
					if err != nil {
						t.Error(err)
					}
					if err := d.Checkpoint(t.Context()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if n := count(t, d); n != writers*each {
			t.Errorf("%d rows", n)
		}
	})
}

func TestReadOnly(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, cfg db.Config) {
		d := create(t, cfg)
		if err := insert(t.Context(), d, 1, "a"); err != nil {
			t.Fatal(err)
		}
		cfg.ReadOnly = true
		r := open(t, cfg)
		if err := insert(t.Context(), d, 2, "b"); err != nil {
			t.Fatal(err)
		}
		if n := count(t, r); n != 2 {
			t.Errorf("reader beside the writer sees %d rows", n)
		}
		if err := insert(t.Context(), r, 3, "c"); !errors.Is(err, db.ErrReadOnly) {
			t.Errorf("write: %v", err)
		}
		if _, err := db.Create(t.Context(), cfg); !errors.Is(err, db.ErrReadOnly) {
			t.Errorf("create: %v", err)
		}
		if err := r.Checkpoint(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestConfig(t *testing.T) {
	t.Parallel()
	for _, cfg := range []db.Config{
		{}, {URL: "sqlite:"}, {URL: "mysql://x"}, {URL: "postgres://x"}, {URL: "/path"},
		{URL: "sqlite:x.db", MaxConns: -1}, {URL: "postgres://x", Schema: strings.Repeat("x", 64)},
	} {
		if _, err := db.Open(t.Context(), cfg); err == nil || errors.Is(err, db.ErrNotExist) {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
	_, err := db.Open(t.Context(), db.Config{URL: "postgres://u:secret@127.0.0.1:1/x?connect_timeout=2", Schema: "s"})
	if !errors.Is(err, db.ErrUnavailable) || strings.Contains(err.Error(), "secret") {
		t.Errorf("nobody listens: %v", err)
	}
}

func TestClassify(t *testing.T) {
	t.Parallel()
	pg := func(code string) error { return fmt.Errorf("x: %w", &pgconn.PgError{Code: code}) }
	file := func(errno syscall.Errno) error { return &fs.PathError{Op: "write", Path: "x", Err: errno} }
	for _, c := range []struct{ err, want error }{
		{pg("53100"), db.ErrFull},
		{pg("25006"), db.ErrReadOnly},
		{pg("58030"), db.ErrIO},
		{pg("40001"), db.ErrBusy},
		{pg("40P01"), db.ErrBusy},
		{pg("55P03"), db.ErrBusy},
		{pg("57P01"), db.ErrUnavailable},
		{pg("08006"), db.ErrUnavailable},
		{pg("53300"), db.ErrUnavailable},
		{pg("57014"), db.ErrUnavailable},
		{pg("XX001"), db.ErrCorrupt},
		{file(syscall.ENOSPC), db.ErrFull},
		{file(syscall.EFBIG), db.ErrFull},
		{file(syscall.EROFS), db.ErrReadOnly},
		{file(syscall.EIO), db.ErrIO},
		{os.ErrDeadlineExceeded, db.ErrUnavailable},
		{context.DeadlineExceeded, db.ErrUnavailable}, // not the caller's: that one has not ended
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, db.ErrUnavailable},
		{fmt.Errorf("y: %w", db.ErrFull), db.ErrFull},
	} {
		err := db.Classify(t.Context(), c.err)
		if !errors.Is(err, c.want) {
			t.Errorf("%v became %v, want %v", c.err, err, c.want)
		}
		if errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v: our limit is taken for the caller's", c.err)
		}
		if again := db.Classify(t.Context(), err); again != err {
			t.Errorf("%v was classified twice: %v", c.err, again)
		}
	}
	for _, err := range []error{nil, pg("42601"), errors.New("boom"), pg("23505"), file(syscall.EACCES), file(syscall.ENOENT)} {
		if got := db.Classify(t.Context(), err); got != err {
			t.Errorf("%v became %v", err, got)
		}
	}
	if !db.IsUnique(pg("23505")) || db.IsUnique(pg("23503")) || db.IsUnique(nil) {
		t.Error("IsUnique is wrong about PostgreSQL")
	}
}
