// SPDX-License-Identifier: Apache-2.0

package search_test

import (
	"flag"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/demo"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/search"
	"github.com/counterfoil/counterfoil/record"
)

var records = flag.Int("records", 50000, "how large the ledger of the benchmark is")

// BenchmarkFind measures a page with ten facets. -records 1000000 is the size
// that the budget is for.
func BenchmarkFind(b *testing.B) {
	r := newRig(b, dbtest.SQLite(b))
	batch := ledger.Batch{Principal: "test", Capture: "sdk"}
	for doc := range demo.Load(*records, 1) {
		rec, err := record.Parse(doc)
		if err != nil {
			b.Fatal(err)
		}
		if batch.Records = append(batch.Records, rec); len(batch.Records) == 4000 {
			if _, err := r.l.Append(b.Context(), batch); err != nil {
				b.Fatal(err)
			}
			batch.Records = batch.Records[:0]
		}
	}
	start := time.Now()
	if err := r.x.Fill(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Logf("filled with %d records in %v", *records, time.Since(start))
	r.fresh()
	start = time.Now()
	if err := r.x.Fill(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Logf("loaded in %v", time.Since(start))
	facets := []string{"type", "system", "env", "kind", "outcome", "adverse", "automation", "channel", "model", "policy"}
	for name, q := range map[string]string{"all": "", "outcome": "outcome:denied", "time": "time>=2026-01-01T00:05:00Z outcome:denied,approved -channel:voice"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := r.x.Find(b.Context(), search.Request{Query: q, Facets: facets}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
