// SPDX-License-Identifier: Apache-2.0

package demo_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/internal/demo"
	"github.com/counterfoil/counterfoil/record"
)

// now is a Tuesday afternoon.
var now = time.Date(2026, 3, 3, 15, 4, 5, 0, time.UTC)

// entry is a record as the tests read it.
type entry struct {
	f      record.Fields
	raw    []byte
	defect string
	body   struct {
		Decision struct {
			Reason     string
			Supersedes string
		}
		Factors  []json.RawMessage
		Controls []struct{ ID, Result, Reason string }
		Outputs  []struct {
			Kind     string
			MarkedAI *bool `json:"marked_ai"`
		}
		Steps []struct {
			RequestModel  string `json:"request_model"`
			ResponseModel string `json:"response_model"`
		}
		Oversight struct {
			Act     string
			DwellMS int `json:"dwell_ms"`
		}
		Notice    struct{ Kind, Delivered string }
		Heartbeat struct {
			From, To   string
			Count, Seq int64
		}
		Registry       struct{ Act, Kind, Name, Version string }
		Reconciliation struct {
			Expected, Recorded int
			Status             string
		}
		Challenge struct{ Status string }
	}
}

func generate(t *testing.T, cfg demo.Config) (*demo.Enterprise, []*entry) {
	t.Helper()
	e, err := demo.Generate(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var out []*entry
	for item := range e.Items() {
		r, err := record.Parse(item.JSON)
		if err != nil {
			t.Fatalf("%v\n%s", err, item.JSON)
		}
		n := &entry{f: r.Fields(), raw: item.JSON, defect: item.Defect}
		if err := json.Unmarshal(item.JSON, &n.body); err != nil {
			t.Fatal(err)
		}
		out = append(out, n)
	}
	if len(out) != e.Len() || len(out) == 0 {
		t.Fatalf("%d items, Len %d", len(out), e.Len())
	}
	return e, out
}

// TestShape checks what holds for every enterprise.
func TestShape(t *testing.T) {
	t.Parallel()
	for _, cfg := range []demo.Config{
		{Now: now, Seed: 1}, {Now: now, Seed: 2, Records: demo.MinRecords}, {Now: now.Add(-15 * time.Hour), Seed: 3, Records: 2500},
		{Now: time.Date(2026, 8, 15, 0, 0, 1, 0, time.UTC), Seed: 4, Records: demo.MinRecords}, {Now: time.Date(2025, 12, 31, 23, 59, 59, 0, time.UTC), Seed: 1 << 63, Records: 8000},
	} {
		e, all := generate(t, cfg)
		want := cfg.Records
		if want == 0 {
			want = 5000
		}
		if off := len(all) - want; off > want/50+20 || off < -want/50-20 {
			t.Errorf("seed %d: %d records, want about %d", cfg.Seed, len(all), want)
		}
		size := 0
		byID, last := map[string]*entry{}, time.Time{}
		types, systems := map[string]int{}, map[string]int{}
		for _, n := range all {
			if n.f.Time.Before(last) || n.f.Time.After(cfg.Now) || cfg.Now.Sub(n.f.Time) > demo.Days*24*time.Hour {
				t.Errorf("seed %d: %s at %v after %v", cfg.Seed, n.f.ID, n.f.Time, last)
			}
			last = n.f.Time
			if byID[n.f.ID] != nil {
				t.Errorf("seed %d: %s stands twice", cfg.Seed, n.f.ID)
			}
			for _, about := range []string{n.f.About, n.body.Decision.Supersedes} {
				if about != "" && byID[about] == nil {
					t.Errorf("seed %d: %s is about %s, which is not before it", cfg.Seed, n.f.ID, about)
				}
			}
			byID[n.f.ID] = n
			types[n.f.Type]++
			systems[n.f.System]++
			size += len(n.raw)
		}
		if h := byID[e.Highlight()]; h == nil || h.f.Outcome != "denied" || h.f.Adverse != "true" || h.f.System != "fraud-score" {
			t.Errorf("seed %d: the highlight is %+v", cfg.Seed, h)
		}
		for _, typ := range []string{"decision", "step", "oversight", "notice", "explanation", "challenge", "finding", "registry", "heartbeat", "reconciliation", "signal", "incident"} {
			if types[typ] == 0 {
				t.Errorf("seed %d: no record of type %s", cfg.Seed, typ)
			}
		}
		for _, s := range []string{"aria", "priority-router", "fraud-score", "draft-assist"} {
			if systems[s] < len(all)/25 {
				t.Errorf("seed %d: only %d records of %s", cfg.Seed, systems[s], s)
			}
		}
		t.Logf("seed %d: %d records, %d bytes each, %v %v", cfg.Seed, len(all), size/len(all), types, systems)
		if avg := size / len(all); cfg.Records != demo.MinRecords && (avg < 1600 || avg > 2400) {
			t.Errorf("seed %d: %d bytes on average", cfg.Seed, avg)
		}
		checkDefects(t, cfg, e, all, byID)
	}
}

// TestHighlight follows the story that the demo tells first.
func TestHighlight(t *testing.T) {
	t.Parallel()
	e, all := generate(t, demo.Config{Now: now, Seed: 7})
	var story []string
	ids := map[string]bool{e.Highlight(): true}
	var raw string
	for _, n := range all {
		if n.f.ID == e.Highlight() {
			raw = string(n.raw)
			ids[n.f.About] = true
			story = append(story, "attempt")
		}
		if ids[n.f.ID] || ids[n.f.About] {
			ids[n.f.ID] = true
			story = append(story, strings.TrimSpace(n.f.Type+" "+n.f.Outcome))
		}
	}
	want := []string{"attempt", "decision denied", "notice", "explanation", "challenge", "challenge", "oversight approved", "decision approved", "challenge overturned", "notice", "finding"}
	if !slices.Equal(story, want) {
		t.Errorf("got %q, want %q", story, want)
	}
	for _, part := range []string{`"name":"Brera"`, "Walker"} {
		if strings.Contains(raw, part) {
			t.Errorf("%s in %s", part, raw)
		}
	}
	for _, part := range []string{`"automation":"solely_automated"`, "refunds_60_days", "signed_delivery", "espresso machine"} {
		if !strings.Contains(raw, part) {
			t.Errorf("no %s in %s", part, raw)
		}
	}
}

// TestDeterministic compares two runs, and two seeds.
func TestDeterministic(t *testing.T) {
	t.Parallel()
	_, a := generate(t, demo.Config{Now: now, Seed: 9, Records: 1500})
	_, b := generate(t, demo.Config{Now: now, Seed: 9, Records: 1500})
	_, c := generate(t, demo.Config{Now: now, Seed: 10, Records: 1500})
	same := func(x, y *entry) bool { return string(x.raw) == string(y.raw) && x.defect == y.defect }
	if !slices.EqualFunc(a, b, same) {
		t.Error("the same seed gives two enterprises")
	}
	ids := map[string]bool{}
	for _, n := range a {
		ids[n.f.ID] = true
	}
	for _, n := range c {
		if ids[n.f.ID] {
			t.Fatalf("two seeds share the id %s", n.f.ID)
		}
	}
}

// TestBelievable looks at what a person would notice: volume by hour and day,
// languages, customers who come back, texts that differ.
func TestBelievable(t *testing.T) {
	t.Parallel()
	_, all := generate(t, demo.Config{Now: now, Seed: 11})
	hours, days := map[int]int{}, map[time.Weekday]int{}
	locales, texts, subjects := map[string]int{}, map[string]int{}, map[string]int{}
	replies := 0
	for _, n := range all {
		if n.f.Type != "decision" {
			continue
		}
		hours[n.f.Time.Hour()]++
		days[n.f.Time.Weekday()]++
		var b struct {
			Interaction struct{ Locale string }
			Subject     string
			Outputs     []struct{ Value any }
		}
		if err := json.Unmarshal(n.raw, &b); err != nil {
			t.Fatal(err)
		}
		locales[b.Interaction.Locale]++
		subjects[b.Subject]++
		for _, o := range b.Outputs {
			if s, ok := o.Value.(string); ok {
				replies++
				texts[s]++
			}
		}
	}
	if hours[3]*8 > hours[10] || days[time.Sunday]*3 > days[time.Monday]*2 {
		t.Errorf("volume: %v %v", hours, days)
	}
	if locales["en-GB"] == 0 || locales["de-DE"] == 0 || locales["de-AT"] == 0 || locales["en-IE"] == 0 {
		t.Errorf("locales: %v", locales)
	}
	if len(texts)*10 < replies*6 {
		t.Errorf("%d different texts among %d", len(texts), replies)
	}
	again := 0
	for _, n := range subjects {
		if n > 8 {
			again++
		}
	}
	if len(subjects) < 300 || again < 20 {
		t.Errorf("%d customers, %d of them often", len(subjects), again)
	}
	for text := range texts {
		if strings.Contains(text, "{") {
			t.Errorf("a placeholder is left: %s", text)
		}
	}
}

// TestConfig refuses what can not be made.
func TestConfig(t *testing.T) {
	t.Parallel()
	for _, cfg := range []demo.Config{{}, {Now: now, Records: 10}, {Now: now, Records: -1}, {Now: now, Records: 2_000_000}} {
		if e, err := demo.Generate(cfg); err == nil || e != nil {
			t.Errorf("%+v was accepted", cfg)
		}
	}
}
