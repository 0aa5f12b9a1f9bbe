// SPDX-License-Identifier: Apache-2.0

package challenge_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/internal/audit"
	"github.com/counterfoil/counterfoil/internal/challenge"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/keyring"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/ledger/ledgertest"
	"github.com/counterfoil/counterfoil/record"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

type rig struct {
	*testing.T
	l   *ledger.Ledger
	db  *db.DB
	key *keyring.Keyring
	d   *challenge.Desk
	now time.Time
}

func newRig(t *testing.T, dbc db.Config) *rig {
	t.Helper()
	r := &rig{T: t, now: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)}
	cfg := ledger.Config{}
	r.l = ledgertest.New(t, dbc, "example.com/desk", &cfg)
	r.db, r.key = cfg.DB, cfg.Keys
	ledgertest.Run(t, r.l)
	r.fresh()
	r.send(`{"type":"decision","id":"d-1","time":"2026-11-01T10:05:00Z","system":"refund-agent","decision":{"kind":"refund","status":"made","outcome":"denied"},"versions":{"model":"score@3"}}`)
	r.send(`{"type":"oversight","id":"o-1","time":"2026-11-01T10:09:00Z","about":"d-1","oversight":{"act":"approve","actor":"person:ann"}}`)
	return r
}

// fresh makes a desk that knows nothing, as after a start.
func (r *rig) fresh() {
	r.Helper()
	var err error
	if r.d, err = challenge.New(challenge.Config{Ledger: r.l, Now: func() time.Time { return r.now }}); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) send(doc string) {
	r.Helper()
	rec, err := record.Parse([]byte(doc))
	if err != nil {
		r.Fatal(err)
	}
	if _, err := r.l.Append(r.Context(), ledger.Batch{Records: []*record.Record{rec}, Principal: "key:bot", Capture: "sdk"}); err != nil {
		r.Fatal(err)
	}
}

func who(name string) challenge.By { return challenge.By{Actor: "person:" + name} }

func wants(t *testing.T, err error, code ledger.Code, words string) {
	t.Helper()
	e, ok := errors.AsType[*ledger.Error](err)
	if !ok || e.Code != code || !strings.Contains(e.Message, words) {
		t.Errorf("refused with %v, want %s: %s", err, code, words)
	}
}

// TestCase follows a complaint from receipt to resolution.
func TestCase(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		r := newRig(t, dbc)
		ctx := t.Context()
		c, err := r.d.Receive(ctx, who("desk"), challenge.Challenge{Kind: "complaint", Regime: "uk-dpa-164a", About: "d-1", Text: "why me?", Subject: []byte(`"customer:1"`)})
		if err != nil {
			t.Fatal(err)
		}
		if c.Status != "received" || c.Model != "score@3" || !c.AckDue.Equal(r.now.AddDate(0, 0, 30)) || !c.Due.Equal(r.now.AddDate(0, 1, 0)) {
			t.Errorf("received as %+v", c)
		}
		_, err = r.d.Resolve(ctx, who("zoe"), c.ID, "upheld", "fine")
		wants(t, err, ledger.Conflict, "assigned to nobody")
		_, err = r.d.Assign(ctx, who("desk"), c.ID, "person:ann")
		wants(t, err, ledger.Forbidden, "took part")
		_, err = r.d.Assign(ctx, who("desk"), c.ID, "key:bot")
		wants(t, err, ledger.Forbidden, "took part")
		_, err = r.d.Assign(ctx, who("desk"), c.ID, "not a code")
		wants(t, err, ledger.Invalid, "not a code")
		if c, err = r.d.Acknowledge(ctx, who("desk"), c.ID); err != nil || c.Status != "acknowledged" {
			t.Fatal(c, err)
		}
		_, err = r.d.Acknowledge(ctx, who("desk"), c.ID)
		wants(t, err, ledger.Conflict, "already")
		if c, err = r.d.Assign(ctx, who("desk"), c.ID, "person:zoe"); err != nil || c.Assignee != "person:zoe" {
			t.Fatal(c, err)
		}
		_, err = r.d.Resolve(ctx, who("desk"), c.ID, "upheld", "fine")
		wants(t, err, ledger.Forbidden, "assigned to person:zoe")
		_, err = r.d.Resolve(ctx, who("zoe"), c.ID, "upheld", " ")
		wants(t, err, ledger.Invalid, "reason")
		_, err = r.d.Resolve(ctx, who("zoe"), c.ID, "maybe", "x")
		wants(t, err, ledger.Invalid, "no outcome")
		_, err = r.d.Extend(ctx, who("zoe"), c.ID, "complex")
		wants(t, err, ledger.Forbidden, "no extension")
		r.now = r.now.AddDate(0, 2, 0)
		if c, err = r.d.Resolve(ctx, who("zoe"), c.ID, "overturned", "the parcel was late"); err != nil || c.Status != "resolved" || !slices.Equal(c.Late, []string{"answer"}) {
			t.Fatal(c, err)
		}
		_, err = r.d.Withdraw(ctx, who("desk"), c.ID, "")
		wants(t, err, ledger.Conflict, "is resolved")
		r.fresh()
		again, err := r.d.Get(ctx, c.ID)
		if err != nil || again.Status != "resolved" || again.Outcome != "overturned" || len(again.Steps) != 4 {
			t.Errorf("read again: %+v %v", again, err)
		}
		p, err := r.l.List(ctx, ledger.Query{Type: "access"})
		if err != nil || len(p.Entries) != 4 {
			t.Errorf("%d refused attempts were recorded, want 4 (%v)", len(p.Entries), err)
		}
		report, err := audit.Run(ctx, audit.Config{DB: r.db, Keys: r.key})
		if err != nil || !report.Whole() {
			t.Errorf("not whole: %v %v", report.Findings, err)
		}
	})
}

// TestList lists what is to be done, what other tools sent, and what is late.
func TestList(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		r := newRig(t, dbc)
		ctx := t.Context()
		r.send(`{"type":"challenge","id":"crm-1","time":"2026-09-01T10:00:00Z","about":"d-1","challenge":{"kind":"contest","status":"received","regime":"gdpr-12"}}`)
		r.send(`{"type":"challenge","id":"crm-2","time":"2026-09-02T10:00:00Z","about":"crm-1","challenge":{"kind":"contest","status":"acknowledged"}}`)
		r.send(`{"type":"challenge","id":"crm-3","time":"2026-09-03T10:00:00Z","challenge":{"kind":"person_request","status":"received"}}`)
		c, err := r.d.Receive(ctx, who("desk"), challenge.Challenge{Kind: "data_request", Regime: "gdpr-12"})
		if err != nil {
			t.Fatal(err)
		}
		ids := func(f challenge.Filter) string {
			t.Helper()
			all, err := r.d.List(ctx, f)
			if err != nil {
				t.Fatal(err)
			}
			var out []string
			for _, c := range all {
				out = append(out, c.ID)
			}
			return strings.ReplaceAll(strings.Join(out, " "), c.ID, "new")
		}
		for want, f := range map[string]challenge.Filter{
			"crm-3 crm-1 new": {}, "crm-1": {System: "refund-agent"}, "crm-3 new": {Status: "received"}, "new": {Kind: "data_request"}, " ": {Assignee: "person:x"},
		} {
			if have := ids(f); have != strings.TrimSpace(want) {
				t.Errorf("%+v: %s, want %s", f, have, want)
			}
		}
		if have := ids(challenge.Filter{Late: true}); have != "crm-1" {
			t.Errorf("late are %s", have)
		}
		if have := ids(challenge.Filter{Within: []string{"other"}}); have != "" {
			t.Errorf("within other systems: %s", have)
		}
		if _, err := r.d.Extend(ctx, who("desk"), c.ID, "many systems"); err != nil {
			t.Fatal(err)
		}
		_, err = r.d.Extend(ctx, who("desk"), c.ID, "still")
		wants(t, err, ledger.Conflict, "put off already")
		if _, err := r.d.Withdraw(ctx, who("desk"), c.ID, ""); err != nil {
			t.Fatal(err)
		}
		if have := ids(challenge.Filter{Status: "open"}); have != "crm-3 crm-1" {
			t.Errorf("open are %s", have)
		}
		for name, in := range map[string]challenge.Challenge{"kind": {Kind: "wish"}, "regime": {Kind: "complaint", Regime: "x"}, "kind of regime": {Kind: "complaint", Regime: "gdpr-12"},
			"future": {Kind: "complaint", Received: r.now.AddDate(1, 0, 0)}, "about": {Kind: "complaint", About: "nobody"}} {
			if _, err := r.d.Receive(ctx, who("desk"), in); err == nil {
				t.Errorf("%s: was received", name)
			}
		}
	})
}

// TestRates recounts the overturn rate by hand.
func TestRates(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	for n := range 6 {
		model := fmt.Sprintf("score@%d", 3+n%2)
		r.send(fmt.Sprintf(`{"type":"decision","id":"m%d","time":"2026-11-01T10:05:00Z","system":"s","decision":{"kind":"k","status":"made"},"versions":{"model":%q}}`, n, model))
		c, err := r.d.Receive(t.Context(), who("desk"), challenge.Challenge{Kind: "contest", About: fmt.Sprint("m", n)})
		if err != nil {
			t.Fatal(err)
		}
		if n == 5 {
			continue // stays open
		}
		if _, err := r.d.Assign(t.Context(), who("desk"), c.ID, "person:zoe"); err != nil {
			t.Fatal(err)
		}
		r.now = r.now.Add(24 * time.Hour)
		if _, err := r.d.Resolve(t.Context(), who("zoe"), c.ID, []string{"upheld", "partly", "overturned"}[n%3], "because"); err != nil {
			t.Fatal(err)
		}
	}
	rates, err := r.d.Rates(t.Context(), time.Time{}, time.Time{})
	if err != nil || len(rates) != 2 {
		t.Fatal(rates, err)
	}
	// 0 upheld, 2 overturned, 4 partly; 1 partly, 3 upheld, 5 open.
	if a := rates[0]; a.Model != "score@3" || a.Resolved != 3 || a.Overturned != 2 || a.MedianDays != 1 {
		t.Errorf("%+v", a)
	}
	if b := rates[1]; b.Resolved != 2 || b.Open != 1 || b.Rate != 0.5 {
		t.Errorf("%+v", b)
	}
	if none, err := r.d.Rates(t.Context(), r.now.AddDate(1, 0, 0), time.Time{}); err != nil || len(none) != 0 {
		t.Error(none, err)
	}
}

// TestTwoAtOnce lets two people act at the same time: one is told to look again.
func TestTwoAtOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		r := newRig(t, dbc)
		c, err := r.d.Receive(t.Context(), who("desk"), challenge.Challenge{Kind: "complaint"})
		if err != nil {
			t.Fatal(err)
		}
		var errs [8]error
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() { _, errs[i] = r.d.Acknowledge(t.Context(), who("desk"), c.ID) })
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else if e, ok := errors.AsType[*ledger.Error](err); !ok || e.Code != ledger.Conflict {
				t.Errorf("lost with %v", err)
			}
		}
		after, err := r.d.Get(t.Context(), c.ID)
		if err != nil || won != 1 || len(after.Steps) != 2 {
			t.Errorf("%d won, %d steps, %v", won, len(after.Steps), err)
		}
	})
}

// TestRegimes refuses files that are not right.
func TestRegimes(t *testing.T) {
	t.Parallel()
	if len(challenge.DefaultRegimes().Regimes) != 4 {
		t.Error("regimes are missing")
	}
	for text, want := range map[string]string{
		"regimes: []": "no regime",
		"regimes: [{name: a, about: b, kinds: [complaint]}]":                                         "answer is missing",
		"regimes: [{name: A, about: b, kinds: [wish], answer: {days: 1}}]":                           "no kind",
		"regimes: [{name: a, about: b, kinds: [complaint], answer: {days: 0}}]":                      "longer than nothing",
		"regimes: [{name: a, about: b, kinds: [], answer: {weeks: 1}}]":                              "can not be read",
		"regimes: [{name: a, kinds: [], answer: {days: 1}},{name: a, kinds: [], answer: {days: 1}}]": "twice",
	} {
		if _, err := challenge.ParseRegimes([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
