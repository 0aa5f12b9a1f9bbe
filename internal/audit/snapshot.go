// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"

	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/evidence"
	"github.com/counterfoil/counterfoil/proof"
)

// snapshot is what one consistent read finds: all that is not immutable.
type snapshot struct {
	size        int64
	head        []byte
	checkpoints []checkpoint      // by size
	extra       map[string]int64  // rows by table that no index of the log accounts for
	tiles       map[tileID][]byte // every tile above level 0, and the edge of level 0
	keys        map[int64]*evidence.Key
	badKeys     map[int64]bool
	expired     map[int64]bool // keys that were destroyed, as the table says; the tombstones are the proof
	tombstones  tombstones
	logKeys     []logKey
	contentKey  []byte // nil without the master key
}

type tileID struct {
	level int
	n     int64
}

// checkpoint is one stored checkpoint; ok says that its signature and its text
// are right, so that root is what the log signed for size.
type checkpoint struct {
	size int64
	root sumdb.Hash
	ok   bool
}

func (a *auditor) readSnapshot(ctx context.Context, tx *db.Tx) error {
	s := &snapshot{extra: map[string]int64{}, tiles: map[tileID][]byte{}, keys: map[int64]*evidence.Key{}, badKeys: map[int64]bool{}, expired: map[int64]bool{}, tombstones: newTombstones()}
	a.snap = s
	meta := map[string][]byte{}
	err := each(ctx, tx, `SELECT name, value FROM meta`, nil, func(rows *sql.Rows) error {
		var name string
		var value []byte
		if err := rows.Scan(&name, &value); err != nil {
			return err
		}
		meta[name] = value
		return nil
	})
	if err != nil {
		return fmt.Errorf("read meta: %w", err)
	}
	a.report.Origin, a.report.VerifierKey = string(meta["origin"]), string(meta["vkey"])
	if err := tx.QueryRow(ctx, `SELECT size, checkpoint FROM head WHERE one = 1`).Scan(&s.size, &s.head); err != nil {
		if !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("read head: %w", err)
		}
		a.find(Finding{Code: HeadMismatch, Promise: 2, Index: -1, Detail: "the head row is missing"})
	}
	a.report.Size = s.size
	first := a.report.VerifierKey
	if all := meta["vkeys"]; len(all) > 0 {
		first, _, _ = strings.Cut(string(all), "\n")
	}
	if err := a.readLogKeys(ctx, tx, first); err != nil {
		return err
	}
	if err := a.readCheckpoints(ctx, tx); err != nil {
		return err
	}
	for _, table := range []string{"entry", "lookup", "evidence"} {
		var n int64
		if err := tx.QueryRow(ctx, `SELECT (SELECT COUNT(*) FROM `+table+` WHERE idx < 0) + (SELECT COUNT(*) FROM `+table+` WHERE idx >= ?)`, s.size).Scan(&n); err != nil {
			return fmt.Errorf("count %s: %w", table, err)
		}
		s.extra[table] = n
	}
	if err := a.readTiles(ctx, tx); err != nil {
		return err
	}
	if err := s.tombstones.read(ctx, tx, 0, s.size); err != nil {
		return fmt.Errorf("read tombstones: %w", err)
	}
	return a.readKeys(ctx, tx, meta)
}

func each(ctx context.Context, tx *db.Tx, query string, args []any, row func(*sql.Rows) error) error {
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// judge opens one signed note. With a trust policy of its own, that decides;
// witnesses are then only asked of the head.
func (a *auditor) judge(signed []byte) (proof.Checkpoint, error) {
	cp, err := proof.ParseCheckpoint(signed)
	if err != nil {
		return cp, err
	}
	n, err := a.openCheckpoint(signed, cp.Size)
	if err != nil {
		return proof.Checkpoint{}, err
	}
	if cp.Origin != a.report.Origin {
		return cp, fmt.Errorf("origin %q, want %q (signed text %q)", cp.Origin, a.report.Origin, n.Text)
	}
	return cp, nil
}

func (a *auditor) readCheckpoints(ctx context.Context, tx *db.Tx) error {
	s := a.snap
	var last []byte
	var waiting []signedAt
	err := each(ctx, tx, `SELECT size, note FROM checkpoint ORDER BY size`, nil, func(rows *sql.Rows) error {
		var c signedAt
		if err := rows.Scan(&c.size, &c.note); err != nil {
			return err
		}
		last = c.note
		if waiting = append(waiting, c); len(waiting) == 4096 {
			a.judgeAll(waiting)
			waiting = waiting[:0]
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read checkpoints: %w", err)
	}
	a.judgeAll(waiting)
	a.report.Checkpoints = int64(len(s.checkpoints))
	if n := len(s.checkpoints); n == 0 || s.checkpoints[n-1].size != s.size || !bytes.Equal(last, s.head) {
		a.find(Finding{Code: HeadMismatch, Promise: 2, Index: -1, Size: s.size,
			Detail: fmt.Sprintf("the head says size %d; the newest stored checkpoint is another: the log was cut, rolled back, or a checkpoint was removed", s.size)})
	}
	if n := len(s.checkpoints); n > 0 && s.checkpoints[0].size != 0 {
		a.find(Finding{Code: CheckpointMissing, Promise: 2, Index: -1, Detail: "the first checkpoint, of the empty log, is missing"})
	}
	if a.cfg.Trust != nil && len(s.head) > 0 {
		return a.judgeTrust(ctx, tx)
	}
	return nil
}

// signedAt is a stored checkpoint.
type signedAt struct {
	size int64
	note []byte
}

// judgeAll opens checkpoints on all workers: a signature costs as much as ten
// leaves.
func (a *auditor) judgeAll(stored []signedAt) {
	checkpoints, findings := make([]checkpoint, len(stored)), make([]*Finding, len(stored))
	var workers sync.WaitGroup
	for w := range a.cfg.Workers {
		workers.Go(func() {
			for i := w; i < len(stored); i += a.cfg.Workers {
				checkpoints[i], findings[i] = a.judgeOne(stored[i])
			}
		})
	}
	workers.Wait()
	a.snap.checkpoints = append(a.snap.checkpoints, checkpoints...)
	for _, f := range findings {
		if f != nil {
			a.find(*f)
		}
	}
}

func (a *auditor) judgeOne(stored signedAt) (checkpoint, *Finding) {
	cp, err := a.judge(stored.note)
	if err == nil && cp.Size != stored.size {
		err = fmt.Errorf("it is of size %d", cp.Size)
	}
	if err != nil {
		return checkpoint{size: stored.size}, &Finding{Code: CheckpointInvalid, Promise: 2, Index: -1, Size: stored.size,
			Detail: fmt.Sprintf("checkpoint of size %d: %v", stored.size, err)}
	}
	return checkpoint{size: cp.Size, root: cp.Root, ok: true}, nil
}

func (a *auditor) readTiles(ctx context.Context, tx *db.Tx) error {
	s := a.snap
	edge := s.size / 256
	err := each(ctx, tx, `SELECT level, n, hashes FROM tile WHERE level > 0 OR n >= ?`, []any{edge}, func(rows *sql.Rows) error {
		var id tileID
		var hashes []byte
		if err := rows.Scan(&id.level, &id.n, &hashes); err != nil {
			return err
		}
		s.tiles[id] = hashes
		return nil
	})
	if err != nil {
		return fmt.Errorf("read tiles: %w", err)
	}
	var total int64
	if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM tile`).Scan(&total); err != nil {
		return fmt.Errorf("count tiles: %w", err)
	}
	a.report.Tiles = total
	return nil
}

// readKeys unwraps the evidence keys.
func (a *auditor) readKeys(ctx context.Context, tx *db.Tx, meta map[string][]byte) error {
	if a.cfg.Keys == nil {
		return nil
	}
	s, origin := a.snap, a.report.Origin
	var err error
	if s.contentKey, err = a.cfg.Keys.Unwrap("content_key "+origin, meta["content_key"]); err != nil {
		a.find(Finding{Code: KeyChanged, Promise: 4, Index: -1, Detail: err.Error()})
	}
	if err := each(ctx, tx, `SELECT key FROM expired`, nil, func(rows *sql.Rows) error {
		var number int64
		err := rows.Scan(&number)
		s.expired[number] = true
		return err
	}); err != nil {
		return fmt.Errorf("read expired keys: %w", err)
	}
	return each(ctx, tx, `SELECT key, class, month, wrapped FROM evidence_key`, nil, func(rows *sql.Rows) error {
		var number int64
		var class, month string
		var wrapped []byte
		if err := rows.Scan(&number, &class, &month, &wrapped); err != nil {
			return err
		}
		secret, err := a.cfg.Keys.Unwrap("evidence_key "+origin+" "+class+" "+month, wrapped)
		if err == nil {
			s.keys[number], err = evidence.OpenKey(secret)
		}
		if err != nil {
			s.badKeys[number] = true
			a.find(Finding{Code: KeyChanged, Promise: 4, Index: -1, Detail: fmt.Sprintf("evidence key %d (%s %s): %v", number, class, month, err)})
		}
		return nil
	})
}

// checkExtra finds rows that no index below the size accounts for.
func (a *auditor) checkExtra() {
	s := a.snap
	for _, t := range []struct{ table, code, what string }{{"entry", LeafExtra, "leaves"}, {"lookup", LookupExtra, "lookup rows"}, {"evidence", EvidenceExtra, "evidence rows"}} {
		if n := s.extra[t.table]; n > 0 {
			a.find(Finding{Code: t.code, Promise: 2, Index: -1, Detail: fmt.Sprintf("%d %s are stored beyond the log of %d records", n, t.what, s.size)})
		}
	}
	want := int64(0)
	for n := s.size; n > 0; n /= 256 {
		want += (n + 255) / 256
	}
	if n := a.report.Tiles; n > want {
		a.find(Finding{Code: TileExtra, Promise: 2, Index: -1, Detail: fmt.Sprintf("%d tiles are stored, the log has %d", n, want)})
	}
}
