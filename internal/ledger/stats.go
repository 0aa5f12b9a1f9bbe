// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"database/sql"
	"time"

	"github.com/counterfoil/counterfoil/internal/db"
)

// Stats are counts over the whole ledger. A count is always of what the log
// holds; nothing here says that the log holds everything.
type Stats struct {
	Origin  string        `json:"origin"`
	Size    int64         `json:"size"`
	Stored  int64         `json:"stored_bytes"`
	Last    *time.Time    `json:"last_recorded,omitempty"`
	Types   []Count       `json:"types"`
	Systems []Count       `json:"systems"`
	Outcome []Count       `json:"outcomes"`
	Sources []SourceStats `json:"sources"`
}

// Count is how often a value occurs; the empty name counts records without one.
type Count struct {
	Name  string `json:"name"`
	Count int64  `json:"count"`
}

// SourceStats is what one source has sent. Missing is how many of the numbers
// from First to Last are not in the log.
type SourceStats struct {
	Source  string `json:"source"`
	Count   int64  `json:"count"`
	First   int64  `json:"first"`
	Last    int64  `json:"last"`
	Missing int64  `json:"missing"`
}

// Stats counts. It walks the lookup table, so it costs time in proportion to
// the log.
func (l *Ledger) Stats(ctx context.Context) (*Stats, error) {
	s := &Stats{Origin: l.origin}
	err := l.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := tx.QueryRow(ctx, `SELECT size FROM head WHERE one = 1`).Scan(&s.Size); err != nil {
			return err
		}
		var last sql.NullInt64
		if err := tx.QueryRow(ctx, `SELECT MAX(recorded) FROM lookup`).Scan(&last); err != nil {
			return err
		}
		if last.Valid {
			t := time.Unix(0, last.Int64).UTC()
			s.Last = &t
		}
		var err error
		if s.Types, err = counts(ctx, tx, "type", ""); err != nil {
			return err
		}
		if s.Systems, err = counts(ctx, tx, "system", ""); err != nil {
			return err
		}
		if s.Outcome, err = counts(ctx, tx, "outcome", " WHERE type = 'decision'"); err != nil {
			return err
		}
		s.Sources, err = sources(ctx, tx)
		return err
	})
	if err != nil {
		return nil, storage("count records", err)
	}
	if s.Stored, err = l.cfg.DB.Size(ctx); err != nil {
		return nil, storage("measure database", err)
	}
	return s, nil
}

// counts groups by one of our own column names.
func counts(ctx context.Context, tx *db.Tx, column, where string) ([]Count, error) {
	rows, err := tx.Query(ctx, `SELECT COALESCE(`+column+`, ''), COUNT(*) FROM lookup`+where+` GROUP BY 1 ORDER BY 2 DESC, 1`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []Count{}
	for rows.Next() {
		var c Count
		if err := rows.Scan(&c.Name, &c.Count); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

func sources(ctx context.Context, tx *db.Tx) ([]SourceStats, error) {
	rows, err := tx.Query(ctx, `SELECT source, COUNT(*), COALESCE(MIN(seq), -1), COALESCE(MAX(seq), -1), COUNT(DISTINCT seq)
		FROM lookup WHERE source IS NOT NULL GROUP BY source ORDER BY source`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []SourceStats{}
	for rows.Next() {
		var s SourceStats
		var distinct int64
		if err := rows.Scan(&s.Source, &s.Count, &s.First, &s.Last, &distinct); err != nil {
			return nil, err
		}
		if s.First >= 0 {
			s.Missing = s.Last - s.First + 1 - distinct
		}
		out = append(out, s)
	}
	return out, rows.Err()
}
