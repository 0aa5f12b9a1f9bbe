// SPDX-License-Identifier: Apache-2.0

package db_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
)

func TestReadIsOneSnapshot(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, cfg db.Config) {
		d := create(t, cfg)
		for i := range 3 {
			if err := insert(t.Context(), d, i, fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		err := d.Read(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			for round := range 3 {
				var n int
				if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM item`).Scan(&n); err != nil {
					return err
				}
				if n != 3 {
					t.Errorf("snapshot shows %d rows in round %d", n, round)
				}
				if err := insert(t.Context(), d, 10+round, fmt.Sprint("r", round)); err != nil {
					return err
				}
			}
			_, err := tx.Exec(ctx, `DELETE FROM item`)
			if !errors.Is(err, db.ErrReadOnly) {
				t.Errorf("write in a read: %v", err)
			}
			return nil
		})
		if err != nil || count(t, d) != 6 {
			t.Fatalf("%v, %d rows", err, count(t, d))
		}
	})
}

// TestOneQueryAtATime: what PostgreSQL can not do is refused on both, and what
// a function leaves open does no harm.
func TestOneQueryAtATime(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, cfg db.Config) {
		d := create(t, cfg)
		for i := range 4 {
			if err := insert(t.Context(), d, i, fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		nested := func(ctx context.Context, tx *db.Tx) error {
			rows, err := tx.Query(ctx, `SELECT idx FROM item`)
			if err != nil {
				return err
			}
			if !rows.Next() {
				t.Error("no rows")
			}
			var n int
			if err := tx.QueryRow(ctx, `SELECT n FROM counter`).Scan(&n); err == nil {
				t.Error("a query ran beside another one")
			}
			return nil // and leaves rows open
		}
		if err := d.Read(t.Context(), nested); err != nil {
			t.Error(err)
		}
		if err := d.Write(t.Context(), nested); err == nil {
			t.Error("committed after a failed statement")
		}
		err := d.Read(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			for range 3 {
				rows, err := tx.Query(ctx, `SELECT idx FROM item ORDER BY idx`)
				if err != nil {
					return err
				}
				n := 0
				for rows.Next() {
					n++
				}
				if n != 4 || rows.Err() != nil { // read to the end: closed
					t.Errorf("%d rows, %v", n, rows.Err())
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}
