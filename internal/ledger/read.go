// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"slices"

	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/leaf"
	"github.com/counterfoil/counterfoil/internal/tlog"
	"github.com/counterfoil/counterfoil/proof"
	"github.com/counterfoil/counterfoil/record"
)

// Entry is one leaf of the log.
type Entry struct {
	Index     int64
	Statement []byte
}

// Get returns the statement of a record, or [NotFound].
func (l *Ledger) Get(ctx context.Context, id string) (Entry, error) {
	var e Entry
	err := l.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		e, err = get(ctx, tx, id)
		return err
	})
	return e, storage("read record", err)
}

func get(ctx context.Context, tx *db.Tx, id string) (Entry, error) {
	var e Entry
	err := tx.QueryRow(ctx, `SELECT e.idx, e.statement FROM lookup l JOIN entry e ON e.idx = l.idx WHERE l.id = ?`, id).Scan(&e.Index, (*leaf.Column)(&e.Statement))
	if errors.Is(err, sql.ErrNoRows) {
		return e, fault(NotFound, "list the records with counterfoil list, or GET …/records", "no record %q in this ledger", id)
	}
	return e, err
}

// Receipt proves one record: under the newest checkpoint that witnesses have
// cosigned or an authority has time-stamped, if one covers the record, or else
// under the newest. The given openings (see [Ledger.Disclose]) go along; values
// that were erased are said to be, with the record that accounts for it.
func (l *Ledger) Receipt(ctx context.Context, id string, openings []record.Opening) (*proof.Receipt, error) {
	r := &proof.Receipt{}
	var gone []Gone
	err := l.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		e, err := get(ctx, tx, id)
		if err != nil {
			return err
		}
		r.Statement, r.Index = e.Statement, e.Index
		size, err := attestedSize(ctx, tx, e.Index)
		if err != nil {
			return err
		}
		if r.Note, r.Timestamp, err = attested(ctx, tx, size); err != nil {
			return err
		}
		if gone, err = erased(ctx, tx, e); err != nil {
			return err
		}
		r.Path, err = tlog.Path(e.Index, size, tilesOf(ctx, tx))
		return err
	})
	if err != nil {
		return nil, storage("make receipt", err)
	}
	for _, o := range openings {
		r.Disclosed = append(r.Disclosed, proof.Disclosure{Pointer: o.Pointer, Salt: o.Salt, Value: o.Value})
	}
	for _, g := range gone {
		if !slices.ContainsFunc(openings, func(o record.Opening) bool { return o.Pointer == g.Pointer }) {
			r.Erased = append(r.Erased, proof.Erasure{Pointer: g.Pointer, Tombstone: g.Tombstone})
		}
	}
	return r, nil
}

// attestedSize picks the checkpoint for a receipt: of the newest few that
// others have signed and that cover the index, the one with most signatures;
// the head when there is none.
func attestedSize(ctx context.Context, tx *db.Tx, index int64) (int64, error) {
	var size int64
	err := tx.QueryRow(ctx, `SELECT size FROM (
		SELECT size, COUNT(*) AS signs FROM (
			SELECT size FROM (SELECT size FROM cosignature WHERE size > ? ORDER BY size DESC LIMIT 64) AS c
			UNION ALL
			SELECT size FROM (SELECT size FROM stamp WHERE size > ? ORDER BY size DESC LIMIT 64) AS s
		) AS signed GROUP BY size) AS counted ORDER BY signs DESC, size DESC LIMIT 1`, index, index).Scan(&size)
	if errors.Is(err, sql.ErrNoRows) {
		err = tx.QueryRow(ctx, `SELECT size FROM head WHERE one = 1`).Scan(&size)
	}
	return size, err
}

// attested returns the checkpoint of a size with the cosignature lines it has
// collected, and a time-stamp token or nil.
func attested(ctx context.Context, tx *db.Tx, size int64) (signed, token []byte, err error) {
	if err := tx.QueryRow(ctx, `SELECT note FROM checkpoint WHERE size = ?`, size).Scan(&signed); err != nil {
		return nil, nil, fmt.Errorf("read checkpoint %d: %w", size, err)
	}
	rows, err := tx.Query(ctx, `SELECT line FROM cosignature WHERE size = ? ORDER BY witness`, size)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var line []byte
		if err := rows.Scan(&line); err != nil {
			return nil, nil, err
		}
		signed = append(signed, line...)
	}
	if err := rows.Err(); err != nil {
		return nil, nil, err
	}
	err = tx.QueryRow(ctx, `SELECT token FROM stamp WHERE size = ? ORDER BY authority LIMIT 1`, size).Scan(&token)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return signed, token, err
}

// Entries walks the leaves from index from up to, but not including, to; a
// negative to means the size of the log when the walk reaches its end. Each
// page is a snapshot of its own; leaves never change, so the walk is whole.
func (l *Ledger) Entries(ctx context.Context, from, to int64) iter.Seq2[Entry, error] {
	const page = 1000
	return func(yield func(Entry, error) bool) {
		for next := from; to < 0 || next < to; {
			entries, err := l.entries(ctx, next, page, to)
			if err != nil {
				yield(Entry{}, storage("read entries", err))
				return
			}
			for _, e := range entries {
				if !yield(e, nil) {
					return
				}
			}
			if len(entries) < page {
				return
			}
			next = entries[len(entries)-1].Index + 1
		}
	}
}

// Statements walks the statements of the first size leaves, each time that it is
// called: what a selection is run over.
func (l *Ledger) Statements(ctx context.Context, size int64) func() iter.Seq2[[]byte, error] {
	return func() iter.Seq2[[]byte, error] {
		return func(yield func([]byte, error) bool) {
			for e, err := range l.Entries(ctx, 0, size) {
				if !yield(e.Statement, err) {
					return
				}
			}
		}
	}
}

func (l *Ledger) entries(ctx context.Context, from int64, limit int, to int64) ([]Entry, error) {
	if to < 0 {
		to = 1<<63 - 1
	}
	out := make([]Entry, 0, limit)
	err := l.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		rows, err := tx.Query(ctx, `SELECT idx, statement FROM entry WHERE idx >= ? AND idx < ? ORDER BY idx LIMIT ?`, from, to, limit)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var e Entry
			if err := rows.Scan(&e.Index, (*leaf.Column)(&e.Statement)); err != nil {
				return err
			}
			out = append(out, e)
		}
		return rows.Err()
	})
	return out, err
}

// Size is the number of leaves.
func (l *Ledger) Size(ctx context.Context) (int64, error) {
	_, size, err := l.Newest(ctx)
	return size, err
}

// Newest returns the newest checkpoint as the log signed it, and its size.
func (l *Ledger) Newest(ctx context.Context) (signed []byte, size int64, err error) {
	err = l.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		return tx.QueryRow(ctx, `SELECT size, checkpoint FROM head WHERE one = 1`).Scan(&size, &signed)
	})
	return signed, size, storage("read head", err)
}

// Checkpoint returns the newest checkpoint with the cosignatures it has.
func (l *Ledger) Checkpoint(ctx context.Context) (signed []byte, err error) {
	err = l.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		var size int64
		if err := tx.QueryRow(ctx, `SELECT size FROM head WHERE one = 1`).Scan(&size); err != nil {
			return err
		}
		signed, _, err = attested(ctx, tx, size)
		return err
	})
	return signed, storage("read checkpoint", err)
}

// Consistency proves that the log of size newer extends that of size older.
func (l *Ledger) Consistency(ctx context.Context, older, newer int64) (p sumdb.TreeProof, err error) {
	err = l.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		p, err = tlog.Consistency(older, newer, tilesOf(ctx, tx))
		return err
	})
	return p, storage("prove consistency", err)
}

// Tile returns the first width hashes of a tile, or [NotFound] when the log has
// not that many yet.
func (l *Ledger) Tile(ctx context.Context, level int, n int64, width int) (tile []byte, err error) {
	err = l.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		if tile, err = readTile(ctx, tx, level, n); err != nil {
			return err
		}
		if len(tile) < width*sumdb.HashSize {
			return fault(NotFound, "the newest checkpoint says how far the log goes", "the log has no tile %d/%d of width %d", level, n, width)
		}
		tile = tile[:width*sumdb.HashSize]
		return nil
	})
	return tile, storage("read tile", err)
}

// Bundle returns the first width leaves of an entry bundle, each with its
// 16-bit length (C2SP tlog-tiles), or [NotFound].
func (l *Ledger) Bundle(ctx context.Context, n int64, width int) ([]byte, error) {
	entries, err := l.entries(ctx, n*256, width, -1)
	if err != nil {
		return nil, storage("read bundle", err)
	}
	if len(entries) < width {
		return nil, fault(NotFound, "the newest checkpoint says how far the log goes", "the log has no entry bundle %d of width %d", n, width)
	}
	var b []byte
	for _, e := range entries {
		b = tlog.AppendBundle(b, e.Statement)
	}
	return b, nil
}

// CheckEdge reports whether the stored tiles still give the root that the newest
// checkpoint signs: a quick look, where package audit takes the thorough one.
func (l *Ledger) CheckEdge(ctx context.Context) error {
	return storage("check right edge", l.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		var signed []byte
		if err := tx.QueryRow(ctx, `SELECT checkpoint FROM head WHERE one = 1`).Scan(&signed); err != nil {
			return err
		}
		cp, err := proof.ParseCheckpoint(signed)
		if err != nil {
			return err
		}
		root, err := tlog.RootAt(cp.Size, tilesOf(ctx, tx))
		if err == nil && root != cp.Root {
			err = fmt.Errorf("the tiles of size %d do not give the signed root", cp.Size)
		}
		return err
	}))
}

func (l *Ledger) tileReader(ctx context.Context) tlog.TileReader {
	return func(level int, n int64, width int) (tile []byte, err error) {
		err = l.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
			tile, err = readTile(ctx, tx, level, n)
			return err
		})
		return tile, err
	}
}

func tilesOf(ctx context.Context, tx *db.Tx) tlog.TileReader {
	return func(level int, n int64, width int) ([]byte, error) { return readTile(ctx, tx, level, n) }
}

func readTile(ctx context.Context, tx *db.Tx, level int, n int64) ([]byte, error) {
	var b []byte
	err := tx.QueryRow(ctx, `SELECT hashes FROM tile WHERE level = ? AND n = ?`, level, n).Scan(&b)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault(NotFound, "the newest checkpoint says how far the log goes", "the log has no tile %d/%d", level, n)
	}
	return b, err
}
