// SPDX-License-Identifier: Apache-2.0

package search

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

// How many records are indexed before a search answers, and in one transaction:
// few, so that an append that waits behind it does not wait long.
const (
	maxBefore = 2000
	batchSize = 64
)

// errMoved is that another writer, or an erasure, came first.
var errMoved = errors.New("the index of texts has changed meanwhile")

// Run keeps the index of texts close behind the log until ctx ends. What fails is
// logged and tried again: nobody waits for it.
func (x *Index) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		more, err := x.Trail(ctx, maxBefore)
		if err != nil && ctx.Err() == nil {
			x.cfg.Logger.Error("texts could not be indexed; it is tried again", "error", err)
		}
		wait := x.cfg.Every
		if more && err == nil {
			wait = 0
		}
		timer.Reset(wait)
	}
}

// Trail indexes the texts of up to about limit records that are behind, and goes
// on taking away those of a system that was turned off. It says whether there is
// more to do.
func (x *Index) Trail(ctx context.Context, limit int) (more bool, err error) {
	x.trails.Lock()
	defer x.trails.Unlock()
	all, err := x.settings(ctx)
	if err != nil || len(all) == 0 {
		return false, err
	}
	if err := x.Fill(ctx); err != nil {
		return false, err
	}
	for _, s := range all {
		if s.Status == statusGoing {
			if err := x.clear(ctx, s.System); err != nil {
				return false, err
			}
			continue
		}
		for limit > 0 {
			n, err := x.index(ctx, &s)
			if errors.Is(err, errMoved) {
				return true, nil // from its new state
			}
			if err != nil {
				return false, fmt.Errorf("index texts of %s: %w", s.System, err)
			}
			if n == 0 {
				break
			}
			limit -= n
		}
		if limit <= 0 {
			return true, nil
		}
	}
	return false, nil
}

// after lists the next records of a system, and the position behind them.
func (x *Index) after(system string, next int64, limit int) (at []int64, behind int64) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	b := x.bits["system"][system]
	if b == nil || next >= x.size {
		return nil, next
	}
	it := b.Iterator()
	for it.AdvanceIfNeeded(uint32(next)); it.HasNext() && len(at) < limit; {
		at = append(at, int64(it.Next()))
	}
	if len(at) == limit {
		return at, at[limit-1] + 1
	}
	return at, x.size
}

// index writes the texts of one batch, and returns how many records it has.
func (x *Index) index(ctx context.Context, s *TextState) (int, error) {
	at, behind := x.after(s.System, s.Next, batchSize)
	if len(at) == 0 {
		return 0, nil // the position stays: it says what was read
	}
	read, epoch, err := x.l.OpenTexts(ctx, at)
	if err != nil {
		return 0, err
	}
	var rows []any
	for _, p := range read {
		if w := redacted(p.Openings); slices.ContainsFunc(w, func(w string) bool { return w != gap }) {
			rows = append(rows, p.Index, x.body(w))
		}
	}
	err = x.l.DB().Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := moved(ctx, tx, `UPDATE fulltext SET next = ? WHERE system = ? AND next = ? AND status = 'on'`, behind, s.System, s.Next); err != nil {
			return err
		}
		if len(rows) > 0 {
			mark := "(?, ?),"
			if x.l.DB().Dialect() == db.Postgres {
				mark = "(?, CAST(CAST(? AS TEXT) AS tsvector)),"
			}
			if _, err := tx.Exec(ctx, `INSERT INTO passage (rowid, body) VALUES `+strings.TrimSuffix(strings.Repeat(mark, len(rows)/2), ","), rows...); err != nil {
				return err
			}
		}
		// Last, since an erasure waits for this row.
		return moved(ctx, tx, `UPDATE fulltext_epoch SET erased = erased WHERE one = 1 AND erased = ?`, epoch)
	})
	if err != nil {
		if errors.Is(err, errMoved) {
			return 0, errMoved
		}
		return 0, ledger.Storage("write texts", err)
	}
	s.Next = behind
	return len(at), x.fold(ctx)
}

// fold lets the database put away what was written: nobody else does so while no
// record is appended.
func (x *Index) fold(ctx context.Context) error {
	return ledger.Storage("fold texts into the database", x.l.DB().Checkpoint(ctx))
}

// moved runs an update that finds its row only if nothing changed since.
func moved(ctx context.Context, tx *db.Tx, query string, args ...any) error {
	res, err := tx.Exec(ctx, query, args...)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return errMoved
}

// body is how a database takes words: SQLite as a text; PostgreSQL with their
// places, so that its own parser has no say in what a word is.
func (x *Index) body(all []string) string {
	if x.l.DB().Dialect() != db.Postgres {
		return strings.Join(all, " ")
	}
	at := map[string][]string{}
	for i, w := range all {
		if w != gap {
			at[w] = append(at[w], strconv.Itoa(i+1))
		}
	}
	var b strings.Builder
	for w, places := range at {
		b.WriteString("'" + w + "':" + strings.Join(places, ",") + " ")
	}
	return b.String()
}

// clear takes away the texts of a system that was turned off. It can be stopped
// at any point and goes on with the next [Index.Trail].
func (x *Index) clear(ctx context.Context, system string) error {
	next := int64(0)
	for {
		at, behind := x.after(system, next, 4*batchSize)
		if len(at) == 0 {
			break
		}
		some := make([]any, len(at))
		for i, n := range at {
			some[i] = n
		}
		if err := x.l.DB().Write(ctx, func(ctx context.Context, tx *db.Tx) error { return ledger.ForgetTexts(ctx, tx, some) }); err != nil {
			return ledger.Storage("take texts away", err)
		}
		if err := x.fold(ctx); err != nil {
			return err
		}
		next = behind
	}
	if err := x.l.Purge(ctx); err != nil {
		return err
	}
	err := x.l.DB().Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM fulltext WHERE system = ? AND status = 'going'`, system)
		return err
	})
	return ledger.Storage("take texts away", err)
}
