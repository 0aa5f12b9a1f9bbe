// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/record"
)

// Reread is a record as it was received, read back from the log and its
// evidence.
type Reread struct {
	Index     int64
	Statement *record.Statement
	// Record has the values that are left; those of Gone are not in it.
	Record *record.Record
	Gone   []string // pointers of values that were erased
}

// rereadPage is how many records are opened after each access record.
const rereadPage = 500

// Reread gives the records that a query selects, as they were received, to a
// function that runs rules over them and shows nothing of them to anybody. Each
// page of records is an access record first. It ends at limit records, and
// returns how many there were; an error of fn ends it as well.
func (l *Ledger) Reread(ctx context.Context, q Query, limit int, a Access, fn func(Reread) error) (int, error) {
	q.Ascending = true
	read := 0
	for read < limit {
		q.Limit = min(rereadPage, limit-read)
		p, err := l.List(ctx, q)
		if err != nil || len(p.Entries) == 0 {
			return read, err
		}
		a.Count = len(p.Entries)
		if err := l.Note(ctx, a); err != nil {
			return read, fmt.Errorf("record the access: %w", err)
		}
		for _, e := range p.Entries {
			r, err := l.rereadOne(ctx, e)
			if err != nil {
				return read, err
			}
			if err := fn(r); err != nil {
				return read, err
			}
			read++
		}
		if !p.More {
			return read, nil
		}
		q.Start = p.Cursor
	}
	return read, nil
}

func (l *Ledger) rereadOne(ctx context.Context, e Entry) (Reread, error) {
	st, err := record.ParseStatement(e.Statement)
	if err != nil {
		return Reread{}, fmt.Errorf("read record at index %d: %w", e.Index, err)
	}
	out := Reread{Index: e.Index, Statement: st}
	var s *sealed
	err = l.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		s, err = readSealed(ctx, tx, e.Index)
		return err
	})
	if err != nil {
		return out, storage("read evidence", err)
	}
	openings, err := l.openSealed(s, st.ID())
	if err != nil {
		return out, err
	}
	out.Record, out.Gone, err = Rebuild(l.cfg.Rules, st, openings)
	return out, err
}

// Rebuild puts a record together again as it was received, with the values that
// are left or that somebody may see; those of gone are not in it.
func Rebuild(rules *record.Rules, st *record.Statement, openings []record.Opening) (r *record.Record, gone []string, err error) {
	left := map[string]bool{}
	for _, o := range openings {
		left[o.Pointer] = true
	}
	for _, seal := range st.Seals() {
		if !left[seal.Pointer] {
			gone = append(gone, seal.Pointer)
		}
	}
	raw, err := st.Rebuild(openings)
	if err == nil && len(gone) > 0 {
		raw, err = without(raw, gone)
	}
	if err != nil {
		return nil, gone, fmt.Errorf("read record %s: %w", st.ID(), err)
	}
	r, err = rules.Parse(raw)
	return r, gone, err
}

// without leaves members out of a document.
func without(raw []byte, pointers []string) ([]byte, error) {
	var doc any
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, err
	}
	for _, p := range pointers {
		at := doc
		segments := strings.Split(strings.TrimPrefix(p, "/"), "/")
		for i, s := range segments {
			s = strings.NewReplacer("~1", "/", "~0", "~").Replace(s)
			switch v := at.(type) {
			case map[string]any:
				if i == len(segments)-1 {
					delete(v, s)
				}
				at = v[s]
			case []any:
				var n int
				if _, err := fmt.Sscan(s, &n); err != nil || n >= len(v) {
					return nil, fmt.Errorf("no element %q", s)
				}
				at = v[n]
			}
		}
	}
	return json.Marshal(doc)
}
