// SPDX-License-Identifier: Apache-2.0

package inquiry_test

import (
	"fmt"
	"testing"

	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/inquiry"
	"github.com/counterfoil/counterfoil/record"
)

// BenchmarkAnswers asks each question of a log of 100,000 leaves, 98,000 of them
// judged decisions of ten systems and 1,000 overrides.
func BenchmarkAnswers(b *testing.B) {
	r := newRig(b, dbtest.SQLite(b))
	r.fill(100)
	ask := func(name string, question func() error) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				must(b, question())
			}
		})
	}
	ctx := b.Context()
	ask("overrides", func() error {
		_, err := r.i.Overrides(ctx, inquiry.Asked{Model: "refund-model@3", Approvals: true})
		return err
	})
	ask("unapproved", func() error { _, err := r.i.Unapproved(ctx, inquiry.Went{}); return err })
	ask("suspension", func() error { _, err := r.i.Suspension(ctx, "system-1", nil); return err })
	ask("drift", func() error { _, err := r.i.Drift(ctx, "system-1", nil); return err })
	for _, q := range inquiry.Questions() {
		if q.Word != "" && q.Word != "incident" {
			ask(q.Word, func() error {
				_, err := r.i.Ask(ctx, q.Word, inquiry.Terms{ID: "d-0-0", System: benchSystem(&q)})
				return err
			})
		}
	}
}

// benchSystem is the system to ask about, where a question needs one.
func benchSystem(q *inquiry.Question) string {
	if q.Needs == "system" {
		return "system-1"
	}
	return ""
}

// fill appends batches of a thousand records.
func (r *rig) fill(batches int) {
	for n := range batches {
		records := make([]*record.Record, 0, 1000)
		for k := range 980 {
			id := fmt.Sprintf("d-%d-%d", n, k)
			r.Says(id, &record.Governed{System: "in_service", Verdict: "allow", Versions: []record.GovernedVersion{
				{Version: "refund-model@3", Kind: "model", Digest: digest("3"), State: "approved"}, {Version: "returns@5", Kind: "policy", Digest: digest("5"), State: "approved"}}})
			records = append(records, r.Make("decision", id, n, members{"system": fmt.Sprintf("system-%d", k%10),
				"decision": members{"kind": "refund", "status": "made", "outcome": "denied", "adverse": true},
				"versions": members{"model": "refund-model@3", "policy": []string{"returns@5"}},
				"steps":    []any{members{"op": "chat", "provider": "acme", "request_model": "gpt-x", "response_model": "gpt-x-1"}}}))
		}
		for k := range 10 {
			records = append(records, r.Make("oversight", fmt.Sprintf("o-%d-%d", n, k), n, members{"about": fmt.Sprintf("d-%d-%d", n, k), "system": "system-1",
				"oversight": members{"act": "override", "actor": "person:mia", "before": "denied", "after": "approved"}}))
			version := fmt.Sprintf("%d.%d", n, k)
			act := members{"act": "version.promote", "kind": "prompt", "name": "reply", "version": version, "actor": "person:dora", "environment": "production"}
			if k == 0 {
				act = members{"act": "system.status", "kind": "system", "name": "system-1", "status": []string{"suspended", "in_service"}[n%2], "actor": "person:gert"}
			}
			records = append(records, r.Make("registry", fmt.Sprintf("r-%d-%d", n, k), n, members{"registry": act}))
		}
		r.AddAll(records)
	}
}
