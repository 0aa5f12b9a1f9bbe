// SPDX-License-Identifier: Apache-2.0

package inquiry

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/extent"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// approved is the state of a version that may be used.
const approved = "approved"

// use is a version in a state, in an environment.
type use struct {
	api.BoundVersion
	env string
}

// used lists the versions that decisions were made with while the register had
// them in another state than approved, and counts the decisions that were judged.
func (v *view) used(ctx context.Context, w Went) (judged int64, out []api.UsedVersion, err error) {
	out = []api.UsedVersion{}
	uses := map[use]*api.UsedVersion{}
	err = v.Each(ctx, ledger.Query{Type: string(record.Decision), From: w.From, To: w.To}, spot{}, func(at spot, leaf []byte) error {
		if w.Env != "" && !extent.IsEnv(leaf, w.Env) {
			return nil
		}
		if !bytes.Contains(leaf, []byte(`"governed":{`)) {
			return nil
		}
		if judged++; !isSuspect(leaf) {
			return nil
		}
		s, err := parse(at, leaf)
		if err != nil {
			return err
		}
		for _, b := range s.bound() {
			if b.State == approved || b.State == "" {
				continue
			}
			here := v.place(at, s)
			u := uses[use{b, s.env()}]
			if u == nil {
				u = &api.UsedVersion{BoundVersion: b, Env: s.env(), First: here}
				uses[use{b, s.env()}] = u
			}
			u.Count, u.Last = u.Count+1, here
		}
		return nil
	})
	for _, u := range uses {
		out = append(out, *u)
	}
	slices.SortFunc(out, func(a, b api.UsedVersion) int {
		return cmp.Or(a.First.Time.Compare(b.First.Time), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Version, b.Version), cmp.Compare(a.State, b.State), cmp.Compare(a.Env, b.Env))
	})
	return judged, out, err
}

// isSuspect says whether a statement may have a version that is not approved. It
// looks for the words without reading the whole, which is much faster: a
// statement is canonical, its public strings are codes and hold no quotes, and
// no other member has the name state.
func isSuspect(leaf []byte) bool {
	const state = `"state":"`
	for {
		i := bytes.Index(leaf, []byte(state))
		if i < 0 {
			return false
		}
		if leaf = leaf[i+len(state):]; !bytes.HasPrefix(leaf, []byte(approved+`"`)) {
			return true
		}
	}
}
