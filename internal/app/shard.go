// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/uuid"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

// A shard is a ledger of its own. The one that takes records has the name of the
// ledger; a closed one has it with a dot and a month. While a ledger is rolled,
// the shard that comes next is made aside, under the name with this suffix.
const nextSuffix = ".next"

const monthLayout = "2006-01"

// Shard describes one shard of a ledger.
type Shard struct {
	Name    string    `json:"name"`
	Origin  string    `json:"origin"`
	Size    int64     `json:"size"`
	Closed  time.Time `json:"closed,omitzero"`
	Dropped time.Time `json:"dropped,omitzero"`
}

// baseOf is the ledger's name within that of a shard.
func baseOf(name string) string {
	base, _, _ := strings.Cut(name, ".")
	return base
}

// shardsOf are the shards of a ledger among sorted names, oldest first; the one
// that takes records is the last.
func shardsOf(names []string, name string) []string {
	var out []string
	for _, n := range names {
		if n != name && baseOf(n) == name {
			out = append(out, n)
		}
	}
	if slices.Contains(names, name) {
		out = append(out, name)
	}
	return out
}

// Chains groups the names of shards by ledger, oldest shard first.
func Chains(names []string) [][]string {
	var out [][]string
	for _, n := range slices.Sorted(slices.Values(names)) {
		base := baseOf(n)
		if !slices.ContainsFunc(out, func(c []string) bool { return baseOf(c[0]) == base }) {
			out = append(out, shardsOf(names, base))
		}
	}
	return out
}

// Shards lists the shards of a ledger, oldest first.
func (s Store) Shards(ctx context.Context, name string) ([]Shard, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	names, err := s.Names(ctx)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	all := shardsOf(names, name)
	if len(all) == 0 {
		return nil, s.exists(ctx, name)
	}
	out := make([]Shard, len(all))
	for i, n := range all {
		o, err := s.Open(ctx, n, false, nil)
		if err != nil {
			return nil, err
		}
		out[i], err = describe(ctx, o)
		if err = errors.Join(err, o.Close()); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func describe(ctx context.Context, o *Opened) (Shard, error) {
	sh := Shard{Name: o.Name, Origin: o.Ledger.Origin()}
	var err error
	if sh.Size, err = o.Ledger.Size(ctx); err != nil {
		return sh, err
	}
	end, err := o.Ledger.End(ctx)
	if end != nil {
		sh.Closed, sh.Dropped = end.Closed, end.Dropped
	}
	return sh, err
}

// openPrevious opens the closed shards of the ledger that takes records, newest
// first, to ask them for ids. Dropped ones know none.
func (s Store) openPrevious(ctx context.Context, o *Opened) error {
	names, err := s.Names(ctx)
	if err != nil {
		return err
	}
	for _, n := range slices.Backward(shardsOf(names, o.Name)) {
		if n == o.Name || o.Keys == nil {
			continue
		}
		if err := s.openOne(ctx, o, n); err != nil {
			return fmt.Errorf("open shard %s: %w", n, err)
		}
	}
	return nil
}

func (s Store) openOne(ctx context.Context, o *Opened, name string) error {
	keys, err := s.openKeys(ctx, name)
	if err != nil {
		return err
	}
	cfg := s.dbConfig(name, true)
	cfg.MaxConns = 2
	d, err := db.Open(ctx, cfg)
	if err != nil {
		return err
	}
	l, err := ledger.Open(ctx, ledger.Config{DB: d, Keys: keys})
	if err != nil {
		return errors.Join(err, d.Close())
	}
	end, err := l.End(ctx)
	if err != nil || end == nil || !end.Dropped.IsZero() {
		return errors.Join(err, d.Close())
	}
	o.previous = append(o.previous, previous{d, l})
	return nil
}

// previous is a closed shard that is open for reading.
type previous struct {
	db     *db.DB
	ledger *ledger.Ledger
}

// Drop takes away the leaves of a closed shard of which no evidence is left; its
// signed end stays, and the ledger that goes on says what was done. What was
// stopped is finished when it is called again. by is the pseudonymous actor.
func (s Store) Drop(ctx context.Context, shard, by string) (sh Shard, err error) {
	base, month, ok := strings.Cut(shard, ".")
	if !ok {
		return sh, fault(ledger.Invalid, "counterfoil shard list shows the closed ones, such as "+base+".2026-11", "%q is not a closed shard", shard)
	}
	o, err := s.Open(ctx, shard, true, nil)
	if err != nil {
		return sh, err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	live, err := s.Open(ctx, base, true, nil)
	if err != nil {
		return sh, err
	}
	stop := live.Start()
	defer func() { err = errors.Join(err, stop(), live.Close()) }()
	id, err := uuid.NewV7()
	if err != nil {
		return sh, fmt.Errorf("draw id: %w", err)
	}
	end, err := o.Ledger.BeginDrop(ctx, id.String())
	if err != nil {
		return sh, err
	}
	if err := live.Ledger.NoteDrop(ctx, end, month, by); err != nil {
		return sh, err
	}
	if err := o.Ledger.FinishDrop(ctx); err != nil {
		return sh, err
	}
	return describe(ctx, o)
}

// alone runs fn while nobody else rolls the ledger, and nobody writes an
// embedded one. lock is the writer lock, if the caller has it.
func (s Store) alone(ctx context.Context, name string, lock *flock.Flock, fn func() error) error {
	if s.Database != "" {
		return db.Alone(ctx, s.Database, schemaPrefix+name, fn)
	}
	if lock != nil {
		return fn()
	}
	lock, err := s.lock(name)
	if err != nil {
		return err
	}
	return errors.Join(fn(), lock.Unlock())
}

// rename moves databases, from and to.
func (s Store) rename(ctx context.Context, pairs ...[2]string) error {
	if s.Database != "" {
		for i := range pairs {
			pairs[i][0], pairs[i][1] = schemaPrefix+pairs[i][0], schemaPrefix+pairs[i][1]
		}
		return ledger.Storage("rename shards", db.RenameSchemas(ctx, s.Database, pairs...))
	}
	for _, p := range pairs {
		if err := db.RenameFile(s.file(p[0]), s.file(p[1])); err != nil {
			return ledger.Storage("rename shards", err)
		}
	}
	return nil
}

// forget removes what a roll that was stopped has left of the next shard, which
// nobody has seen.
func (s Store) forget(ctx context.Context, name string) error {
	if s.Database != "" {
		return ledger.Storage("remove unfinished shard", db.DropSchema(ctx, s.Database, schemaPrefix+name))
	}
	return ledger.Storage("remove unfinished shard", db.RemoveFile(s.file(name)))
}

// copyKey gives a closed shard its own copy of the master key.
func (s Store) copyKey(from, to string) (err error) {
	if s.MasterKey != "" {
		return nil
	}
	b, err := os.ReadFile(s.KeyFile(from))
	if err != nil {
		return fmt.Errorf("copy master key: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(s.KeyFile(to)), ".key-*") // 0600
	if err != nil {
		return fmt.Errorf("copy master key: %w", err)
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), s.KeyFile(to))
	}
	if err != nil {
		return fmt.Errorf("copy master key: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}
