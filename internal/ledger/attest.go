// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"

	"github.com/counterfoil/counterfoil/internal/db"
)

// AddCosignature keeps a witness's signature line for the checkpoint of a size.
// The caller has verified it. A second line of the same witness replaces the
// first. The line ends in a newline.
func (l *Ledger) AddCosignature(ctx context.Context, size int64, witness string, line []byte) error {
	return storage("keep cosignature", l.cfg.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO cosignature (size, witness, line, time) VALUES (?, ?, ?, ?)
			ON CONFLICT (size, witness) DO UPDATE SET line = excluded.line, time = excluded.time`, size, witness, line, l.cfg.Now().UnixNano())
		return err
	}))
}

// AddTimestamp keeps an RFC 3161 token over the checkpoint of a size. The
// caller has verified it.
func (l *Ledger) AddTimestamp(ctx context.Context, size int64, authority string, token []byte) error {
	return storage("keep time stamp", l.cfg.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO stamp (size, authority, token, time) VALUES (?, ?, ?, ?)
			ON CONFLICT (size, authority) DO UPDATE SET token = excluded.token, time = excluded.time`, size, authority, token, l.cfg.Now().UnixNano())
		return err
	}))
}
