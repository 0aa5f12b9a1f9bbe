// SPDX-License-Identifier: Apache-2.0

package obligation_test

import (
	"fmt"
	"testing"

	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/obligation"
	"github.com/counterfoil/counterfoil/record"
)

// BenchmarkReport makes a report with all packs over 100,000 leaves.
func BenchmarkReport(b *testing.B) {
	r := newRig(b, dbtest.SQLite(b))
	r.register()
	const each = 1000
	for n := range 100 {
		records := make([]*record.Record, 0, each)
		for i := range each {
			id := fmt.Sprintf("d-%d-%d", n, i)
			switch i % 10 {
			case 0:
				records = append(records, r.Make("oversight", "o-"+id, 100, mm{"about": fmt.Sprintf("d-%d-%d", n, i+1), "oversight": mm{"act": "approve", "actor": "person:mia"}}))
			case 5:
				records = append(records, r.Make("notice", "n-"+id, 100, mm{"interaction": mm{"id": "int-" + id}, "notice": mm{"kind": "ai_interaction"}}))
			default:
				records = append(records, r.Make("decision", id, 100, body()))
			}
		}
		r.AddAll(records)
	}
	for b.Loop() {
		r.report(obligation.Asked{})
	}
}
