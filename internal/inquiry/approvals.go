// SPDX-License-Identifier: Apache-2.0

package inquiry

import (
	"cmp"
	"context"
	"slices"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

// approvals says who put the versions in force that a question names, or else
// all that the decisions name, and holds the digests that were approved against
// those that the decisions were bound to.
func (v *view) approvals(ctx context.Context, named []subject, decisions map[string]*api.HumanAct) ([]api.VersionApproval, error) {
	wanted := map[subject]*api.VersionApproval{}
	want := func(s subject) {
		if wanted[s] == nil {
			wanted[s] = &api.VersionApproval{Kind: s.kind, Version: s.version, Approved: []string{}, Acts: []api.RegistryAct{}}
		}
	}
	for _, s := range named {
		want(s)
	}
	if len(named) == 0 {
		for _, d := range decisions {
			for _, b := range d.Versions {
				want(subject{b.Kind, b.Version})
			}
		}
	}
	acts, err := v.acts(ctx, func(r *registry) bool { return wanted[subject{string(r.Kind), r.full()}] != nil })
	if err != nil {
		return nil, err
	}
	proposals := map[subject]*act{}
	for n := range acts {
		a := &acts[n]
		w := wanted[a.subject()]
		w.Acts = append(w.Acts, a.RegistryAct)
		p := proposals[a.subject()]
		switch {
		case a.Act == ledger.ActAdd && p == nil:
			proposals[a.subject()] = a
		case a.Act == ledger.ActApprove && (p == nil || p.By != a.By):
			digest := a.Digest
			if digest == "" && p != nil {
				digest = p.Digest
			}
			if digest != "" && !slices.Contains(w.Approved, digest) {
				w.Approved = append(w.Approved, digest)
			}
		}
	}
	for _, d := range decisions {
		for _, b := range d.Versions {
			if w := wanted[subject{b.Kind, b.Version}]; w != nil {
				bind(w, b.Digest)
			}
		}
	}
	return sorted(wanted), nil
}

func sorted(wanted map[subject]*api.VersionApproval) []api.VersionApproval {
	out := []api.VersionApproval{}
	for _, w := range wanted {
		out = append(out, *w)
	}
	slices.SortFunc(out, func(a, b api.VersionApproval) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Version, b.Version))
	})
	return out
}

// bind counts one decision, by the digest that it was bound to.
func bind(w *api.VersionApproval, digest string) {
	switch {
	case digest == "":
		w.Unbound++
	case slices.Contains(w.Approved, digest):
		w.Same++
	default:
		w.Other++
	}
}
