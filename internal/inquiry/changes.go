// SPDX-License-Identifier: Apache-2.0

package inquiry

import (
	"context"
	"time"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
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
	acts, err := v.acts(ctx, func(r *registry) bool { return isVersion(r) || isSystem(r) })
	if err != nil {
		return nil, err
	}
	out := &api.Changes{Basis: v.Basis, Items: []api.ChangeDefect{}, Emergencies: []api.Emergency{}, Refused: []api.RefusedAttempt{}, Used: []api.UsedVersion{}}
	t := newTrial(acts)
	for n := range acts {
		a := &acts[n]
		if !w.covers(a.Time) {
			continue
		}
		switch {
		case a.Act == ledger.ActAdd:
			out.Proposed++
		case a.Act == ledger.ActApprove:
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
	if out.Refused, err = v.refusals(ctx, w); err != nil {
		return nil, err
	}
	out.Decisions, out.Used, err = v.used(ctx, w)
	return out, err
}

// refusals are the attempts to approve or promote that the register refused
// because of who tried.
func (v *view) refusals(ctx context.Context, w Went) ([]api.RefusedAttempt, error) {
	out := []api.RefusedAttempt{}
	for _, word := range []string{ledger.ActApprove, ledger.ActPromote, ledger.ActReview} {
		q := ledger.Query{Type: string(record.Access), Kind: word, Outcome: "denied", From: w.From, To: w.To}
		err := v.Each(ctx, q, spot{}, func(at spot, leaf []byte) error {
			s, err := parse(at, leaf)
			if err == nil {
				out = append(out, api.RefusedAttempt{Place: v.place(at, s), Act: word, By: string(s.Access.Actor), Version: string(s.Access.Target)})
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}
