// SPDX-License-Identifier: Apache-2.0

package db_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
)

// big writes a transaction of more pages than the writer's cache holds, so that
// the disk is written to before the commit, too.
func big(ctx context.Context, d *db.DB, from, n int) error {
	body := make([]byte, 4000)
	return d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		rows := make([][]any, n)
		for i := range rows {
			rows[i] = []any{int64(from + i), fmt.Sprint("big ", from+i), body}
		}
		return tx.Insert(ctx, "item", []string{"idx", "name", "body"}, rows)
	})
}

// TestDiskFails lets each kind of call on the log fail in turn, at its first
// and at later calls. The transaction fails as a whole, is of the right kind,
// and when the disk works again so does the next one.
func TestDiskFails(t *testing.T) {
	t.Parallel()
	disk := dbtest.NewDisk(t)
	cfg := disk.Config(dbtest.SQLite(t))
	d := create(t, cfg)
	rows, failures := 0, 0
	for _, c := range []struct {
		op   string
		err  error
		want error
	}{
		{"write", syscall.ENOSPC, db.ErrFull},
		{"write", syscall.EIO, db.ErrIO},
		{"write", syscall.EROFS, db.ErrReadOnly},
		{"sync", syscall.EIO, db.ErrIO},
		{"sync", syscall.ENOSPC, db.ErrFull},
	} {
		for _, at := range []int{1, 2, 3, 7, 40} {
			name := fmt.Sprintf("%s %d: %v", c.op, at, c.err)
			calls := 0
			disk.Set(func(op, file string) error {
				if op == c.op && strings.HasSuffix(file, "-wal") {
					if calls++; calls >= at { // and stays broken
						return c.err
					}
				}
				return nil
			})
			err := big(t.Context(), d, 1000*at, 50)
			if calls < at {
				if err != nil {
					t.Fatalf("%s: was not reached, but: %v", name, err)
				}
				rows += 50
			} else {
				failures++
				if !errors.Is(err, c.want) {
					t.Errorf("%s: %v, want %v", name, err, c.want)
				}
				if err := insert(t.Context(), d, 1, "x"); err == nil {
					t.Errorf("%s: a write on a broken disk succeeded", name)
				}
			}
			if n := count(t, d); n != rows {
				t.Fatalf("%s: %d rows, want %d", name, n, rows)
			}
			disk.Set(nil)
			if err := insert(t.Context(), d, 500_000+rows, fmt.Sprint("after ", rows)); err != nil {
				t.Fatalf("%s: after repair: %v", name, err)
			}
			rows++
			err = d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				_, err := tx.Exec(ctx, `DELETE FROM item WHERE idx < 500000`)
				return err
			})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			rows = count(t, d)
			if err := d.Checkpoint(t.Context()); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
	if failures < 15 {
		t.Errorf("only %d failures happened", failures)
	}
	// What is on the disk is whole for a process that comes fresh to it.
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	fresh := open(t, cfg)
	if n := count(t, fresh); n != rows {
		t.Errorf("%d rows after opening again, want %d", n, rows)
	}
	wantWhole(t, fresh)
}

// wantWhole lets SQLite check its file.
func wantWhole(t *testing.T, d *db.DB) {
	t.Helper()
	var verdict string
	err := d.Read(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		return tx.QueryRow(ctx, `PRAGMA integrity_check`).Scan(&verdict)
	})
	if err != nil || verdict != "ok" {
		t.Errorf("integrity: %q, %v", verdict, err)
	}
}

// TestFoldingFails breaks the database file while the log is folded back: the
// commits are safe in the log, and folding goes on later.
func TestFoldingFails(t *testing.T) {
	t.Parallel()
	disk := dbtest.NewDisk(t)
	cfg := disk.Config(dbtest.SQLite(t))
	d := create(t, cfg)
	const rows = 4000
	if err := big(t.Context(), d, 0, rows); err != nil {
		t.Fatal(err)
	}
	for _, op := range []string{"write", "sync"} {
		disk.Set(func(o, file string) error {
			if o == op && strings.HasSuffix(file, ".db") {
				return syscall.EIO
			}
			return nil
		})
		if err := d.Checkpoint(t.Context()); !errors.Is(err, db.ErrIO) {
			t.Errorf("%s: %v", op, err)
		}
		if n := count(t, d); n != rows {
			t.Errorf("%s: %d rows", op, n)
		}
	}
	disk.Set(nil)
	if err := d.Checkpoint(t.Context()); err != nil {
		t.Error(err)
	}
	if n := count(t, d); n != rows {
		t.Errorf("%d rows", n)
	}
	wantWhole(t, d)
}
