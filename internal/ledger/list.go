// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/leaf"
)

// Query selects records by their public values; the zero value selects all.
// Every text must match exactly; Policy matches any one of a record's policies.
type Query struct {
	Type, System, UseCase, Env, Kind, Status, Outcome, Adverse, Significant, Automation string
	Interaction, Journey, Channel, Source, About, Model, Prompt, Policy, Config         string
	Principal, Capture                                                                  string

	// From and To bound the record's own time: From ≤ time < To. Zero: unbounded.
	From, To time.Time
	// Start and Before bound the log index: Start ≤ index < Before. Zero:
	// unbounded. They take the cursor of a page.
	Start, Before int64
	// Limit is the largest number of entries; 0 means 100.
	Limit int
	// Ascending lists the oldest first. Default: newest first.
	Ascending bool
}

// Page is one page of entries. More says that another follows: continue with
// Start (ascending) or Before (descending) set to Cursor.
type Page struct {
	Entries []Entry
	Cursor  int64
	More    bool
}

// List returns one page of the records that match.
func (l *Ledger) List(ctx context.Context, q Query) (Page, error) {
	limit := q.Limit
	if limit <= 0 {
		limit = 100
	}
	where, args := q.where()
	order := "DESC"
	if q.Ascending {
		order = "ASC"
	}
	// The inner query walks the narrow lookup table only; wide rows are fetched
	// for the page alone.
	sql := `SELECT e.idx, e.statement FROM (SELECT idx FROM lookup` + where + ` ORDER BY idx ` + order + ` LIMIT ?) AS hit
		JOIN entry e ON e.idx = hit.idx ORDER BY e.idx ` + order
	var p Page
	err := l.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		rows, err := tx.Query(ctx, sql, append(args, limit+1)...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var e Entry
			if err := rows.Scan(&e.Index, (*leaf.Column)(&e.Statement)); err != nil {
				return err
			}
			p.Entries = append(p.Entries, e)
		}
		return rows.Err()
	})
	if err != nil {
		return Page{}, storage("list records", err)
	}
	if len(p.Entries) > limit {
		p.Entries, p.More = p.Entries[:limit], true
	}
	if n := len(p.Entries); n > 0 {
		p.Cursor = p.Entries[n-1].Index
		if q.Ascending {
			p.Cursor++
		}
	}
	return p, nil
}

func (q *Query) where() (string, []any) {
	var terms []string
	var args []any
	add := func(term string, arg any) {
		terms, args = append(terms, term), append(args, arg)
	}
	for _, c := range []struct{ column, value string }{
		{"type", q.Type}, {"system", q.System}, {"use_case", q.UseCase}, {"env", q.Env}, {"kind", q.Kind}, {"status", q.Status},
		{"outcome", q.Outcome}, {"adverse", q.Adverse}, {"significant", q.Significant}, {"automation", q.Automation},
		{"interaction", q.Interaction}, {"journey", q.Journey}, {"channel", q.Channel}, {"source", q.Source}, {"about", q.About},
		{"model", q.Model}, {"prompt", q.Prompt}, {"config", q.Config}, {"principal", q.Principal}, {"capture", q.Capture},
	} {
		if c.value != "" {
			add(c.column+" = ?", c.value)
		}
	}
	if q.Policy != "" {
		add(`',' || policy || ',' LIKE ? ESCAPE '\'`, "%,"+likeEscaper.Replace(q.Policy)+",%")
	}
	if !q.From.IsZero() {
		add("time >= ?", q.From.UnixNano())
	}
	if !q.To.IsZero() {
		add("time < ?", q.To.UnixNano())
	}
	if q.Start > 0 {
		add("idx >= ?", q.Start)
	}
	if q.Before > 0 {
		add("idx < ?", q.Before)
	}
	if len(terms) == 0 {
		return "", nil
	}
	return " WHERE " + strings.Join(terms, " AND "), args
}

var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)
