// SPDX-License-Identifier: Apache-2.0

package dbtest_test

import (
	"context"
	"os"
	"testing"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

func put(ctx context.Context, d *db.DB, n int) error {
	return d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO schema_migrations (version, name, sha256) VALUES (?, 'x', ?)`, n, []byte{})
		return err
	})
}

func TestKillAndRestart(t *testing.T) {
	t.Parallel()
	c := dbtest.New(t)
	d, err := db.Create(t.Context(), c.Config())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for i, end := range []func() error{c.Kill, c.Stop} {
		if err := put(t.Context(), d, i+1); err != nil {
			t.Fatal(err)
		}
		if err := end(); err != nil {
			t.Fatal(err)
		}
		if err := put(t.Context(), d, i+100); err == nil {
			t.Fatal("wrote to a dead server")
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		if v, err := d.Version(t.Context()); err != nil || v != i+1 {
			t.Fatalf("after restart: version %d, %v", v, err)
		}
	}
}

func TestDatabase(t *testing.T) {
	t.Parallel()
	d, err := db.Create(t.Context(), db.Config{URL: dbtest.Database(t), Schema: "counterfoil_main"})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}
