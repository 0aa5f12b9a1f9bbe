// SPDX-License-Identifier: Apache-2.0

package control_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/counterfoil/counterfoil/internal/control"
	"github.com/counterfoil/counterfoil/record"
)

// TestPlans holds what a control comes to against CEL's own interpreter, over
// random expressions and records.
func TestPlans(t *testing.T) {
	t.Parallel()
	planned, results := 0, map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		text := fmt.Sprintf("name: any\ntitle: any\nowner: x\nseverity: low\naction: flag\nmoments: [record]\nmessage: no\ncases: [{name: a, record: {type: decision}, result: pass}, {name: b, record: {type: decision}, result: fail}]\nparams: {n: 3, words: [refund, \"not now\"], oldest: 24h}\nexpect: >\n  %s\n", boolean(rt, 4))
		c, err := control.Compile([]byte(text))
		if err != nil {
			rt.Skip(err)
		}
		slow, n := control.Interpreted(c)
		planned += n
		r, err := record.Parse([]byte(anyRecord(rt)))
		if err != nil {
			rt.Fatal(err)
		}
		now := time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)
		run := func(c *control.Control) control.Result {
			return control.NewSet([]control.Named{{Version: "any@1", Control: c}}, false).Run(t.Context(), control.NewInput(r, now))[0]
		}
		have, want := run(c), run(slow)
		results[have.Result]++
		if have.Result != want.Result {
			rt.Fatalf("%s\nover %s\nis %s (%s), the interpreter says %s (%s)", text, r.Canonical(), have.Result, have.Reason, want.Result, want.Reason)
		}
	})
	for _, r := range []string{control.Pass, control.Fail, control.Error} {
		if results[r] == 0 {
			t.Errorf("no expression came to %s: the test tests nothing", r)
		}
	}
	if planned == 0 {
		t.Error("no expression was planned: the test tests nothing")
	}
}

// pick draws one of the alternatives.
func pick(rt *rapid.T, of ...string) string { return rapid.SampledFrom(of).Draw(rt, "part") }

// boolean draws an expression that is true or false.
func boolean(rt *rapid.T, depth int) string {
	if depth == 0 {
		return pick(rt, "true", "false", "has(r.subject)", "has(r.decision.detail)", "has(r.decision.detail.amount)", "has(r.decision.adverse)", "has(r.inputs)", "has(r.interaction.human_requested)", "r.decision.adverse")
	}
	sub := func() string { return boolean(rt, depth-1) }
	switch rapid.IntRange(0, 11).Draw(rt, "form") {
	case 0:
		return "(" + sub() + " && " + sub() + ")"
	case 1:
		return "(" + sub() + " || " + sub() + ")"
	case 2:
		return "!(" + sub() + ")"
	case 3:
		return "(" + sub() + " ? " + sub() + " : " + sub() + ")"
	case 4:
		return "(" + scalar(rt) + pick(rt, " == ", " != ", " < ", " <= ", " > ", " >= ") + scalar(rt) + ")"
	case 5:
		return "r.inputs." + pick(rt, "all", "exists", "exists_one") + "(i, has(i.as_of) " + pick(rt, "&&", "||") + " " + pick(rt, "i.name == 'a'", "i.value == 'text'", "r.time - i.as_of <= duration(params.oldest)", "i.value.size() > 1", sub()) + ")"
	case 6:
		return pick(rt, "r.steps", "r.outputs") + ".all(s, r.inputs.exists(s2, has(s2.value) && " + sub() + "))"
	case 7:
		return "mentions(" + value(rt) + ", " + pick(rt, "params.words", "['refund', 'anna']", "[r.system]") + ")"
	case 8:
		return "personal(" + value(rt) + ")" + pick(rt, ".size() > 0", ".exists(k, k == 'email')", " == ['email']")
	case 9:
		return scalar(rt) + " in " + pick(rt, "params.words", "['made', 'approved', 3]", "r.decision.detail", "r.inputs", "[params.n]")
	case 10:
		return value(rt) + pick(rt, ".startsWith('te')", ".contains('x')", ".matches('^t.*')", ".size() == 4", " + 'x' == 'textx'")
	}
	return "has(" + pick(rt, "r.decision.detail.a", "r.decision.detail.amount", "r.x_more.deep", "params.n", "r.interaction.channel", "r.decision.reason") + ")"
}

// scalar draws an expression of any type.
func scalar(rt *rapid.T) string {
	return pick(rt, "r.decision.kind", "r.decision.confidence", "r.decision.detail", "r.decision.detail.amount", "r.decision.adverse", "r.inputs.size()", "r.system", "params.n", "dyn(3)", "'made'", "0.5", "now", "r.time", "dyn(r.decision.reason)", "null", "r.inputs[0].name", "r.steps.map(s, s.op)", "string(r.decision.detail)", "double(params.n)")
}

// value draws a private value, which is of any type.
func value(rt *rapid.T) string {
	return pick(rt, "r.decision.reason", "r.decision.detail", "r.inputs", "r.outputs", "r.subject", "r.decision.detail.amount", "r")
}

func anyRecord(rt *rapid.T) string {
	v := func() string {
		return pick(rt, `null`, `1`, `3`, `"text"`, `"a refund, not now"`, `"\u0001\\\"\u00e9 \"x\" \\ Anna\\"`, `[]`, `["text",1]`, `{}`, `{"amount":3}`, `{"amount":"3","a":{"b":["anna@example.com",{"c":null}]}}`, `true`, `-1e300`)
	}
	maybe := func(member string) string { return pick(rt, "", member) }
	return fmt.Sprintf(`{"type":"decision","id":"x","time":"2026-03-03T09:12:44.5Z","system":"s","decision":{"kind":"refund","status":"made"%s%s%s%s}%s%s%s%s}`,
		maybe(`,"adverse":true`), maybe(`,"confidence":0.5`), maybe(`,"detail":`+v()), maybe(`,"reason":`+v()),
		maybe(`,"inputs":[{"name":"a","value":`+v()+`,"as_of":"2026-03-03T00:00:00Z"},{"name":"b","value":`+v()+`}]`),
		maybe(`,"outputs":[{"name":"o","value":`+v()+`}]`), maybe(`,"subject":"customer:1"`), maybe(`,"steps":[{"op":"chat","result":`+v()+`}]`))
}
