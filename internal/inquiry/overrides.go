// SPDX-License-Identifier: Apache-2.0

package inquiry

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// anyAct asks for whatever a person did.
const anyAct = "any"

// humanActs are the acts of people that can be asked for.
var humanActs = []string{"approve", "edit", "override", "reject", "escalate", "stop", anyAct}

// Asked are the decisions that [Inquirer.Overrides] looks among. All texts must
// match exactly.
type Asked struct {
	// Act is what people did, or "any". Default: override.
	Act string
	// System, Env and Outcome are as the decision has them. Default: any.
	System, Env, Outcome string
	// Model, Prompt, Policy and Config are versions, name@version. Default: any.
	Model, Prompt, Policy, Config string
	// From and To bound the time of the decision: From ≤ time < To. Default:
	// unbounded.
	From, To time.Time
	// Approvals asks for who approved the versions: those above, or without any
	// all that the decisions name. Default: no.
	Approvals bool
	// Within bounds what is seen at all. Default: everything.
	Within *ledger.Bounds
}

func (a *Asked) validate() error {
	if a.Act == "" {
		a.Act = "override"
	}
	if !slices.Contains(humanActs, a.Act) {
		return fault(ledger.Invalid, "use one of: "+strings.Join(humanActs, ", "), "%q is nothing that a person does about a decision", a.Act)
	}
	for _, s := range a.named() {
		if i := strings.IndexByte(s.version, '@'); i <= 0 || i == len(s.version)-1 {
			return fault(ledger.Invalid, "write it like refund-model@3.2.1", "%s %q is not name@version", s.kind, s.version)
		}
	}
	return nil
}

// named are the versions that the question names.
func (a *Asked) named() []subject {
	out := []subject{{"model", a.Model}, {"prompt", a.Prompt}, {"policy", a.Policy}, {"config", a.Config}}
	return slices.DeleteFunc(out, func(s subject) bool { return s.version == "" })
}

// Overrides lists what people did about decisions, and who approved the
// versions that these were made with. It reads the acts of people first, which
// are fewer than decisions, and then the decisions that they are about.
func (i *Inquirer) Overrides(ctx context.Context, a Asked) (*api.Overrides, error) {
	if err := a.validate(); err != nil {
		return nil, err
	}
	v, err := i.look(ctx, a.Within)
	if err != nil {
		return nil, err
	}
	out := &api.Overrides{Basis: v.Basis, Act: a.Act, Items: []api.HumanAct{}}
	q := ledger.Query{Type: string(record.Decision), System: a.System, Env: a.Env, Outcome: a.Outcome, Model: a.Model, Prompt: a.Prompt,
		Policy: a.Policy, Config: a.Config, From: a.From, To: a.To}
	if out.Decisions, err = v.Count(ctx, q); err != nil {
		return nil, err
	}
	acts, ids, err := v.humanActs(ctx, a.Act)
	if err != nil {
		return nil, err
	}
	touched, err := v.touched(ctx, q, ids)
	if err != nil {
		return nil, err
	}
	if out.Astray, err = v.astray(ctx, acts, ids, touched); err != nil {
		return nil, err
	}
	out.Touched = int64(len(touched))
	for _, h := range acts {
		d, ok := touched[h.Decision.ID]
		if !ok {
			continue
		}
		if out.Acts++; len(out.Items) == i.cfg.Most {
			out.More = true
			continue
		}
		h.Decision, h.System, h.Outcome, h.Versions = d.Decision, d.System, d.Outcome, d.Versions
		out.Items = append(out.Items, h)
	}
	if a.Approvals {
		out.Versions, err = v.approvals(ctx, a.named(), touched)
	}
	return out, err
}

// humanActs are all acts of a kind, and the ids that they are about, each once.
func (v *view) humanActs(ctx context.Context, kind string) (acts []api.HumanAct, ids []string, err error) {
	if kind == anyAct {
		kind = ""
	}
	seen := map[string]bool{}
	err = v.Each(ctx, ledger.Query{Type: string(record.Oversight), Kind: kind}, spot{}, func(at spot, leaf []byte) error {
		s, err := parse(at, leaf)
		if err != nil {
			return err
		}
		o := &s.Oversight
		h := api.HumanAct{Record: v.place(at, s), Act: string(o.Act), Before: string(o.Before), After: string(o.After), Reviewer: string(o.Actor),
			Role: string(o.Role), Team: string(o.Team), ReasonCode: string(o.ReasonCode), Reason: o.Reason != nil}
		h.Decision.ID = string(s.About)
		if o.Dwell != nil {
			var ms int64
			if json.Unmarshal(o.Dwell, &ms) == nil {
				h.Dwell = &ms
			}
		}
		acts = append(acts, h)
		if !seen[h.Decision.ID] {
			seen[h.Decision.ID] = true
			ids = append(ids, h.Decision.ID)
		}
		return nil
	})
	return acts, ids, err
}

// touched are the decisions that match, of those that people did something about.
func (v *view) touched(ctx context.Context, q ledger.Query, ids []string) (map[string]*api.HumanAct, error) {
	out := map[string]*api.HumanAct{}
	err := v.Among(ctx, q, ids, func(at spot, leaf []byte) error {
		s, err := parse(at, leaf)
		if err == nil {
			out[string(s.ID)] = &api.HumanAct{Decision: v.place(at, s), System: string(s.System), Outcome: string(s.Decision.Outcome), Versions: s.bound()}
		}
		return err
	})
	return out, err
}

// astray counts the acts that are about nothing that there is. What matched is
// there; only the rest is looked up.
func (v *view) astray(ctx context.Context, acts []api.HumanAct, ids []string, touched map[string]*api.HumanAct) (n int64, err error) {
	gone := map[string]bool{}
	for _, id := range ids {
		if touched[id] == nil {
			gone[id] = true
		}
	}
	err = v.Among(ctx, ledger.Query{}, slices.Sorted(maps.Keys(gone)), func(at spot, leaf []byte) error {
		s, err := parse(at, leaf)
		if err == nil {
			delete(gone, string(s.ID))
		}
		return err
	})
	for _, h := range acts {
		if gone[h.Decision.ID] {
			n++
		}
	}
	return n, err
}
