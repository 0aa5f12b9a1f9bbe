// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	sumdb "golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sync/errgroup"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/leaf"
	"github.com/counterfoil/counterfoil/internal/tlog"
	"github.com/counterfoil/counterfoil/record"
)

// Batch is what one caller wants appended.
type Batch struct {
	// Records, in the order in which they shall stand in the log.
	Records []*record.Record
	// Principal is the authenticated writer, as a pseudonymous code.
	Principal string
	// Capture is the door: see record.Completion.
	Capture string
	// Partial commits the records that can be, and reports the others one by
	// one. Otherwise the batch is all or nothing.
	Partial bool
	// Custody allows records that say what was done with the trail itself
	// (access, hold, erasure). It is set by the rooms that did it, never for
	// what came from outside: a forged tombstone would hide a deletion.
	Custody bool
	// Before says that the decisions are about to be made: they are judged by
	// the controls of that moment, and the caller waits for the verdict.
	Before bool
	// Also, if not nil, is run in the transaction that appends the records,
	// when all of them are new: places has the index of each. Its error refuses
	// the batch, and nothing of it happens. When the records are there already,
	// it was run then, and is not again. It must not use the ledger.
	Also func(ctx context.Context, tx *db.Tx, places []int64) error
}

// Receipts is the answer to a batch: the checkpoint under which every item's
// Path proves inclusion.
type Receipts struct {
	Checkpoint []byte // signed note
	Size       int64
	Items      []Item
}

// Item is the answer to one record.
type Item struct {
	ID      string
	Index   int64
	Path    sumdb.RecordProof
	Created bool // false: the same record was there already
	// Governed is what the judge found about a decision that is new.
	Governed *record.Governed
	Err      error // only in a partial batch

	// Checkpoint, if not nil, is the one of Size that Path is under, instead of
	// that of the batch: the record stands in an earlier shard.
	Checkpoint []byte
	Size       int64
}

// item is one prepared record on its way through the committer.
type item struct {
	rec     *record.Record
	fields  *record.Fields // of the statement
	leaf    tlog.Hash
	packed  []byte // the statement as it is stored
	key     int64
	sealed  []byte      // nil: no private values
	subject *subjectKey // nil: names nobody
	content []byte

	governed *record.Governed // what the judge found; nil: nobody judged
	follow   []item           // findings that follow from a judgement
	also     func(ctx context.Context, tx *db.Tx, index int64) error

	newSubject bool  // the key of the person is not a row yet; set by the committer
	err        error // preparation failed (partial batches only)
}

// Append seals the records, commits them and returns their places. When it
// returns without error (and without Item.Err), the records are durable and
// provable. It blocks until the commit; when ctx ends first, the batch may or
// may not have been committed, and sending it again is safe. Errors are
// [*Error] or *record.Error; when one record is the reason for refusing the
// whole batch, inside a [*RecordError] that says which.
func (l *Ledger) Append(ctx context.Context, b Batch) (*Receipts, error) {
	if l.contentKey == nil {
		return nil, fault(Invalid, "", "the ledger was opened without its keys")
	}
	if len(b.Records) == 0 {
		return nil, fault(Invalid, "send at least one record", "the batch is empty")
	}
	if !l.takes(b.isCustody()) {
		return nil, errRolled(l.origin)
	}
	if err := l.queue.room(len(b.Records)); err != nil {
		return nil, err
	}
	return l.appendNew(ctx, b)
}

// append seals and commits records that no earlier shard has.
func (l *Ledger) append(ctx context.Context, b Batch) (*Receipts, error) {
	for try := 0; ; try++ {
		j, err := l.enqueue(ctx, b)
		if err != nil {
			return nil, err
		}
		select {
		case <-j.done:
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for commit: %w", context.Cause(ctx))
		}
		switch {
		case errors.Is(j.err, errStale) && try < 5: // a key was destroyed, or the register changed: seal again
			if j.judge != nil {
				if err := (*l.governor.Load()).Refresh(ctx); err != nil {
					return nil, err
				}
			}
		case errors.Is(j.err, errStale):
			return nil, fault(Busy, "try again", "keys are destroyed, or the register is changed, faster than records are sealed")
		case j.err != nil:
			return nil, j.err
		default:
			return l.answer(ctx, j)
		}
	}
}

// custody are the types of records that nobody can send.
var custody = []record.Type{record.Access, record.Hold, record.Erasure}

// ownActs are acts of registry records that nobody can send.
var ownActs = []string{ActLogKey, ActRetireKey, ActRetention, ActOpenShard, ActCloseShard}

// ActRetention is the act of the registry record that names the retention
// classes in force.
const ActRetention = "retention"

func (l *Ledger) enqueue(ctx context.Context, b Batch) (*job, error) {
	j := &job{partial: b.Partial, custody: b.isCustody(), also: b.Also, done: make(chan struct{})}
	if err := l.prepare(ctx, b, j); err != nil {
		return nil, err
	}
	return j, l.queue.put(j)
}

// prepare does everything that needs no order: sealing, encryption, hashing.
// Larger batches use every core.
func (l *Ledger) prepare(ctx context.Context, b Batch, j *job) error {
	now := l.cfg.Now()
	subjects, epoch, err := l.subjectKeys(ctx, b.Records)
	if err != nil {
		return err
	}
	items := make([]item, len(b.Records))
	j.items, j.epoch = items, epoch
	if slices.ContainsFunc(b.Records, func(r *record.Record) bool { return r.Type() == record.Decision }) {
		j.judge = l.judge()
	}
	workers := min(runtime.GOMAXPROCS(0), (len(items)+63)/64)
	part := (len(items) + workers - 1) / workers
	seal := func(from int) error {
		random := bufio.NewReaderSize(rand.Reader, 16*min(part*8, 256)) // a salt for each value
		for i := from; i < min(from+part, len(items)); i++ {
			items[i].subject = subjects[i]
			err := l.prepareOne(ctx, &items[i], b, b.Records[i], now, j.judge, random)
			if err != nil && !b.Partial {
				return &RecordError{i, err}
			}
			items[i].err = err
		}
		return nil
	}
	var others errgroup.Group
	for from := part; from < len(items); from += part {
		others.Go(func() error { return seal(from) })
	}
	err = seal(0) // here: this goroutine has its stack already
	return errors.Join(err, others.Wait())
}

func (l *Ledger) prepareOne(ctx context.Context, it *item, b Batch, r *record.Record, now time.Time, judge Judge, random *bufio.Reader) error {
	received := r.Fields()
	if !b.Custody && (slices.Contains(custody, r.Type()) || r.Type() == record.Registry && (slices.Contains(ownActs, received.Kind) || ChangesRegister(received.Kind))) {
		return fault(Forbidden, "use the commands and routes for access, holds, erasure, keys and the register, which write it", "such %s records are written by the trail itself", r.Type())
	}
	class := l.cfg.Classify(&received)
	completion := record.Completion{Recorded: now, Principal: b.Principal, Capture: b.Capture}
	if class != DefaultClass {
		completion.Retention = class
	}
	var err error
	if completion.Governed, err = l.govern(ctx, it, judge, r, b.Before, now, random); err != nil {
		return err
	}
	st, openings, err := r.Seal(completion, random)
	if err != nil {
		return err
	}
	fields := st.Fields()
	it.rec, it.fields, it.leaf, it.packed, it.content = r, &fields, st.LeafHash(), leaf.Pack(st.Bytes()), l.contentMAC(r.Canonical())
	if len(openings) == 0 {
		return nil
	}
	month, err := l.currentKey(ctx, class, now)
	if err != nil {
		return err
	}
	key := month.key
	if it.subject != nil {
		key = it.subject.with(month)
	}
	it.key = month.number
	it.sealed, err = key.Seal(r.ID(), openings)
	return err
}

// answer builds the receipts of a committed job, in the caller's goroutine.
func (l *Ledger) answer(ctx context.Context, j *job) (*Receipts, error) {
	c := j.result
	out := &Receipts{Checkpoint: c.checkpoint, Size: c.size, Items: make([]Item, len(j.items))}
	var tiles tlog.TileReader
	for i := range j.items {
		p := c.places[i]
		it := &out.Items[i]
		it.ID, it.Index, it.Created, it.Err = idOf(&j.items[i]), p.index, p.created, p.err
		if p.err != nil {
			continue
		}
		if p.created {
			it.Governed = j.items[i].governed
		}
		var err error
		if c.growth != nil && p.index >= c.growth.From {
			it.Path, err = c.growth.Path(p.index)
		} else {
			if tiles == nil {
				tiles = l.tileReader(ctx)
			}
			it.Path, err = tlog.Path(p.index, c.size, tiles)
		}
		if err != nil {
			return nil, storage("prove inclusion", err)
		}
	}
	return out, nil
}

func idOf(it *item) string {
	if it.rec == nil {
		return ""
	}
	return it.rec.ID()
}

func sameContent(a, b []byte) bool { return bytes.Equal(a, b) }
