// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/evidence"
	"github.com/counterfoil/counterfoil/internal/keyring"
	"github.com/counterfoil/counterfoil/internal/leaf"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/tlog"
	"github.com/counterfoil/counterfoil/proof"
	"github.com/counterfoil/counterfoil/record"
)

// victim is the copy under attack: an open transaction and the tools of the
// trade.
type victim struct {
	tx     *db.Tx
	keys   *keyring.Keyring
	size   int64
	mid    int64 // an index in the middle
	origin string
}

func newVictim(ctx context.Context, tx *db.Tx, keys *keyring.Keyring) (*victim, error) {
	v := &victim{tx: tx, keys: keys}
	var origin []byte
	if err := tx.QueryRow(ctx, `SELECT value FROM meta WHERE name = 'origin'`).Scan(&origin); err != nil {
		return nil, err
	}
	v.origin = string(origin)
	if err := tx.QueryRow(ctx, `SELECT size FROM head WHERE one = 1`).Scan(&v.size); err != nil {
		return nil, err
	}
	v.mid = v.size / 2
	return v, nil
}

// change runs a statement that must touch something.
func (v *victim) change(ctx context.Context, query string, args ...any) error {
	res, err := v.tx.Exec(ctx, query, args...)
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err == nil && n == 0 {
		return errSkip
	}
	return err
}

func (v *victim) statement(ctx context.Context, index int64) ([]byte, error) {
	var b []byte
	err := v.tx.QueryRow(ctx, `SELECT statement FROM entry WHERE idx = ?`, index).Scan((*leaf.Column)(&b))
	return b, err
}

// sealed finds the record nearest above the middle that has evidence.
func (v *victim) sealed(ctx context.Context, skip int) (index, key int64, row []byte, err error) {
	err = v.tx.QueryRow(ctx, `SELECT idx, key, sealed FROM evidence ORDER BY abs(idx - ?), idx LIMIT 1 OFFSET ?`, v.mid, skip).Scan(&index, &key, &row)
	if errors.Is(err, sql.ErrNoRows) {
		err = fmt.Errorf("%w: no private values are stored", errSkip)
	}
	return index, key, row, err
}

// evidenceKey is what an insider with the master key can open.
func (v *victim) evidenceKey(ctx context.Context, index int64) (*evidence.Key, error) {
	var class, month string
	var wrapped, who, person []byte
	if err := v.tx.QueryRow(ctx, `SELECT k.class, k.month, k.wrapped, e.subject, s.wrapped FROM evidence e JOIN evidence_key k ON k.key = e.key
		LEFT JOIN subject s ON s.mac = e.subject WHERE e.idx = ?`, index).Scan(&class, &month, &wrapped, &who, &person); err != nil {
		return nil, err
	}
	key, err := v.unwrap("evidence_key "+v.origin+" "+class+" "+month, wrapped)
	if err != nil || who == nil {
		return key, err
	}
	subject, err := v.unwrap("subject_key "+v.origin+" "+hex.EncodeToString(who), person)
	if err != nil {
		return nil, err
	}
	return key.With(subject), nil
}

func (v *victim) unwrap(purpose string, wrapped []byte) (*evidence.Key, error) {
	secret, err := v.keys.Unwrap(purpose, wrapped)
	if err != nil {
		return nil, err
	}
	return evidence.OpenKey(secret)
}

// reseal opens one record's evidence, lets edit change it, and seals it again.
func (v *victim) reseal(ctx context.Context, edit func([]record.Opening)) error {
	index, _, row, err := v.sealed(ctx, 0)
	if err != nil {
		return err
	}
	b, err := v.statement(ctx, index)
	if err != nil {
		return err
	}
	st, err := record.ParseStatement(b)
	if err != nil {
		return err
	}
	key, err := v.evidenceKey(ctx, index)
	if err != nil {
		return err
	}
	openings, err := key.Open(st.ID(), row)
	if err != nil {
		return err
	}
	edit(openings)
	if row, err = key.Seal(st.ID(), openings); err != nil {
		return err
	}
	return v.change(ctx, `UPDATE evidence SET sealed = ? WHERE idx = ?`, row, index)
}

// signer is what an insider with the master key can sign with.
func (v *victim) signer(ctx context.Context) (note.Signer, error) {
	var wrapped []byte
	if err := v.tx.QueryRow(ctx, `SELECT value FROM meta WHERE name = 'signing_key'`).Scan(&wrapped); err != nil {
		return nil, err
	}
	skey, err := v.keys.Unwrap("signing_key "+v.origin, wrapped)
	if err != nil {
		return nil, err
	}
	return note.NewSigner(string(skey))
}

// leaves reads all leaves in order.
func (v *victim) leaves(ctx context.Context) ([][]byte, error) {
	rows, err := v.tx.Query(ctx, `SELECT statement FROM entry ORDER BY idx`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out [][]byte
	for rows.Next() {
		var b []byte
		if err := rows.Scan((*leaf.Column)(&b)); err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, rows.Err()
}

// retile writes the tiles of the stored leaves, as an attacker does who wants
// the tree to agree with what was changed.
func (v *victim) retile(ctx context.Context) (tlog.Hash, int64, error) {
	leaves, err := v.leaves(ctx)
	if err != nil {
		return tlog.Hash{}, 0, err
	}
	hashes := make([]tlog.Hash, len(leaves))
	for i, b := range leaves {
		hashes[i] = record.LeafHash(b)
	}
	if _, err := v.tx.Exec(ctx, `DELETE FROM tile`); err != nil {
		return tlog.Hash{}, 0, err
	}
	_, g := tlog.New().Append(hashes)
	for _, t := range g.Tiles {
		if _, err := v.tx.Exec(ctx, `INSERT INTO tile (level, n, hashes) VALUES (?, ?, ?)`, t.Level, t.N, t.Hashes); err != nil {
			return tlog.Hash{}, 0, err
		}
	}
	return g.Root, g.To, nil
}

// resign makes what is stored now the whole history: new tiles, one checkpoint
// signed by signer, a new head.
func (v *victim) resign(ctx context.Context, signer note.Signer) error {
	root, size, err := v.retile(ctx)
	if err != nil {
		return err
	}
	cp, err := proof.Sign(proof.Checkpoint{Origin: v.origin, Size: size, Root: root}, signer)
	if err != nil {
		return err
	}
	first, err := proof.Sign(proof.Checkpoint{Origin: v.origin, Size: 0, Root: tlog.New().Root()}, signer)
	if err != nil {
		return err
	}
	if _, err := v.tx.Exec(ctx, `DELETE FROM checkpoint`); err != nil {
		return err
	}
	if _, err := v.tx.Exec(ctx, `INSERT INTO checkpoint (size, note, time) VALUES (0, ?, 0), (?, ?, 0)`, first, size, cp); err != nil {
		return err
	}
	return v.change(ctx, `UPDATE head SET size = ?, checkpoint = ? WHERE one = 1`, size, cp)
}

// edit changes a statement and, so that searches agree, its lookup row.
func (v *victim) edit(ctx context.Context, index int64, change func([]byte) []byte) error {
	b, err := v.statement(ctx, index)
	if err != nil {
		return err
	}
	st, err := record.ParseStatement(change(b))
	if err != nil {
		return fmt.Errorf("%w: %w", errSkip, err)
	}
	if err := v.change(ctx, `UPDATE entry SET statement = ? WHERE idx = ?`, leaf.Pack(st.Bytes()), index); err != nil {
		return err
	}
	columns := ledger.LookupColumns()
	fields := st.Fields()
	row := ledger.LookupRow(index, &fields)
	for i := 1; i < len(columns); i++ {
		if _, err := v.tx.Exec(ctx, `UPDATE lookup SET `+columns[i]+` = ? WHERE idx = ?`, row[i], index); err != nil {
			return err
		}
	}
	return nil
}

// remove deletes every row of an index.
func (v *victim) remove(ctx context.Context, index int64) error {
	for _, table := range []string{"lookup", "evidence"} {
		if _, err := v.tx.Exec(ctx, `DELETE FROM `+table+` WHERE idx = ?`, index); err != nil {
			return err
		}
	}
	return v.change(ctx, `DELETE FROM entry WHERE idx = ?`, index)
}

// renumber closes the gap that a removed index left.
func (v *victim) renumber(ctx context.Context, gap int64) error {
	for _, table := range []string{"entry", "lookup", "evidence"} {
		// Two steps, because no two rows may share an index on the way.
		if _, err := v.tx.Exec(ctx, `UPDATE `+table+` SET idx = -idx WHERE idx > ?`, gap); err != nil {
			return err
		}
		if _, err := v.tx.Exec(ctx, `UPDATE `+table+` SET idx = -idx - 1 WHERE idx < 0`); err != nil {
			return err
		}
	}
	return nil
}
