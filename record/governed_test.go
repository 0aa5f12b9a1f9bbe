// SPDX-License-Identifier: Apache-2.0

package record_test

import (
	"bytes"
	"crypto/rand"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/record"
)

// TestGoverned puts what the server found into a statement: it is canonical, is
// parsed again, and goes when the record is put back together.
func TestGoverned(t *testing.T) {
	t.Parallel()
	r, err := record.Parse([]byte(`{"type":"decision","id":"g-1","time":"2026-03-03T09:12:44.120Z","system":"s","decision":{"kind":"refund","status":"made"},"versions":{"prompt":"p@1","policy":["q@1","r@2"],"x_other":"z"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if have, want := r.Versions(), []record.Named{{"policy", "q@1", "/versions/policy/0"}, {"policy", "r@2", "/versions/policy/1"}, {"prompt", "p@1", "/versions/prompt"}}; !slices.Equal(have, want) {
		t.Errorf("names %v, want %v", have, want)
	}
	digest := "sha256:" + strings.Repeat("0a", 32)
	full := &record.Governed{Register: 12, System: "in_service", Verdict: "require_human",
		Versions: []record.GovernedVersion{{Version: "p@1", Kind: "prompt", Digest: digest, State: "approved"}, {Version: "q@1", Kind: "policy", State: "unknown"}},
		Controls: []record.GovernedControl{{Control: "c@1", Result: "pass"}, {Control: "d@2", Result: "fail", Severity: "high", Action: "require_human"}}}
	for name, g := range map[string]*record.Governed{"full": full, "bare": {}} {
		c := completion
		c.Governed = g
		st, openings, err := r.Seal(c, rand.Reader)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		again, err := record.ParseStatement(bytes.Clone(st.Bytes()))
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, st.Bytes())
		}
		if have := again.Governed(); !reflect.DeepEqual(have, g) {
			t.Errorf("%s: governed is %+v, want %+v", name, have, g)
		}
		if back, err := again.Rebuild(openings); err != nil || !bytes.Equal(back, r.Canonical()) {
			t.Errorf("%s: rebuilt %s, %v", name, back, err)
		}
	}
	for name, g := range map[string]*record.Governed{
		"verdict": {Verdict: "perhaps"}, "system": {System: "x"}, "negative": {Register: -1},
		"version": {Versions: []record.GovernedVersion{{Version: "p", Kind: "prompt", State: "approved"}}},
		"kind":    {Versions: []record.GovernedVersion{{Version: "p@1", Kind: "song", State: "approved"}}},
		"state":   {Versions: []record.GovernedVersion{{Version: "p@1", Kind: "prompt"}}},
		"digest":  {Versions: []record.GovernedVersion{{Version: "p@1", Kind: "prompt", State: "approved", Digest: "12"}}},
		"control": {Controls: []record.GovernedControl{{Control: `c@1","x":"`, Result: "pass"}}},
		"result":  {Controls: []record.GovernedControl{{Control: "c@1", Result: "perhaps"}}},
		"action":  {Controls: []record.GovernedControl{{Control: "c@1", Result: "pass", Action: "dance"}}},
	} {
		c := completion
		c.Governed = g
		if _, _, err := r.Seal(c, rand.Reader); err == nil {
			t.Errorf("%s: was sealed", name)
		}
	}
	if _, err := record.Parse([]byte(`{"type":"decision","id":"g-1","time":"2026-03-03T09:12:44.120Z","system":"s","decision":{"kind":"refund","status":"made"},"governed":{}}`)); err == nil || !strings.Contains(err.Error(), "set by the server") {
		t.Errorf("a source sends governed: %v", err)
	}
}
