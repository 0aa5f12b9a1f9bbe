// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"errors"
	"strings"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/control"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

// Bounds of a backtest.
const (
	maxBacktest = 100000 // decisions
	maxChanged  = 100    // listed
)

// Backtest runs a control, or the draft of one, over recorded decisions, as if
// it had been in force when they were recorded, and compares what it says with
// what another says. It opens their private values for that, page by page, each
// page an access record first; of what they hold nothing is answered.
func (g *Guard) Backtest(ctx context.Context, actor, role, principal string, in api.Backtest) (*api.BacktestResult, error) {
	if in.Env == "" {
		in.Env = "production"
	}
	if in.Limit <= 0 || in.Limit > maxBacktest {
		in.Limit = maxBacktest
	}
	b, err := g.backtest(in)
	if err != nil {
		return nil, err
	}
	q := ledger.Query{Type: "decision", System: in.System, From: in.Since, To: in.Until}
	if b.out.Size, err = g.cfg.Ledger.Size(ctx); err != nil {
		return nil, err
	}
	q.Before = b.out.Size
	a := ledger.Access{Act: "backtest", Actor: actor, Role: role, Principal: principal, Purpose: "control-test", Target: b.out.Control}
	if q.Before == 0 {
		return b.out, nil
	}
	b.out.Decisions, err = g.cfg.Ledger.Reread(ctx, q, in.Limit, a, func(r ledger.Reread) error { return b.try(ctx, r) })
	b.out.More = b.out.Decisions == in.Limit
	return b.out, err
}

// backtest is one run.
type backtest struct {
	env           string
	draft, before *control.Set
	out           *api.BacktestResult
}

func (g *Guard) backtest(in api.Backtest) (*backtest, error) {
	b := &backtest{env: in.Env, out: &api.BacktestResult{Results: map[string]int{}, Changed: []api.Changed{}}}
	reg := g.current.Load().reg
	against := in.Against
	switch {
	case (in.Name == "") == (in.Document == ""):
		return nil, fault(ledger.Invalid, "give the name of a control, or the document of a draft", "exactly one of name and document is needed")
	case in.Document != "":
		c, err := control.Compile([]byte(in.Document))
		if err != nil {
			return nil, fault(ledger.Invalid, hintOf(err), "the draft does not compile: %v", err)
		}
		b.out.Control = c.Name + "@draft"
		if against == "" {
			against = c.Name
		}
		b.draft = alone(control.Named{Version: b.out.Control, Control: c})
	default:
		n, err := pick(reg, in.Env, in.Name)
		if err != nil {
			return nil, err
		}
		b.out.Control = n.Version
		b.draft = alone(*n)
		if against == "" && strings.Contains(in.Name, "@") {
			against, _, _ = strings.Cut(in.Name, "@")
		}
	}
	n, err := pick(reg, in.Env, against)
	switch {
	case err == nil && n.Version != b.out.Control:
		b.out.Against, b.out.Before = n.Version, map[string]int{}
		b.before = alone(*n)
	case err != nil && in.Against != "":
		return nil, err
	}
	return b, nil
}

// alone is the set of one control, at the moment that it runs.
func alone(n control.Named) *control.Set {
	return control.NewSet([]control.Named{n}, !n.At(control.Record))
}

// pick finds a control that is in force by its name, or any by name@version.
func pick(reg Register, env, name string) (*control.Named, error) {
	for _, source := range reg.Controls(env) {
		if base, _, _ := strings.Cut(source.Version, "@"); source.Version != name && base != name {
			continue
		}
		c, err := control.Compile(source.Content)
		if err != nil {
			return nil, fault(ledger.Invalid, hintOf(err), "the control %s does not compile: %v", source.Version, err)
		}
		return &control.Named{Version: source.Version, Control: c}, nil
	}
	return nil, fault(ledger.NotFound, "counterfoil control list shows those in force; try a draft with --file", "no control %q is in force in %s", name, env)
}

// try runs both over one decision.
func (b *backtest) try(ctx context.Context, r ledger.Reread) error {
	if env := r.Record.Fields().Env; env != b.env && (env != "" || b.env != "production") {
		return ctx.Err()
	}
	in := control.NewInput(r.Record, r.Statement.Fields().Recorded)
	if len(r.Gone) > 0 {
		in.Partial = true
		b.out.Partial++
	}
	after := run(ctx, b.draft, in)
	b.out.Results[after]++
	before := ""
	if b.before != nil {
		before = run(ctx, b.before, in)
		b.out.Before[before]++
	}
	if after != before && (b.before != nil || after == "fail" || after == "error") {
		if b.out.ChangedCount++; len(b.out.Changed) < maxChanged {
			b.out.Changed = append(b.out.Changed, api.Changed{ID: r.Record.ID(), Index: r.Index, Before: before, After: after})
		}
	}
	return ctx.Err()
}

// run is the result of the only control of a set; one whose scope leaves the
// decision out skips it.
func run(ctx context.Context, s *control.Set, in *control.Input) string {
	for _, r := range s.Run(ctx, in) {
		return r.Result
	}
	return "skip"
}

func hintOf(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return "counterfoil control check shows where"
}
