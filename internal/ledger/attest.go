// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"time"

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

// Attested is the newest checkpoint that a peer has signed.
type Attested struct {
	Peer string    // name of a witness or an authority
	Size int64     // of the checkpoint
	Time time.Time // when its signature was kept
}

// Attested says how far each witness, and each time-stamp authority, has come,
// sorted by name. Whether a peer is still configured is not known here.
func (l *Ledger) Attested(ctx context.Context) (witnesses, authorities []Attested, err error) {
	err = l.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		if witnesses, err = newestSigned(ctx, tx, `SELECT witness, MAX(size), MAX(time) FROM cosignature GROUP BY witness ORDER BY witness`); err != nil {
			return err
		}
		authorities, err = newestSigned(ctx, tx, `SELECT authority, MAX(size), MAX(time) FROM stamp GROUP BY authority ORDER BY authority`)
		return err
	})
	return witnesses, authorities, storage("read signatures", err)
}

func newestSigned(ctx context.Context, tx *db.Tx, query string) ([]Attested, error) {
	rows, err := tx.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Attested
	for rows.Next() {
		var a Attested
		var kept int64
		if err := rows.Scan(&a.Peer, &a.Size, &kept); err != nil {
			return nil, err
		}
		a.Time = time.Unix(0, kept).UTC()
		out = append(out, a)
	}
	return out, rows.Err()
}
