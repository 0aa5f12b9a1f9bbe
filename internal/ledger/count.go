// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"

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

// Among returns those of the records with the ids that match, oldest first,
// whatever the limit and the order of the query are. Ask for some hundred ids
// at a time.
func (l *Ledger) Among(ctx context.Context, q Query, ids []string) (out []Entry, err error) {
	values := make([]any, len(ids))
	for i, id := range ids {
		values[i] = id
	}
	q.Ascending = true
	term, values := db.In("id", values)
	where, args := q.where()
	if where == "" {
		where = " WHERE " + term
	} else {
		where += " AND " + term
	}
	err = l.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		out, err = q.page(ctx, tx, where, append(args, values...), len(ids))
		return err
	})
	return out, storage("read records", err)
}
