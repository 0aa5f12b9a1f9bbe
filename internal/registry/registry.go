// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// MaxContent is how large content may be that is kept in the log's evidence. What
// is larger is added by reference and digest.
const MaxContent = 512 << 10

// Config says what a registry works with.
type Config struct {
	// Ledger is running, with its keys. Required.
	Ledger *ledger.Ledger
	// CheckControl refuses the content of a control that does not compile, or
	// of which a test case fails. Default: none is refused.
	CheckControl func(content []byte) error
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Logger receives what only an operator needs to know. Default: none.
	Logger *slog.Logger
}

func (c *Config) validate() error {
	if c.Ledger == nil {
		return errors.New("make registry: Ledger is required")
	}
	if c.CheckControl == nil {
		c.CheckControl = func([]byte) error { return nil }
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

// Registry is the register of one ledger. It is safe for concurrent use.
type Registry struct {
	cfg Config
	l   *ledger.Ledger
	now atomic.Pointer[Register]

	mu    sync.Mutex        // guards all below, and reading the tables
	texts map[string][]byte // contents that the register needs, by record
}

// New makes a registry. It reads nothing: [Registry.Start] does.
func New(cfg Config) (*Registry, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	r := &Registry{cfg: cfg, l: cfg.Ledger, texts: map[string][]byte{}}
	r.now.Store(&Register{state: newState()})
	return r, nil
}

// Start reads the register. The first time in a new shard it carries the acts of
// the earlier ones over.
func (r *Registry) Start(ctx context.Context) error {
	if err := r.carry(ctx); err != nil {
		return err
	}
	return r.Refresh(ctx)
}

// Register is the register as this node knows it. It never changes; see
// [Registry.Refresh].
func (r *Registry) Register() *Register { return r.now.Load() }

// Fresh is the register as it is now.
func (r *Registry) Fresh(ctx context.Context) (*Register, error) {
	if err := r.Refresh(ctx); err != nil {
		return nil, err
	}
	return r.Register(), nil
}

// By is who acts: pseudonymous codes. Principal is the authenticated writer
// where that is not the actor.
type By struct {
	Actor, Role, Principal string
}

func (b By) principal() string {
	if b.Principal == "" {
		return b.Actor
	}
	return b.Principal
}

func fault(code ledger.Code, hint, format string, args ...any) error {
	return &ledger.Error{Code: code, Message: fmt.Sprintf(format, args...), Hint: hint}
}

// errMoved is that the register changed between the check and the commit.
var errMoved = fault(ledger.Busy, "try again", "the register has changed meanwhile")

// maxTries is how often an act is decided again because another came first. Of
// those who try at once one gets through each time.
const maxTries = 100

// write decides an act and appends it. What it breaks of the rules about people
// is noted in the log. Private members go beside the act: content, owner, reason.
func (r *Registry) write(ctx context.Context, by By, a *Act, private map[string]any, prepare func(*Register, *Act) error) (*Register, error) {
	a.Actor, a.Origin = by.Actor, r.l.Origin()
	for range maxTries {
		reg, err := r.Fresh(ctx)
		if err != nil {
			return nil, err
		}
		try := *a
		if prepare != nil {
			err = prepare(reg, &try)
		}
		if err == nil {
			err = check(reg.state, &try, reg.demands(&try))
		}
		if err != nil {
			return nil, r.refused(ctx, by, &try, err)
		}
		err = r.append(ctx, by, reg, &try, private)
		if err == nil {
			*a = try
			return r.Fresh(ctx)
		}
		if !errors.Is(err, errMoved) {
			return nil, err
		}
	}
	return nil, errMoved
}

func (r *Registry) append(ctx context.Context, by By, reg *Register, a *Act, private map[string]any) error {
	rec, err := ledger.NewRecord(r.l.Rules(), record.Registry, r.cfg.Now(), a.members(private))
	if err != nil {
		return fmt.Errorf("make registry record: %w", err)
	}
	b := ledger.Batch{Records: []*record.Record{rec}, Principal: by.principal(), Capture: "manual", Custody: true,
		Also: func(ctx context.Context, tx *db.Tx, places []int64) error {
			size, err := ledger.ReadRegister(ctx, tx)
			if err != nil {
				return fmt.Errorf("read register: %w", err)
			}
			if size != reg.size {
				return errMoved
			}
			a.ID, a.Time, a.Origin, a.Index = rec.ID(), rec.Fields().Time, r.l.Origin(), places[0]
			if err := project(ctx, tx, reg.state, a); err != nil {
				return err
			}
			return ledger.SetRegister(ctx, tx, places[0]+1)
		}}
	_, err = r.l.Append(ctx, b)
	if e, ok := errors.AsType[*ledger.RecordError](err); ok {
		err = e.Err
	}
	return err
}

// refused notes an attempt that the rules about people forbid.
func (r *Registry) refused(ctx context.Context, by By, a *Act, err error) error {
	if e, ok := errors.AsType[*ledger.Error](err); !ok || e.Code != ledger.Forbidden {
		return err
	}
	note := ledger.Access{Act: a.Act, Actor: by.Actor, Role: by.Role, Principal: by.principal(), Target: a.target(), Denied: true, Count: 1, Reason: err.Error()}
	if nerr := r.l.Note(ctx, note); nerr != nil {
		return fmt.Errorf("record the refused attempt: %w", nerr)
	}
	return err
}
