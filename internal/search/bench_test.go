// SPDX-License-Identifier: Apache-2.0

package search_test

import (
	"flag"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/demo"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/search"
	"github.com/counterfoil/counterfoil/record"
)

var records = flag.Int("records", 50000, "how large the ledger of the benchmark is")

// benchWords stand in about every third record of the load. There are more of
// them than the index remembers, so that each is looked up anew.
var benchWords = strings.Fields(`order parcel refund invoice delivery courier depot address street number customer account payment card voucher return
	exchange warranty manual battery charger lamp chair table sofa mattress pillow kettle espresso grinder headphones doorbell vacuum bench parasol
	kitchen bunk rug curtain mirror bracket screw cable adapter carton label receipt photo signature neighbour doorstep garage hallway window office
	morning afternoon evening monday tuesday wednesday thursday friday weekend yesterday today tomorrow week month january february march april`)

// BenchmarkFind measures a page with ten facets. -records 1000000 is the size
// that the budget is for.
func BenchmarkFind(b *testing.B) {
	r := newRig(b, dbtest.SQLite(b))
	r.load(*records)
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
	for name, q := range map[string]string{"all": "", "outcome": "outcome:denied", "time": "time>=2026-01-01T00:05:00Z outcome:denied,approved -channel:voice"} {
		b.Run(name, func(b *testing.B) { r.measure(b, func(int) string { return q }) })
	}
}

// BenchmarkText measures the same page with a term over texts: of words that were
// not asked for before, and of one that was.
func BenchmarkText(b *testing.B) {
	r := newRig(b, dbtest.SQLite(b))
	r.load(*records)
	before, err := r.l.DB().Size(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	r.turn("refund-agent", true)
	start := time.Now()
	for more := true; more; {
		if more, err = r.x.Trail(b.Context(), 100000); err != nil {
			b.Fatal(err)
		}
	}
	after, err := r.l.DB().Size(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("texts of %d records indexed in %v, %d bytes a record", *records, time.Since(start), (after-before)/int64(*records))
	b.Run("word", func(b *testing.B) {
		r.measure(b, func(n int) string { return "outcome:denied text:" + benchWords[n%len(benchWords)] })
	})
	b.Run("phrase", func(b *testing.B) {
		r.measure(b, func(n int) string {
			return `outcome:denied "` + benchWords[n%len(benchWords)] + " " + benchWords[(n/len(benchWords)+n+1)%len(benchWords)] + `"`
		})
	})
	b.Run("again", func(b *testing.B) { r.measure(b, func(int) string { return "outcome:denied text:refund" }) })
}

// load appends decisions as a busy ledger has them.
func (r *rig) load(n int) {
	r.Helper()
	batch := ledger.Batch{Principal: "test", Capture: "sdk"}
	for doc := range demo.Load(n, 1) {
		rec, err := record.Parse(doc)
		if err != nil {
			r.Fatal(err)
		}
		if batch.Records = append(batch.Records, rec); len(batch.Records) == 4000 {
			if _, err := r.l.Append(r.Context(), batch); err != nil {
				r.Fatal(err)
			}
			batch.Records = batch.Records[:0]
		}
	}
	if len(batch.Records) > 0 {
		if _, err := r.l.Append(r.Context(), batch); err != nil {
			r.Fatal(err)
		}
	}
}

// measure runs queries, and reports the slowest but for one in twenty.
func (r *rig) measure(b *testing.B, query func(n int) string) {
	facets := []string{"type", "system", "env", "kind", "outcome", "adverse", "automation", "channel", "model", "policy"}
	var took []time.Duration
	for b.Loop() {
		start := time.Now()
		if _, err := r.x.Find(b.Context(), search.Request{Query: query(len(took)), Facets: facets}); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "ms-p95")
}
