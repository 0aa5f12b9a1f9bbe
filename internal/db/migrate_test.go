// SPDX-License-Identifier: Apache-2.0

package db_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
)

const secondTables = `CREATE TABLE extra (idx {int} PRIMARY KEY); UPDATE counter SET n = n + 1;`

func version(t *testing.T, d *db.DB) int {
	t.Helper()
	v, err := d.Version(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, cfg db.Config) {
		d := create(t, cfg)
		if v := version(t, d); v != 1 {
			t.Fatalf("version %d after creation", v)
		}
		broken := migrations(`CREATE TABLE extra (idx {int} PRIMARY KEY); INSERT INTO nowhere VALUES (1);`)
		if err := d.Migrate(t.Context(), broken); err == nil || version(t, d) != 1 {
			t.Fatalf("broken migration: %v, version %d", err, version(t, d))
		}
		for range 2 { // the second time there is nothing to do
			if err := d.Migrate(t.Context(), migrations(secondTables)); err != nil || version(t, d) != 2 {
				t.Fatalf("%v, version %d", err, version(t, d))
			}
		}
		var n int
		err := d.Read(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			return tx.QueryRow(ctx, `SELECT n FROM counter`).Scan(&n)
		})
		if err != nil || n != 1 {
			t.Fatalf("migration ran %d times, %v", n, err)
		}
		tooNew, ok := errors.AsType[*db.TooNewError](d.Migrate(t.Context(), migrations()))
		if !ok || tooNew.Have != 2 || tooNew.Know != 1 {
			t.Errorf("older program: %v", tooNew)
		}
		changed, ok := errors.AsType[*db.ChangedError](d.Migrate(t.Context(), migrations(secondTables+"\n")))
		if !ok || changed.Version != 2 {
			t.Errorf("changed migration: %v", changed)
		}
	})
}

// TestMigrateDialects runs the lines of its own dialect only.
func TestMigrateDialects(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, cfg db.Config) {
		d := create(t, cfg)
		two := "{sqlite}UPDATE counter SET n = n + 10;\n{postgres}UPDATE counter SET n = n + 20;\nUPDATE counter SET n = n + 1;"
		if err := d.Migrate(t.Context(), migrations(two)); err != nil {
			t.Fatal(err)
		}
		n, want := 0, map[db.Dialect]int{db.SQLite: 11, db.Postgres: 21}[d.Dialect()]
		err := d.Read(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			return tx.QueryRow(ctx, `SELECT n FROM counter`).Scan(&n)
		})
		if err != nil || n != want {
			t.Errorf("counted %d, want %d, %v", n, want, err)
		}
	})
}

func TestMigrateReadOnly(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, cfg db.Config) {
		create(t, cfg)
		cfg.ReadOnly = true
		d := open(t, cfg)
		if err := d.Migrate(t.Context(), migrations()); err != nil {
			t.Errorf("check of what is up to date: %v", err)
		}
		if err := d.Migrate(t.Context(), migrations(secondTables)); !errors.Is(err, db.ErrReadOnly) {
			t.Errorf("migration of a read-only database: %v", err)
		}
	})
}

func TestMigrateAtOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, cfg db.Config) {
		create(t, cfg)
		var wg sync.WaitGroup
		for range 4 {
			d := open(t, cfg)
			wg.Go(func() {
				if err := d.Migrate(t.Context(), migrations(secondTables, `UPDATE counter SET n = n + 1`)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		var n int
		err := open(t, cfg).Read(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			return tx.QueryRow(ctx, `SELECT n FROM counter`).Scan(&n)
		})
		if err != nil || n != 2 {
			t.Errorf("two migrations ran %d times, %v", n, err)
		}
	})
}

func TestMigrationFiles(t *testing.T) {
	t.Parallel()
	d := create(t, dbtest.SQLite(t))
	for name, fsys := range map[string]fstest.MapFS{
		"none":      {},
		"gap":       {"0001_a.sql": {}, "0003_c.sql": {}},
		"not first": {"0002_a.sql": {}},
		"double":    {"0001_a.sql": {}, "0001_b.sql": {}},
		"other":     {"0001_a.sql": {}, "README.md": {}},
	} {
		if err := d.Migrate(t.Context(), fsys); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
