// SPDX-License-Identifier: Apache-2.0

package inquiry

import (
	"context"
	"time"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

// Went are the changes that [Inquirer.Unapproved] looks at.
type Went struct {
	// Env is the environment that they went to. Default: any.
	Env string
	// From and To bound the time of the act, and of the decisions: From ≤ time
	// < To. Default: unbounded.
	From, To time.Time
	// Within bounds what is seen at all. Default: everything.
	Within *ledger.Bounds
}

func (w *Went) covers(t time.Time) bool {
	return (w.From.IsZero() || !t.Before(w.From)) && (w.To.IsZero() || t.Before(w.To))
}

// history is what became of one version, in the order of the log.
type history struct {
	proposed  *act
	approvals []*act
	refusals  []*act
	reviews   []*act
}

// author is who proposed the version; empty: nobody did.
func (h *history) author() string {
	if h.proposed == nil {
		return ""
	}
	return h.proposed.By
}

// digest is what an act is about: what it names, or else what was proposed.
func (h *history) digest(a *act) string {
	if a.Digest == "" && h.proposed != nil {
		return h.proposed.Digest
	}
	return a.Digest
}

// Unapproved lists the changes that went live without enough approvals before,
// the approvals by authors, and the promotions in an emergency with the state of
// their review. It also lists the versions that decisions were made with while
// they were not approved: a change that never came to the register shows there
// only.
func (i *Inquirer) Unapproved(ctx context.Context, w Went) (*api.Changes, error) {
	v, err := i.look(ctx, w.Within)
	if err != nil {
		return nil, err
	}
	acts, err := v.acts(ctx, func(r *registry) bool { return isVersion(r) || r.Kind == "system" })
	if err != nil {
		return nil, err
	}
	out := &api.Changes{Basis: v.basis, Items: []api.ChangeDefect{}, Emergencies: []api.Emergency{}, Used: []api.UsedVersion{}}
	t := newTrial(acts)
	for n := range acts {
		a := &acts[n]
		if a.Kind == "system" || !w.covers(a.Time) {
			continue
		}
		switch {
		case a.proposes():
			out.Proposed++
		case a.Act == actApprove:
			out.Approvals++
			out.Items = append(out.Items, t.approval(a)...)
		case a.promotes() && (w.Env == "" || w.Env == a.Environment):
			out.Promotions++
			out.Items = append(out.Items, t.promotion(a)...)
			if a.Emergency {
				out.Emergencies = append(out.Emergencies, t.emergency(a, i.cfg.Now()))
			}
		}
	}
	out.Decisions, out.Used, err = v.used(ctx, w)
	return out, err
}
