// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"fmt"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/record"
)

// ForgetTexts takes the texts of records out of the index of texts, in the
// transaction that destroys their values. It also makes every index writer that
// has read one of them begin again: see [Ledger.OpenTexts].
func ForgetTexts(ctx context.Context, tx *db.Tx, indexes []any) error {
	if len(indexes) == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, `DELETE FROM passage WHERE rowid IN (`+db.Marks(len(indexes))+`)`, indexes...); err != nil {
		return fmt.Errorf("delete texts: %w", err)
	}
	if _, err := tx.Exec(ctx, `UPDATE fulltext_epoch SET erased = erased + 1 WHERE one = 1`); err != nil {
		return fmt.Errorf("raise epoch of texts: %w", err)
	}
	return nil
}

// Private are the private values of a record that are left.
type Private struct {
	Index    int64
	Openings []record.Opening
}

// OpenTexts opens the private values of records for the index of texts, and for
// nothing else: there is no access record for each, but the one that says that
// the texts of the system are searched from then on. Who writes an index from
// it does so only if the epoch is still the same when the writing commits: a
// value that was erased meanwhile must not come back.
func (l *Ledger) OpenTexts(ctx context.Context, indexes []int64) (out []Private, epoch int64, err error) {
	if l.contentKey == nil {
		return nil, 0, fault(Invalid, "name the folder of the key file with --keys", "private values need the master key")
	}
	var rows []*sealed
	var entries []Entry
	err = l.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := tx.QueryRow(ctx, `SELECT erased FROM fulltext_epoch WHERE one = 1`).Scan(&epoch); err != nil {
			return err
		}
		if entries, err = FindEntries(ctx, tx, indexes); err != nil {
			return err
		}
		rows = rows[:0]
		for _, e := range entries {
			s, err := readSealed(ctx, tx, e.Index)
			if err != nil {
				return err
			}
			rows = append(rows, s)
		}
		return nil
	})
	if err != nil {
		return nil, 0, storage("read evidence", err)
	}
	for i, e := range entries {
		st, err := record.ParseStatement(e.Statement)
		if err != nil {
			return nil, 0, fmt.Errorf("read record at index %d: %w", e.Index, err)
		}
		openings, err := l.openSealed(rows[i], st.ID())
		if err != nil {
			return nil, 0, err
		}
		out = append(out, Private{e.Index, openings})
	}
	return out, epoch, nil
}
