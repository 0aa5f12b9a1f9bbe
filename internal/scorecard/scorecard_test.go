// SPDX-License-Identifier: Apache-2.0

package scorecard_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/counterfoil/counterfoil/internal/scorecard"
)

const refund = `
scorecard: counterfoil/scorecard/v1
base: 0.1
characteristics:
  - {name: amount, input: order, path: /total, missing: 0.3, bins: [{below: 100, points: 0}, {below: 500, points: 0.2}, {points: 0.5}]}
  - {name: country, input: order, path: /country, bins: [{is: [DE, FR], points: -0.1}, {points: 0.2}]}
  - {name: claims, input: claims, bins: [{from: 3, points: 0.4}, {points: 0}]}
outcomes: [{from: 0.8, outcome: denied}, {from: 0.5, outcome: referred}, {outcome: approved}]
rules:
  - {name: vip, if: [{input: tier, is: [gold]}, {input: order, path: /total, below: 1000}], outcome: approved}
fixed: [{input: tier}]
`

func values(t fatal, doc string) scorecard.Values {
	t.Helper()
	var inputs map[string]any
	if err := json.Unmarshal([]byte(doc), &inputs); err != nil {
		t.Fatal(err)
	}
	return func(p scorecard.Place) (any, bool) { return scorecard.At(inputs[p.Input], p.Path) }
}

func parse(t fatal, text string) *scorecard.Card {
	t.Helper()
	c, err := scorecard.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRun(t *testing.T) {
	t.Parallel()
	c := parse(t, refund)
	for doc, want := range map[string]string{
		`{"order":{"total":99.99,"country":"DE"},"claims":0}`:              "approved 0.00",
		`{"order":{"total":100,"country":"ES"},"claims":2}`:                "referred 0.50",
		`{"order":{"total":500,"country":"ES"},"claims":3}`:                "denied 1.20",
		`{"order":{"total":500,"country":"ES"},"claims":3,"tier":"gold"}`:  "approved 1.20 vip",
		`{"order":{"total":1000,"country":"ES"},"claims":3,"tier":"gold"}`: "denied 1.20",
		`{}`: "approved 0.40",
		`{"order":{"total":"many","country":7},"claims":null,"tier":["gold"]}`: "denied 0.80", // a text falls into the bin for all, as does a number among texts
	} {
		r := c.Run(values(t, doc))
		if have := strings.TrimSpace(fmt.Sprintf("%s %.2f %s", r.Outcome, r.Score, r.Rule)); have != want {
			t.Errorf("%s: %s, want %s (%+v)", doc, have, want, r.Parts)
		}
	}
}

func TestCounterfactuals(t *testing.T) {
	t.Parallel()
	c := parse(t, refund)
	show := func(all []scorecard.Counterfactual) string {
		var out []string
		for _, cf := range all {
			var changes []string
			for _, ch := range cf.Changes {
				changes = append(changes, ch.Input+ch.Path+" "+ch.To)
			}
			out = append(out, strings.Join(changes, " and ")+" → "+cf.Outcome)
		}
		return strings.Join(out, "; ")
	}
	doc := `{"order":{"total":600,"country":"ES"},"claims":0}` // 0.8: denied
	if have, want := show(c.Counterfactuals(values(t, doc), "")), "order/total below 500 → referred; order/total below 100 → approved; order/country DE → referred; order/country FR → referred"; have != want {
		t.Errorf("have %s\nwant %s", have, want)
	}
	if have, want := show(c.Counterfactuals(values(t, doc), "approved")), "order/total below 100 → approved"; have != want {
		t.Errorf("have %s\nwant %s", have, want)
	}
	doc = `{"order":{"total":600,"country":"ES"},"claims":5}` // 1.2: two changes are needed
	have := show(c.Counterfactuals(values(t, doc), "approved"))
	if !strings.Contains(have, " and ") || strings.Contains(have, "tier") {
		t.Errorf("have %s", have)
	}
}

// TestCounterfactualsHold runs what was found, over random cards and inputs.
func TestCounterfactualsHold(t *testing.T) {
	t.Parallel()
	found := 0
	rapid.Check(t, func(rt *rapid.T) {
		n := func(what string) float64 { return float64(rapid.IntRange(-20, 20).Draw(rt, what)) / 2 }
		text := fmt.Sprintf(`{"scorecard":"counterfoil/scorecard/v1","characteristics":[
			{"name":"a","input":"a","bins":[{"below":%g,"points":%g},{"below":%g,"points":%g},{"points":%g}]},
			{"name":"b","input":"b","path":"/x","bins":[{"is":["p","q"],"points":%g},{"is":[true],"points":%g},{"points":0}]}],
			"outcomes":[{"from":%g,"outcome":"no"},{"outcome":"yes"}]}`, n("1"), n("2"), n("3"), n("4"), n("5"), n("6"), n("7"), n("8"))
		c := parse(rt, text)
		v := values(rt, fmt.Sprintf(`{"a":%g,"b":{"x":%s}}`, n("a"), rapid.SampledFrom([]string{`"p"`, `"z"`, `true`, `null`}).Draw(rt, "x")))
		was := c.Run(v).Outcome
		for _, cf := range c.Counterfactuals(v, "") {
			found++
			if cf.Outcome == was || len(cf.Changes) == 0 || len(cf.Changes) > 2 {
				rt.Errorf("%+v changes nothing: it was %s", cf, was)
			}
		}
	})
	if found == 0 {
		t.Error("nothing was found: the test tests nothing")
	}
}

func TestParseFaults(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"scorecard: counterfoil/scorecard/v2\noutcomes: [{outcome: x}]":                               "/scorecard",
		"scorecard: counterfoil/scorecard/v1":                                                         "/outcomes",
		"scorecard: counterfoil/scorecard/v1\noutcomes: [{outcome: x}, {outcome: y}]":                 "/outcomes/0",
		"scorecard: counterfoil/scorecard/v1\noutcomes: [{from: 1, outcome: x}]":                      "/otherwise",
		"scorecard: counterfoil/scorecard/v1\nrules: [{name: a, if: [{input: x}], outcome: b}]":       "/rules/0/if/0",
		"scorecard: counterfoil/scorecard/v1\nouts: []":                                               "outs",
		"scorecard: counterfoil/scorecard/v1\noutcomes: [{outcome: x}]\ncharacteristics: [{name: a}]": "/characteristics/0",
	} {
		if _, err := scorecard.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	if scorecard.Is([]byte("be kind")) || !scorecard.Is([]byte(refund)) {
		t.Error("a prompt is a scorecard, or a scorecard is none")
	}
}

type fatal interface {
	Helper()
	Fatal(...any)
}
