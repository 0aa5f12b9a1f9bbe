// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"slices"

	"github.com/counterfoil/counterfoil/internal/db"
)

// Count returns how many records match, whatever the limit of the query is. It
// reads the lookup table alone.
func (l *Ledger) Count(ctx context.Context, q Query) (n int64, err error) {
	where, args := q.where()
	err = l.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		return tx.QueryRow(ctx, `SELECT COUNT(*) FROM lookup`+where, args...).Scan(&n)
	})
	return n, storage("count records", err)
}

// Shards are the logs that this ledger has been kept in, oldest first; the last
// is the ledger itself.
func (l *Ledger) Shards() []*Ledger {
	out := append(slices.Clone(l.cfg.Previous), l)
	slices.Reverse(out[:len(out)-1])
	return out
}
