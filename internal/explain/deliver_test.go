// SPDX-License-Identifier: Apache-2.0

package explain_test

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/explain"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

// TestDeliver records what was delivered and gives it again, as it was, though
// the decision could be explained otherwise by then.
func TestDeliver(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		r := newRig(t, dbc)
		docs := lines(t, "testdata/d-refund/records.ndjson")
		r.append(docs[:2]...)
		x := r.explainer(nil)
		by, req := explain.By{Actor: "person:zoe", Principal: "test"}, explain.Request{Decision: "dec-63", Audience: explain.Subject, Language: "de"}
		if _, err := x.Delivered(t.Context(), req); code(err) != ledger.NotFound {
			t.Errorf("delivered before: %v", err)
		}
		if _, err := x.Deliver(t.Context(), by, req, "pigeon"); code(err) != ledger.Invalid {
			t.Errorf("by pigeon: %v", err)
		}
		text := r.explain(x, "dec-63", explain.Subject, "de").Text()
		d, err := x.Deliver(t.Context(), by, req, "email")
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte(text))
		if d.Text != text || d.Digest != "sha256:"+hex.EncodeToString(sum[:]) || !strings.HasPrefix(d.Template, "explain-de@sha256:") || !d.Delivered.Equal(now()) {
			t.Errorf("delivered: %+v", d)
		}
		r.append(docs[2:]...)
		if r.explain(x, "dec-63", explain.Subject, "de").Text() == text {
			t.Error("the later records changed nothing")
		}
		again, err := x.Delivered(t.Context(), req)
		if err != nil || *again != *d {
			t.Errorf("again: %+v, %v", again, err)
		}
		if _, err := x.Delivered(t.Context(), explain.Request{Decision: "dec-63", Language: "en"}); code(err) != ledger.NotFound {
			t.Errorf("in a language in which it was not delivered: %v", err)
		}
		closed := r.explainer(func(c *explain.Config) { c.Open = nil })
		if _, err := closed.Delivered(t.Context(), req); code(err) != ledger.Invalid {
			t.Errorf("without a purpose: %v", err)
		}
	})
}

// TestForged does not show a text that does not have the digest of its record.
func TestForged(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	r.append(lines(t, "testdata/d-refund/records.ndjson")[1],
		`{"type":"explanation","id":"e","time":"2026-05-20T09:00:00Z","about":"dec-63","explanation":{"audience":"subject","locale":"en","text":"all is well","digest":"sha256:00"}}`)
	if _, err := r.explainer(nil).Delivered(t.Context(), explain.Request{Decision: "dec-63"}); code(err) != ledger.Conflict {
		t.Errorf("a text with another digest: %v", err)
	}
}

// TestStopped delivers nothing when evidence that must be there is missing, and
// opens one finding about it.
func TestStopped(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	r.append(`{"type":"decision","id":"d","time":"2026-06-01T10:00:00Z","system":"s","decision":{"kind":"refund","status":"made","outcome":"denied"}}`)
	x := r.explainer(nil)
	for range 2 {
		_, err := x.Deliver(t.Context(), explain.By{Actor: "person:zoe", Principal: "test"}, explain.Request{Decision: "d", Audience: explain.Subject, Language: "en"}, "email")
		if code(err) != ledger.Conflict || !strings.Contains(err.Error(), "rationale, responsibility") {
			t.Errorf("delivered: %v", err)
		}
	}
	p, err := r.l.List(t.Context(), ledger.Query{About: "d", Kind: "explanation_incomplete", Status: "open"})
	if err != nil || len(p.Entries) != 1 {
		t.Errorf("%d findings, %v", len(p.Entries), err)
	}
}
