// SPDX-License-Identifier: Apache-2.0

package custody

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// Vault keeps copies of evidence under a hold where nobody can delete them
// before a date: package blob has one.
type Vault interface {
	// Put keeps an object until a date. One of that name that is there stays.
	Put(ctx context.Context, name string, data []byte, until time.Time) error
	// Get returns an object.
	Get(ctx context.Context, name string) ([]byte, error)
	// Extend moves the date; never to an earlier one.
	Extend(ctx context.Context, name string, until time.Time) error
	// Delete takes an object away, or fails while its date has not come.
	Delete(ctx context.Context, name string) error
}

// Config says what a custodian works with.
type Config struct {
	// Ledger is running, with its keys. Required.
	Ledger *ledger.Ledger
	// Policy are the retention classes. Default: [DefaultPolicy].
	Policy *Policy
	// Vault keeps copies of held evidence. Default: none are made.
	Vault Vault
	// Alert is told what somebody must look at now; it must not block.
	// Default: a warning in the log.
	Alert func(ctx context.Context, what string)
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Logger receives what only an operator needs to know. Default: none.
	Logger *slog.Logger
	// Glass is how long a broken glass opens values. Default: 60 minutes.
	Glass time.Duration
	// Lift is how long after its release a hold is lifted. Default: 14 days.
	Lift time.Duration
	// Backups is how long copies of the database are kept: an erasure record
	// says when the last one that holds the values is to be gone. Default: 35 days.
	Backups time.Duration
	// Pause is how long the retention job rests between two steps. Default: 50 ms.
	Pause time.Duration
	// Step is how many records one transaction disposes of. Default: 500.
	Step int
}

func (c *Config) validate() error {
	if c.Ledger == nil {
		return errors.New("make custodian: Ledger is required")
	}
	if c.Glass < 0 || c.Lift < 0 || c.Backups < 0 || c.Pause < 0 || c.Step < 0 || c.Step > maxTargets {
		return fmt.Errorf("make custodian: durations must not be negative, and Step at most %d", maxTargets)
	}
	if c.Policy == nil {
		c.Policy = DefaultPolicy()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Alert == nil {
		c.Alert = func(_ context.Context, what string) { c.Logger.Warn("somebody must look at this", "what", what) }
	}
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&c.Glass, time.Hour)
	def(&c.Lift, 14*24*time.Hour)
	def(&c.Backups, 35*24*time.Hour)
	def(&c.Pause, 50*time.Millisecond)
	if c.Step == 0 {
		c.Step = 500
	}
	return nil
}

// Custodian is the custody of one ledger. It is safe for concurrent use.
type Custodian struct {
	cfg Config
	l   *ledger.Ledger
	job chan struct{} // holds a token while the retention job runs
}

// New makes a custodian. It starts nothing.
func New(cfg Config) (*Custodian, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Custodian{cfg: cfg, l: cfg.Ledger, job: make(chan struct{}, 1)}, nil
}

// Policy are the retention classes in force.
func (c *Custodian) Policy() *Policy { return c.cfg.Policy }

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

// errSame refuses a second person who is the first.
func errSame(what string) error {
	return fault(ledger.Forbidden, "a second person must do it", "%s", what)
}

// entry is one record to write: its type, and its members.
type entry struct {
	t       record.Type
	members map[string]any
}

// write appends records of custody and changes tables in one transaction.
func (c *Custodian) write(ctx context.Context, by By, entries []entry, also func(ctx context.Context, tx *db.Tx, places []int64) error) ([]string, error) {
	b := ledger.Batch{Principal: by.principal(), Capture: "manual", Custody: true, Also: also}
	var ids []string
	for _, e := range entries {
		r, err := ledger.NewRecord(c.l.Rules(), e.t, c.cfg.Now(), e.members)
		if err != nil {
			return nil, fmt.Errorf("make %s record: %w", e.t, err)
		}
		b.Records = append(b.Records, r)
		ids = append(ids, r.ID())
	}
	if _, err := c.l.Append(ctx, b); err != nil {
		if e, ok := errors.AsType[*ledger.RecordError](err); ok {
			err = e.Err
		}
		return nil, err
	}
	return ids, nil
}
