// SPDX-License-Identifier: Apache-2.0

package obligation_test

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/counterfoil/counterfoil/internal/obligation"
)

// claims are words that a report must not use: they say that a law is met.
var claims = regexp.MustCompile(`(?i)\b(compliant|compliance|complies|comply|certified|certifies|conform(s|ant|ity)?|guarantees?d?|lawfully processed|fulfils|satisfied)\b`)

func library(t testing.TB) *obligation.Library {
	t.Helper()
	lib, err := obligation.Default()
	must(t, err)
	return lib
}

func TestPacks(t *testing.T) {
	t.Parallel()
	lib := library(t)
	equal(t, "packs", strings.Join(lib.Names(), " "), "eu-ai-act iso-42001 nist-ai-rmf record-keeping uk-gdpr us-colorado-california")
	used, evaluated, count := map[string]bool{}, 0, 0
	for _, p := range lib.Packs() {
		for _, o := range p.Obligations {
			count++
			for _, id := range o.Rules {
				used[id] = true
			}
			if o.Source == "" {
				t.Errorf("%s has no source", o.ID)
			}
		}
	}
	for _, r := range lib.Rules() {
		if r.Evaluate != "" || r.Expect != "" {
			evaluated++
		}
		if !used[r.ID] {
			t.Errorf("no obligation uses %s", r.ID)
		}
	}
	if len(lib.Rules()) != 71 || evaluated != 50 || count < 100 {
		t.Errorf("%d rules, %d evaluated, %d obligations", len(lib.Rules()), evaluated, count)
	}
}

func TestPacksClaimNothing(t *testing.T) {
	t.Parallel()
	err := fs.WalkDir(obligation.Files(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(obligation.Files(), name)
		if found := claims.FindAllString(string(text), -1); found != nil {
			t.Errorf("%s says %q", name, found)
		}
		return err
	})
	must(t, err)
}

// TestPacksRefused loads packs with one fault each.
func TestPacksRefused(t *testing.T) {
	t.Parallel()
	const rules = `{version: "1", tolerances: {P: 0}, rules: [{id: CR-20, kind: P, name: n, question: q, unit: u, evaluate: acts, shows_not: s}]}`
	const pack = `{name: p, title: t, version: "1", note: n, obligations: [{id: o, text: t, source: s, evidence: e, rules: [CR-20], applies_from: [{from: "2027-12-02", source: s}]}]}`
	load := func(rules, pack string) error {
		_, err := obligation.Load(fstest.MapFS{"rules.yaml": {Data: []byte(rules)}, "p.yaml": {Data: []byte(pack)}})
		return err
	}
	must(t, load(rules, pack))
	for _, c := range []struct{ in, old, new, want string }{
		{"rule", "evaluate: acts", "evaluate: dance", `no evaluator "dance"`},
		{"rule", "evaluate: acts", "evaluate: acts, absent: no", "one of evaluate"},
		{"rule", "evaluate: acts", "expect: 'r.decision.nothing'", "test cases are missing"},
		{"rule", "kind: P", "kind: X", "no tolerance"},
		{"rule", "CR-20", "CR-2", "no id of a rule"},
		{"rule", "shows_not: s", "shows_not: ''", "does not show"},
		{"rule", "unit: u, ", "", "what it counts"},
		{"pack", "source: s, evidence", "source: '', evidence", "needs an id"},
		{"pack", "[CR-20]", "[CR-99]", "no rule CR-99"},
		{"pack", "2027-12-02", "December", "needs the form"},
		{"pack", "name: p", "name: q", "name of its file"},
		{"pack", "note: n", "color: red", "unknown field"},
	} {
		in, out := rules, pack
		if c.in == "rule" {
			in = strings.ReplaceAll(rules, c.old, c.new)
		} else {
			out = strings.ReplaceAll(pack, c.old, c.new)
		}
		if err := load(in, out); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s for %s: got %v, want %q", c.new, c.old, err, c.want)
		}
	}
}
