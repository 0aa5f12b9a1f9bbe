// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/tlog"
	"github.com/counterfoil/counterfoil/proof"
	"github.com/counterfoil/counterfoil/record"
)

// Acts of registry records about shards. A log that grows too long is closed,
// and goes on in another, of which the first leaf names the end of the one
// before.
const (
	ActOpenShard  = "shard-open"  // version is the origin of the shard before, parent its size, digest its root
	ActCloseShard = "shard-close" // version is the log's own origin, digest that of the checkpoint before it
)

// ClassShard is the class of the erasure record that says that the leaves of a
// shard were dropped; its month is the shard's.
const ClassShard = "shard"

// End is how a closed shard ended: the checkpoint with its closing record. What
// follows it in the log is custody of what the shard holds, such as tombstones.
type End struct {
	Origin  string
	Size    int64
	Root    tlog.Hash
	Closed  time.Time
	Dropped time.Time // zero: the leaves are there
	Said    string    // id of the erasure record that drops the leaves
}

// members are those of a registry record about shards.
func (e *End) members(by string) map[string]any {
	return map[string]any{"registry": map[string]any{"act": ActOpenShard, "kind": "config", "name": "log", "version": e.Origin,
		"parent": strconv.FormatInt(e.Size, 10), "digest": "sha256:" + hex.EncodeToString(e.Root[:]), "actor": by}}
}

// End says how the ledger was closed, or nil while it is open.
func (l *Ledger) End(ctx context.Context) (e *End, err error) {
	err = l.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		e, err = ReadEnd(ctx, tx)
		return err
	})
	return e, storage("read end of shard", err)
}

// ReadEnd is [Ledger.End] within a transaction. It believes what is stored: a
// verifier does not. What can not be read is [Invalid].
func ReadEnd(ctx context.Context, tx *db.Tx) (*End, error) {
	meta, err := readMeta(ctx, tx)
	if err != nil || meta["closed"] == nil {
		return nil, err
	}
	bad := func(err error) (*End, error) {
		return nil, &Error{Code: Invalid, Message: "read end of shard", Hint: "run counterfoil verify: the database was changed from outside", Cause: err}
	}
	e := &End{Origin: string(meta["origin"]), Said: string(meta["dropped_by"])}
	if e.Closed, err = time.Parse(time.RFC3339, string(meta["closed"])); err != nil {
		return bad(err)
	}
	if t := meta["dropped"]; t != nil {
		if e.Dropped, err = time.Parse(time.RFC3339, string(t)); err != nil {
			return bad(err)
		}
	}
	if e.Size, err = strconv.ParseInt(string(meta["closed_size"]), 10, 64); err != nil {
		return bad(err)
	}
	var signed []byte
	err = tx.QueryRow(ctx, `SELECT note FROM checkpoint WHERE size = ?`, e.Size).Scan(&signed)
	if errors.Is(err, sql.ErrNoRows) {
		return bad(fmt.Errorf("there is no checkpoint of size %d", e.Size))
	}
	if err != nil {
		return nil, fmt.Errorf("read closing checkpoint: %w", err)
	}
	cp, err := proof.ParseCheckpoint(signed)
	if err != nil {
		return bad(err)
	}
	e.Root = cp.Root
	return e, nil
}

// errMoved is that another node committed between a look and a commit.
var errMoved = fault(Busy, "try again", "the log has grown meanwhile")

// CloseShard closes the log: its last record, and the mark, in one transaction.
// From then on it takes only custody of what it holds; see [End]. On a log that
// is closed it changes nothing. by is the pseudonymous actor.
func (l *Ledger) CloseShard(ctx context.Context, by string) (*End, error) {
	const tries = 20
	for try := 1; ; try++ {
		if e, err := l.End(ctx); err != nil || e != nil {
			return e, err
		}
		if err := l.closeShard(ctx, by); err != nil && (try == tries || !errors.Is(err, errMoved)) {
			return nil, err
		}
	}
}

func (l *Ledger) closeShard(ctx context.Context, by string) error {
	signed, size, err := l.Newest(ctx)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(signed)
	now := l.cfg.Now()
	r, err := NewRecord(l.cfg.Rules, record.Registry, now, map[string]any{"registry": map[string]any{"act": ActCloseShard, "kind": "config", "name": "log",
		"version": l.origin, "digest": "sha256:" + hex.EncodeToString(sum[:]), "actor": by}})
	if err != nil {
		return fmt.Errorf("make registry record: %w", err)
	}
	_, err = l.Append(ctx, Batch{Records: []*record.Record{r}, Principal: by, Capture: "manual", Custody: true, Also: func(ctx context.Context, tx *db.Tx, places []int64) error {
		if places[0] != size {
			return errMoved
		}
		if err := setMeta(ctx, tx, "closed", now.UTC().Format(time.RFC3339)); err != nil {
			return err
		}
		if err := setMeta(ctx, tx, "closed_size", strconv.FormatInt(size+1, 10)); err != nil {
			return err
		}
		return raiseEpoch(ctx, tx) // so that every node looks
	}})
	return plain(err)
}

// plain takes the position off the error of a batch of one.
func plain(err error) error {
	if e, ok := errors.AsType[*RecordError](err); ok {
		return e.Err
	}
	return err
}

func setMeta(ctx context.Context, tx *db.Tx, name, value string) error {
	if _, err := tx.Exec(ctx, `INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, []byte(value)); err != nil {
		return fmt.Errorf("write meta: %w", err)
	}
	return nil
}

// BeginShard writes the first leaf of a log that goes on where another ended.
func (l *Ledger) BeginShard(ctx context.Context, before *End, by string) error {
	r, err := NewRecord(l.cfg.Rules, record.Registry, l.cfg.Now(), before.members(by))
	if err != nil {
		return fmt.Errorf("make registry record: %w", err)
	}
	_, err = l.Append(ctx, Batch{Records: []*record.Record{r}, Principal: by, Capture: "manual", Custody: true, Also: func(_ context.Context, _ *db.Tx, places []int64) error {
		if places[0] != 0 {
			return fault(Conflict, "it must be new", "the log %s has records already", l.origin)
		}
		return nil
	}})
	return plain(err)
}

// Opening is what the first leaf of a shard says of the one before.
type Opening struct {
	Origin, Root string // Root: as "sha256:" and hex
	Size         string
}

// Names says whether the opening is that of who follows e.
func (o *Opening) Names(e *End) bool {
	return o.Origin == e.Origin && o.Size == strconv.FormatInt(e.Size, 10) && o.Root == "sha256:"+hex.EncodeToString(e.Root[:])
}

// ParseOpening reads the statement of a first leaf; nil: it names no shard.
func ParseOpening(statement []byte) (*Opening, error) {
	var doc struct {
		Type     string
		Registry struct{ Act, Version, Parent, Digest string }
	}
	if err := json.Unmarshal(statement, &doc); err != nil {
		return nil, fmt.Errorf("read first leaf: %w", err)
	}
	if doc.Type != string(record.Registry) || doc.Registry.Act != ActOpenShard {
		return nil, nil
	}
	return &Opening{Origin: doc.Registry.Version, Size: doc.Registry.Parent, Root: doc.Registry.Digest}, nil
}

// errRolled refuses what comes for a log that takes nothing more.
func errRolled(origin string) error {
	return fault(Closed, "the ledger was rolled: send the same to the live ledger, under its own name", "the log %s is closed", origin)
}

// refuse refuses the jobs that a closed log does not take, in the transaction
// that has locked its head, so that every node agrees. The epoch tells when to
// look again. A head of another log says that this one was renamed meanwhile.
func (t *transaction) refuse(ctx context.Context, tx *db.Tx, epoch int64, checkpoint []byte) error {
	l := t.l
	if cp, err := proof.ParseCheckpoint(checkpoint); err == nil && cp.Origin != l.origin {
		l.closed.Store(closedMoved)
		return errRolled(l.origin)
	}
	if l.looked != epoch+1 {
		meta, err := readMeta(ctx, tx)
		if err != nil {
			return fmt.Errorf("read meta: %w", err)
		}
		l.looked = epoch + 1
		l.learnClosed(meta)
	}
	for i, j := range t.jobs {
		if !l.takes(j.custody) {
			t.refused[i] = errRolled(l.origin)
		}
	}
	return nil
}

// How far a log is closed.
const (
	closedNot     = iota
	closedShard   // for all but custody
	closedDropped // for all
	closedMoved   // for all: it has another name now
)

func (l *Ledger) learnClosed(meta map[string][]byte) {
	switch {
	case meta["dropped"] != nil:
		l.closed.Store(closedDropped)
	case meta["closed"] != nil:
		l.closed.Store(closedShard)
	}
}

// takes says whether the log takes records, of custody or others.
func (l *Ledger) takes(custody bool) bool {
	state := l.closed.Load()
	return state == closedNot || state == closedShard && custody
}

// IsMoved says that a commit has found another log in the place of this one: it
// was rolled by another process, and must be opened again.
func (l *Ledger) IsMoved() bool { return l.closed.Load() == closedMoved }

// isCustody says whether a batch is custody of what the log holds already.
func (b *Batch) isCustody() bool {
	return b.Custody && !slices.ContainsFunc(b.Records, func(r *record.Record) bool { return !slices.Contains(custody, r.Type()) })
}

// places finds where ids stand.
func places(ctx context.Context, tx *db.Tx, ids []any) (map[string]taken, error) {
	out := map[string]taken{}
	for some := range slices.Chunk(ids, 500) {
		rows, err := tx.Query(ctx, `SELECT id, idx, content FROM lookup WHERE id IN (`+db.Marks(len(some))+`)`, some...)
		if err == nil {
			err = scanTaken(rows, out)
		}
		if err != nil {
			return nil, fmt.Errorf("look up ids: %w", err)
		}
	}
	return out, nil
}

func scanTaken(rows *sql.Rows, out map[string]taken) error {
	defer rows.Close()
	for rows.Next() {
		var id string
		var tk taken
		if err := rows.Scan(&id, &tk.index, &tk.content); err != nil {
			return err
		}
		out[id] = tk
	}
	return rows.Err()
}
