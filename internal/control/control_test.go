// SPDX-License-Identifier: Apache-2.0

package control_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/counterfoil/counterfoil/internal/control"
	"github.com/counterfoil/counterfoil/internal/demo"
	"github.com/counterfoil/counterfoil/record"
)

// document is a control with the given members beside the usual ones.
func document(expect string, more ...string) []byte {
	return []byte("name: a-control\ntitle: A control\nowner: team\nseverity: high\nmessage: No.\nexpect: " + fmt.Sprintf("%q", expect) + "\n" + strings.Join(more, "\n") + `
cases:
  - {name: bad, record: {type: decision, id: a, time: "2026-03-03T09:12:44Z", system: s, decision: {kind: k, status: made, outcome: bad}}, result: fail}
  - {name: good, record: {type: decision, id: a, time: "2026-03-03T09:12:44Z", system: s, decision: {kind: k, status: made, outcome: good}}, result: pass}
`)
}

func mustRecord(t testing.TB, text string) *record.Record {
	t.Helper()
	r, err := record.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const refund = `{"type":"decision","id":"r-1","time":"2026-03-03T09:12:44Z","system":"refund-agent","subject":"customer:1","x_extra":{"a":[1,2]},
 "interaction":{"id":"i","human_requested":"2026-03-03T09:00:00Z"},
 "decision":{"kind":"refund","status":"made","outcome":"denied","adverse":true,"threshold":0.7,"confidence":0.62,"detail":{"amount":120,"note":"call me at anna@example.com"}},
 "inputs":[{"name":"order","as_of":"2026-03-01T09:12:44Z","special":false,"value":{"total":89.9}},{"name":"free","value":"born on a Monday"}],
 "steps":[{"op":"chat","request_model":"m","response_model":"m-1","usage":{"input_tokens":12}}],
 "outputs":[{"name":"reply","kind":"message","value":"Dear Anna, card 4111 1111 1111 1111, IBAN DE89 3704 0044 0532 0130 00","marked_ai":true}],
 "versions":{"policy":["p@1"]}}`

// run compiles one expression and runs it over the refund.
func run(t testing.TB, expr string, partial bool) control.Result {
	t.Helper()
	c, err := control.Compile(document(expr, "params: {limit: 100, rate: 0.5}"))
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	in := control.NewInput(mustRecord(t, refund), time.Date(2026, 3, 3, 10, 0, 0, 0, time.UTC))
	in.Partial = partial
	return control.NewSet([]control.Named{{Version: "c@1", Control: c}}, false).Run(t.Context(), in)[0]
}

// TestExpressions runs what expressions can see and do.
func TestExpressions(t *testing.T) {
	t.Parallel()
	for expr, want := range map[string]string{
		`r.decision.outcome == "denied"`:                                         control.Pass,
		`r.decision.outcome == "approved"`:                                       control.Fail,
		`r.decision.adverse && r.decision.threshold > 0.5`:                       control.Pass,
		`r.decision.confidence >= r.decision.threshold`:                          control.Fail,
		`r.decision.detail.amount <= params.limit`:                               control.Fail,
		`r.decision.detail.amount <= params.limit * 2`:                           control.Pass,
		`params.rate < 1.0`:                                                      control.Pass,
		`has(r.decision.supersedes)`:                                             control.Fail,
		`!has(r.use_case) && has(r.subject)`:                                     control.Pass,
		`r.?decision.?confidence.orValue(1.0) > 0.7`:                             control.Fail,
		`r.?use_case.orValue("none") == "none"`:                                  control.Pass,
		`r.use_case == "x"`:                                                      control.Error,
		`r.decision.detail.nothing == 1`:                                         control.Error,
		`r.inputs.all(i, !has(i.as_of) || now - i.as_of < duration("72h"))`:      control.Pass,
		`r.inputs.all(i, !has(i.as_of) || now - i.as_of < duration("24h"))`:      control.Fail,
		`r.time < now && r.interaction.human_requested < r.time`:                 control.Pass,
		`r.time == timestamp("2026-03-03T09:12:44Z")`:                            control.Pass,
		`r.steps[0].usage.input_tokens == 12`:                                    control.Pass,
		`r.steps.exists(s, s.op == "chat" && s.response_model.startsWith("m"))`:  control.Pass,
		`"p@1" in r.versions.policy`:                                             control.Pass,
		`r.x_extra.a[1] == 2`:                                                    control.Pass,
		`personal(r.outputs[0].value) == ["card", "iban"]`:                       control.Pass,
		`size(personal(r.inputs)) == 1 && personal(r.inputs)[0] == "birth_date"`: control.Pass,
		`"email" in personal(r.decision.detail)`:                                 control.Pass,
		`mentions(r.inputs, ["a monday"])`:                                       control.Pass,
		`mentions(r.inputs, ["mon"])`:                                            control.Fail,
		`"89.9" in texts(r.inputs)`:                                              control.Fail,
		`texts(r.inputs[1].value) == ["born on a Monday"]`:                       control.Pass,
		`r.outputs[0].value.matches("(?i)dear")`:                                 control.Pass,
		`sets.contains(["denied", "approved"], [r.decision.outcome])`:            control.Pass,
		`r.inputs.map(i, r.inputs.map(j, texts(j))).size() > 0`:                  control.Pass,
		`r.decision.confidence`:                                                  control.Error,
	} {
		if have := run(t, expr, false); have.Result != want {
			t.Errorf("%s: %s (%s), want %s", expr, have.Result, have.Reason, want)
		}
	}
	if have := run(t, `r.use_case == "x"`, true); have.Result != control.Skip || !strings.Contains(have.Reason, "gone") {
		t.Errorf("over erased evidence: %+v", have)
	}
}

// TestRefused points at what is wrong with a document.
func TestRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text              []byte
		where, words, fix string
	}{
		"field":     {document(`r.decision.outcom == "x"`), "/expect 1:11", "undefined field", "r.decision.outcome"},
		"variable":  {document(`x == 1`), "/expect 1:1", "undeclared reference", "r, now and params"},
		"type":      {document(`r.decision.adverse == "yes"`), "/expect 1:20", "no matching overload", "one type"},
		"syntax":    {document(`r.decision.adverse ==`), "/expect 1:22", "Syntax error", ""},
		"no answer": {document(`r.decision.outcome`), "/expect", "string, not true or false", "compare"},
		"cost":      {document(`r.inputs.all(a, r.inputs.all(b, r.inputs.all(c, r.inputs.all(d, r.inputs.all(e, r.inputs.all(f, texts(f) == texts(a)))))))`), "/expect", "could cost", "fewer lists"},
		"when":      {document(`true`, `when: r.system ==`), "/when 1:12", "Syntax error", ""},
		"member":    {document(`true`, `sevrity: high`), "", "can not be read", "members are"},
		"severity":  {[]byte(strings.Replace(string(document(`true`)), "severity: high", "severity: urgent", 1)), "/severity", "not a known value", "critical"},
		"name":      {[]byte(strings.Replace(string(document(`true`)), "a-control", "A Control", 1)), "/name", "not a name", "small letters"},
		"moment":    {document(`true`, `moments: [later]`), "/moments/0", "not a known value", "guard, record"},
		"scope":     {document(`true`, `scope: {environments: [moon]}`), "/scope/environments/0", "not a known value", "production"},
		"cases":     {[]byte(strings.Split(string(document("true")), "cases:")[0] + "cases: []\n"), "/cases", "missing", "at least one"},
		"regex":     {document(`r.system.matches("(")`), "/expect", "invalid matches argument", ""},
		"huge":      {make([]byte, 70000), "", "bytes, the limit", "split"},
	} {
		_, err := control.Compile(c.text)
		e, ok := errors.AsType[*control.Invalid](err)
		if !ok {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if p := e.Problems[0]; !strings.HasPrefix(p.Where, c.where) || !strings.Contains(p.Detail, c.words) || !strings.Contains(e.Hint(), c.fix) {
			t.Errorf("%s: %+v, hint %q", name, e.Problems, e.Hint())
		}
	}
}

// TestCheck wants every case to hold.
func TestCheck(t *testing.T) {
	t.Parallel()
	if _, err := control.Check(document(`r.decision.outcome == "good"`)); err != nil {
		t.Error(err)
	}
	_, err := control.Check(document(`r.decision.outcome == "bad"`))
	if err == nil || !strings.Contains(err.Error(), `the case "bad" should be fail and is pass`) {
		t.Errorf("wrong cases: %v", err)
	}
}

// TestScope runs a control where it belongs, and nowhere else.
func TestScope(t *testing.T) {
	t.Parallel()
	named := func(name string, more ...string) control.Named {
		c, err := control.Compile(document("false", more...))
		if err != nil {
			t.Fatal(err)
		}
		return control.Named{Version: name + "@1", Control: c}
	}
	all := []control.Named{named("all"), named("mine", "scope: {systems: [a, b]}"), named("other", "scope: {systems: [c]}"), named("kind", "scope: {kinds: [k]}"),
		named("shadow", "scope: {environments: [shadow]}"), named("failed", "scope: {statuses: [error]}")}
	for doc, want := range map[string]string{
		`"system":"a","decision":{"kind":"k","status":"made"}`:                "all mine kind",
		`"system":"c","decision":{"kind":"x","status":"made"}`:                "all other",
		`"system":"d","env":"shadow","decision":{"kind":"x","status":"made"}`: "all shadow",
		`"system":"d","decision":{"kind":"k","status":"error"}`:               "failed",
		`"system":"a","decision":{"kind":"k","status":"requested"}`:           "",
	} {
		var have []string
		r := mustRecord(t, `{"type":"decision","id":"x","time":"2026-03-03T09:12:44Z",`+doc+`}`)
		for _, res := range control.NewSet(all, false).Run(t.Context(), control.NewInput(r, time.Now())) {
			have = append(have, strings.TrimSuffix(res.Version, "@1"))
		}
		if strings.Join(have, " ") != want {
			t.Errorf("%s: ran %v, want %s", doc, have, want)
		}
	}
	r := mustRecord(t, `{"type":"decision","id":"x","time":"2026-03-03T09:12:44Z","system":"a","decision":{"kind":"k","status":"requested"}}`)
	if n := len(control.NewSet(all, true).Run(t.Context(), control.NewInput(r, time.Now()))); n != 3 {
		t.Errorf("before the act %d ran, want 3", n)
	}
}

// TestPack runs the cases of every control of the standard pack.
func TestPack(t *testing.T) {
	t.Parallel()
	pack := control.Pack()
	if len(pack) < 16 {
		t.Errorf("the pack has %d controls", len(pack))
	}
	for _, p := range pack {
		c, err := control.Check(p.Text)
		if err != nil {
			t.Errorf("%s: %v", p.Name, err)
			continue
		}
		if c.Name != p.Name || c.About == "" || len(c.Obligations) == 0 {
			t.Errorf("%s: the name, about or obligations are missing", p.Name)
		}
	}
}

// TestDocument holds the table of the document against the pack.
func TestDocument(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../docs/controls.md")
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	want.WriteString("| control | severity | action | moments | |\n|---|---|---|---|---|\n")
	for _, p := range control.Pack() {
		d, err := control.Parse(p.Text)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&want, "| `%s` | %s | %s | %s | %s |\n", d.Name, d.Severity, d.Action, strings.Join(d.Moments, ", "), d.Title)
	}
	if !strings.Contains(string(doc), want.String()) {
		t.Errorf("the table of docs/controls.md should be\n%s", want.String())
	}
}

// TestAnyRecord runs the pack over random records: nothing panics, and every
// result is one of the four.
func TestAnyRecord(t *testing.T) {
	t.Parallel()
	var all []control.Named
	for _, p := range control.Pack() {
		c, err := control.Compile(p.Text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, control.Named{Version: p.Name + "@1", Control: c})
	}
	sets := []*control.Set{control.NewSet(all, false), control.NewSet(all, true)}
	value := rapid.SampledFrom([]string{`null`, `1`, `"text"`, `[]`, `{}`, `{"a":[{"b":"anna@example.com"}]}`, `["4111 1111 1111 1111",null,[[]]]`, `true`, `-1e300`})
	rapid.Check(t, func(rt *rapid.T) {
		v := func(name string) string { return value.Draw(rt, name) }
		doc := fmt.Sprintf(`{"type":"decision","id":"x","time":"2026-03-03T09:12:44Z","system":"s","subject":%s,"decision":{"kind":%q,"status":%q,"outcome":%q,"adverse":%t,"automation":"solely_automated","significant":"yes","confidence":%s,"detail":%s,"reason":%s},
			"inputs":[{"name":"a","value":%s,"as_of":"2020-01-01T00:00:00Z"},{"name":"b"}],"outputs":[{"name":"o","value":%s}],"steps":[{"op":"execute_tool","result":%s,"side_effect":"irreversible"}]}`,
			v("subject"), rapid.SampledFrom([]string{"refund", "escalate", "draft", "x"}).Draw(rt, "kind"), rapid.SampledFrom([]string{"made", "requested", "error"}).Draw(rt, "status"),
			rapid.SampledFrom([]string{"approved", "denied", "not_escalated"}).Draw(rt, "outcome"), rapid.Bool().Draw(rt, "adverse"), v("confidence"), v("detail"), v("reason"), v("input"), v("output"), v("result"))
		r, err := record.Parse([]byte(doc))
		if err != nil {
			rt.Fatal(err)
		}
		for _, s := range sets {
			for _, res := range s.Run(t.Context(), control.NewInput(r, time.Now())) {
				if !slices.Contains([]string{control.Pass, control.Fail, control.Error, control.Skip}, res.Result) || strings.Contains(res.Reason, "control failed:") {
					rt.Errorf("%s: %s %s", res.Version, res.Result, res.Reason)
				}
			}
		}
	})
}

// BenchmarkSet runs twenty controls over the records of the load generator.
func BenchmarkSet(b *testing.B) {
	var all []control.Named
	for _, p := range control.Pack() {
		c, err := control.Compile(p.Text)
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, control.Named{Version: p.Name + "@1", Control: c})
	}
	for len(all) < 20 {
		all = append(all, all[len(all)%16])
	}
	set := control.NewSet(all[:20], false)
	var records []*record.Record
	for doc := range demo.Load(64, 1) {
		r, err := record.Parse(doc)
		if err != nil {
			b.Fatal(err)
		}
		records = append(records, r)
	}
	n := 0
	for b.Loop() {
		set.Run(b.Context(), control.NewInput(records[n%len(records)], time.Now()))
		n++
	}
}
