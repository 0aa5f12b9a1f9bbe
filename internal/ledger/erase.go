// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/leaf"
	"github.com/counterfoil/counterfoil/record"
)

// Target is what is to be erased of one record: the values at the pointers, or
// with none of them every private value.
type Target struct {
	Index    int64
	ID       string
	Pointers []string
}

// EraseValues destroys private values, in the transaction that appends the
// erasure record at index said (see [Batch.Also]), which names the same targets.
// Any target under a legal hold makes it fail with [Held], and nothing happens.
func (l *Ledger) EraseValues(ctx context.Context, tx *db.Tx, said int64, targets []Target) error {
	for some := range slices.Chunk(targets, 400) {
		indexes := make([]any, len(some))
		for i, t := range some {
			indexes[i] = t.Index
		}
		if err := refuseHeld(ctx, tx, `SELECT idx, hold FROM held WHERE idx IN (`+db.Marks(len(indexes))+`) LIMIT 1`, indexes...); err != nil {
			return err
		}
		var whole []any
		rows := make([][]any, len(some))
		for i, t := range some {
			rows[i] = []any{t.Index, said}
			if len(t.Pointers) == 0 {
				whole = append(whole, t.Index)
			} else if err := l.eraseSome(ctx, tx, t); err != nil {
				return err
			}
		}
		if err := dropEvidence(ctx, tx, whole); err != nil {
			return err
		}
		if err := forgetContent(ctx, tx, indexes); err != nil {
			return err
		}
		if err := ForgetTexts(ctx, tx, indexes); err != nil {
			return err
		}
		if err := tx.Insert(ctx, "tombstone", []string{"idx", "said"}, rows); err != nil {
			return fmt.Errorf("write tombstones: %w", err)
		}
	}
	return nil
}

func refuseHeld(ctx context.Context, tx *db.Tx, query string, args ...any) error {
	var index int64
	var hold string
	err := tx.QueryRow(ctx, query, args...).Scan(&index, &hold)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("check holds: %w", err)
	}
	return fault(Held, "release the hold first; counterfoil hold list shows it", "the record at index %d is under the legal hold %q", index, hold)
}

func dropEvidence(ctx context.Context, tx *db.Tx, indexes []any) error {
	if len(indexes) == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, `DELETE FROM evidence WHERE idx IN (`+db.Marks(len(indexes))+`)`, indexes...); err != nil {
		return fmt.Errorf("delete evidence: %w", err)
	}
	return nil
}

// forgetContent empties the marks by which a record that is sent again is
// recognised: with the keys at hand, a guess at what was erased could be held
// against them.
func forgetContent(ctx context.Context, tx *db.Tx, indexes []any) error {
	if len(indexes) == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, `UPDATE lookup SET content = ? WHERE idx IN (`+db.Marks(len(indexes))+`)`, append([]any{[]byte{}}, indexes...)...); err != nil {
		return fmt.Errorf("empty content marks: %w", err)
	}
	return nil
}

// eraseSome seals what is left of a record anew.
func (l *Ledger) eraseSome(ctx context.Context, tx *db.Tx, t Target) error {
	s, err := readSealed(ctx, tx, t.Index)
	if err != nil {
		return fmt.Errorf("read evidence: %w", err)
	}
	all, err := l.openSealed(s, t.ID)
	if err != nil || s.bytes == nil {
		return err
	}
	left := slices.DeleteFunc(all, func(o record.Opening) bool { return slices.Contains(t.Pointers, o.Pointer) })
	if len(left) == 0 {
		return dropEvidence(ctx, tx, []any{t.Index})
	}
	key, err := l.key(s)
	if err != nil {
		return err
	}
	again, err := key.Seal(t.ID, left)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE evidence SET sealed = ? WHERE idx = ?`, again, t.Index); err != nil {
		return fmt.Errorf("write evidence: %w", err)
	}
	return nil
}

// DestroySubject destroys the key of a person of whom no evidence is left. It
// reports false, and does nothing, while some is.
func DestroySubject(ctx context.Context, tx *db.Tx, who []byte) (bool, error) {
	left, err := RecordsOf(ctx, tx, who, 1)
	if err != nil || len(left) > 0 {
		return false, err
	}
	res, err := tx.Exec(ctx, `DELETE FROM subject WHERE mac = ?`, who)
	if err != nil {
		return false, fmt.Errorf("destroy key of a person: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return false, err
	}
	return true, raiseEpoch(ctx, tx)
}

// raiseEpoch tells every node that a key was destroyed.
func raiseEpoch(ctx context.Context, tx *db.Tx) error {
	if _, err := tx.Exec(ctx, `UPDATE head SET epoch = epoch + 1 WHERE one = 1`); err != nil {
		return fmt.Errorf("raise epoch: %w", err)
	}
	return nil
}

// RecordsOf lists the indexes of the records of a person that have evidence, in
// order, at most limit (0: all).
func RecordsOf(ctx context.Context, tx *db.Tx, who []byte, limit int) ([]int64, error) {
	q := Query{Ascending: true}
	segments, err := q.segments(ctx, tx)
	if err != nil {
		return nil, err
	}
	var out []int64
	for some := range slices.Chunk(segments, segmentsEach) {
		rows, err := tx.Query(ctx, `SELECT idx FROM evidence WHERE subject = ? AND idx / 65536 IN (`+db.Marks(len(some))+`) ORDER BY idx`, append([]any{who}, some...)...)
		if err != nil {
			return nil, fmt.Errorf("find records of a person: %w", err)
		}
		if out, err = scanIndexes(rows, out); err != nil {
			return nil, err
		}
		if limit > 0 && len(out) >= limit {
			return out[:limit], nil
		}
	}
	return out, nil
}

func scanIndexes(rows *sql.Rows, out []int64) ([]int64, error) {
	defer rows.Close()
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, rows.Err()
}

// DestroyMonth destroys the key of a class and month, in the transaction that
// appends the erasure record at index said, which names both. Any record of
// theirs under a legal hold makes it fail with [Held]. The rows, which nobody
// can open any more, are taken away by [Ledger.Sweep]. It reports false when
// there is no such key.
func DestroyMonth(ctx context.Context, tx *db.Tx, said int64, class, month string) (bool, error) {
	var number int64
	err := tx.QueryRow(ctx, `SELECT key FROM evidence_key WHERE class = ? AND month = ?`, class, month).Scan(&number)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("find evidence key: %w", err)
	}
	if err := refuseHeld(ctx, tx, `SELECT h.idx, h.hold FROM held h JOIN evidence e ON e.idx = h.idx WHERE e.key = ? LIMIT 1`, number); err != nil {
		return false, err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM evidence_key WHERE key = ?`, number); err != nil {
		return false, fmt.Errorf("destroy evidence key: %w", err)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO expired (class, month, key, said, swept) VALUES (?, ?, ?, ?, 0)`, class, month, number, said); err != nil {
		return false, fmt.Errorf("note expiry: %w", err)
	}
	return true, raiseEpoch(ctx, tx)
}

// Sweep takes away up to limit evidence rows of which the key was destroyed, and
// the keys of persons of whom nothing is left. It returns how many rows; zero
// says that there are no more. It can be stopped and started at will.
func (l *Ledger) Sweep(ctx context.Context, limit int) (int, error) {
	var swept int
	err := l.cfg.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		swept = 0
		var number int64
		err := tx.QueryRow(ctx, `SELECT key FROM expired WHERE swept = 0 LIMIT 1`).Scan(&number)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		indexes, macs, err := rowsOfKey(ctx, tx, number, limit)
		if err != nil {
			return err
		}
		if swept = len(indexes); swept < limit {
			if _, err := tx.Exec(ctx, `UPDATE expired SET swept = 1 WHERE key = ?`, number); err != nil {
				return err
			}
			swept = max(swept, 1) // there may be another key
		}
		for some := range slices.Chunk(indexes, 400) {
			if err := dropEvidence(ctx, tx, some); err != nil {
				return err
			}
			if err := forgetContent(ctx, tx, some); err != nil {
				return err
			}
			if err := ForgetTexts(ctx, tx, some); err != nil {
				return err
			}
		}
		// The head is locked from here on: no commit can bring new evidence of them.
		if err := raiseEpoch(ctx, tx); err != nil {
			return err
		}
		for m := range macs {
			if _, err := DestroySubject(ctx, tx, m[:]); err != nil {
				return err
			}
		}
		return nil
	})
	return swept, storage("sweep expired evidence", err)
}

func rowsOfKey(ctx context.Context, tx *db.Tx, number int64, limit int) ([]any, map[mac]bool, error) {
	rows, err := tx.Query(ctx, `SELECT idx, subject FROM evidence WHERE key = ? ORDER BY idx LIMIT ?`, number, limit)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	var indexes []any
	macs := map[mac]bool{}
	for rows.Next() {
		var index int64
		var who []byte
		if err := rows.Scan(&index, &who); err != nil {
			return nil, nil, err
		}
		indexes = append(indexes, index)
		if len(who) == macSize {
			macs[mac(who)] = true
		}
	}
	return indexes, macs, rows.Err()
}

// Gone is a private value that was erased, and the record that says so.
type Gone struct {
	Pointer   string
	Tombstone string
}

// Erased lists which private values of a record were erased.
func (l *Ledger) Erased(ctx context.Context, id string) (out []Gone, err error) {
	err = l.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		e, err := get(ctx, tx, id)
		if err == nil {
			out, err = erased(ctx, tx, e)
		}
		return err
	})
	return out, storage("read tombstones", err)
}

func erased(ctx context.Context, tx *db.Tx, e Entry) ([]Gone, error) {
	st, err := record.ParseStatement(e.Statement)
	if err != nil || len(st.Seals()) == 0 {
		return nil, err
	}
	saying, err := tombstonesOf(ctx, tx, e.Index, st)
	if err != nil || len(saying) == 0 {
		return nil, err
	}
	var out []Gone
	for _, seal := range st.Seals() {
		for _, t := range saying {
			if t.Covers(st, seal.Pointer) {
				out = append(out, Gone{seal.Pointer, t.ID})
				break
			}
		}
	}
	return out, nil
}

// tombstonesOf reads the erasure records that may account for values of a record.
func tombstonesOf(ctx context.Context, tx *db.Tx, index int64, st *record.Statement) ([]Tombstone, error) {
	f := st.Fields()
	rows, err := tx.Query(ctx, `SELECT idx, statement FROM entry WHERE idx IN (
		SELECT said FROM tombstone WHERE idx = ? UNION SELECT said FROM expired WHERE class = ? AND month = ? AND said > ?)`,
		index, classOf(&f), Month(f.Recorded), index)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Tombstone
	for rows.Next() {
		var e Entry
		if err := rows.Scan(&e.Index, (*leaf.Column)(&e.Statement)); err != nil {
			return nil, err
		}
		t, err := ParseTombstone(e.Statement)
		if err != nil {
			return nil, err
		}
		t.Index = e.Index
		out = append(out, t)
	}
	return out, rows.Err()
}
