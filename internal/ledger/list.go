// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"slices"
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
	// Within bounds what is seen at all. Default: everything.
	Within *Bounds `json:"-"`
}

// Bounds are what somebody may see of a ledger.
type Bounds struct {
	Systems []string // nil: all; records without a system are seen with all only
	Held    bool     // only records under a legal hold
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
	var p Page
	err := l.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		where, args := q.where()
		if q.Interaction == "" && q.About == "" {
			p.Entries, err = q.page(ctx, tx, where, args, limit+1)
			return err
		}
		segments, err := q.segments(ctx, tx)
		if err != nil {
			return err
		}
		for some := range slices.Chunk(segments, segmentsEach) {
			more, err := q.page(ctx, tx, where+` AND idx / 65536 IN (`+db.Marks(len(some))+`)`, slices.Concat(args, some), limit+1-len(p.Entries))
			if err != nil {
				return err
			}
			if p.Entries = append(p.Entries, more...); len(p.Entries) > limit {
				break
			}
		}
		return nil
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

// page reads at most limit entries. The inner query walks the narrow lookup
// table only; wide rows are fetched for the page alone.
func (q *Query) page(ctx context.Context, tx *db.Tx, where string, args []any, limit int) ([]Entry, error) {
	order := "DESC"
	if q.Ascending {
		order = "ASC"
	}
	rows, err := tx.Query(ctx, `SELECT e.idx, e.statement FROM (SELECT idx FROM lookup`+where+` ORDER BY idx `+order+` LIMIT ?) AS hit
		JOIN entry e ON e.idx = hit.idx ORDER BY e.idx `+order, append(args, limit)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Entry
	for rows.Next() {
		var e Entry
		if err := rows.Scan(&e.Index, (*leaf.Column)(&e.Statement)); err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, rows.Err()
}

// Segments by which values that come in no order are indexed (see the
// migration), and how many of them one query looks into.
const (
	segmentSize  = 65536
	segmentsEach = 64
)

// segments are the numbers of the segments that the query reaches, in its order.
func (q *Query) segments(ctx context.Context, tx *db.Tx) ([]any, error) {
	var size int64
	if err := tx.QueryRow(ctx, `SELECT size FROM head WHERE one = 1`).Scan(&size); err != nil {
		return nil, err
	}
	if q.Before > 0 {
		size = min(size, q.Before)
	}
	var out []any
	for n := q.Start / segmentSize; n*segmentSize < size; n++ {
		out = append(out, n)
	}
	if !q.Ascending {
		slices.Reverse(out)
	}
	return out, nil
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
	if w := q.Within; w != nil && w.Held {
		terms = append(terms, "idx IN (SELECT idx FROM held)")
	}
	if w := q.Within; w != nil && w.Systems != nil {
		terms = append(terms, "system IN ("+db.Marks(len(w.Systems))+")")
		for _, s := range w.Systems {
			args = append(args, s)
		}
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
