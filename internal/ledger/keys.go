// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/evidence"
)

// DefaultClass is the retention class of records that no other is for. It does
// not stand in statements.
const DefaultClass = "default"

// monthKey is an evidence key that new records are sealed under.
type monthKey struct {
	number int64
	month  string
	key    *evidence.Key
}

func keyPurpose(origin, class, month string) string {
	return "evidence_key " + origin + " " + class + " " + month
}

// Month is the month, in UTC, that a record of this time belongs to: 2026-03.
func Month(t time.Time) string { return t.UTC().Format("2006-01") }

// currentKey returns the evidence key of a class for the month of now. The first
// record of a month makes it, in a transaction of its own: it is durable before
// anything is encrypted under it.
func (l *Ledger) currentKey(ctx context.Context, class string, now time.Time) (*monthKey, error) {
	month := Month(now)
	if k := (*l.months.Load())[class]; k != nil && k.month == month {
		return k, nil
	}
	l.keyMu.Lock()
	defer l.keyMu.Unlock()
	if k := (*l.months.Load())[class]; k != nil && k.month == month {
		return k, nil
	}
	k := &monthKey{month: month}
	var wrapped []byte
	err := l.cfg.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		wrapped = l.cfg.Keys.Wrap(keyPurpose(l.origin, class, month), evidence.NewKey().Secret())
		if _, err := tx.Exec(ctx, `INSERT INTO evidence_key (key, class, month, wrapped)
			VALUES ((SELECT COALESCE(MAX(key), 0) + 1 FROM (SELECT key FROM evidence_key UNION ALL SELECT key FROM expired) AS used), ?, ?, ?)
			ON CONFLICT (class, month) DO NOTHING`, class, month, wrapped); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `SELECT key, wrapped FROM evidence_key WHERE class = ? AND month = ?`, class, month).Scan(&k.number, &wrapped)
	})
	if err != nil {
		return nil, storage("make evidence key", err)
	}
	if k.key, err = l.unwrapEvidence(k.number, class, month, wrapped); err != nil {
		return nil, err
	}
	next := maps.Clone(*l.months.Load())
	next[class] = k
	l.months.Store(&next)
	return k, nil
}

func (l *Ledger) unwrapEvidence(number int64, class, month string, wrapped []byte) (*evidence.Key, error) {
	if l.cfg.Keys == nil {
		return nil, fault(Invalid, "name the folder of the key file with --keys", "private values need the master key")
	}
	secret, err := l.cfg.Keys.Unwrap(keyPurpose(l.origin, class, month), wrapped)
	if err != nil {
		return nil, fmt.Errorf("open evidence key %d: %w", number, err)
	}
	return evidence.OpenKey(secret)
}

// sealed is an evidence row with the keys that open it, as they are wrapped.
type sealed struct {
	index        int64
	number       int64
	bytes        []byte // nil: no row
	class, month string
	wrapped      []byte // of the evidence key; nil: destroyed
	mac, person  []byte // of the subject: who, and the wrapped key
}

// readSealed reads the evidence row of an index. Keys are always read along, not
// remembered: one that another node destroyed must not be used here.
func readSealed(ctx context.Context, tx *db.Tx, index int64) (*sealed, error) {
	s := &sealed{index: index}
	var class, month sql.NullString
	err := tx.QueryRow(ctx, `SELECT e.key, e.sealed, e.subject, k.class, k.month, k.wrapped, s.wrapped FROM evidence e
		LEFT JOIN evidence_key k ON k.key = e.key LEFT JOIN subject s ON s.mac = e.subject WHERE e.idx = ?`, index).
		Scan(&s.number, &s.bytes, &s.mac, &class, &month, &s.wrapped, &s.person)
	if errors.Is(err, sql.ErrNoRows) {
		return s, nil
	}
	s.class, s.month = class.String, month.String
	return s, err
}

// gone says whether the row is missing, or a key of it was destroyed.
func (s *sealed) gone() bool {
	return s.bytes == nil || s.wrapped == nil || s.mac != nil && s.person == nil
}

// key puts the key of a row together.
func (l *Ledger) key(s *sealed) (*evidence.Key, error) {
	k, err := l.unwrapEvidence(s.number, s.class, s.month, s.wrapped)
	if err != nil || s.mac == nil {
		return k, err
	}
	person, err := l.unwrapSubject(s.mac, s.person)
	if err != nil {
		return nil, err
	}
	return k.With(person), nil
}
