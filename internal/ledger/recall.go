// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"errors"
	"slices"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/tlog"
	"github.com/counterfoil/counterfoil/record"
)

// appendNew appends the records that no earlier shard has, and answers the
// others from there, each under a checkpoint of its shard. Closed shards take no
// new ids, so they can be asked before the commit.
func (l *Ledger) appendNew(ctx context.Context, b Batch) (*Receipts, error) {
	old := make([]*Item, len(b.Records))
	found := 0
	if b.Custody {
		return l.append(ctx, b) // under ids that were drawn for it
	}
	for _, shard := range l.cfg.Previous {
		n, err := shard.recall(ctx, b, old)
		if err != nil {
			return nil, err
		}
		found += n
	}
	if found == 0 {
		return l.append(ctx, b)
	}
	if b.Also != nil {
		return nil, errThere
	}
	rest := b
	rest.Records = make([]*record.Record, 0, len(b.Records)-found)
	var at []int // of the rest, in the batch
	for i, r := range b.Records {
		if old[i] == nil {
			rest.Records, at = append(rest.Records, r), append(at, i)
		}
	}
	out := &Receipts{}
	if len(at) > 0 {
		var err error
		if out, err = l.append(ctx, rest); err != nil {
			return nil, replace(err, at)
		}
	}
	return merge(out, old), nil
}

// replace gives the error of a part of a batch its place in the whole.
func replace(err error, at []int) error {
	if e, ok := errors.AsType[*RecordError](err); ok {
		return &RecordError{at[e.Record], e.Err}
	}
	return err
}

// merge puts the answers of earlier shards between those of this one. When there
// are only such of one checkpoint, it is that of the whole answer.
func merge(out *Receipts, old []*Item) *Receipts {
	items := make([]Item, len(old))
	next := 0
	for i, it := range old {
		if it == nil {
			items[i] = out.Items[next]
			next++
			continue
		}
		items[i] = *it
	}
	out.Items = items
	if out.Checkpoint != nil {
		return out
	}
	for _, it := range items {
		if it.Checkpoint != nil {
			out.Checkpoint, out.Size = it.Checkpoint, it.Size
			break
		}
	}
	for i := range items {
		if slices.Equal(items[i].Checkpoint, out.Checkpoint) {
			items[i].Checkpoint, items[i].Size = nil, 0
		}
	}
	return out
}

// recall answers those records of a batch that stand in this closed shard, where
// nothing is answered yet, and says how many. The same id with other content is
// a [Conflict].
func (l *Ledger) recall(ctx context.Context, b Batch, old []*Item) (int, error) {
	var ids []any
	for i, r := range b.Records {
		if old[i] == nil {
			ids = append(ids, r.ID())
		}
	}
	found := 0
	err := l.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		have, err := places(ctx, tx, ids)
		if err != nil || len(have) == 0 {
			return err
		}
		var checkpoint []byte
		var size int64
		if err := tx.QueryRow(ctx, `SELECT size, checkpoint FROM head WHERE one = 1`).Scan(&size, &checkpoint); err != nil {
			return err
		}
		for i, r := range b.Records {
			tk, ok := have[r.ID()]
			if !ok || old[i] != nil {
				continue
			}
			it := &Item{ID: r.ID(), Index: tk.index, Checkpoint: checkpoint, Size: size}
			if it.Err = tk.compare(r.ID(), l.contentMAC(r.Canonical())); it.Err != nil {
				if !b.Partial {
					return &RecordError{i, it.Err}
				}
				it.Checkpoint, it.Size = nil, 0
			} else if it.Path, err = tlog.Path(tk.index, size, tilesOf(ctx, tx)); err != nil {
				return err
			}
			old[i] = it
			found++
		}
		return nil
	})
	return found, storage("ask a closed shard", err)
}
