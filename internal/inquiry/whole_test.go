// SPDX-License-Identifier: Apache-2.0

package inquiry_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/inquiry"
	"github.com/counterfoil/counterfoil/internal/ledger/ledgertest"
	"github.com/counterfoil/counterfoil/record"
)

// from makes a record of a source.
func (r *rig) from(source string, seq, hours int, kind string, more members) *record.Record {
	m := members{"source": members{"id": source, "seq": seq}}
	maps.Copy(m, more)
	return r.Make(kind, fmt.Sprintf("%s-%d", source, seq), hours, m)
}

func (r *rig) seedSources() {
	seq := func(source string, numbers ...int) {
		for _, n := range numbers {
			r.AddAll([]*record.Record{r.from(source, n, 100+n, "decision", members{"system": "sourced", "decision": members{"kind": "refund", "status": "made"}})})
		}
	}
	seq("s-1", 1, 2, 3, 6, 7, 9, 10)
	seq("s-2", 1, 2, 4, 3, 5)
	beat := func(source string, n, count int) {
		r.AddAll([]*record.Record{r.from(source, n, 120, "heartbeat", members{"heartbeat": members{"from": hour(96), "to": hour(120), "count": count, "seq": n}})})
	}
	beat("s-1", 11, 11)
	beat("s-2", 6, 6)
	r.Add("decision", "no-number", 101, members{"system": "sourced", "source": members{"id": "s-3"}, "decision": members{"kind": "refund", "status": "made"}})
	r.Add("heartbeat", "s-3-beat", 121, members{"source": members{"id": "s-3"}, "heartbeat": members{"from": hour(96), "to": hour(120), "count": 2}})
	attempt := members{"system": "sourced", "decision": members{"kind": "refund", "status": "requested"}}
	r.Add("decision", "try-1", 102, attempt)
	r.Add("decision", "try-2", 102, attempt)
	r.Add("decision", "done-2", 103, members{"about": "try-2", "system": "sourced", "decision": members{"kind": "refund", "status": "made"}})
	count := func(id string, expected, recorded int, status string) {
		r.Add("reconciliation", id, 124, members{"system": "sourced", "reconciliation": members{"counter": "payments.requests", "owner": "payments", "from": hour(96), "to": hour(120),
			"expected": expected, "recorded": recorded, "status": status}})
	}
	count("count-1", 5, 5, "matched")
	count("count-2", 9, 5, "unexplained")
	count("count-3", 6, 5, "explained")
}

func (r *rig) testCompleteness(t *testing.T, all []leaf) {
	got := r.ask(t, all, "completeness", inquiry.Terms{From: march.Add(96 * 3600e9), To: march.Add(125 * 3600e9)})
	found := []string{}
	for _, row := range got.Rows {
		if len(row.Faults) > 0 {
			v := row.Values
			found = append(found, strings.Join(strings.Fields(fmt.Sprint(v["kind"], " ", v["source"], " ", v["counter"], " ", v["missing"], " ", v["numbers"], " ", row.Faults)), " "))
		}
	}
	equal(t, "faults", found, []string{"source s-1 <nil> 3 [4-5 8] [gap]", "heartbeat s-1 <nil> 3 <nil> [heartbeat_differs]", "source s-3 <nil> <nil> <nil> [unnumbered]",
		"heartbeat s-3 <nil> 1 <nil> [heartbeat_differs]", "attempt <nil> <nil> <nil> <nil> [no_outcome]",
		"counter <nil> payments.requests 4 <nil> [counter_differs unexplained]", "counter <nil> payments.requests 1 <nil> [counter_differs]"})
	requested := ledgertest.Matching(all, "type=decision", "decision.status=requested", "system=sourced")
	equal(t, "counts", []float64{figure(t, got, "sources"), figure(t, got, "heartbeats"), figure(t, got, "attempts"), figure(t, got, "counters")}, []int{3, 3, len(requested), 3})
	for _, row := range got.Rows {
		if row.Values["kind"] != "source" {
			continue
		}
		var numbers []int
		for _, l := range all {
			if s, _ := l.Members["source"].(members); s != nil && s["id"] == row.Values["source"] && s["seq"] != nil {
				numbers = append(numbers, int(s["seq"].(float64)))
			}
		}
		slices.Sort(numbers)
		if len(numbers) > 0 {
			equal(t, fmt.Sprint(row.Values["source"]), []any{row.Values["first"], row.Values["last"], row.Values["missing"]},
				[]int{numbers[0], numbers[len(numbers)-1], numbers[len(numbers)-1] - numbers[0] + 1 - len(numbers)})
		}
	}
}

// TestRemoved leaves out each record of a source, and each of its days: the
// answer finds it. Of the whole source it finds nothing wrong.
func TestRemoved(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		r := newRig(t, dbc)
		const days, each = 4, 3 // two decisions and a heartbeat a day
		var wrong []string
		write := func(source string, without func(day, n int) bool) {
			var some []*record.Record
			for d := range days {
				for n := range each {
					seq, at := d*each+n+1, 24*d+n
					if without(d, n) {
						continue
					}
					if n < each-1 {
						some = append(some, r.from(source, seq, at, "decision", members{"system": "numbered", "decision": members{"kind": "refund", "status": "made"}}))
						continue
					}
					some = append(some, r.from(source, seq, at, "heartbeat", members{"heartbeat": members{"from": hour(24 * d), "to": hour(24*d + 24), "count": each, "seq": seq}}))
				}
			}
			r.AddAll(some)
		}
		write("whole", func(int, int) bool { return false })
		for d := range days {
			for n := range each {
				if d == days-1 && n == each-1 {
					continue // behind the last record nothing is known
				}
				name := fmt.Sprintf("without-%d-%d", d, n)
				write(name, func(day, m int) bool { return day == d && m == n })
				wrong = append(wrong, name)
			}
			if d < days-1 {
				name := fmt.Sprintf("without-day-%d", d)
				write(name, func(day, _ int) bool { return day == d })
				wrong = append(wrong, name)
			}
		}
		find := func(terms inquiry.Terms) map[string]bool {
			got, err := r.i.Ask(t.Context(), "completeness", terms)
			must(t, err)
			found := map[string]bool{}
			for _, row := range got.Rows {
				if len(row.Faults) > 0 {
					found[row.Values["source"].(string)] = true
				}
			}
			return found
		}
		found := find(inquiry.Terms{})
		for _, name := range wrong {
			if !found[name] {
				t.Errorf("nothing is said of %s", name)
			}
		}
		if found["whole"] || len(found) != len(wrong) {
			t.Errorf("found %d of %d, the whole source %v", len(found), len(wrong), found["whole"])
		}
		for d := range days - 1 { // what is missing of a day shows when that day is asked about
			found := find(inquiry.Terms{From: march.AddDate(0, 0, d), To: march.AddDate(0, 0, d+1)})
			for _, name := range wrong {
				if (strings.HasPrefix(name, fmt.Sprintf("without-%d-", d)) || name == fmt.Sprintf("without-day-%d", d)) && !found[name] {
					t.Errorf("of day %d, nothing is said of %s", d, name)
				}
			}
			if found["whole"] {
				t.Errorf("of day %d, something is said of the whole source", d)
			}
		}
	})
}

func (r *rig) seedSystems() {
	r.Act("silent-1", 95, "system.describe", "system", "silent-bot", "person:gert", "risk=limited")
	r.Act("silent-2", 95, "system.status", "system", "silent-bot", "person:gert", "status=in_service")
	r.Act("served", 95, "system.status", "system", "chat-bot", "person:gert", "status=in_service")
}

func (r *rig) testInventory(t *testing.T, all []leaf) {
	got := r.ask(t, all, "inventory", inquiry.Terms{})
	registered, last := map[string]bool{}, map[string]string{}
	for _, a := range ledgertest.Matching(all, "type=registry", "registry.kind=system") {
		registered[a.Get("registry", "name")] = true
	}
	want := []string{}
	for _, d := range ledgertest.Matching(all, "type=decision") {
		s := d.Get("system")
		if s == "" {
			continue
		}
		if last[s] == "" && !registered[s] {
			want = append(want, s+" unregistered")
		}
		last[s] = max(last[s], d.Get("time"))
	}
	slices.Sort(want)
	want = append(want, "silent-bot silent")
	equal(t, "faults", faults(got, "system"), want)
	for _, row := range got.Rows {
		if s := row.Values["system"].(string); last[s] != "" {
			equal(t, s, row.Values["last"], last[s])
		}
	}
	quiet := r.ask(t, all, "inventory", inquiry.Terms{From: march.AddDate(0, 3, 0)})
	if f := faults(quiet, "system"); !slices.Equal(f, []string{"chat-bot silent", "silent-bot silent"}) {
		t.Errorf("in June: %v", f)
	}
}

func (r *rig) seedGroups() {
	count := func(from int, group, name string, value float64) {
		r.Add("signal", fmt.Sprintf("g-%d-%s-%s", from, group, name), from+23, members{"system": "fraud-model",
			"signal": members{"name": name, "group": group, "value": value, "from": hour(from), "to": hour(from + 24)}})
	}
	r.Add("decision", "g-1", 110, members{"system": "fraud-model", "decision": members{"kind": "fraud", "status": "made"}, "versions": members{"model": "fraud@4"}})
	for _, g := range []struct {
		from             int
		group            string
		population, hits float64
	}{{108, "a", 200, 100}, {108, "b", 100, 30}, {108, "c", 20, 1}, {132, "a", 100, 50}, {132, "b", 60, 24}, {132, "d", 49, 49}} {
		count(g.from, g.group, "population", g.population)
		count(g.from, g.group, "selected", g.hits)
	}
	count(156, "a", "population", 100)
	count(156, "a", "selection_rate", 0.5)
	count(156, "b", "population", 100)
	count(156, "b", "selection_rate", 0.2)
	count(156, "e", "population", 80)
	count(156, "f", "population", 80)
	count(156, "f", "selection_rate", 0.1)
	r.Add("finding", "g-found", 157, members{"system": "fraud-model", "finding": members{"code": "impact_ratio", "status": "open", "group": "b"}})
}

func (r *rig) testFairness(t *testing.T, all []leaf) {
	got := r.ask(t, all, "fairness", inquiry.Terms{System: "fraud-model", To: march.Add(156 * 3600e9)})
	rows := []string{}
	for _, row := range got.Rows {
		v := row.Values
		rows = append(rows, fmt.Sprint(v["from"], v["group"], v["population"], v["selection_rate"], v["impact_ratio"], v["models"], v["method"], row.Faults))
		if v["group"] == "c" || v["group"] == "d" {
			t.Errorf("a small group is shown: %v", v)
		}
	}
	rates := map[string]float64{} // recounted
	for _, s := range ledgertest.Matching(all, "type=signal", "system=fraud-model", "signal.from="+hour(108)) {
		v := s.Members["signal"].(members)
		key := s.Get("signal", "group")
		if v["name"] == "selected" {
			rates[key] += v["value"].(float64)
		} else {
			rates[key+" of"] = v["value"].(float64)
		}
	}
	a, b := rates["a"]/rates["a of"], rates["b"]/rates["b of"]
	equal(t, "rows", rows, []string{
		fmt.Sprint(hour(108), "a", 200, a, 1, []string{"fraud@4"}, "impact-ratio@1", []string{}), fmt.Sprint(hour(108), "b", 100, b, b/a, []string{"fraud@4"}, "impact-ratio@1", []string{"impact_low"}),
		fmt.Sprint(hour(132), "a", 100, 0.5, 1, []string{}, "impact-ratio@1", []string{}), fmt.Sprint(hour(132), "b", 60, 0.4, 0.8, []string{}, "impact-ratio@1", []string{})})
	equal(t, "counts", []float64{figure(t, got, "groups"), figure(t, got, "suppressed")}, []int{6, 2})
	later := r.ask(t, all, "fairness", inquiry.Terms{System: "fraud-model", From: march.Add(160 * 3600e9)})
	equal(t, "later", faults(later, "group"), []string{"b impact_low", "e rate_unknown", "f impact_low,no_finding"})
	equal(t, "finding", []any{later.Rows[1].Values["finding"], got.Rows[1].Values["finding"]}, []string{"g-found", "g-found"})
}
