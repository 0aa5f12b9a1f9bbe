// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/leaf"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// ShardMismatch is the code of a finding about the chain of shards.
const ShardMismatch = "shard_mismatch"

// readDropped says whether the database says that its leaves were dropped, and
// then checks what must be left. Whether it was allowed to, [Chain] finds.
func (a *auditor) readDropped(ctx context.Context, tx *db.Tx) (bool, error) {
	end, err := ledger.ReadEnd(ctx, tx)
	if isInvalid(err) {
		return false, nil // what is wrong with the end is found otherwise
	}
	if err != nil || end == nil || end.Dropped.IsZero() {
		return false, err
	}
	a.snap = &snapshot{}
	a.report.Dropped, a.report.Origin = true, end.Origin
	if err := a.readVerifiers(ctx, tx); err != nil {
		return true, err
	}
	s := a.snap
	if err := tx.QueryRow(ctx, `SELECT size, checkpoint FROM head WHERE one = 1`).Scan(&s.size, &s.head); err != nil {
		return true, fmt.Errorf("read head: %w", err)
	}
	a.report.Size, a.report.Checkpoints = s.size, 1
	last, f := a.judgeOne(signedAt{s.size, s.head})
	if f != nil {
		a.find(*f)
		return true, nil
	}
	a.report.Root, s.checkpoints = last.root.String(), []checkpoint{last}
	if end.Size != s.size {
		var signed []byte
		if err := tx.QueryRow(ctx, `SELECT note FROM checkpoint WHERE size = ?`, end.Size).Scan(&signed); err != nil {
			return true, fmt.Errorf("read closing checkpoint: %w", err)
		}
		a.report.Checkpoints++
		closing, f := a.judgeOne(signedAt{end.Size, signed})
		if f != nil {
			a.find(*f)
		}
		s.checkpoints = []checkpoint{closing, last}
	}
	a.checkOpening(ctx, tx, last)
	if a.cfg.Trust != nil {
		return true, a.judgeTrust(ctx, tx)
	}
	return true, nil
}

func isInvalid(err error) bool {
	e, ok := errors.AsType[*ledger.Error](err)
	return ok && e.Code == ledger.Invalid
}

// readVerifiers takes the keys of the log from the database: the leaves that
// announced them are gone. The memory holds them against what it has seen.
func (a *auditor) readVerifiers(ctx context.Context, tx *db.Tx) error {
	return each(ctx, tx, `SELECT name, value FROM meta WHERE name IN ('vkey', 'vkeys')`, nil, func(rows *sql.Rows) error {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return err
		}
		if name == "vkey" {
			a.report.VerifierKey = value
		}
		for vkey := range strings.SplitSeq(value, "\n") {
			v, err := note.NewVerifier(vkey)
			if err != nil {
				a.find(Finding{Code: CheckpointInvalid, Promise: 2, Index: -1, Detail: fmt.Sprintf("the log key %q is not a verifier key", vkey)})
				continue
			}
			k := logKey{vkey: vkey, verifier: v, from: -1}
			if name == "vkey" { // the newest, which must have signed the end
				a.snap.logKeys = append(a.snap.logKeys, k)
			} else {
				a.snap.logKeys = append([]logKey{k}, a.snap.logKeys...)
			}
		}
		return nil
	})
}

// checkOpening proves the first leaf that was kept.
func (a *auditor) checkOpening(ctx context.Context, tx *db.Tx, last checkpoint) {
	statement, path, err := ledger.ReadOpening(ctx, tx)
	if err == nil && statement != nil {
		err = sumdb.CheckRecord(path, last.size, last.root, 0, record.LeafHash(statement))
	}
	if err != nil {
		a.find(Finding{Code: LeafChanged, Promise: 2, Index: 0, Detail: fmt.Sprintf("the first leaf, which names the shard before, is not proven: %v", err)})
	}
}

// endDropped holds the end of a dropped shard against the memory.
func (a *auditor) endDropped(ctx context.Context) error {
	if len(a.snap.checkpoints) == 0 {
		return nil // its checkpoint is no good
	}
	seen, err := a.recall(ctx)
	if err != nil {
		return err
	}
	last := a.snap.checkpoints[len(a.snap.checkpoints)-1]
	switch {
	case seen != nil && seen.size > last.size:
		a.find(Finding{Code: Rollback, Promise: 2, Index: -1, Size: seen.size, Detail: fmt.Sprintf("the dropped log ends with %d records; a checkpoint of %d records was verified here before", last.size, seen.size)})
	case seen != nil && seen.size == last.size && seen.root != last.root:
		a.find(Finding{Code: Fork, Promise: 2, Index: -1, Size: seen.size, Detail: "this is another history: the checkpoint that was verified here before has another root"})
	}
	if !a.Whole() || a.cfg.Memory == nil {
		return nil
	}
	return a.remember(ctx)
}

// Shard is one ledger of a chain: a closed one, or at its end the one that goes on.
type Shard struct {
	Name string // as MAIN.MONTH; the one that goes on has no month
	DB   *db.DB
}

// link is what one shard says of itself.
type link struct {
	Shard
	origin  string
	end     *ledger.End // nil: it is not closed, or damage says why it can not be read
	damage  error
	opening *ledger.Opening
	size    int64
}

// Chain verifies that each shard begins with a leaf that names the end of the
// one before, that nothing but custody followed an end, and that a later shard
// says so when leaves were dropped. Shards are given oldest first. What each of
// them says of itself [Run] verifies.
func Chain(ctx context.Context, shards []Shard) ([]Finding, error) {
	links := make([]link, len(shards))
	for i, s := range shards {
		links[i].Shard = s
		if err := s.DB.Read(ctx, links[i].read); err != nil {
			return nil, fmt.Errorf("read shard %s: %w", s.Name, err)
		}
	}
	out := []Finding{}
	wrong := func(format string, args ...any) {
		out = append(out, Finding{Code: ShardMismatch, Promise: 2, Index: -1, Detail: fmt.Sprintf(format, args...)})
	}
	for i := range links {
		l := &links[i]
		switch {
		case i == 0 && l.opening != nil:
			wrong("%s begins where the log %s ended, which is not here", l.Name, l.opening.Origin)
		case i > 0:
			if err := l.follows(ctx, &links[i-1], wrong); err != nil {
				return nil, fmt.Errorf("read shard %s: %w", links[i-1].Name, err)
			}
		}
		if l.end != nil && !l.end.Dropped.IsZero() {
			if said, err := isSaid(ctx, l, links[i+1:]); err != nil {
				return nil, fmt.Errorf("look for erasure record: %w", err)
			} else if !said {
				wrong("the leaves of %s are said to be dropped, but no erasure record of a later shard says so", l.Name)
			}
		}
	}
	return out, nil
}

func (l *link) read(ctx context.Context, tx *db.Tx) (err error) {
	if l.end, err = ledger.ReadEnd(ctx, tx); isInvalid(err) {
		l.damage = err
	} else if err != nil {
		return err
	}
	if err := tx.QueryRow(ctx, `SELECT size, (SELECT value FROM meta WHERE name = 'origin') FROM head WHERE one = 1`).Scan(&l.size, (*text)(&l.origin)); err != nil {
		return err
	}
	statement, _, err := ledger.ReadOpening(ctx, tx)
	if err != nil || statement == nil {
		return err
	}
	l.opening, err = ledger.ParseOpening(statement)
	return err
}

// text is a value of the table meta.
type text string

// Scan implements sql.Scanner.
func (t *text) Scan(v any) error {
	b, ok := v.([]byte)
	if !ok {
		return fmt.Errorf("meta holds %T", v)
	}
	*t = text(b)
	return nil
}

// follows holds a first leaf against the shard before.
func (l *link) follows(ctx context.Context, before *link, wrong func(string, ...any)) error {
	if l.opening == nil {
		wrong("the first leaf of %s does not name the end of %s", l.Name, before.Name)
		return nil
	}
	if before.damage != nil {
		wrong("%s goes on where %s ended, of which the end is damaged: %v", l.Name, before.Name, before.damage)
		return nil
	}
	if before.end == nil {
		wrong("%s goes on where %s ended, which is not closed", l.Name, before.Name)
		return nil
	}
	if before.end.Origin != before.origin || !l.opening.Names(before.end) {
		wrong("the first leaf of %s names %s of size %s and root %s; %s ended as %s of size %d", l.Name, l.opening.Origin, l.opening.Size, l.opening.Root, before.Name, before.origin, before.end.Size)
		return nil
	}
	return before.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		var after int64
		err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM lookup WHERE idx >= ? AND type NOT IN ('access', 'hold', 'erasure')`, before.end.Size).Scan(&after)
		if after > 0 {
			wrong("%d records that are not custody follow the end of %s", after, before.Name)
		}
		return err
	})
}

// isSaid looks for the erasure record that says that leaves were dropped. In a
// later shard that was dropped itself it can not be found any more.
func isSaid(ctx context.Context, dropped *link, later []link) (bool, error) {
	_, month, _ := strings.Cut(dropped.Name, ".")
	for _, l := range later {
		if l.end != nil && !l.end.Dropped.IsZero() {
			return true, nil
		}
		said := false
		err := l.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
			var statement []byte
			err := tx.QueryRow(ctx, `SELECT e.statement FROM lookup l JOIN entry e ON e.idx = l.idx WHERE l.id = ? AND l.type = 'erasure'`, dropped.end.Said).Scan((*leaf.Column)(&statement))
			if errors.Is(err, sql.ErrNoRows) {
				return nil
			}
			if err != nil {
				return err
			}
			t, err := ledger.ParseTombstone(statement)
			said = err == nil && t.Class == ledger.ClassShard && t.Month == month
			return err
		})
		if err != nil || said {
			return said, err
		}
	}
	return false, nil
}
