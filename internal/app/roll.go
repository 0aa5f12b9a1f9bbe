// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/keyring"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

// Rolling says how a ledger is rolled.
type Rolling struct {
	Name string
	Now  time.Time
	By   string // the pseudonymous actor
	// Due rolls only when a month has begun since the shard did.
	Due bool
	// Finish only finishes a roll that was stopped.
	Finish bool
	// Step, if not nil, is told each step before it is taken; its error stops
	// the roll there. For tests.
	Step func(string) error

	lock *flock.Flock // the writer lock, if it is held already
}

// Roll closes the shard of a ledger that takes records, and begins the next,
// whose first leaf names the signed end of the one before:
//
//	close ─ copy the key ─ make the next aside ─ rename both
//
// It is offline: nobody may write an embedded ledger meanwhile. A roll that was
// stopped anywhere is finished when it is called again. It returns the shard
// that was closed; its name is empty when there was nothing to do.
func (s Store) Roll(ctx context.Context, r Rolling) (sh Shard, err error) {
	if err := s.check(); err != nil {
		return sh, err
	}
	if r.Step == nil {
		r.Step = func(string) error { return nil }
	}
	err = s.alone(ctx, r.Name, r.lock, func() (err error) {
		sh, err = s.roll(ctx, r)
		return err
	})
	return sh, err
}

func (s Store) roll(ctx context.Context, r Rolling) (Shard, error) {
	names, err := s.allNames(ctx)
	if err != nil {
		return Shard{}, s.exists(ctx, r.Name)
	}
	next := r.Name + nextSuffix
	if !slices.Contains(names, r.Name) && slices.Contains(names, next) { // stopped between the two names
		if err := s.rename(ctx, [2]string{next, r.Name}); err != nil {
			return Shard{}, err
		}
		shards := shardsOf(slices.DeleteFunc(names, func(n string) bool { return n == next }), r.Name)
		if len(shards) == 0 {
			return Shard{}, nil
		}
		return s.describe(ctx, shards[len(shards)-1])
	}
	if err := s.exists(ctx, r.Name); err != nil {
		return Shard{}, err
	}
	c, err := s.close(ctx, r)
	if err != nil || c == nil {
		return Shard{}, err
	}
	if slices.Contains(names, c.name) {
		return Shard{}, fault(ledger.Conflict, "look at both with counterfoil shard list", "there is a shard %q already", c.name)
	}
	if err := errors.Join(r.Step("copy key"), ctx.Err()); err != nil {
		return Shard{}, err
	}
	if err := s.copyKey(r.Name, c.name); err != nil {
		return Shard{}, err
	}
	if err := s.makeNext(ctx, r, c); err != nil {
		return Shard{}, err
	}
	if err := r.Step("rename"); err != nil {
		return Shard{}, err
	}
	if s.Database != "" {
		err = s.rename(ctx, [2]string{r.Name, c.name}, [2]string{next, r.Name})
	} else if err = s.rename(ctx, [2]string{r.Name, c.name}); err == nil {
		if err = r.Step("rename next"); err == nil {
			err = s.rename(ctx, [2]string{next, r.Name})
		}
	}
	if err != nil {
		return Shard{}, err
	}
	return s.describe(ctx, c.name)
}

func (s Store) describe(ctx context.Context, name string) (Shard, error) {
	o, err := s.Open(ctx, name, false, nil)
	if err != nil {
		return Shard{}, err
	}
	sh, err := describe(ctx, o)
	return sh, errors.Join(err, o.Close())
}

// closed is a shard that was closed, with the names that follow from when.
type closed struct {
	end    *ledger.End
	name   string // of the closed one
	origin string // of the next
	keys   *keyring.Keyring
}

// close closes the shard that takes records, unless it is, and folds its
// database into one file. nil: there is nothing to do.
func (s Store) close(ctx context.Context, r Rolling) (c *closed, err error) {
	o, err := s.open(ctx, r.Name, true, r.clock)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	end, err := o.Ledger.End(ctx)
	if err != nil || end == nil && r.Finish {
		return nil, err
	}
	begun, base, err := begun(ctx, o)
	if err != nil {
		return nil, err
	}
	when := r.Now
	if end != nil {
		when = end.Closed
	}
	month := monthOf(when)
	switch {
	case begun.Before(month):
	case end == nil && r.Due:
		return nil, nil
	case begun.Equal(month): // in the middle of its month: the next one begins early
		month = month.AddDate(0, 1, 0)
	default:
		return nil, fault(ledger.Conflict, "wait until "+begun.Format(monthLayout)+" is over", "the shard of %s has begun already", begun.Format(monthLayout))
	}
	if end == nil {
		if err := r.Step("close"); err != nil {
			return nil, err
		}
		stop := o.Start()
		end, err = o.Ledger.CloseShard(ctx, r.By)
		if err = errors.Join(err, stop()); err != nil {
			return nil, err
		}
	}
	c = &closed{end: end, name: r.Name + "." + month.AddDate(0, -1, 0).Format(monthLayout), origin: base + "/" + month.Format(monthLayout), keys: o.Keys}
	return c, o.Ledger.Purge(ctx)
}

func (r *Rolling) clock(c *ledger.Config) {
	now := r.Now
	c.Now = func() time.Time { return now }
}

func monthOf(t time.Time) time.Time {
	return time.Date(t.UTC().Year(), t.UTC().Month(), 1, 0, 0, 0, 0, time.UTC)
}

// begun is the month in which a shard begins, and the origin of the first.
func begun(ctx context.Context, o *Opened) (month time.Time, base string, err error) {
	base = o.Ledger.Origin()
	var created []byte
	var first []byte
	err = o.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		if first, _, err = ledger.ReadOpening(ctx, tx); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `SELECT value FROM meta WHERE name = 'created'`).Scan(&created)
	})
	if err != nil {
		return month, base, ledger.Storage("read beginning of shard", err)
	}
	if first != nil {
		if op, err := ledger.ParseOpening(first); err != nil {
			return month, base, err
		} else if i := strings.LastIndexByte(base, '/'); op != nil && i > 0 {
			month, err = time.Parse(monthLayout, base[i+1:])
			return month, base[:i], err
		}
	}
	month, err = time.Parse(time.RFC3339, string(created))
	return monthOf(month), base, err
}

// makeNext makes the next shard aside, with its first leaf. What a roll that was
// stopped has left of it goes: nobody has seen it.
func (s Store) makeNext(ctx context.Context, r Rolling, c *closed) (err error) {
	next := r.Name + nextSuffix
	if err := s.forget(ctx, next); err != nil {
		return err
	}
	if err := r.Step("create"); err != nil {
		return err
	}
	d, err := db.Create(ctx, s.dbConfig(next, false))
	if err != nil {
		return fmt.Errorf("create shard: %w", err)
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	cfg := ledger.Config{DB: d, Keys: c.keys}
	r.clock(&cfg)
	if err := ledger.Create(ctx, cfg, c.origin); err != nil {
		return err
	}
	if err := r.Step("first leaf"); err != nil {
		return err
	}
	o := &Opened{Name: next, DB: d}
	if o.Ledger, err = ledger.Open(ctx, cfg); err != nil {
		return err
	}
	stop := o.Start()
	if err := errors.Join(o.Ledger.BeginShard(ctx, c.end, r.By), stop()); err != nil {
		return err
	}
	return o.Ledger.Purge(ctx)
}
