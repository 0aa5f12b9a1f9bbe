// SPDX-License-Identifier: Apache-2.0

package obligation_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/keyring"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/obligation"
	"github.com/counterfoil/counterfoil/record"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

// The time of the tests: the log is written from this day on, and asked two
// months later, when the quarter is over.
var (
	march = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	asked = march.AddDate(0, 2, 0)
)

// rig is a running ledger, who reports about it, and the register that its
// decisions are judged by.
type rig struct {
	t     testing.TB
	rules *record.Rules
	l     *ledger.Ledger
	o     *obligation.Reporter
	now   time.Time
	door  string // by which records come in

	mu       sync.Mutex
	governed map[string]*record.Governed // by the id of a decision, guarded by mu
}

func newRig(t testing.TB, dbc db.Config) *rig {
	t.Helper()
	return openRig(t, dbc, "example.com/obligation", ledger.Config{})
}

func openRig(t testing.TB, dbc db.Config, origin string, cfg ledger.Config) *rig {
	t.Helper()
	keys, err := keyring.New([]byte("0123456789abcdef0123456789abcdef"))
	must(t, err)
	if cfg.Rules == nil {
		cfg.Rules = record.Default()
	}
	r := &rig{t: t, rules: cfg.Rules, now: march, door: "sdk", governed: map[string]*record.Governed{}}
	d, err := db.Create(t.Context(), dbc)
	must(t, err)
	cfg.DB, cfg.Keys, cfg.Now = d, keys, r.clock
	must(t, ledger.Create(t.Context(), cfg, origin))
	r.l, err = ledger.Open(t.Context(), cfg)
	must(t, err)
	r.l.Govern(r)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := r.l.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		wg.Wait()
		must(t, d.Close())
	})
	<-r.l.Running()
	r.o, err = obligation.New(obligation.Config{Ledger: r.l, Now: func() time.Time { return asked }})
	must(t, err)
	return r
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (r *rig) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *rig) at(when time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = when
}

// The rig is the governor of its ledger: what it finds was said before.
func (r *rig) Judge() ledger.Judge           { return judge{r} }
func (r *rig) Refresh(context.Context) error { return nil }

type judge struct{ r *rig }

func (judge) Register() int64 { return 0 }

func (j judge) Judge(_ context.Context, h ledger.Hearing) (*ledger.Judgement, error) {
	j.r.mu.Lock()
	defer j.r.mu.Unlock()
	if g := j.r.governed[h.Record.ID()]; g != nil {
		return &ledger.Judgement{Governed: g}, nil
	}
	return nil, nil
}

// members are those of a record.
type members = map[string]any

// add appends one record as of the day and hour of March that is given.
func (r *rig) add(kind, id string, hours int, m members) {
	r.t.Helper()
	r.at(march.Add(time.Duration(hours) * time.Hour))
	r.addAll([]*record.Record{r.make(kind, id, hours, m)})
}

func (r *rig) make(kind, id string, hours int, m members) *record.Record {
	r.t.Helper()
	m = maps.Clone(m)
	m["type"], m["id"] = kind, id
	if m["time"] == nil {
		m["time"] = hour(hours)
	}
	if kind == "decision" && m["interaction"] == nil {
		m["interaction"] = members{"id": "int-" + id}
	}
	b, err := json.Marshal(m)
	must(r.t, err)
	rec, err := r.rules.Parse(b)
	must(r.t, err)
	return rec
}

func (r *rig) addAll(records []*record.Record) {
	r.t.Helper()
	_, err := r.l.Append(r.t.Context(), ledger.Batch{Records: records, Principal: "key:bot", Capture: r.door, Custody: true})
	must(r.t, err)
}

func hour(h int) string { return march.Add(time.Duration(h) * time.Hour).Format(time.RFC3339) }

// act appends an act on the register. A word of more is a member and its value.
func (r *rig) act(id string, hours int, act, kind, name, by string, more ...string) {
	r.t.Helper()
	m := members{"act": act, "kind": kind, "name": name, "actor": by, "reason": "because " + by}
	if base, version, _ := strings.Cut(name, "@"); version != "" {
		m["name"], m["version"] = base, version
	} else {
		m["name"] = base
	}
	top := members{"registry": m}
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
	r.add("registry", id, hours, top)
}

// leaf is a statement as anybody reads it.
type leaf struct {
	index int64
	members
}

// get is the text at a path, or empty.
func (l leaf) get(path ...string) string {
	var v any = l.members
	for _, p := range path {
		m, ok := v.(members)
		if !ok {
			return ""
		}
		v = m[p]
	}
	s, _ := v.(string)
	return s
}

// leaves reads the whole log, without any of what the report uses.
func (r *rig) leaves() []leaf {
	r.t.Helper()
	var out []leaf
	for e, err := range r.l.Entries(r.t.Context(), 0, -1) {
		must(r.t, err)
		m := members{}
		must(r.t, json.Unmarshal(e.Statement, &m))
		out = append(out, leaf{e.Index, m})
	}
	return out
}

// matching are the leaves of which the members have the values, given as
// path=value with points in the path.
func matching(all []leaf, terms ...string) []leaf {
	return slices.DeleteFunc(slices.Clone(all), func(l leaf) bool {
		return slices.ContainsFunc(terms, func(term string) bool {
			path, want, _ := strings.Cut(term, "=")
			return l.get(strings.Split(path, ".")...) != want
		})
	})
}

func digest(c string) string { return "sha256:" + strings.Repeat(c, 64) }

// equal compares what is printed of two values.
func equal(t testing.TB, what string, got, want any) {
	t.Helper()
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		t.Errorf("%s: got %s, want %s", what, g, w)
	}
}
