// SPDX-License-Identifier: Apache-2.0

package inquiry_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/inquiry"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// TestTrial writes acts at random, each time on a version of its own name, and
// finds by the definitions which are not as they should be.
func TestTrial(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		r := newRig(t, dbc)
		n := 0
		rapid.Check(t, func(rt *rapid.T) {
			n++
			name := fmt.Sprintf("prompt-%d", n)
			r.randomActs(rt, name)
			var want []string
			acts := slices.DeleteFunc(r.Leaves(), func(l leaf) bool { return l.Get("registry", "name") != name && l.Get("system") != name })
			for at := range acts {
				want = append(want, defectsAt(acts, at)...)
			}
			got, err := r.i.Unapproved(t.Context(), inquiry.Went{})
			must(t, err)
			var found []string
			for _, d := range got.Items {
				if d.Act.Version == name+"@1" {
					found = append(found, d.Act.ID+" "+d.Code)
				}
			}
			slices.Sort(want)
			slices.Sort(found)
			if !slices.Equal(want, found) {
				rt.Fatalf("found %q, want %q", found, want)
			}
		})
	})
}

func (r *rig) randomActs(rt *rapid.T, name string) {
	var records []*record.Record
	for k := range rapid.IntRange(1, 12).Draw(rt, "acts") {
		act := rapid.SampledFrom([]string{ledger.ActAdd, ledger.ActApprove, ledger.ActApprove, ledger.ActRefuse, ledger.ActPromote, ledger.ActRollback, ledger.ActDescribe}).Draw(rt, "act")
		by := rapid.SampledFrom([]string{"person:dora", "person:gert", "person:hans"}).Draw(rt, "by")
		m := members{"act": act, "kind": "prompt", "name": name, "version": "1", "actor": by, "digest": digest(rapid.SampledFrom([]string{"a", "a", "a", "b"}).Draw(rt, "digest"))}
		if act == ledger.ActDescribe {
			m = members{"act": act, "kind": "system", "name": name, "actor": by, "risk": rapid.SampledFrom([]string{"high", "minimal"}).Draw(rt, "risk")}
		}
		records = append(records, r.Make("registry", fmt.Sprintf("%s-%d", name, k), 1, members{"system": name, "registry": m}))
	}
	r.AddAll(records)
}

// defectsAt are those of one act, by the words of docs/questions.md.
func defectsAt(acts []leaf, at int) (out []string) {
	word := func(n int, member string) string { return acts[n].Get("registry", member) }
	add := func(code string) { out = append(out, acts[at].Get("id")+" "+code) }
	proposed := slices.IndexFunc(acts, func(l leaf) bool { return l.Get("registry", "act") == ledger.ActAdd })
	author, content := "", ""
	if proposed >= 0 {
		author, content = word(proposed, "actor"), word(proposed, "digest")
	}
	switch word(at, "act") {
	case ledger.ActApprove:
		if word(at, "actor") == author {
			add(api.DefectAuthor)
		}
		if proposed >= 0 && word(at, "digest") != content {
			add(api.DefectOtherApproved)
		}
	case ledger.ActPromote, ledger.ActRollback:
		approvers, refused, before, need := map[string]bool{}, false, false, 1
		for n := range at {
			switch word(n, "act") {
			case ledger.ActApprove:
				if word(n, "digest") == word(at, "digest") && word(n, "actor") != author {
					approvers[word(n, "actor")] = true
				}
			case ledger.ActPromote, ledger.ActRollback:
				before = true
			case ledger.ActRefuse:
				refused = true
			case ledger.ActDescribe:
				need = map[string]int{"high": 2, "minimal": 1}[word(n, "risk")]
			}
		}
		if proposed < 0 || proposed > at {
			add(api.DefectUnproposed)
		} else if word(at, "digest") != content {
			add(api.DefectOther)
		}
		if before && word(at, "act") == ledger.ActRollback {
			break
		}
		if refused {
			add(api.DefectRefused)
		}
		if len(approvers) < need {
			add(api.DefectUnapproved)
		}
	}
	return out
}
