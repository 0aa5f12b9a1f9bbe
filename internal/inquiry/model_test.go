// SPDX-License-Identifier: Apache-2.0

package inquiry_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/inquiry"
	"github.com/counterfoil/counterfoil/internal/ledger/ledgertest"
	"github.com/counterfoil/counterfoil/record"
)

// TestRecount writes logs at random and counts by the definitions.
func TestRecount(t *testing.T) {
	t.Parallel()
	recount(t, (*rig).random, (*rig).recountOverrides, (*rig).recountSuspension, (*rig).recountDrift)
}

// recount writes logs at random, each about a system and a source of its own, and
// counts one leaf after the other.
func recount(t *testing.T, write func(*rig, *rapid.T, string), counts ...func(*rig, *rapid.T, string, []leaf)) {
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		r := newRig(t, dbc)
		n := 0
		rapid.Check(t, func(rt *rapid.T) {
			n++
			system := fmt.Sprintf("system-%d", n)
			write(r, rt, system)
			ours := ledgertest.Matching(r.Leaves(), "system="+system)
			for _, count := range counts {
				count(r, rt, system, ours)
			}
		})
	})
}

// random appends up to 40 records of a system, in an order that may not be that
// of their times.
func (r *rig) random(rt *rapid.T, system string) {
	var records []*record.Record
	var decisions []string
	add := func(kind string, m members) string {
		id := fmt.Sprintf("%s-%d", system, len(records))
		m["system"] = system
		records = append(records, r.Make(kind, id, rapid.IntRange(0, 9).Draw(rt, "hour"), m))
		return id
	}
	for range rapid.IntRange(1, 40).Draw(rt, "records") {
		switch rapid.IntRange(0, 6).Draw(rt, "what") {
		case 0:
			status := rapid.SampledFrom([]string{"suspended", "in_service", "retired"}).Draw(rt, "status")
			add("registry", members{"registry": members{"act": "system.status", "kind": "system", "name": system, "status": status, "actor": "person:gert"}})
		case 1, 2:
			about := "nothing"
			if len(decisions) > 0 {
				about = rapid.SampledFrom(decisions).Draw(rt, "about")
			}
			act := rapid.SampledFrom([]string{"override", "approve"}).Draw(rt, "act")
			add("oversight", members{"about": about, "oversight": members{"act": act, "actor": "person:mia"}})
		default:
			status := rapid.SampledFrom([]string{"made", "made", "refused"}).Draw(rt, "made")
			answered := rapid.SampledFrom([]string{"m-1", "m-2", "m-3"}).Draw(rt, "model")
			decisions = append(decisions, add("decision", members{"decision": members{"kind": "refund", "status": status},
				"steps": []any{members{"op": "chat", "request_model": "m", "response_model": answered}}}))
		}
	}
	r.AddAll(records)
}

func (r *rig) recountOverrides(rt *rapid.T, system string, ours []leaf) {
	got, err := r.i.Overrides(r.t.Context(), inquiry.Asked{System: system})
	must(r.t, err)
	decided, touched, acts := map[string]bool{}, map[string]bool{}, 0
	for _, d := range ledgertest.Matching(ours, "type=decision") {
		decided[d.Get("id")] = true
	}
	for _, o := range ledgertest.Matching(ours, "type=oversight", "oversight.act=override") {
		if id := o.Get("about"); decided[id] {
			acts++
			touched[id] = true
		}
	}
	if got.Decisions != int64(len(decided)) || got.Touched != int64(len(touched)) || got.Acts != int64(acts) || len(got.Items) != acts {
		rt.Fatalf("%d overrides on %d of %d, answered %+v", acts, len(touched), len(decided), got)
	}
}

// recountSuspension looks for each leaf whether it stands, or says that it was
// made, behind an act that forbids it.
func (r *rig) recountSuspension(rt *rapid.T, system string, ours []leaf) {
	got, err := r.i.Suspension(r.t.Context(), system, nil)
	must(r.t, err)
	acts := ledgertest.Matching(ours, "type=registry")
	made, backdated := 0, 0
	for n, began := range acts {
		status := began.Get("registry", "status")
		if status == "in_service" || n > 0 && acts[n-1].Get("registry", "status") == status {
			continue
		}
		var end *leaf
		for _, later := range acts[n:] {
			if later.Get("registry", "status") != status {
				end = &later
				break
			}
		}
		for _, d := range ledgertest.Matching(ours, "type=decision", "decision.status=made") {
			behind := d.Index > began.Index
			inLog := behind && (end == nil || d.Index < end.Index)
			inTime := d.Get("time") >= began.Get("time") && (end == nil || d.Get("time") < end.Get("time"))
			switch {
			case inLog && d.Get("time") < began.Get("time"):
				backdated++
			case inLog, behind && inTime:
				made++
			}
		}
	}
	var older int64
	for _, p := range got.Periods {
		older += p.Backdated
	}
	if got.Made != int64(made) || older != int64(backdated) {
		rt.Fatalf("%d made, %d said to be older, answered %d and %d", made, backdated, got.Made, older)
	}
}

func (r *rig) recountDrift(rt *rapid.T, system string, ours []leaf) {
	got, err := r.i.Drift(r.t.Context(), system, nil)
	must(r.t, err)
	count, first := map[string]int64{}, map[string]string{}
	for _, d := range ledgertest.Matching(ours, "type=decision") {
		answered := d.Members["steps"].([]any)[0].(members)["response_model"].(string)
		count[answered]++
		if at := d.Get("time"); first[answered] == "" || at < first[answered] {
			first[answered] = at
		}
	}
	if len(got.Pairs) != len(count) || len(got.Changes) != max(0, len(count)-1) {
		rt.Fatalf("%d models, answered %d and %d changes", len(count), len(got.Pairs), len(got.Changes))
	}
	for n, p := range got.Pairs {
		if p.Count != count[p.Response] || p.First.Time.Format("2006-01-02T15:04:05Z07:00") != first[p.Response] || n > 0 && p.First.Time.Before(got.Pairs[n-1].First.Time) {
			rt.Fatalf("%+v: counted %d since %s", p, count[p.Response], first[p.Response])
		}
	}
	for n, c := range got.Changes {
		if c.Before != got.Pairs[n].Response || c.After != got.Pairs[n+1].Response || (c.Again != nil) != got.Pairs[n].Last.Time.After(c.First.Time) {
			rt.Fatalf("change %+v", c)
		}
	}
}
