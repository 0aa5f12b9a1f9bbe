// SPDX-License-Identifier: Apache-2.0

package db_test

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"testing"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
)

// administer runs SQL as the server's administrator would.
func administer(t *testing.T, url string, statements ...string) {
	t.Helper()
	pool, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	for _, s := range statements {
		if _, err := pool.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func TestSchemas(t *testing.T) {
	t.Parallel()
	url := dbtest.Database(t)
	want := []string{`cf_"quoted" name`, "cf_a", "cf_b"}
	for _, name := range append([]string{"other"}, want...) {
		create(t, db.Config{URL: url, Schema: name})
	}
	administer(t, url, `CREATE SCHEMA cf_foreign`)
	got, err := db.Schemas(t.Context(), url, "cf_")
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := db.Schemas(t.Context(), "sqlite:x.db", "cf_"); err == nil {
		t.Error("SQLite has schemas")
	}
}

// TestPreparedSchema: an empty schema that an administrator made can be used; a
// schema that holds something else is left alone.
func TestPreparedSchema(t *testing.T) {
	t.Parallel()
	url := dbtest.Database(t)
	administer(t, url, `CREATE SCHEMA empty`, `CREATE SCHEMA taken`, `CREATE TABLE taken.something (n int)`)
	create(t, db.Config{URL: url, Schema: "empty"})
	if _, err := db.Create(t.Context(), db.Config{URL: url, Schema: "taken"}); !errors.Is(err, db.ErrExist) {
		t.Errorf("create in a schema that is taken: %v", err)
	}
	if _, err := db.Open(t.Context(), db.Config{URL: url, Schema: "taken"}); !errors.Is(err, db.ErrNotExist) {
		t.Errorf("open of a schema that is not ours: %v", err)
	}
}

// TestDurableSessions: a server whose default is not to wait for the disk does
// not make our commits less durable; one that waits for replicas is left so.
func TestDurableSessions(t *testing.T) {
	t.Parallel()
	for setting, want := range map[string]string{"off": "on", "remote_apply": "remote_apply"} {
		url := dbtest.Database(t)
		pool, err := sql.Open("pgx", url)
		if err != nil {
			t.Fatal(err)
		}
		var name string
		if err := pool.QueryRowContext(t.Context(), `SELECT current_database()`).Scan(&name); err != nil {
			t.Fatal(err)
		}
		pool.Close()
		administer(t, url, `ALTER DATABASE `+name+` SET synchronous_commit = `+setting)
		d := create(t, db.Config{URL: url, Schema: "s"})
		var got string
		err = d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			return tx.QueryRow(ctx, `SHOW synchronous_commit`).Scan(&got)
		})
		if err != nil || got != want {
			t.Errorf("%s became %s, want %s, %v", setting, got, want, err)
		}
	}
}

// TestServerGoesAway ends the server under an open database: calls fail as
// unavailable, and work again when it is back.
func TestServerGoesAway(t *testing.T) {
	t.Parallel()
	cluster := dbtest.New(t)
	d := create(t, cluster.Config())
	if err := insert(t.Context(), d, 1, "a"); err != nil {
		t.Fatal(err)
	}
	err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO item (idx, name) VALUES (2, 'b')`); err != nil {
			return err
		}
		return cluster.Kill() // the COMMIT finds nobody
	})
	if !errors.Is(err, db.ErrUnavailable) {
		t.Errorf("commit without a server: %v", err)
	}
	if err := insert(t.Context(), d, 3, "c"); !errors.Is(err, db.ErrUnavailable) {
		t.Errorf("write without a server: %v", err)
	}
	if err := cluster.Start(); err != nil {
		t.Fatal(err)
	}
	if err := insert(t.Context(), d, 4, "d"); err != nil {
		t.Errorf("after restart: %v", err)
	}
	if n := count(t, d); n != 2 {
		t.Errorf("%d rows, want 2", n)
	}
}

// TestDeadlock: of two transactions that wait for each other one is ended, as
// busy, and the other goes on.
func TestDeadlock(t *testing.T) {
	t.Parallel()
	cfg := dbtest.Postgres(t)
	d := create(t, cfg)
	for i, name := range []string{"a", "b"} {
		if err := insert(t.Context(), d, i, name); err != nil {
			t.Fatal(err)
		}
	}
	have := []chan struct{}{make(chan struct{}), make(chan struct{})}
	results := make(chan error, 2)
	for first := range 2 {
		go func() {
			results <- d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				const lock = `UPDATE item SET body = NULL WHERE idx = ?`
				if _, err := tx.Exec(ctx, lock, first); err != nil {
					return err
				}
				close(have[first])
				<-have[1-first]
				_, err := tx.Exec(ctx, lock, 1-first)
				return err
			})
		}()
	}
	a, b := <-results, <-results
	if (a == nil) == (b == nil) || !errors.Is(errors.Join(a, b), db.ErrBusy) {
		t.Errorf("deadlock ended with %v and %v", a, b)
	}
}
