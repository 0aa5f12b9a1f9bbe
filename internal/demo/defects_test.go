// SPDX-License-Identifier: Apache-2.0

package demo_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/internal/demo"
)

// checkDefects looks for each kind of defect in all records, without knowing
// where it was planted, and compares.
func checkDefects(t *testing.T, cfg demo.Config, e *demo.Enterprise, all []*entry, byID map[string]*entry) {
	t.Helper()
	found := search(t, all, byID)
	planted := map[string][]string{}
	for _, d := range e.Defects() {
		planted[d.Name] = d.Records
		if d.Title == "" || d.Explanation == "" || len(d.Records) == 0 || !strings.Contains(d.String(), d.Records[0]) {
			t.Errorf("seed %d: %+v", cfg.Seed, d)
		}
		for _, id := range d.Records {
			if byID[id] == nil || byID[id].defect != d.Name {
				t.Errorf("seed %d: %s names %s, which is not marked", cfg.Seed, d.Name, id)
			}
		}
	}
	for name, ids := range found {
		if !slices.Equal(ids, planted[name]) {
			t.Errorf("seed %d: %s found in %v, planted in %v", cfg.Seed, name, ids, planted[name])
		}
		delete(planted, name)
	}
	for name := range planted {
		t.Errorf("seed %d: %s is planted in %v but nobody can find it", cfg.Seed, name, planted[name])
	}
}

func search(t *testing.T, all []*entry, byID map[string]*entry) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	hit := func(name string, n *entry) { found[name] = append(found[name], n.f.ID) }
	registered, answered := map[string]bool{}, map[string]bool{}
	for _, n := range all {
		registered[n.body.Registry.Name+"@"+n.body.Registry.Version] = true
		if n.f.Type == "decision" && n.f.Status != "requested" {
			answered[n.f.About] = true
		}
	}
	for _, n := range all {
		for _, v := range slices.Concat([]string{n.f.Model, n.f.Prompt, n.f.Config}, strings.Split(n.f.Policy, ",")) {
			if v != "" && !registered[v] {
				hit("unknown_model_version", n)
			}
		}
		for _, s := range n.body.Steps {
			if s.ResponseModel != "" && s.ResponseModel != s.RequestModel {
				hit("model_mismatch", n)
			}
		}
		if n.f.Status == "requested" && n.f.Type == "decision" && !answered[n.f.ID] {
			hit("attempt_without_outcome", n)
		}
		if n.body.Oversight.Act != "" && n.body.Oversight.DwellMS < 5000 {
			hit("too_quick_approval", n)
		}
		if n.f.Adverse == "true" && (n.body.Decision.Reason == "" || len(n.body.Factors) == 0) {
			hit("adverse_without_reason", n)
		}
		for _, o := range n.body.Outputs {
			if o.Kind == "message" || o.Kind == "draft" || o.Kind == "audio" {
				if o.MarkedAI == nil || !*o.MarkedAI {
					hit("unmarked_output", n)
				}
			}
		}
		if n.body.Notice.Kind == "adverse_decision" && n.f.Time.Sub(byID[n.f.About].f.Time) > 24*time.Hour {
			hit("late_notice", n)
		}
		for _, c := range n.body.Controls {
			if c.Result == "error" {
				hit("control_error", n)
			}
		}
		if r := n.body.Reconciliation; r.Expected != r.Recorded || r.Status == "unexplained" {
			hit("count_mismatch", n)
		}
	}
	found["source_gap"], found["silent_day"] = numbers(t, all)
	return found
}

// numbers reads the sequence numbers and the heartbeats of each source.
func numbers(t *testing.T, all []*entry) (gaps, silent []string) {
	t.Helper()
	last, beat, to, missed := map[string]int64{}, map[string]int64{}, map[string]string{}, map[string]*entry{}
	for _, n := range all {
		source, hb := n.f.Source, n.body.Heartbeat
		if n.f.Seq != last[source]+1 {
			gaps = append(gaps, n.f.ID)
			if n.f.Seq != last[source]+4 {
				t.Errorf("%s: %s jumps from %d to %d", n.f.ID, source, last[source], n.f.Seq)
			}
		}
		if last[source] = n.f.Seq; n.f.Type != "heartbeat" {
			continue
		}
		if hb.Seq != n.f.Seq || hb.Count != hb.Seq-beat[source] {
			t.Errorf("%s: heartbeat %+v after %d", n.f.ID, hb, beat[source])
		}
		if to[source] != "" && to[source] != hb.From && missed[source] == nil {
			missed[source] = n
		}
		beat[source], to[source] = n.f.Seq, hb.To
	}
	return gaps, silence(all, missed)
}

// silence finds the day of the missed heartbeat, and the source's records
// around it.
func silence(all []*entry, missed map[string]*entry) []string {
	var ids []string
	for source, hb := range missed {
		from, _ := time.Parse(time.RFC3339, hb.body.Heartbeat.From)
		var before, after *entry
		for _, n := range all {
			if n.f.Source != source {
				continue
			}
			if n.f.Time.Before(from) {
				before = n
			} else if after == nil {
				after = n
			}
		}
		if after.f.Time.Sub(before.f.Time) >= 24*time.Hour-2*time.Minute {
			ids = append(ids, before.f.ID, after.f.ID)
		}
	}
	return ids
}
