// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/leaf"
	"github.com/counterfoil/counterfoil/internal/tlog"
	"github.com/counterfoil/counterfoil/record"
)

// dropStep is how many leaves one transaction takes away.
const dropStep = 20000

// NoteDrop says in the log that the leaves of a closed shard are dropped; month
// is the shard's. The id of the record is that of e: a second one changes
// nothing.
func (l *Ledger) NoteDrop(ctx context.Context, e *End, month, by string) error {
	_, err := l.Get(ctx, e.Said)
	if e, ok := errors.AsType[*Error](err); !ok || e.Code != NotFound {
		return err
	}
	r, err := NewRecord(l.cfg.Rules, record.Erasure, e.Dropped, map[string]any{"id": e.Said, "erasure": map[string]any{"ground": "retention", "status": "completed",
		"executor": by, "class": ClassShard, "month": month, "records": e.Size}})
	if err != nil {
		return fmt.Errorf("make erasure record: %w", err)
	}
	_, err = l.Append(ctx, Batch{Records: []*record.Record{r}, Principal: by, Capture: "manual", Custody: true})
	return plain(err)
}

// BeginDrop marks a closed shard of which no evidence is left as dropped by the
// erasure record of an id, which [Ledger.NoteDrop] writes into the log that goes
// on. From then on the shard takes nothing more. On one that is marked it
// changes nothing.
func (l *Ledger) BeginDrop(ctx context.Context, id string) (e *End, err error) {
	err = l.cfg.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var size int64
		if err := tx.QueryRow(ctx, `SELECT size FROM head WHERE one = 1`+tx.ForUpdate()).Scan(&size); err != nil {
			return fmt.Errorf("lock head: %w", err)
		}
		if e, err = ReadEnd(ctx, tx); err != nil || e != nil && !e.Dropped.IsZero() {
			return err
		}
		if e == nil {
			return fault(Conflict, "counterfoil shard roll closes it, and begins the next", "the log %s is not closed", l.origin)
		}
		if err := refuseLeft(ctx, tx); err != nil {
			return err
		}
		if err := keepOpening(ctx, tx, size); err != nil {
			return err
		}
		e.Dropped, e.Said = l.cfg.Now().UTC().Truncate(time.Second), id
		if err := setMeta(ctx, tx, "dropped", e.Dropped.Format(time.RFC3339)); err != nil {
			return err
		}
		if err := setMeta(ctx, tx, "dropped_by", id); err != nil {
			return err
		}
		return raiseEpoch(ctx, tx)
	})
	return e, storage("drop shard", err)
}

// refuseLeft refuses while there is something left to keep.
func refuseLeft(ctx context.Context, tx *db.Tx) error {
	var held, rows int64
	if err := tx.QueryRow(ctx, `SELECT (SELECT COUNT(*) FROM held), (SELECT COUNT(*) FROM evidence)`).Scan(&held, &rows); err != nil {
		return fmt.Errorf("count evidence: %w", err)
	}
	switch {
	case held > 0:
		return fault(Held, "release the hold first; counterfoil hold list shows it", "%d records of the shard are under legal holds", held)
	case rows > 0:
		return fault(Conflict, "counterfoil retention run expires them when the time of their class is over", "%d records of the shard still have private values", rows)
	}
	return nil
}

// keepOpening keeps the proof of a first leaf that names the shard before, which
// stays: it is a link of the chain.
func keepOpening(ctx context.Context, tx *db.Tx, size int64) error {
	var statement []byte
	if err := tx.QueryRow(ctx, `SELECT statement FROM entry WHERE idx = 0`).Scan((*leaf.Column)(&statement)); err != nil {
		return fmt.Errorf("read first leaf: %w", err)
	}
	if o, err := ParseOpening(statement); err != nil || o == nil {
		return err
	}
	path, err := tlog.Path(0, size, tilesOf(ctx, tx))
	if err != nil {
		return fmt.Errorf("prove first leaf: %w", err)
	}
	lines := make([]string, len(path))
	for i, h := range path {
		lines[i] = base64.StdEncoding.EncodeToString(h[:])
	}
	return setMeta(ctx, tx, "opening_proof", strings.Join(lines, "\n"))
}

// ReadOpening returns the first leaf, and for a dropped shard the proof of it
// that was kept; nil: there is none.
func ReadOpening(ctx context.Context, tx *db.Tx) (statement []byte, path sumdb.RecordProof, err error) {
	err = tx.QueryRow(ctx, `SELECT statement FROM entry WHERE idx = 0`).Scan((*leaf.Column)(&statement))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read first leaf: %w", err)
	}
	var kept []byte
	err = tx.QueryRow(ctx, `SELECT value FROM meta WHERE name = 'opening_proof'`).Scan(&kept)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, nil, fmt.Errorf("read proof of first leaf: %w", err)
	}
	for line := range strings.Lines(string(kept)) {
		b, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(line, "\n"))
		if err != nil || len(b) != sumdb.HashSize {
			return statement, nil, nil // proves nothing
		}
		path = append(path, sumdb.Hash(b))
	}
	return statement, path, nil
}

// FinishDrop takes the leaves of a shard that was marked, and all that goes with
// them, away: only the signed ends are left, and the leaf that names the shard
// before. It can be stopped and started at will.
func (l *Ledger) FinishDrop(ctx context.Context) error {
	e, err := l.End(ctx)
	if err != nil {
		return err
	}
	if e == nil || e.Dropped.IsZero() {
		return fault(Conflict, "counterfoil shard drop marks it first", "the log %s is not marked as dropped", l.origin)
	}
	size, err := l.Size(ctx)
	if err != nil {
		return err
	}
	for from := int64(0); from <= size; from += dropStep {
		err := l.cfg.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			return dropPart(ctx, tx, from, from+dropStep, e.Size, size)
		})
		if err != nil {
			return storage("drop leaves", err)
		}
	}
	err = l.cfg.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, table := range []string{"tile", "evidence_key", "subject", "request", "expired", "job"} {
			if _, err := tx.Exec(ctx, `DELETE FROM `+table); err != nil {
				return fmt.Errorf("empty %s: %w", table, err)
			}
		}
		return nil
	})
	if err != nil {
		return storage("drop leaves", err)
	}
	return l.Purge(ctx)
}

// dropPart takes away what belongs to some indexes and sizes, but the closing
// checkpoint and the last one.
func dropPart(ctx context.Context, tx *db.Tx, from, to, closing, last int64) error {
	for _, q := range []string{
		`DELETE FROM entry WHERE idx >= ? AND idx < ? AND NOT (idx = 0 AND EXISTS (SELECT 1 FROM meta WHERE name = 'opening_proof'))`,
		`DELETE FROM lookup WHERE idx >= ? AND idx < ?`,
		`DELETE FROM tombstone WHERE idx >= ? AND idx < ?`,
	} {
		if _, err := tx.Exec(ctx, q, from, to); err != nil {
			return err
		}
	}
	for _, table := range []string{"checkpoint", "cosignature", "stamp"} {
		if _, err := tx.Exec(ctx, `DELETE FROM `+table+` WHERE size >= ? AND size < ? AND size NOT IN (?, ?)`, from, to, closing, last); err != nil {
			return err
		}
	}
	return nil
}
