// SPDX-License-Identifier: Apache-2.0

package search

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

// Cover says which texts an answer was found in.
type Cover struct {
	Systems []string // of which texts were searched
	Missing []string // systems that are seen, and of which no text is searched; 100 at most
	Behind  int64    // records of Systems that are not indexed yet
}

// found is what a term found, and when: positions by system, and the epoch.
type found struct {
	bits  *roaring.Bitmap
	at    map[string]int64
	epoch int64
}

// memory keeps what terms found: whoever turns pages asks the same again.
type memory struct {
	mu   sync.Mutex
	have map[string]found // guarded by mu
}

// maxRemembered is how many terms are remembered.
const maxRemembered = 64

func (m *memory) get(key string) (found, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f, ok := m.have[key]
	return f, ok
}

func (m *memory) put(key string, f found) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.have == nil || len(m.have) >= maxRemembered {
		m.have = map[string]found{}
	}
	m.have[key] = f
}

// reading is the state of the index of texts in one transaction.
type reading struct {
	at    map[string]int64 // positions of systems that are on
	epoch int64
	gone  *roaring.Bitmap // records of which the key was destroyed, and the text not swept yet
}

func readTexts(ctx context.Context, tx *db.Tx) (*reading, error) {
	r := &reading{at: map[string]int64{}, gone: roaring.New()}
	if err := tx.QueryRow(ctx, `SELECT erased FROM fulltext_epoch WHERE one = 1`).Scan(&r.epoch); err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, `SELECT system, next FROM fulltext WHERE status = 'on'`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var system string
		var next int64
		if err := rows.Scan(&system, &next); err != nil {
			return nil, err
		}
		r.at[system] = next
	}
	if err := rows.Err(); err != nil || len(r.at) == 0 {
		return r, err
	}
	dead, err := tx.Query(ctx, `SELECT e.idx FROM expired x JOIN evidence e ON e.key = x.key WHERE x.swept = 0`)
	if err != nil {
		return nil, err
	}
	return r, scanBits(dead, r.gone)
}

func scanBits(rows *sql.Rows, into *roaring.Bitmap) error {
	defer rows.Close()
	for rows.Next() {
		var at int64
		if err := rows.Scan(&at); err != nil {
			return err
		}
		into.Add(uint32(at))
	}
	return rows.Err()
}

// lookTexts finds the records that have the words of the terms of a query. The
// state is read first: what is erased while the words are looked for is found
// under an epoch that is over, and never again.
func (x *Index) lookTexts(ctx context.Context, q *Query, out map[string]*roaring.Bitmap) (*reading, error) {
	terms := q.texts()
	if len(terms) == 0 {
		return nil, nil
	}
	var state *reading
	err := x.l.DB().Read(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		state, err = readTexts(ctx, tx)
		return err
	})
	if err != nil {
		return nil, ledger.Storage("search texts", err)
	}
	if len(state.at) == 0 {
		return nil, &Fault{q.text, terms[0].at, "the full text is on for no system of this ledger", "counterfoil search fulltext on SYSTEM turns it on for one"}
	}
	for _, t := range terms {
		for _, v := range t.values {
			b, err := x.lookText(ctx, state, v)
			if err != nil {
				return nil, ledger.Storage("search texts", err)
			}
			b.AndNot(state.gone)
			out["text "+expression(db.SQLite, v)] = b
		}
	}
	return state, nil
}

// step bounds how many indexes one answer of the database may have.
const step = 1 << 20

// lookText finds one value. What was found before is added to: only records
// behind a position can have come since, as long as nothing was taken away. Two
// halves are looked through at once.
func (x *Index) lookText(ctx context.Context, state *reading, v value) (*roaring.Bitmap, error) {
	key := expression(db.SQLite, v)
	from, size, bits := int64(0), x.known(), roaring.New()
	if old, ok := x.memory.get(key); ok && old.epoch == state.epoch {
		from, bits = size, old.bits.Clone()
		for system, at := range state.at {
			if was := old.at[system]; was < at {
				from = min(from, was)
			}
		}
	}
	var halves [2]*roaring.Bitmap
	var errs [2]error
	var wg sync.WaitGroup
	middle := from + (size-from)/2
	for i, r := range [][2]int64{{from, middle}, {middle, size}} {
		halves[i] = roaring.New()
		wg.Go(func() {
			for at := r[0]; at < r[1] && errs[i] == nil; at += step {
				errs[i] = x.readText(ctx, v, at, min(at+step, r[1]), halves[i])
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	bits.Or(halves[0])
	bits.Or(halves[1])
	at := maps.Clone(state.at)
	for system, next := range at {
		at[system] = min(next, size) // another node may be ahead of what this one has looked through
	}
	x.memory.put(key, found{bits.Clone(), at, state.epoch})
	return bits, nil
}

func (x *Index) known() int64 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.size
}

// readText takes the indexes as one text: a row for each is many times slower.
func (x *Index) readText(ctx context.Context, v value, from, to int64, into *roaring.Bitmap) error {
	query := `SELECT group_concat(rowid) FROM passage WHERE passage MATCH ? AND rowid >= ? AND rowid < ?`
	if x.l.DB().Dialect() == db.Postgres {
		query = `SELECT string_agg(CAST(rowid AS TEXT), ',') FROM passage WHERE body @@ CAST(CAST(? AS TEXT) AS tsquery) AND rowid >= ? AND rowid < ?`
	}
	var all sql.NullString
	err := x.l.DB().Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		return tx.QueryRow(ctx, query, expression(x.l.DB().Dialect(), v), from, to).Scan(&all)
	})
	if err != nil {
		return err
	}
	if all.String == "" {
		return nil
	}
	var some []uint32
	for s := range strings.SplitSeq(all.String, ",") {
		n, err := strconv.ParseUint(s, 10, 32)
		if err != nil {
			return fmt.Errorf("read index %q: %w", s, err)
		}
		some = append(some, uint32(n))
	}
	into.AddMany(some)
	return nil
}

// expression is a value in the words of a database. Words are letters and digits
// only: nothing in them has to be quoted.
func expression(d db.Dialect, v value) string {
	if d == db.Postgres {
		e := "'" + strings.Join(v.words, "' <-> '") + "'"
		if v.prefix {
			e += ":*"
		}
		return e
	}
	e := `"` + strings.Join(v.words, " ") + `"`
	if v.prefix {
		e += " *"
	}
	return e
}

// texts are the terms of a query that look into texts.
func (q *Query) texts() []term {
	var out []term
	var walk func(n node) error
	walk = func(n node) error {
		switch n := n.(type) {
		case and:
			return walkAll(n, walk)
		case or:
			return walkAll(n, walk)
		case not:
			return walk(n.node)
		case term:
			if n.field.sort == free {
				out = append(out, n)
			}
		}
		return nil
	}
	_ = walk(q.root) // has no errors
	return out
}

// Text says whether a query looks into texts.
func (q *Query) Text() bool { return len(q.texts()) > 0 }

// cover bounds what terms found to texts that the caller may open, and says which
// those are. Callers hold mu.
func (e *evaluation) cover(state *reading, r *Request) *Cover {
	c := &Cover{Systems: []string{}, Missing: []string{}}
	systems := e.x.bits["system"]
	mine := roaring.New()
	for name, next := range state.at {
		if r.Texts != nil && !slices.Contains(r.Texts, name) {
			continue
		}
		c.Systems = append(c.Systems, name)
		if b := systems[name]; b != nil {
			mine.Or(b)
			c.Behind += int64(b.GetCardinality())
			if next > 0 {
				c.Behind -= int64(b.Rank(uint32(next - 1)))
			}
		}
	}
	for name := range systems {
		seen := r.Within == nil || r.Within.Systems == nil || slices.Contains(r.Within.Systems, name)
		if seen && !slices.Contains(c.Systems, name) {
			c.Missing = append(c.Missing, name)
		}
	}
	slices.Sort(c.Systems)
	slices.Sort(c.Missing)
	c.Missing = c.Missing[:min(100, len(c.Missing))]
	for _, t := range e.q.texts() {
		for _, v := range t.values {
			e.keys["text "+expression(db.SQLite, v)].And(mine)
		}
	}
	return c
}
