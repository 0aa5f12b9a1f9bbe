// SPDX-License-Identifier: Apache-2.0

package db_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
)

func TestCreateOpen(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, cfg db.Config) {
		if _, err := db.Open(t.Context(), cfg); !errors.Is(err, db.ErrNotExist) {
			t.Fatalf("open of nothing: %v", err)
		}
		d := create(t, cfg)
		if _, err := db.Create(t.Context(), cfg); !errors.Is(err, db.ErrExist) {
			t.Fatalf("second create: %v", err)
		}
		if err := insert(t.Context(), d, 1, "a"); err != nil {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if err := insert(t.Context(), d, 2, "b"); !errors.Is(err, db.ErrUnavailable) {
			t.Errorf("write to a closed database: %v", err)
		}
		if n := count(t, open(t, cfg)); n != 1 {
			t.Errorf("%d rows after opening again", n)
		}
	})
}

func TestWriteIsAllOrNothing(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	dbtest.Each(t, func(t *testing.T, cfg db.Config) {
		d := create(t, cfg)
		err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			if _, err := tx.Exec(ctx, `INSERT INTO item (idx, name) VALUES (1, 'a')`); err != nil {
				return err
			}
			return boom
		})
		if !errors.Is(err, boom) || count(t, d) != 0 {
			t.Fatalf("%v, %d rows", err, count(t, d))
		}
		err = d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			if _, err := tx.Exec(ctx, `INSERT INTO item (idx, name) VALUES (1, 'a')`); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, `INSERT INTO item (idx, name) VALUES (2, 'a')`)
			if !db.IsUnique(err) {
				t.Errorf("doubled name: %v", err)
			}
			if _, err := tx.Exec(ctx, `INSERT INTO item (idx, name) VALUES (3, 'c')`); err == nil {
				t.Error("went on after a failed statement")
			}
			return nil // forgets the error
		})
		if err == nil || count(t, d) != 0 {
			t.Fatalf("a failed transaction was committed: %v, %d rows", err, count(t, d))
		}
		func() {
			defer func() { _ = recover() }()
			_ = d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				if _, err := tx.Exec(ctx, `INSERT INTO item (idx, name) VALUES (1, 'a')`); err != nil {
					t.Error(err)
				}
				panic("boom")
			})
		}()
		if err := insert(t.Context(), d, 9, "after"); err != nil || count(t, d) != 1 {
			t.Fatalf("after a panic: %v, %d rows", err, count(t, d))
		}
	})
}

func TestPlaceholdersAndTypes(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, cfg db.Config) {
		d := create(t, cfg)
		body := []byte{0, 1, 0xff, '?'}
		err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			if tx.Dialect() != d.Dialect() {
				t.Errorf("dialect %s in %s", tx.Dialect(), d.Dialect())
			}
			if _, err := tx.Exec(ctx, `INSERT INTO item (idx, name, body) VALUES (?, 'is it ''?''', ?) -- why?`, int64(1)<<60, body); err != nil {
				return err
			}
			res, err := tx.Exec(ctx, `UPDATE counter /* ? */ SET n = n + ? WHERE one = ?`, 5, 1)
			if err != nil {
				return err
			}
			if n, err := res.RowsAffected(); n != 1 || err != nil {
				t.Errorf("updated %d, %v", n, err)
			}
			var idx int64
			var name string
			var got []byte
			err = tx.QueryRow(ctx, `SELECT idx, name, body FROM item WHERE name = ?`+tx.ForUpdate(), "is it '?'").Scan(&idx, &name, &got)
			if err != nil || idx != 1<<60 || name != "is it '?'" || !bytes.Equal(got, body) {
				t.Errorf("read back %d %q %x, %v", idx, name, got, err)
			}
			if err := tx.QueryRow(ctx, `SELECT idx FROM item WHERE idx = ?`, 7).Scan(&idx); !errors.Is(err, sql.ErrNoRows) {
				t.Errorf("no row: %v", err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestInsert(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, cfg db.Config) {
		d := create(t, cfg)
		next := 0
		for _, n := range []int{0, 1, 15, 16, 17, 1000} {
			rows := make([][]any, n)
			for i := range rows {
				rows[i] = []any{int64(next), fmt.Sprint("n", next), []byte{byte(next)}}
				if next%3 == 0 {
					rows[i][2] = nil
				}
				next++
			}
			err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				return tx.Insert(ctx, "item", []string{"idx", "name", "body"}, rows)
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if n := count(t, d); n != next {
			t.Fatalf("%d rows of %d", n, next)
		}
		err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			return tx.Insert(ctx, "item", []string{"idx", "name"}, [][]any{{int64(next), "fresh"}, {int64(next + 1), "n3"}})
		})
		if !db.IsUnique(err) || count(t, d) != next {
			t.Fatalf("insert of a doubled name: %v", err)
		}
		err = d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			return tx.Insert(ctx, "item", []string{"idx", "name"}, [][]any{{int64(next)}})
		})
		if err == nil {
			t.Error("a row that is too short was accepted")
		}
		err = d.Read(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			cond, args := db.In("name", []any{"n1", "n2", "n4", "nowhere", "n5"})
			return tx.QueryRow(ctx, `SELECT COUNT(*) FROM item WHERE `+cond, args...).Scan(&next)
		})
		if err != nil || next != 4 {
			t.Errorf("IN list found %d, %v", next, err)
		}
	})
}
