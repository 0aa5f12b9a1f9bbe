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
	"time"

	sumdb "golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sync/errgroup"

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
	Created bool  // false: the same record was there already
	Err     error // only in a partial batch
}

// item is one prepared record on its way through the committer.
type item struct {
	rec     *record.Record
	fields  *record.Fields // of the statement
	leaf    tlog.Hash
	packed  []byte // the statement as it is stored
	key     int64
	sealed  []byte // nil: no private values
	content []byte
	err     error // preparation failed (partial batches only)
}

// Append seals the records, commits them and returns their places. When it
// returns without error (and without Item.Err), the records are durable and
// provable. It blocks until the commit; when ctx ends first, the batch may or
// may not have been committed, and sending it again is safe. Errors are
// [*Error] or *record.Error; when one record is the reason for refusing the
// whole batch, inside a [*RecordError] that says which.
func (l *Ledger) Append(ctx context.Context, b Batch) (*Receipts, error) {
	if l.signer == nil {
		return nil, fault(Invalid, "", "the ledger was opened without its keys")
	}
	if len(b.Records) == 0 {
		return nil, fault(Invalid, "send at least one record", "the batch is empty")
	}
	if err := l.queue.room(len(b.Records)); err != nil {
		return nil, err
	}
	items, err := l.prepare(ctx, b)
	if err != nil {
		return nil, err
	}
	j := &job{items: items, partial: b.Partial, done: make(chan struct{})}
	if err := l.queue.put(j); err != nil {
		return nil, err
	}
	select {
	case <-j.done:
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for commit: %w", context.Cause(ctx))
	}
	if j.err != nil {
		return nil, j.err
	}
	return l.answer(ctx, j)
}

// prepare does everything that needs no order: sealing, encryption, hashing.
// Larger batches use every core.
func (l *Ledger) prepare(ctx context.Context, b Batch) ([]item, error) {
	now := l.cfg.Now()
	key, err := l.currentKey(ctx, now)
	if err != nil {
		return nil, err
	}
	items := make([]item, len(b.Records))
	workers := min(runtime.GOMAXPROCS(0), (len(items)+63)/64)
	part := (len(items) + workers - 1) / workers
	seal := func(from int) error {
		random := bufio.NewReaderSize(rand.Reader, 16*min(part*8, 256)) // a salt for each value
		for i := from; i < min(from+part, len(items)); i++ {
			err := l.prepareOne(&items[i], b, b.Records[i], key, now, random)
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
	return items, errors.Join(err, others.Wait())
}

func (l *Ledger) prepareOne(it *item, b Batch, r *record.Record, key *monthKey, now time.Time, random *bufio.Reader) error {
	st, openings, err := r.Seal(record.Completion{Recorded: now, Principal: b.Principal, Capture: b.Capture}, random)
	if err != nil {
		return err
	}
	fields := st.Fields()
	*it = item{rec: r, fields: &fields, leaf: st.LeafHash(), packed: leaf.Pack(st.Bytes()), key: key.number, content: l.contentMAC(r.Canonical())}
	if len(openings) > 0 {
		if it.sealed, err = key.key.Seal(r.ID(), openings); err != nil {
			return err
		}
	}
	return nil
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
