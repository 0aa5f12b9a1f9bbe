// SPDX-License-Identifier: Apache-2.0

package inquiry

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// lightEdit is the largest share of words that counts as a light edit.
const lightEdit = 0.2

// bucket is what became of drafts of a prompt with a reviewer.
type bucket struct{ prompt, reviewer, edit string }

type sent struct {
	n, textless float64
	dwells      []float64
}

// drafts counts the drafts of AI by what people did with them: question 19.
func drafts(ctx context.Context, a *asking) error {
	a.columns("prompt", "reviewer", "edit", "drafts", "median_dwell_s", "texts_missing")
	a.figures("drafts", "unchanged", "light", "heavy", "unmeasured", "not_sent", "no_act")
	acts, err := a.reviews(ctx, ledger.Query{})
	if err != nil {
		return err
	}
	groups := map[bucket]*sent{}
	see := func(_ spot, s *statement) error {
		for _, o := range s.Outputs {
			if o.Kind == "draft" {
				a.draft(groups, s, &o, acts)
			}
		}
		return nil
	}
	for _, kind := range []record.Type{record.Decision, record.Step} {
		if err := a.sift(ctx, a.query(string(kind)), []string{`"kind":"draft"`}, see); err != nil {
			return err
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(groups), func(x, y bucket) int {
		return cmp.Or(cmp.Compare(x.prompt, y.prompt), cmp.Compare(x.reviewer, y.reviewer), cmp.Compare(x.edit, y.edit))
	}) {
		g := groups[k]
		v := map[string]any{"edit": k.edit, "drafts": g.n, "texts_missing": g.textless}
		word(v, "prompt", text(k.prompt))
		word(v, "reviewer", text(k.reviewer))
		if len(g.dwells) > 0 {
			v["median_dwell_s"] = median(g.dwells)
		}
		var faults []string
		if g.textless > 0 {
			faults = append(faults, "texts_missing")
		}
		a.put(nil, faults, v)
	}
	return nil
}

// draft counts one draft.
func (a *asking) draft(groups map[bucket]*sent, s *statement, o *output, acts map[string][]review) {
	k := bucket{edit: "no_act"}
	for _, b := range s.bound() {
		if b.Kind == "prompt" {
			k.prompt = b.Version
		}
	}
	all := on(acts, s)
	var last *review
	if len(all) > 0 { // the last word counts
		last = &earliest(all, func(r review) int64 { return r.when.UnixNano() })[len(all)-1]
		k.reviewer, k.edit = string(last.Actor), edited(last, o)
	}
	g := groups[k]
	if g == nil {
		g = &sent{}
		groups[k] = g
	}
	a.answer.Looked++
	a.add("drafts", 1)
	a.add(k.edit, 1)
	g.n++
	if last == nil {
		return
	}
	if seconds, ok := last.dwell(); ok {
		g.dwells = append(g.dwells, seconds)
	}
	if o.Value == nil && o.Digest == nil || last.Act == "edit" && last.Text == nil {
		g.textless++
	}
}

// edited says how much a person changed a draft: what the act says, or else the
// draft itself.
func edited(r *review, o *output) string {
	ratio := r.EditRatio
	if !ratio.OK {
		ratio = o.EditRatio
	}
	switch {
	case r.Act != "approve" && r.Act != "edit":
		return "not_sent"
	case r.Act == "approve" && !ratio.OK, ratio.OK && ratio.Value == 0:
		return "unchanged"
	case !ratio.OK:
		return "unmeasured"
	case ratio.Value <= lightEdit:
		return "light"
	}
	return "heavy"
}
