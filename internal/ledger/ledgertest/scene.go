// SPDX-License-Identifier: Apache-2.0

package ledgertest

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// Scene is a running ledger and the register that its decisions are judged by.
type Scene struct {
	Ledger *ledger.Ledger
	Door   string // by which records come in; "sdk" at first

	t     testing.TB
	rules *record.Rules
	day   time.Time // the first of the log; hours are counted from it

	mu       sync.Mutex
	now      time.Time                   // of the ledger, guarded by mu
	governed map[string]*record.Governed // by the id of a decision, guarded by mu
}

// Members are those of a record.
type Members = map[string]any

// NewScene makes a ledger that begins on a day. Rules that cfg leaves out are the
// usual ones.
func NewScene(t testing.TB, dbc db.Config, origin string, day time.Time, cfg ledger.Config) *Scene {
	t.Helper()
	if cfg.Rules == nil {
		cfg.Rules = record.Default()
	}
	s := &Scene{Door: "sdk", t: t, rules: cfg.Rules, day: day, now: day, governed: map[string]*record.Governed{}}
	cfg.Now = s.Clock
	s.Ledger = New(t, dbc, origin, &cfg)
	s.Ledger.Govern(s)
	Run(t, s.Ledger)
	return s
}

// Clock is the time of the ledger.
func (s *Scene) Clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// At sets the clock of the ledger.
func (s *Scene) At(when time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = when
}

// Says is what the register finds of a decision that comes later.
func (s *Scene) Says(id string, g *record.Governed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.governed[id] = g
}

// Judge implements [ledger.Governor]: what a scene finds was said before.
func (s *Scene) Judge() ledger.Judge { return judge{s} }

// Refresh implements [ledger.Governor].
func (s *Scene) Refresh(context.Context) error { return nil }

type judge struct{ s *Scene }

func (judge) Register() int64 { return 0 }

func (j judge) Judge(_ context.Context, h ledger.Hearing) (*ledger.Judgement, error) {
	j.s.mu.Lock()
	defer j.s.mu.Unlock()
	if g := j.s.governed[h.Record.ID()]; g != nil {
		return &ledger.Judgement{Governed: g}, nil
	}
	return nil, nil
}

// Add appends one record as of an hour.
func (s *Scene) Add(kind, id string, hours int, m Members) {
	s.t.Helper()
	s.At(s.day.Add(time.Duration(hours) * time.Hour))
	s.AddAll([]*record.Record{s.Make(kind, id, hours, m)})
}

// Make makes a record as of an hour, unless m has a time. A decision has an
// interaction of its own, unless m has one.
func (s *Scene) Make(kind, id string, hours int, m Members) *record.Record {
	s.t.Helper()
	m = maps.Clone(m)
	m["type"], m["id"] = kind, id
	if m["time"] == nil {
		m["time"] = s.hour(hours)
	}
	if kind == "decision" && m["interaction"] == nil {
		m["interaction"] = Members{"id": "int-" + id}
	}
	b, err := json.Marshal(m)
	s.must(err)
	rec, err := s.rules.Parse(b)
	s.must(err)
	return rec
}

// AddAll appends records in one batch, as a source that may write what rooms do.
func (s *Scene) AddAll(records []*record.Record) {
	s.t.Helper()
	_, err := s.Ledger.Append(s.t.Context(), ledger.Batch{Records: records, Principal: "key:bot", Capture: s.Door, Custody: true})
	s.must(err)
}

// hour is a time as records have it.
func (s *Scene) hour(h int) string {
	return s.day.Add(time.Duration(h) * time.Hour).Format(time.RFC3339)
}

// Act appends an act on the register. A word of more is a member and its value.
func (s *Scene) Act(id string, hours int, act, kind, name, by string, more ...string) {
	s.t.Helper()
	m := Members{"act": act, "kind": kind, "name": name, "actor": by, "reason": "because " + by}
	if base, version, _ := strings.Cut(name, "@"); version != "" {
		m["name"], m["version"] = base, version
	} else {
		m["name"] = base
	}
	top := Members{"registry": m}
	for _, one := range more {
		k, v, _ := strings.Cut(one, "=")
		switch {
		case v == "":
		case k == "system":
			top[k] = v
		case k == "emergency":
			m[k] = true
		default:
			m[k] = v
		}
	}
	s.Add("registry", id, hours, top)
}

// Leaf is a statement as anybody reads it.
type Leaf struct {
	Index int64
	Members
}

// Get is the text at a path, or empty.
func (l Leaf) Get(path ...string) string {
	var v any = l.Members
	for _, p := range path {
		m, ok := v.(Members)
		if !ok {
			return ""
		}
		v = m[p]
	}
	s, _ := v.(string)
	return s
}

// When is a time at a path; the zero time: there is none.
func (l Leaf) When(path ...string) time.Time {
	t, _ := time.Parse(time.RFC3339Nano, l.Get(path...))
	return t
}

// Leaves reads the whole log.
func (s *Scene) Leaves() []Leaf {
	s.t.Helper()
	var out []Leaf
	for e, err := range s.Ledger.Entries(s.t.Context(), 0, -1) {
		s.must(err)
		m := Members{}
		s.must(json.Unmarshal(e.Statement, &m))
		out = append(out, Leaf{e.Index, m})
	}
	return out
}

// Matching are the leaves of which the members have the values, given as
// path=value with points in the path.
func Matching(all []Leaf, terms ...string) []Leaf {
	return slices.DeleteFunc(slices.Clone(all), func(l Leaf) bool {
		return slices.ContainsFunc(terms, func(term string) bool {
			path, want, _ := strings.Cut(term, "=")
			return l.Get(strings.Split(path, ".")...) != want
		})
	})
}

func (s *Scene) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}
