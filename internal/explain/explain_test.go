// SPDX-License-Identifier: Apache-2.0

package explain_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/explain"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/ledger/ledgertest"
	pages "github.com/counterfoil/counterfoil/internal/paper"
	"github.com/counterfoil/counterfoil/record"
)

var update = flag.Bool("update", false, "write the expected texts anew")

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

func now() time.Time { return time.Date(2026, 6, 10, 12, 0, 0, 0, time.UTC) }

type rig struct {
	testing.TB
	l *ledger.Ledger
}

func newRig(t testing.TB, dbc db.Config) *rig {
	t.Helper()
	l := ledgertest.New(t, dbc, "example.com/explain", &ledger.Config{Now: now})
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

// open gives the values that are asked for, as somebody with all rights gets
// them.
func (r *rig) open(ctx context.Context, st *record.Statement, pointers []string) ([]record.Opening, error) {
	return r.l.Disclose(ctx, st.ID(), pointers, ledger.Access{Act: "read", Actor: "person:x", Purpose: "test"})
}

func (r *rig) explainer(edit func(*explain.Config)) *explain.Explainer {
	r.Helper()
	cfg := explain.Config{Ledger: r.l, Open: r.open, Now: now}
	if edit != nil {
		edit(&cfg)
	}
	x, err := explain.New(cfg)
	if err != nil {
		r.Fatal(err)
	}
	return x
}

func (r *rig) explain(x *explain.Explainer, id, audience, lang string) *explain.Explanation {
	r.Helper()
	e, err := x.Explain(r.Context(), explain.Request{Decision: id, Audience: audience, Language: lang})
	if err != nil {
		r.Fatal(err)
	}
	return e
}

func lines(t testing.TB, path string) []string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}

// golden holds a text against a file.
func golden(t *testing.T, path, have string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(have), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if have != string(want) {
		t.Errorf("%s differs; -update writes it anew. It is now:\n%s", path, have)
	}
}

// cases are the worked cases of the regulation reference, §4.2 to §4.5.
var cases = map[string]string{"a-routing": "dec-77", "b-escalation": "dec-41", "c-draft": "dec-90", "d-refund": "dec-63"}

// TestCases explains the four worked cases to everybody.
func TestCases(t *testing.T) {
	t.Parallel()
	for name, id := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, dbtest.SQLite(t))
			r.append(lines(t, filepath.Join("testdata", name, "records.ndjson"))...)
			x := r.explainer(nil)
			for _, lang := range []string{"en", "de"} {
				for _, audience := range explain.Audiences {
					e := r.explain(x, id, audience, lang)
					golden(t, filepath.Join("testdata", name, audience+"."+lang+".txt"), e.Text())
					if len(e.Stops) > 0 {
						t.Errorf("for the %s in %s it stops at %v: %v", audience, lang, e.Stops, e.Missing)
					}
					checkGrounds(t, e)
				}
				person := r.explain(x, id, explain.Subject, lang).Text()
				for _, internal := range []string{"0.41", "0.65", "0.61", "0.91", "0.85", "@", "gpt", "cfg", "Jane Roe", "device", "thought about it", "nachgedacht", "person:", "int-", "customer:", "shap"} {
					if strings.Contains(strings.NewReplacer("review@bank.example", "", "pruefung@bank.example", "").Replace(person), internal) {
						t.Errorf("the person reads %q:\n%s", internal, person)
					}
				}
			}
		})
	}
}

// checkGrounds sees that every sentence that says something of the record names
// where that stands.
func checkGrounds(t *testing.T, e *explain.Explanation) {
	t.Helper()
	for _, s := range e.Sections {
		for _, line := range s.Sentences {
			if len(line.Grounds) == 0 || line.Text == "" || strings.ContainsAny(line.Key, "{}") {
				t.Errorf("%s stands on nothing: %q", line.Key, line.Text)
			}
		}
	}
}

// TestWithheld explains without opening values: what needs them is left out, and
// said.
func TestWithheld(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	r.append(lines(t, "testdata/d-refund/records.ndjson")...)
	x := r.explainer(func(c *explain.Config) { c.Open = nil })
	e := r.explain(x, "dec-63", explain.Subject, "en")
	if !slices.Equal(e.Stops, []string{explain.Impact, explain.Rationale, explain.Responsibility}) || strings.Contains(e.Text(), "three refunds") || e.Withheld != 3 {
		t.Errorf("it stops at %v, withholds %d:\n%s", e.Stops, e.Withheld, e.Text())
	}
	if !slices.ContainsFunc(e.Missing, func(m explain.Missing) bool {
		return m.State == explain.Withheld && m.Ground == explain.Ground{Record: "dec-63", Pointer: "/factors/0/label"}
	}) {
		t.Errorf("missing: %v", e.Missing)
	}
	var b bytes.Buffer
	if err := e.Notes(&b); err != nil || !strings.Contains(b.String(), "can not be delivered") || !strings.Contains(b.String(), "/decision/detail/effect withheld") {
		t.Errorf("the notes: %s, %v", b.String(), err)
	}
}

// TestUnmarked keeps back a reason that nobody released for the person.
func TestUnmarked(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	r.append(`{"type":"decision","id":"d","time":"2026-06-01T10:00:00Z","system":"s","interaction":{"id":"i","locale":"en"},"decision":{"kind":"refund","status":"made","outcome":"denied","automation":"assistive","detail":{"effect":"no money"}},
	  "factors":[{"code":"late","method":"rule","label":"older than 30 days"},{"code":"odd","method":"rule","label":{"en":"odd","disclosure":"auditor"}}]}`)
	e := r.explain(r.explainer(nil), "d", explain.Subject, "en")
	if text := e.Text(); strings.Contains(text, "30 days") || e.Withheld != 2 {
		t.Errorf("withheld %d:\n%s", e.Withheld, text)
	}
	if !slices.ContainsFunc(e.Missing, func(m explain.Missing) bool {
		return m.State == explain.NotFreed && m.Ground.Pointer == "/factors/0/label"
	}) {
		t.Errorf("missing: %v", e.Missing)
	}
	if text := r.explain(r.explainer(nil), "d", explain.Reviewer, "en").Text(); !strings.Contains(text, "older than 30 days") {
		t.Errorf("the reviewer does not read the label:\n%s", text)
	}
}

// TestRefusedPerson does not explain away that somebody asked for a person and
// got none.
func TestRefusedPerson(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	doc := strings.Replace(lines(t, "testdata/b-escalation/records.ndjson")[2], "2026-06-03T10:11:00Z", "2026-06-03T10:04:00Z", 1)
	r.append(doc)
	x := r.explainer(nil)
	e := r.explain(x, "dec-41", explain.Subject, "en")
	if e.Failure == "" || strings.Contains(e.Text(), "delivery date") || !slices.Contains(e.Stops, explain.Rationale) {
		t.Errorf("failure %q, stops at %v:\n%s", e.Failure, e.Stops, e.Text())
	}
	if text := r.explain(x, "dec-41", explain.Auditor, "de").Text(); !strings.Contains(text, "Kontrolle versagt: Um 10:04 Uhr (UTC)") {
		t.Errorf("the auditor reads:\n%s", text)
	}
	if _, err := x.Deliver(t.Context(), explain.By{Actor: "person:z", Principal: "test"}, explain.Request{Decision: "dec-41", Audience: explain.Subject, Language: "en"}, "chat"); code(err) != ledger.Conflict {
		t.Errorf("it was delivered: %v", err)
	}
}

func code(err error) ledger.Code {
	if e, ok := errors.AsType[*ledger.Error](err); ok {
		return e.Code
	}
	return ""
}

// TestHostile keeps what is recorded from commanding a terminal or a browser.
func TestHostile(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	r.append(`{"type":"decision","id":"d","time":"2026-06-01T10:00:00Z","system":"s","interaction":{"id":"i","locale":"en"},"decision":{"kind":"refund","status":"made","outcome":"denied","automation":"assistive","reason":"\u001b[2J` + strings.Repeat("x", 5000) + `"},
	  "factors":[{"code":"late","method":"rule","label":{"disclosure":"subject","en":"{date} <script>alert(1)</script> \u001b[31m\u202e\nsecond line"}}]}`)
	for _, audience := range explain.Audiences {
		e := r.explain(r.explainer(nil), "d", audience, "en")
		text := e.Text()
		if strings.ContainsAny(text, "\x1b\u202e") || strings.Contains(text, strings.Repeat("x", 500)) || strings.Contains(text, "\nsecond") {
			t.Errorf("for the %s:\n%q", audience, text)
		}
		if b, err := e.Page(); err != nil || strings.Contains(string(b), "<script>") || strings.ContainsAny(string(b), "\x1b\u202e") {
			t.Errorf("the page for the %s, %v:\n%s", audience, err, b)
		} else if style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindSubmatch(b); style == nil || !strings.Contains(html.UnescapeString(string(b)), pages.Policy(string(style[1]))) {
			t.Errorf("the page for the %s has a style that its policy does not allow:\n%s", audience, b)
		}
	}
}
