// SPDX-License-Identifier: Apache-2.0

package db_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"testing/fstest"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(diskChild); path != "" {
		fullDiskChild(path)
		return
	}
	os.Exit(dbtest.Main(m))
}

const firstTables = `-- what the tests write; {int} and {bytes} become types
CREATE TABLE item (
  idx  {int} PRIMARY KEY,
  name TEXT NOT NULL,
  body {bytes}
);
CREATE UNIQUE INDEX item_name ON item (name);
CREATE TABLE counter (one {int} PRIMARY KEY, n {int} NOT NULL);
INSERT INTO counter (one, n) VALUES (1, 0);`

func migrations(files ...string) fstest.MapFS {
	fsys := fstest.MapFS{"0001_first.sql": {Data: []byte(firstTables)}}
	for i, text := range files {
		fsys[fmt.Sprintf("%04d_more.sql", i+2)] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

// create makes a database with the tables of the tests.
func create(t testing.TB, cfg db.Config) *db.DB {
	t.Helper()
	d, err := db.Create(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := d.Migrate(t.Context(), migrations()); err != nil {
		t.Fatal(err)
	}
	return d
}

func open(t testing.TB, cfg db.Config) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func insert(ctx context.Context, d *db.DB, idx int, name string) error {
	return d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO item (idx, name, body) VALUES (?, ?, ?)`, idx, name, []byte(name))
		return err
	})
}

func count(t testing.TB, d *db.DB) (n int) {
	t.Helper()
	err := d.Read(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		return tx.QueryRow(ctx, `SELECT COUNT(*) FROM item`).Scan(&n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
