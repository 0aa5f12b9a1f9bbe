// SPDX-License-Identifier: Apache-2.0

package inquiry_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/counterfoil/counterfoil/internal/inquiry"
	"github.com/counterfoil/counterfoil/internal/ledger/ledgertest"
	"github.com/counterfoil/counterfoil/record"
)

// TestRecountThirty writes logs at random and counts by the definitions.
func TestRecountThirty(t *testing.T) {
	t.Parallel()
	recount(t, (*rig).talks, (*rig).recountNumbers, (*rig).recountInvolvement, (*rig).recountNotices)
}

// talks appends up to 30 records of a system in three interactions: decisions
// with a person, what the person did, replies and notices. Some numbers of its
// source are skipped.
func (r *rig) talks(rt *rapid.T, system string) {
	var all []*record.Record
	var decisions []string
	seq := 0
	for range rapid.IntRange(1, 30).Draw(rt, "records") {
		seq += rapid.SampledFrom([]int{1, 1, 1, 2, 4}).Draw(rt, "step")
		hours := rapid.IntRange(0, 9).Draw(rt, "hour")
		m := members{"system": system, "source": members{"id": system, "seq": seq}, "interaction": members{"id": system + rapid.SampledFrom([]string{"-a", "-b", "-c"}).Draw(rt, "talk")}}
		id, kind := fmt.Sprintf("%s-%d", system, seq), "decision"
		switch rapid.IntRange(0, 3).Draw(rt, "what") {
		case 0:
			kind = "notice"
			m["notice"] = members{"kind": rapid.SampledFrom([]string{"ai_interaction", "recording"}).Draw(rt, "notice"), "delivered": hour(hours)}
		case 1:
			kind = "oversight"
			m["about"] = "nothing"
			if len(decisions) > 0 {
				m["about"] = rapid.SampledFrom(decisions).Draw(rt, "about")
			}
			o := looked()
			for _, name := range []string{"role", "competence", "shown", "dwell_ms"} {
				if rapid.IntRange(0, 2).Draw(rt, name) == 0 {
					delete(o, name)
				}
			}
			m["oversight"] = o
		case 2:
			m["decision"] = members{"kind": "reply", "status": "made"}
			m["outputs"] = []members{{"name": "reply", "kind": rapid.SampledFrom([]string{"message", "draft"}).Draw(rt, "output"), "delivered": hour(hours)}}
		default:
			m["decision"] = members{"kind": "refund", "status": "made", "automation": "meaningful_human", "effective": hour(rapid.IntRange(0, 9).Draw(rt, "effective"))}
			decisions = append(decisions, id)
		}
		all = append(all, r.Make(kind, id, hours, m))
	}
	r.AddAll(all)
}

func (r *rig) recountNumbers(rt *rapid.T, system string, ours []leaf) {
	got, err := r.i.Ask(r.t.Context(), "completeness", inquiry.Terms{})
	must(r.t, err)
	var numbers []int
	for _, l := range ours {
		numbers = append(numbers, int(l.Members["source"].(members)["seq"].(float64)))
	}
	missing := slices.Max(numbers) - slices.Min(numbers) + 1 - len(numbers)
	for _, row := range got.Rows {
		if row.Values["source"] == system && row.Values["kind"] == "source" {
			if row.Values["missing"] != int64(missing) || slices.Contains(row.Faults, "gap") != (missing > 0) || slices.Contains(row.Faults, "begins_late") != (slices.Min(numbers) > 1) {
				rt.Fatalf("%v are there: %+v", numbers, row)
			}
			return
		}
	}
	rt.Fatalf("no row of %s", system)
}

func (r *rig) recountInvolvement(rt *rapid.T, system string, ours []leaf) {
	got, err := r.i.Ask(r.t.Context(), "involvement", inquiry.Terms{System: system})
	must(r.t, err)
	wrong, tracked := int64(0), slices.ContainsFunc(r.Leaves(), func(l leaf) bool { return l.Get("oversight", "competence") != "" })
	labelled := ledgertest.Matching(ours, "type=decision", "decision.automation=meaningful_human")
	for _, d := range labelled {
		fewest := -1
		for _, a := range ledgertest.Matching(ours, "type=oversight", "about="+d.Get("id")) {
			w := weak(a, d)
			if !tracked {
				w = slices.DeleteFunc(w, func(f string) bool { return f == "competence" })
			}
			if fewest < 0 || len(w) < fewest {
				fewest = len(w)
			}
		}
		if fewest != 0 {
			wrong++
		}
	}
	if got.Looked != int64(len(labelled)) || got.Wrong != wrong {
		rt.Fatalf("%d of %d are weak, said %d of %d", wrong, len(labelled), got.Wrong, got.Looked)
	}
}

func (r *rig) recountNotices(rt *rapid.T, system string, ours []leaf) {
	got, err := r.i.Ask(r.t.Context(), "notices", inquiry.Terms{System: system})
	must(r.t, err)
	replied, told := map[string]string{}, map[string]string{}
	first := func(of map[string]string, l leaf, at string) {
		if id := l.Get("interaction", "id"); of[id] == "" || at < of[id] {
			of[id] = at
		}
	}
	for _, l := range ours {
		if l.Get("notice", "kind") == "ai_interaction" {
			first(told, l, l.Get("notice", "delivered"))
		}
		if outputs, _ := l.Members["outputs"].([]any); len(outputs) > 0 {
			if o := outputs[0].(members); o["kind"] == "message" {
				first(replied, l, o["delivered"].(string))
			}
		}
	}
	wrong := int64(0)
	for id, at := range replied {
		if told[id] == "" || told[id] > at {
			wrong++
		}
	}
	if got.Looked != int64(len(replied)) || got.Wrong != wrong {
		rt.Fatalf("%d of %d were not told, said %d of %d", wrong, len(replied), got.Wrong, got.Looked)
	}
}
