// SPDX-License-Identifier: Apache-2.0

package db_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
)

// benchTables look like a ledger's: leaves, evidence, and a lookup row of 27
// columns with five indexes, one of them over random text.
const benchTables = `
CREATE TABLE entry (idx {int} PRIMARY KEY, statement {bytes} NOT NULL);
CREATE TABLE evidence (idx {int} PRIMARY KEY, key {int} NOT NULL, sealed {bytes} NOT NULL);
CREATE TABLE lookup (idx {int} PRIMARY KEY, id TEXT NOT NULL, system TEXT, interaction TEXT, about TEXT, time {int},
 c0 TEXT, c1 TEXT, c2 TEXT, c3 TEXT, c4 TEXT, c5 TEXT, c6 TEXT, c7 TEXT, c8 TEXT, c9 TEXT, c10 TEXT, c11 TEXT, c12 TEXT,
 c13 TEXT, c14 TEXT, c15 TEXT, c16 TEXT, c17 TEXT, c18 TEXT, c19 TEXT, content {bytes} NOT NULL);
CREATE UNIQUE INDEX lookup_id ON lookup (id);
CREATE INDEX lookup_system ON lookup (system, idx);
CREATE INDEX lookup_time ON lookup (time);
CREATE INDEX lookup_interaction ON lookup (interaction) WHERE interaction IS NOT NULL;
CREATE INDEX lookup_about ON lookup (about) WHERE about IS NOT NULL;`

func lookupRow(i int64) []any {
	row := []any{i, rand.Text(), fmt.Sprint("system-", i%4), fmt.Sprint("interaction-", i/8), nil, 1_700_000_000_000_000_000 + i}
	for c := range 20 {
		if c%3 == 0 {
			row = append(row, nil)
		} else {
			row = append(row, fmt.Sprintf("name@%d.%d", c, i%7))
		}
	}
	return append(row, make([]byte, 16))
}

var lookupColumns = func() []string {
	cols := []string{"idx", "id", "system", "interaction", "about", "time"}
	for c := range 20 {
		cols = append(cols, fmt.Sprint("c", c))
	}
	return append(cols, "content")
}()

func benchDB(b *testing.B, cfg db.Config) *db.DB {
	d, err := db.Create(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := d.Close(); err != nil {
			b.Error(err)
		}
	})
	if err := d.Migrate(b.Context(), fstest.MapFS{"0001_bench.sql": {Data: []byte(benchTables)}}); err != nil {
		b.Fatal(err)
	}
	return d
}

// BenchmarkInsert writes durable transactions of 1,000 rows, folding SQLite's
// log back beside them as the ledger does; an operation is a row.
func BenchmarkInsert(b *testing.B) {
	body := make([]byte, 1500)
	rand.Read(body)
	kinds := map[string]func(ctx context.Context, tx *db.Tx, from int64, n int) error{
		"row=1500B": func(ctx context.Context, tx *db.Tx, from int64, n int) error {
			rows := make([][]any, n)
			for i := range rows {
				rows[i] = []any{from + int64(i), body}
			}
			return tx.Insert(ctx, "entry", []string{"idx", "statement"}, rows)
		},
		"row=lookup": func(ctx context.Context, tx *db.Tx, from int64, n int) error {
			rows := make([][]any, n)
			for i := range rows {
				rows[i] = lookupRow(from + int64(i))
			}
			return tx.Insert(ctx, "lookup", lookupColumns, rows)
		},
		"row=all": func(ctx context.Context, tx *db.Tx, from int64, n int) error {
			entries, evidence, lookups := make([][]any, n), make([][]any, n), make([][]any, n)
			for i := range entries {
				idx := from + int64(i)
				entries[i] = []any{idx, body[:1100]}
				evidence[i] = []any{idx, int64(1), body[:1000]}
				lookups[i] = lookupRow(idx)
			}
			if err := tx.Insert(ctx, "entry", []string{"idx", "statement"}, entries); err != nil {
				return err
			}
			if err := tx.Insert(ctx, "evidence", []string{"idx", "key", "sealed"}, evidence); err != nil {
				return err
			}
			return tx.Insert(ctx, "lookup", lookupColumns, lookups)
		},
	}
	for _, name := range []string{"row=1500B", "row=lookup", "row=all"} {
		for _, dialect := range []string{"sqlite", "postgres"} {
			b.Run(name+"/"+dialect, func(b *testing.B) {
				cfg := dbtest.SQLite(b)
				if dialect == "postgres" {
					cfg = dbtest.Postgres(b)
				}
				d := benchDB(b, cfg)
				commits, done := make(chan struct{}, 1), make(chan struct{})
				go fold(b, d, commits, done)
				b.ResetTimer()
				for from := 0; from < b.N; from += 1000 {
					err := d.Write(b.Context(), func(ctx context.Context, tx *db.Tx) error {
						return kinds[name](ctx, tx, int64(from), min(1000, b.N-from))
					})
					if err != nil {
						b.Fatal(err)
					}
					select {
					case commits <- struct{}{}:
					default:
					}
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
				b.StopTimer()
				close(commits)
				<-done
				if size, err := d.Size(b.Context()); err == nil {
					b.ReportMetric(float64(size)/float64(b.N), "B/row")
				}
			})
		}
	}
}

// fold calls Checkpoint after commits, as a ledger's keeper does.
func fold(b *testing.B, d *db.DB, commits <-chan struct{}, done chan<- struct{}) {
	defer close(done)
	for range commits {
		if err := d.Checkpoint(context.Background()); err != nil {
			b.Error(err)
		}
	}
}

// BenchmarkCommit writes one row of 1.5 KB in each durable transaction.
func BenchmarkCommit(b *testing.B) {
	body := make([]byte, 1500)
	for dialect, config := range map[string]func(testing.TB) db.Config{"sqlite": dbtest.SQLite, "postgres": dbtest.Postgres} {
		b.Run(dialect, func(b *testing.B) {
			d := benchDB(b, config(b))
			idx := 0
			for b.Loop() {
				err := d.Write(b.Context(), func(ctx context.Context, tx *db.Tx) error {
					_, err := tx.Exec(ctx, `INSERT INTO entry (idx, statement) VALUES (?, ?)`, idx, body)
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
				idx++
			}
		})
	}
}

// BenchmarkScan reads 50,000 rows of 1.5 KB in order, as a verifier does.
func BenchmarkScan(b *testing.B) {
	const n = 50_000
	body := make([]byte, 1500)
	rows := make([][]any, n)
	for i := range rows {
		rows[i] = []any{int64(i), body}
	}
	for dialect, config := range map[string]func(testing.TB) db.Config{"sqlite": dbtest.SQLite, "postgres": dbtest.Postgres} {
		b.Run(dialect, func(b *testing.B) {
			d := benchDB(b, config(b))
			err := d.Write(b.Context(), func(ctx context.Context, tx *db.Tx) error {
				return tx.Insert(ctx, "entry", []string{"idx", "statement"}, rows)
			})
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if err := d.Read(b.Context(), scan); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

func scan(ctx context.Context, tx *db.Tx) error {
	rows, err := tx.Query(ctx, `SELECT idx, statement FROM entry ORDER BY idx`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var idx int64
		var statement []byte
		if err := rows.Scan(&idx, &statement); err != nil {
			return err
		}
	}
	return rows.Err()
}
