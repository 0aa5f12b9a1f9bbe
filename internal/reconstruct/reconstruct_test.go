// SPDX-License-Identifier: Apache-2.0

package reconstruct_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/ledger/ledgertest"
	"github.com/counterfoil/counterfoil/internal/reconstruct"
	"github.com/counterfoil/counterfoil/record"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

type rig struct {
	testing.TB
	l *ledger.Ledger
}

func newRig(t testing.TB, dbc db.Config) *rig {
	t.Helper()
	l := ledgertest.New(t, dbc, "example.com/story", &ledger.Config{})
	ledgertest.Run(t, l)
	return &rig{t, l}
}

func (r *rig) append(docs ...string) {
	r.Helper()
	for _, d := range docs {
		rec, err := record.Parse([]byte(d))
		if err != nil {
			r.Fatalf("%v\n%s", err, d)
		}
		if _, err := r.l.Append(r.Context(), ledger.Batch{Records: []*record.Record{rec}, Principal: "test", Capture: "sdk"}); err != nil {
			r.Fatal(err)
		}
	}
}

func (r *rig) teller(edit func(*reconstruct.Config)) *reconstruct.Teller {
	r.Helper()
	cfg := reconstruct.Config{Ledger: r.l}
	if edit != nil {
		edit(&cfg)
	}
	t, err := reconstruct.New(cfg)
	if err != nil {
		r.Fatal(err)
	}
	return t
}

// journey is a chat with two systems, told out of order.
var journey = []string{
	`{"type":"oversight","id":"o-1","time":"2026-11-01T10:09:00Z","about":"d-1","oversight":{"act":"override","actor":"person:ann","role":"reviewer","before":"denied","after":"approved","reason":"I know \u001b[31mher"}}`,
	`{"type":"decision","id":"a-1","time":"2026-11-01T10:04:00Z","system":"refund-agent","interaction":{"id":"int-1","journey":"jrn-1"},"decision":{"kind":"refund","status":"requested"}}`,
	`{"type":"decision","id":"d-1","time":"2026-11-01T10:05:00Z","system":"refund-agent","about":"a-1","subject":"customer:1","interaction":{"id":"int-1","journey":"jrn-1"},
	  "decision":{"kind":"refund","status":"made","outcome":"denied","adverse":true,"reason":"late"},"versions":{"prompt":"p@1"},
	  "inputs":[{"name":"order","source":"oms","value":{"total":12}},{"name":"call","source":"telephony","ref":"s3://x","digest":"sha256:00"}]}`,
	`{"type":"decision","id":"r-1","time":"2026-11-01T10:01:00Z","system":"router","interaction":{"id":"int-1"},"decision":{"kind":"route","status":"made","outcome":"bot"}}`,
	`{"type":"decision","id":"d-2","time":"2026-11-02T09:00:00Z","system":"refund-agent","interaction":{"id":"int-2","journey":"jrn-1"},"decision":{"kind":"refund","status":"made","outcome":"approved","supersedes":"d-1"}}`,
	`{"type":"challenge","id":"c-1","time":"2026-11-01T12:00:00Z","about":"d-1","challenge":{"kind":"complaint","status":"received","text":"why?"}}`,
	`{"type":"finding","id":"f-1","time":"2026-11-01T12:01:00Z","about":"o-1","finding":{"code":"quick_approval","status":"open"}}`,
	`{"type":"decision","id":"x-1","time":"2026-11-01T10:05:00Z","system":"refund-agent","interaction":{"id":"int-9"},"decision":{"kind":"refund","status":"made","outcome":"denied"}}`,
	`{"type":"finding","id":"f-2","time":"2026-11-01T12:01:00Z","about":"nobody","finding":{"code":"orphan","status":"open"}}`,
}

func ids(s *reconstruct.Story) string {
	var out []string
	for _, e := range s.Events {
		out = append(out, e.Record+":"+e.Role)
	}
	return strings.Join(out, " ")
}

// TestDecision tells one story from each of its records.
func TestDecision(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		r := newRig(t, dbc)
		r.append(journey...)
		const want = "r-1:other a-1:attempt d-1:decision o-1:oversight c-1:challenge f-1:finding d-2:after"
		for _, from := range []string{"d-1", "o-1", "c-1", "f-1"} {
			s, err := r.teller(nil).Decision(t.Context(), from)
			if err != nil {
				t.Fatal(err)
			}
			if have := ids(s); have != want || s.Root != "d-1" || s.Size != 9 || s.More {
				t.Errorf("from %s: %s, of %s at %d", from, have, s.Root, s.Size)
			}
			if s.Count(reconstruct.Disclosed) != 0 || s.Count(reconstruct.Withheld) != 7 {
				t.Errorf("%d disclosed, %d withheld", s.Count(reconstruct.Disclosed), s.Count(reconstruct.Withheld))
			}
		}
		s, err := r.teller(nil).Journey(t.Context(), "jrn-1")
		if err != nil || !strings.Contains(ids(s), "d-1:decision") || strings.Contains(ids(s), "x-1") || strings.Contains(ids(s), "r-1") {
			t.Errorf("the journey is %s, %v", ids(s), err)
		}
		if s, err := r.teller(nil).Journey(t.Context(), "int-1"); err != nil || !strings.Contains(ids(s), "r-1") || slices.Contains(s.By, "journey") {
			t.Errorf("the interaction is %s, %v", ids(s), err)
		}
		if _, err := r.teller(nil).Journey(t.Context(), "nothing"); err == nil {
			t.Error("a journey that is not there was told")
		}
		if _, err := r.teller(nil).Decision(t.Context(), "nothing"); err == nil {
			t.Error("a decision that is not there was told")
		}
		orphan, err := r.teller(nil).Decision(t.Context(), "f-2")
		if err != nil || len(orphan.Events) != 1 || orphan.References[0].State != reconstruct.Missing {
			t.Errorf("an orphan: %+v, %v", orphan, err)
		}
	})
}

// TestValues opens what may be opened, and says what may not, and what is gone.
func TestValues(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		r := newRig(t, dbc)
		r.append(journey...)
		open := func(ctx context.Context, st *record.Statement) ([]record.Opening, error) {
			all, err := r.l.Disclose(ctx, st.ID(), nil, ledger.Access{Act: "read", Actor: "person:x", Purpose: "test"})
			return slices.DeleteFunc(all, func(o record.Opening) bool { return o.Pointer == "/subject" }), err
		}
		s, err := r.teller(func(c *reconstruct.Config) { c.Open = open }).Decision(t.Context(), "d-1")
		if err != nil {
			t.Fatal(err)
		}
		if s.Count(reconstruct.Disclosed) != 6 || s.Count(reconstruct.Withheld) != 1 {
			t.Errorf("%d disclosed, %d withheld", s.Count(reconstruct.Disclosed), s.Count(reconstruct.Withheld))
		}
		var b bytes.Buffer
		if err := s.Text(&b, false); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"● 10:05:00  decision    refund → denied  [refund-agent]", `/inputs/0/value = {"total":12}`, "1 value withheld", "external  d-1/inputs/1/ref  call  telephony with a digest",
			"resolved  o-1/about  d-1  decision at index 2", "2026-11-02"} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("the text lacks %q:\n%s", want, b.String())
			}
		}
		if strings.Contains(b.String(), "\x1b") {
			t.Error("the text holds an escape")
		}
		if _, err := json.Marshal(s); err != nil {
			t.Error(err)
		}
	})
}

// TestBounds tells nothing of what the caller may not see.
func TestBounds(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	r.append(journey...)
	mine := func(c *reconstruct.Config) {
		c.Sees = func(_ context.Context, st *record.Statement) (bool, error) {
			return st.Fields().System == "router", nil
		}
	}
	s, err := r.teller(mine).Decision(t.Context(), "r-1")
	if err != nil || ids(s) != "r-1:decision" {
		t.Errorf("told %s, %v", ids(s), err)
	}
	if _, err := r.teller(mine).Decision(t.Context(), "d-1"); err == nil {
		t.Error("a decision that may not be seen was told")
	}
}

// TestMany stops at a thousand records, and says so.
func TestMany(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	r.append(journey[2])
	b := ledger.Batch{Principal: "test", Capture: "sdk"}
	for n := range 1200 {
		rec, err := record.Parse(fmt.Appendf(nil, `{"type":"finding","id":"f%d","time":"2026-11-01T12:01:00Z","about":"d-1","finding":{"code":"c","status":"open"}}`, n))
		if err != nil {
			t.Fatal(err)
		}
		b.Records = append(b.Records, rec)
	}
	if _, err := r.l.Append(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	s, err := r.teller(nil).Decision(t.Context(), "d-1")
	if err != nil || !s.More || len(s.Events) != 1000 {
		t.Errorf("%d events, more %v, %v", len(s.Events), s.More, err)
	}
}

// BenchmarkDecision reconstructs a decision with its follow-ups.
func BenchmarkDecision(b *testing.B) {
	r := newRig(b, dbtest.SQLite(b))
	r.append(journey...)
	t := r.teller(nil)
	for b.Loop() {
		if _, err := t.Decision(b.Context(), "d-1"); err != nil {
			b.Fatal(err)
		}
	}
}
