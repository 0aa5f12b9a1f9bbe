// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/evidence"
)

// defaultClass is the retention class of evidence until classes are configured.
const defaultClass = "default"

// monthKey is the evidence key that new records are sealed under.
type monthKey struct {
	number int64
	month  string
	key    *evidence.Key
}

func keyPurpose(origin, class, month string) string {
	return "evidence_key " + origin + " " + class + " " + month
}

// currentKey returns the evidence key of the month of now. The first record of
// a month makes it, in a transaction of its own: it is durable before anything
// is encrypted under it.
func (l *Ledger) currentKey(ctx context.Context, now time.Time) (*monthKey, error) {
	month := now.UTC().Format("2006-01")
	if k := l.month.Load(); k != nil && k.month == month {
		return k, nil
	}
	l.keyMu.Lock()
	defer l.keyMu.Unlock()
	if k := l.month.Load(); k != nil && k.month == month {
		return k, nil
	}
	k := &monthKey{month: month}
	err := l.cfg.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		wrapped := l.cfg.Keys.Wrap(keyPurpose(l.origin, defaultClass, month), evidence.NewKey().Secret())
		if _, err := tx.Exec(ctx, `INSERT INTO evidence_key (key, class, month, wrapped)
			VALUES ((SELECT COALESCE(MAX(key), 0) + 1 FROM evidence_key), ?, ?, ?) ON CONFLICT (class, month) DO NOTHING`,
			defaultClass, month, wrapped); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `SELECT key, wrapped FROM evidence_key WHERE class = ? AND month = ?`, defaultClass, month).Scan(&k.number, &wrapped)
	})
	if err != nil {
		return nil, storage("make evidence key", err)
	}
	if k.key, err = l.loadKey(ctx, k.number); err != nil {
		return nil, err
	}
	l.month.Store(k)
	return k, nil
}

// evidenceKey returns a key by its number, from memory if it was used before.
func (l *Ledger) evidenceKey(ctx context.Context, number int64) (*evidence.Key, error) {
	l.keyMu.Lock()
	defer l.keyMu.Unlock()
	return l.loadKey(ctx, number)
}

// loadKey needs keyMu.
func (l *Ledger) loadKey(ctx context.Context, number int64) (*evidence.Key, error) {
	if k := l.keys[number]; k != nil {
		return k, nil
	}
	if l.cfg.Keys == nil {
		return nil, fault(Invalid, "name the folder of the key file with --keys", "private values need the master key")
	}
	var class, month string
	var wrapped []byte
	err := l.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		return tx.QueryRow(ctx, `SELECT class, month, wrapped FROM evidence_key WHERE key = ?`, number).Scan(&class, &month, &wrapped)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault(NotFound, "", "evidence key %d was destroyed", number)
	}
	if err != nil {
		return nil, storage("read evidence key", err)
	}
	secret, err := l.cfg.Keys.Unwrap(keyPurpose(l.origin, class, month), wrapped)
	if err != nil {
		return nil, fmt.Errorf("open evidence key %d: %w", number, err)
	}
	k, err := evidence.OpenKey(secret)
	if err != nil {
		return nil, err
	}
	l.keys[number] = k
	return k, nil
}
