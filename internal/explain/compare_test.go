// SPDX-License-Identifier: Apache-2.0

package explain_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/explain"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// planted stands in every private text, and every code, of the other decision.
const planted = "PLANTED"

var beside = `{"type":"decision","id":"dec-PLANTED","time":"2026-06-03T09:14:00Z","system":"route-rank","subject":"PLANTED","interaction":{"id":"int-PLANTED","channel":"voice","locale":"en-PLANTED","external":{"crm":"PLANTED"}},
 "decision":{"kind":"prioritise","status":"made","outcome":"queue_fast-PLANTED","automation":"assistive","score":0.87654,"confidence":0.87654,"reason":"PLANTED","alternatives":["PLANTED"],
 "detail":{"effect":{"en":"PLANTED","de":"PLANTED"},"contact":{"en":"PLANTED","de":"PLANTED"},"owner":"PLANTED","outcome":{"en":"PLANTED"}}},
 "versions":{"model":"route-rank@3.2.1","config":"cfg-PLANTED@1"},
 "inputs":[{"name":"PLANTED","source":"PLANTED","category":"PLANTED","value":"PLANTED","ref":"PLANTED","digest":"PLANTED"}],
 "outputs":[{"name":"PLANTED","value":"PLANTED"}],"steps":[{"op":"chat","arguments":"PLANTED","messages":"PLANTED"}],
 "factors":[{"code":"PLANTED","method":"rule","weight":0.87654,"label":{"disclosure":"subject","en":"PLANTED","de":"PLANTED","counterfactual":{"en":"PLANTED"}}}]}`

// TestCompare explains a decision beside another one. The person learns nothing
// of the other, and nothing of it is opened.
func TestCompare(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	r.append(append(lines(t, "testdata/a-routing/records.ndjson"), beside)...)
	r.append(`{"type":"oversight","id":"ov-PLANTED","time":"2026-06-03T09:20:00Z","about":"dec-PLANTED","oversight":{"act":"approve","actor":"person:PLANTED"}}`)
	x := r.explainer(func(c *explain.Config) {
		c.Open = func(ctx context.Context, st *record.Statement, pointers []string) ([]record.Opening, error) {
			if strings.Contains(st.ID(), planted) {
				t.Error("a value of the other decision was opened")
			}
			return r.open(ctx, st, pointers)
		}
	})
	for _, lang := range []string{"en", "de"} {
		c, err := x.Compare(t.Context(), explain.Request{Decision: "dec-77", Audience: explain.Subject, Language: lang}, "dec-PLANTED")
		if err != nil {
			t.Fatal(err)
		}
		page, err := c.Page()
		if err != nil {
			t.Fatal(err)
		}
		var js bytes.Buffer
		if err := json.NewEncoder(&js).Encode(c); err != nil {
			t.Fatal(err)
		}
		all := c.Text() + string(page) + js.String()
		for _, leak := range []string{planted, "0.87654", "0,87", "queue_fast", "schnelle", "fast queue", "voice", "09:14:00", "ov-"} {
			if strings.Contains(all, leak) {
				t.Errorf("the person reads %q of the other:\n%s", leak, all)
			}
		}
		golden(t, "testdata/a-routing/compare."+lang+".txt", c.Text())
	}
	if _, err := x.Compare(t.Context(), explain.Request{Decision: "dec-77", Audience: explain.Subject, Language: "en"}, "dec-77"); code(err) != ledger.Invalid {
		t.Errorf("compared with itself: %v", err)
	}
	c, err := r.explainer(nil).Compare(t.Context(), explain.Request{Decision: "dec-77", Audience: explain.Auditor, Language: "en"}, "dec-PLANTED")
	if err != nil || c.With != "dec-PLANTED" {
		t.Fatal(c, err)
	}
	for _, want := range []string{"/decision/score: 0.41 and 0.87654.", "/decision/outcome: queue_std and queue_fast-PLANTED.", "Only the decision dec-77 has the factor urgent_ahead.", "Only the decision dec-PLANTED has the factor PLANTED."} {
		if !strings.Contains(c.Text(), want) {
			t.Errorf("the auditor does not read %q:\n%s", want, c.Text())
		}
	}
	checkGrounds(t, r.explain(x, "dec-77", explain.Auditor, "en"))
}

// TestDeterministic explains random records twice, from two ledgers, in every
// way: the bytes are the same, and no sentence holds what a terminal obeys.
func TestDeterministic(t *testing.T) {
	t.Parallel()
	one, two := newRig(t, dbtest.SQLite(t)), newRig(t, dbtest.SQLite(t))
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		doc := randomDecision(rt, n)
		one.append(doc)
		two.append(doc)
		id := into(rt, doc)
		for _, lang := range []string{"en", "de"} {
			for _, audience := range explain.Audiences {
				a, b := one.explain(one.explainer(nil), id, audience, lang), two.explain(two.explainer(nil), id, audience, lang)
				x, err := json.Marshal(a)
				if err != nil {
					rt.Fatal(err)
				}
				y, err := json.Marshal(b)
				if err != nil {
					rt.Fatal(err)
				}
				if !bytes.Equal(x, y) || a.Text() != b.Text() {
					rt.Fatalf("two explanations of one record:\n%s\n%s", x, y)
				}
				if strings.ContainsAny(a.Text(), "\x1b\x00\r\u202e") {
					rt.Fatalf("%q", a.Text())
				}
			}
		}
	})
}

func into(t *rapid.T, doc string) string {
	var d struct{ ID string }
	if err := json.Unmarshal([]byte(doc), &d); err != nil {
		t.Fatal(err)
	}
	return d.ID
}

// randomDecision draws a decision in which members may be missing.
func randomDecision(t *rapid.T, n int) string {
	pick := func(of ...string) string { return rapid.SampledFrom(of).Draw(t, "word") }
	maybe := func(m map[string]any, name string, v any) {
		if rapid.Bool().Draw(t, name) {
			m[name] = v
		}
	}
	text := func() any {
		s := rapid.String().Draw(t, "text")
		return rapid.SampledFrom([]any{s, map[string]any{"en": s, "de": s, "disclosure": "subject"}, map[string]any{"en": s, "disclosure": "restricted", "ground": "security"}, 3, nil, []any{s}}).Draw(t, "shape")
	}
	d := map[string]any{"kind": pick("prioritise", "escalate", "draft", "block", "refund"), "status": "made"}
	maybe(d, "outcome", pick("queue_std", "not_escalated", "refund_hold", "zebra"))
	maybe(d, "automation", pick("solely_automated", "assistive", "meaningful_human"))
	maybe(d, "reversible", rapid.Bool().Draw(t, "back"))
	maybe(d, "decided", "2026-06-03T09:14:58+02:00")
	maybe(d, "score", 0.5)
	maybe(d, "detail", map[string]any{"effect": text(), "contact": text(), "owner": text()})
	doc := map[string]any{"type": "decision", "id": "r-" + string(rune('a'+n%26)) + "-" + rapid.StringMatching(`[a-z0-9]{20}`).Draw(t, "id"), "time": "2026-06-03T09:14:58Z", "system": "s", "decision": d}
	maybe(doc, "interaction", map[string]any{"id": "int-1", "channel": pick("chat", "voice"), "locale": pick("en", "de", "fr")})
	var factors, inputs, controls []any
	for range rapid.IntRange(0, 3).Draw(t, "factors") {
		f := map[string]any{"code": pick("late", "odd")}
		maybe(f, "method", pick("rule", "llm_rationale"))
		maybe(f, "direction", pick("for", "against"))
		maybe(f, "label", text())
		factors = append(factors, f)
		in := map[string]any{"name": "x", "special": false}
		maybe(in, "category", pick("topic", "zebra"))
		maybe(in, "source", pick("crm", "zebra"))
		maybe(in, "origin", pick("provided", "third_party"))
		inputs = append(inputs, in)
		controls = append(controls, map[string]any{"id": "c", "result": pick("pass", "fail", "skip")})
	}
	doc["factors"], doc["inputs"], doc["controls"] = orEmpty(factors), orEmpty(inputs), orEmpty(controls)
	b, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func orEmpty(l []any) []any {
	if l == nil {
		return []any{}
	}
	return l
}
