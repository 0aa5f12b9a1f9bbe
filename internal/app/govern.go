// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/counterfoil/counterfoil/internal/control"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/guard"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/oversight"
	"github.com/counterfoil/counterfoil/internal/registry"
	"github.com/counterfoil/counterfoil/record"
)

// openRegistry reads the register of a ledger that runs.
func (o *Opened) openRegistry(ctx context.Context, logger *slog.Logger) (*registry.Registry, error) {
	r, err := registry.New(registry.Config{Ledger: o.Ledger, Logger: logger, CheckControl: checkControl})
	if err != nil {
		return nil, err
	}
	return r, r.Start(ctx)
}

// checkControl refuses a control that does not compile, or of which a case does
// not hold.
func checkControl(content []byte) error {
	_, err := control.Check(content)
	if bad, ok := errors.AsType[*control.Invalid](err); ok {
		return &ledger.Error{Code: ledger.Invalid, Message: "the control is not right: " + bad.Error(), Hint: bad.Hint()}
	}
	return err
}

// openGuard makes the guard, and has it judge the decisions of the ledger.
func (o *Opened) openGuard(ctx context.Context, reg *registry.Registry, logger *slog.Logger) (*guard.Guard, error) {
	g, err := guard.New(ctx, guard.Config{Ledger: o.Ledger, Logger: logger, Load: func(ctx context.Context) (guard.Register, error) {
		r, err := reg.Fresh(ctx)
		return register{r}, err
	}, Enqueue: func(ctx context.Context, tx *db.Tx, r guard.Review) error {
		return oversight.Enqueue(ctx, tx, oversight.Item{ID: r.ID, System: r.System, Kind: r.Kind, Env: r.Env, Index: r.Index, Why: r.Why, Created: time.Now(), Due: r.Due, Second: r.Second})
	}})
	if err != nil {
		return nil, err
	}
	o.Ledger.Govern(g)
	return g, nil
}

// openOffice makes the review office of a ledger.
func (o *Opened) openOffice(reg *registry.Registry, conf *Config, logger *slog.Logger) (*oversight.Office, error) {
	cfg := oversight.Config{Ledger: o.Ledger, Logger: logger, Reasons: conf.ReviewReasons,
		Floor: func(system string) time.Duration {
			s, _ := reg.Register().System(system)
			return time.Duration(s.Description.DwellFloor)
		},
		Stop: func(ctx context.Context, by oversight.By, system, reason string) error {
			_, err := reg.SetStatus(ctx, registry.By{Actor: by.Actor, Role: by.Role, Principal: by.Principal}, system, registry.Suspended, "", reason)
			return err
		}}
	if h := conf.ReviewHook; h != nil {
		cfg.Hook = &oversight.Hook{URL: h.URL, Secret: string(h.Secret)}
	}
	return oversight.New(cfg)
}

// review escalates reviews that are overdue, and sends outcomes, until ctx ends.
func (a *App) review(ctx context.Context, r *running) error {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		_, err := r.office.Sweep(ctx)
		if _, derr := r.office.Deliver(ctx); err == nil {
			err = derr
		}
		if err != nil && ctx.Err() == nil {
			a.opts.Logger.Error("reviews could not be looked after; it goes on in a moment", "ledger", r.Name, "error", err)
		}
	}
}

// Govern has the guard judge the decisions of a ledger that runs, until the
// returned function is called.
func (o *Opened) Govern(ctx context.Context, logger *slog.Logger) (stop func() error, err error) {
	reg, err := o.openRegistry(ctx, logger)
	if err != nil {
		return nil, err
	}
	g, err := o.openGuard(ctx, reg, logger)
	if err != nil {
		return nil, err
	}
	return runGuard(g), nil
}

// runGuard runs a guard until the returned function is called.
func runGuard(g *guard.Guard) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	var err error
	wg.Go(func() { err = g.Run(ctx) })
	return func() error {
		cancel()
		wg.Wait()
		return err
	}
}

// register is the register as the guard asks it.
type register struct{ *registry.Register }

var _ guard.Register = register{}

// System implements [guard.Register].
func (r register) System(name string) (guard.System, bool) {
	s, ok := r.Register.System(name)
	if !ok {
		return guard.System{}, false
	}
	d := s.Description
	out := guard.System{State: s.Status, Strict: d.Mode == registry.Strict, Risk: s.Risk, Reaction: time.Duration(d.ReactionTime), Second: d.SecondReviewer,
		MustAsk: slices.Contains(d.Points, "guard"), OnFailure: d.OnGuardFailure}
	if record.ValidID(d.Owner.Team) { // it stands in findings, in clear
		out.Team = d.Owner.Team
	}
	if out.OnFailure == "" {
		out.OnFailure = registry.FailClosed
	}
	return out, true
}

// Controls implements [guard.Register].
func (r register) Controls(env string) []guard.Control {
	all := r.Register.Controls(env)
	out := make([]guard.Control, len(all))
	for i, c := range all {
		out[i] = guard.Control{Version: c.Name + "@" + c.Version, Digest: c.Digest, Content: c.Content}
	}
	return out
}
