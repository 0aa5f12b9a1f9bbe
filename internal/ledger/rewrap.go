// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"fmt"

	"github.com/counterfoil/counterfoil/internal/db"
)

// rewrapStep is how many rows one transaction of a rotation of the master key
// wraps anew.
const rewrapStep = 500

// RotateMaster gives the ledger a new master key, wraps every key anew and
// destroys the old master key, while records come in. Backups of before can not
// be opened any more. It may be interrupted, and goes on when called again. by is
// the pseudonymous actor; url is of the KMS key that is to wrap the new master,
// empty: as the old one is. progress, if not nil, is told how many keys were
// wrapped.
func (l *Ledger) RotateMaster(ctx context.Context, by, url string, progress func(keys int)) (int, error) {
	if err := l.Note(ctx, Access{Act: "master_rotate", Actor: by, Count: 1}); err != nil {
		return 0, err
	}
	if l.cfg.Keys.Masters() == 1 {
		if err := l.cfg.Keys.AddCurrent(ctx, url); err != nil {
			return 0, &Error{Code: Unavailable, Message: "make a new master key", Hint: "nothing was changed; mend the cause and repeat", Cause: err}
		}
	}
	// Other nodes take the new key up with their next commit: wait for ours.
	if err := l.cfg.DB.Write(ctx, raiseEpoch); err != nil {
		return 0, storage("raise epoch", err)
	}
	if err := l.Note(ctx, Access{Act: "master_rewrap", Actor: by, Count: 1}); err != nil {
		return 0, err
	}
	total := 0
	for pass := 1; pass > 0; { // until a whole pass finds nothing
		pass = 0
		for _, next := range []func(ctx context.Context, tx *db.Tx, after []byte) (int, []byte, error){l.rewrapMeta, l.rewrapMonths, l.rewrapSubjects} {
			n, err := l.rewrap(ctx, next, func(n int) {
				if progress != nil {
					progress(total + pass + n)
				}
			})
			if err != nil {
				return total, err
			}
			pass += n
		}
		total += pass
	}
	if err := l.cfg.Keys.DropOld(ctx); err != nil {
		return total, fmt.Errorf("destroy the old master key: %w", err)
	}
	if err := l.Note(ctx, Access{Act: "master_destroy", Actor: by, Count: total}); err != nil {
		return total, err
	}
	return total, l.Purge(ctx)
}

// rewrap walks one table, a step at a time.
func (l *Ledger) rewrap(ctx context.Context, next func(context.Context, *db.Tx, []byte) (int, []byte, error), progress func(int)) (total int, err error) {
	for after := []byte{}; after != nil; {
		var n int
		var last []byte
		err := l.cfg.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
			n, last, err = next(ctx, tx, after)
			return err
		})
		if err != nil {
			return total, storage("wrap keys anew", err)
		}
		total += n
		progress(total)
		after = last
	}
	return total, nil
}

// anew wraps a key by the current master; nil when it is already.
func (l *Ledger) anew(purpose string, wrapped []byte) ([]byte, error) {
	if l.cfg.Keys.IsCurrent(purpose, wrapped) {
		return nil, nil
	}
	secret, err := l.cfg.Keys.Unwrap(purpose, wrapped)
	if err != nil {
		return nil, err
	}
	return l.cfg.Keys.Wrap(purpose, secret), nil
}

func (l *Ledger) rewrapMeta(ctx context.Context, tx *db.Tx, _ []byte) (n int, _ []byte, err error) {
	meta, err := readMeta(ctx, tx)
	if err != nil {
		return 0, nil, err
	}
	for name, purpose := range map[string]string{"signing_key": "signing_key ", "signing_key_old": "signing_key ", "content_key": "content_key "} {
		if meta[name] == nil {
			continue
		}
		b, err := l.anew(purpose+l.origin, meta[name])
		if err != nil {
			return n, nil, err
		}
		if b == nil {
			continue
		}
		if _, err := tx.Exec(ctx, `UPDATE meta SET value = ? WHERE name = ?`, b, name); err != nil {
			return n, nil, err
		}
		n++
	}
	return n, nil, nil
}

func (l *Ledger) rewrapMonths(ctx context.Context, tx *db.Tx, _ []byte) (n int, _ []byte, err error) {
	keys, err := EvidenceKeys(ctx, tx)
	if err != nil {
		return 0, nil, err
	}
	for _, k := range keys {
		var wrapped []byte
		if err := tx.QueryRow(ctx, `SELECT wrapped FROM evidence_key WHERE key = ?`, k.Number).Scan(&wrapped); err != nil {
			return n, nil, err
		}
		b, err := l.anew(keyPurpose(l.origin, k.Class, k.Month), wrapped)
		if err != nil {
			return n, nil, err
		}
		if b == nil {
			continue
		}
		if _, err := tx.Exec(ctx, `UPDATE evidence_key SET wrapped = ? WHERE key = ?`, b, k.Number); err != nil {
			return n, nil, err
		}
		n++
	}
	return n, nil, nil
}

func (l *Ledger) rewrapSubjects(ctx context.Context, tx *db.Tx, after []byte) (n int, last []byte, err error) {
	rows, err := tx.Query(ctx, `SELECT mac, wrapped FROM subject WHERE mac > ? ORDER BY mac LIMIT ?`, after, rewrapStep)
	if err != nil {
		return 0, nil, err
	}
	defer rows.Close()
	type row struct{ mac, wrapped []byte }
	var some []row
	for rows.Next() {
		var r row
		if err := rows.Scan(&r.mac, &r.wrapped); err != nil {
			return 0, nil, err
		}
		some = append(some, r)
	}
	if err := rows.Err(); err != nil {
		return 0, nil, err
	}
	for _, r := range some {
		b, err := l.anew(subjectPurpose(l.origin, r.mac), r.wrapped)
		if err != nil {
			return n, nil, err
		}
		last = r.mac
		if b == nil {
			continue
		}
		if _, err := tx.Exec(ctx, `UPDATE subject SET wrapped = ? WHERE mac = ?`, b, r.mac); err != nil {
			return n, nil, err
		}
		n++
	}
	return n, last, nil
}
