// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/leaf"
	"github.com/counterfoil/counterfoil/record"
)

// DB is the database of the ledger, for rooms that keep tables of their own in
// it or read these; they write only through the functions of this package.
func (l *Ledger) DB() *db.DB { return l.cfg.DB }

// SealText encrypts a private text of another room; OpenText must be given the
// same purpose. It is under a key of the ledger that outlives rotations of the
// master key, which wraps that key: copies that nobody can change stay readable.
func (l *Ledger) SealText(purpose string, text []byte) []byte {
	return l.texts.Wrap(purpose+" "+l.origin, text)
}

// OpenText decrypts what [Ledger.SealText] made.
func (l *Ledger) OpenText(purpose string, sealed []byte) ([]byte, error) {
	return l.texts.Unwrap(purpose+" "+l.origin, sealed)
}

// MAC vouches for a text of another room: who has it, has it from this ledger.
// It is HMAC-SHA256 under a key of the ledger that outlives rotations of the
// master key; the purpose keeps those of different rooms apart.
func (l *Ledger) MAC(purpose string, text []byte) []byte {
	m := hmac.New(sha256.New, l.contentKey)
	m.Write([]byte("counterfoil/" + purpose + "\x00"))
	m.Write(text)
	return m.Sum(nil)
}

// Find returns the leaves at the given indexes, sorted if these are.
func (l *Ledger) Find(ctx context.Context, indexes []int64) ([]Entry, error) {
	var out []Entry
	err := l.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		out, err = FindEntries(ctx, tx, indexes)
		return err
	})
	return out, storage("read records", err)
}

// FindEntries is [Ledger.Find] within a transaction.
func FindEntries(ctx context.Context, tx *db.Tx, indexes []int64) ([]Entry, error) {
	out := make([]Entry, 0, len(indexes))
	for some := range slices.Chunk(indexes, 400) {
		args := make([]any, len(some))
		for i, n := range some {
			args[i] = n
		}
		rows, err := tx.Query(ctx, `SELECT idx, statement FROM entry WHERE idx IN (`+db.Marks(len(args))+`) ORDER BY idx`, args...)
		if err != nil {
			return nil, err
		}
		if out, err = scanEntries(rows, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func scanEntries(rows *sql.Rows, out []Entry) ([]Entry, error) {
	defer rows.Close()
	for rows.Next() {
		var e Entry
		if err := rows.Scan(&e.Index, (*leaf.Column)(&e.Statement)); err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, rows.Err()
}

// Evidence says what is left of the private values of a record, without opening
// them.
type Evidence struct {
	Index        int64
	Class, Month string
	Subject      []byte   // keyed hash of who; nil: the record names nobody
	Holds        []string // legal holds that it is under
}

// EvidenceOf lists the evidence of records, those that have any left, by index.
func EvidenceOf(ctx context.Context, tx *db.Tx, indexes []int64) ([]Evidence, error) {
	var out []Evidence
	for some := range slices.Chunk(indexes, 400) {
		args := make([]any, len(some))
		for i, n := range some {
			args[i] = n
		}
		rows, err := tx.Query(ctx, `SELECT e.idx, k.class, k.month, e.subject, h.hold FROM evidence e JOIN evidence_key k ON k.key = e.key
			LEFT JOIN held h ON h.idx = e.idx WHERE e.idx IN (`+db.Marks(len(args))+`) ORDER BY e.idx, h.hold`, args...)
		if err != nil {
			return nil, err
		}
		if out, err = scanEvidence(rows, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func scanEvidence(rows *sql.Rows, out []Evidence) ([]Evidence, error) {
	defer rows.Close()
	for rows.Next() {
		var e Evidence
		var hold sql.NullString
		if err := rows.Scan(&e.Index, &e.Class, &e.Month, &e.Subject, &hold); err != nil {
			return nil, err
		}
		if n := len(out); n > 0 && out[n-1].Index == e.Index {
			out[n-1].Holds = append(out[n-1].Holds, hold.String)
			continue
		}
		if hold.Valid {
			e.Holds = []string{hold.String}
		}
		out = append(out, e)
	}
	return out, rows.Err()
}

// EvidenceKey is the key of a class and month that is still there.
type EvidenceKey struct {
	Number       int64
	Class, Month string
}

// EvidenceKeys lists them, oldest month first.
func EvidenceKeys(ctx context.Context, tx *db.Tx) ([]EvidenceKey, error) {
	rows, err := tx.Query(ctx, `SELECT key, class, month FROM evidence_key ORDER BY month, class`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []EvidenceKey
	for rows.Next() {
		var k EvidenceKey
		if err := rows.Scan(&k.Number, &k.Class, &k.Month); err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	return out, rows.Err()
}

// EvidenceUnder lists the evidence that an evidence key seals, from index from
// on, at most limit.
func EvidenceUnder(ctx context.Context, tx *db.Tx, key, from int64, limit int) ([]Evidence, error) {
	rows, err := tx.Query(ctx, `SELECT idx FROM evidence WHERE key = ? AND idx >= ? ORDER BY idx LIMIT ?`, key, from, limit)
	if err != nil {
		return nil, err
	}
	indexes, err := scanIndexes(rows, nil)
	if err != nil {
		return nil, err
	}
	return EvidenceOf(ctx, tx, indexes)
}

// PlaceHold puts records under a legal hold; those that are under it already
// stay so.
func PlaceHold(ctx context.Context, tx *db.Tx, hold string, indexes []int64) error {
	for some := range slices.Chunk(indexes, 400) {
		values := make([]any, 0, 2*len(some))
		marks := strings.Repeat(", (?, ?)", len(some))
		for _, n := range some {
			values = append(values, n, hold)
		}
		if _, err := tx.Exec(ctx, `INSERT INTO held (idx, hold) VALUES `+marks[2:]+` ON CONFLICT (idx, hold) DO NOTHING`, values...); err != nil {
			return fmt.Errorf("place hold: %w", err)
		}
	}
	return nil
}

// LiftHold takes every record from under a legal hold.
func LiftHold(ctx context.Context, tx *db.Tx, hold string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM held WHERE hold = ?`, hold); err != nil {
		return fmt.Errorf("lift hold: %w", err)
	}
	return nil
}

// HeldBy lists the records under a legal hold, by index.
func HeldBy(ctx context.Context, tx *db.Tx, hold string) ([]int64, error) {
	rows, err := tx.Query(ctx, `SELECT idx FROM held WHERE hold = ? ORDER BY idx`, hold)
	if err != nil {
		return nil, err
	}
	return scanIndexes(rows, nil)
}

// IsHeld says whether a record is under any legal hold.
func (l *Ledger) IsHeld(ctx context.Context, id string) (held bool, err error) {
	err = l.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		var one int
		err := tx.QueryRow(ctx, `SELECT 1 FROM held h JOIN lookup l ON l.idx = h.idx WHERE l.id = ? LIMIT 1`, id).Scan(&one)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		held = err == nil
		return err
	})
	return held, storage("read holds", err)
}

// Related lists the records of a person, by index: those that name the person,
// those that follow one of these up, and those of the same interaction, unless
// they name somebody else. Only records with evidence left are listed.
func (l *Ledger) Related(ctx context.Context, tx *db.Tx, who []byte) ([]int64, error) {
	named, err := RecordsOf(ctx, tx, who, 0)
	if err != nil {
		return nil, err
	}
	seen := map[int64]bool{}
	for _, n := range named {
		seen[n] = true
	}
	for next := named; len(next) > 0; {
		entries, err := FindEntries(ctx, tx, next)
		if err != nil {
			return nil, err
		}
		next = nil
		found, err := l.neighbours(ctx, tx, entries)
		if err != nil {
			return nil, err
		}
		for _, n := range found {
			if !seen[n] {
				seen[n] = true
				next = append(next, n)
			}
		}
		slices.Sort(next)
	}
	out := make([]int64, 0, len(seen))
	for n := range seen {
		out = append(out, n)
	}
	slices.Sort(out)
	return out, nil
}

// neighbours lists records that name nobody, have evidence, and follow up one of
// the entries or share its interaction.
func (l *Ledger) neighbours(ctx context.Context, tx *db.Tx, entries []Entry) ([]int64, error) {
	q := Query{Ascending: true}
	segments, err := q.segments(ctx, tx)
	if err != nil {
		return nil, err
	}
	values := map[string][]any{}
	seen := map[string]bool{}
	for _, e := range entries {
		st, err := record.ParseStatement(e.Statement)
		if err != nil {
			return nil, err
		}
		f := st.Fields()
		values["about"] = append(values["about"], f.ID)
		if f.Interaction != "" && !seen[f.Interaction] {
			seen[f.Interaction] = true
			values["interaction"] = append(values["interaction"], f.Interaction)
		}
	}
	var out []int64
	for column, all := range values {
		for some := range slices.Chunk(all, 300) {
			for where := range slices.Chunk(segments, segmentsEach) {
				rows, err := tx.Query(ctx, `SELECT l.idx FROM lookup l JOIN evidence e ON e.idx = l.idx WHERE l.idx / 65536 IN (`+db.Marks(len(where))+`)
					AND l.`+column+` IN (`+db.Marks(len(some))+`) AND e.subject IS NULL`, slices.Concat(where, some)...)
				if err != nil {
					return nil, fmt.Errorf("find follow-ups: %w", err)
				}
				if out, err = scanIndexes(rows, out); err != nil {
					return nil, err
				}
			}
		}
	}
	return out, nil
}

// Copy returns the private values of a record for a copy that stays sealed: the
// caller shows them to nobody.
func (l *Ledger) Copy(ctx context.Context, id string) ([]record.Opening, error) {
	return l.open(ctx, id)
}

// CountSubjects counts for how many of the persons, given by their keyed hashes,
// there is a key.
func (l *Ledger) CountSubjects(ctx context.Context, macs [][]byte) (n int64, err error) {
	err = l.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		n = 0
		for some := range slices.Chunk(macs, 400) {
			args := make([]any, len(some))
			for i, m := range some {
				args[i] = m
			}
			var k int64
			if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM subject WHERE mac IN (`+db.Marks(len(args))+`)`, args...).Scan(&k); err != nil {
				return err
			}
			n += k
		}
		return nil
	})
	return n, storage("count keys of persons", err)
}

// Purge makes what was deleted unrecoverable from the files of the database, as
// far as the database can: see [db.DB.Purge].
func (l *Ledger) Purge(ctx context.Context) error {
	return storage("purge", l.cfg.DB.Purge(ctx, "subject", "evidence_key", "request", "passage"))
}

// FollowUps lists the records of a type that follow up any of the given ones.
func FollowUps(ctx context.Context, tx *db.Tx, kind string, ids []string) ([]Entry, error) {
	q := Query{Ascending: true}
	segments, err := q.segments(ctx, tx)
	if err != nil {
		return nil, err
	}
	var found []int64
	for some := range slices.Chunk(ids, 300) {
		for where := range slices.Chunk(segments, segmentsEach) {
			args := append(slices.Clone(where), kind)
			for _, id := range some {
				args = append(args, id)
			}
			rows, err := tx.Query(ctx, `SELECT idx FROM lookup WHERE idx / 65536 IN (`+db.Marks(len(where))+`) AND type = ? AND about IN (`+db.Marks(len(some))+`)`, args...)
			if err != nil {
				return nil, fmt.Errorf("find follow-ups: %w", err)
			}
			if found, err = scanIndexes(rows, found); err != nil {
				return nil, err
			}
		}
	}
	return FindEntries(ctx, tx, found)
}
