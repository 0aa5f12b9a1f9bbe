// SPDX-License-Identifier: Apache-2.0

package search

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

// Request asks for a page of what a query finds.
type Request struct {
	// Query is what to find, as [Parse] reads it.
	Query string
	// Limit is how many records a page has. Default: 50; at most 1000.
	Limit int
	// Before is the index that the page ends before: the Next of the page before.
	// Default: the end of the log.
	Before int64
	// Facets are fields of which the values are counted. Default: none.
	Facets []string
	// Top is how many values of a facet are listed. Default: 10; at most 100.
	Top int
	// Within bounds what is seen at all. Default: everything.
	Within *ledger.Bounds
	// Texts are the systems of which private texts may be searched. Default: all
	// for which that is on.
	Texts []string
}

// Result is a page of what was found, newest first.
type Result struct {
	Entries []ledger.Entry
	Total   int64 // of the whole query
	Next    int64 // Before of the next page; 0: there is none
	Facets  []Facet
	Size    int64  // leaves that were searched
	Cover   *Cover // of the texts, if the query looks into them
}

// Facet counts the values of a field among all that was found.
type Facet struct {
	Field  string  `json:"field"`
	Values []Count `json:"values"`
	Others int     `json:"others,omitempty"` // values that are not listed
	// Without is how many records have no value.
	Without int64 `json:"without,omitempty"`
}

// Count is one value of a facet.
type Count struct {
	Value string `json:"value"`
	Count int64  `json:"count"`
}

// Find answers a request. Faults of the query are [*Fault].
func (x *Index) Find(ctx context.Context, r Request) (*Result, error) {
	if r.Limit <= 0 {
		r.Limit = 50
	}
	if r.Top <= 0 {
		r.Top = 10
	}
	r.Limit, r.Top = min(r.Limit, 1000), min(r.Top, 100)
	m, err := x.match(ctx, r)
	if err != nil {
		return nil, err
	}
	out := &Result{Total: int64(m.hits.GetCardinality()), Facets: m.facets, Size: m.size, Cover: m.cover}
	page := m.hits
	if r.Before > 0 {
		page = page.Clone()
		page.RemoveRange(uint64(r.Before), 1<<32)
	}
	var at []int64
	for i := page.ReverseIterator(); i.HasNext() && len(at) < r.Limit; {
		at = append(at, int64(i.Next()))
	}
	if n := len(at); n > 0 && int64(page.Minimum()) < at[n-1] {
		out.Next = at[n-1]
	}
	out.Entries, err = x.l.Find(ctx, at)
	slices.Reverse(out.Entries)
	return out, err
}

// matched is all that a query finds.
type matched struct {
	hits   *roaring.Bitmap
	facets []Facet
	size   int64
	cover  *Cover
}

// match finds the records, and counts the facets.
func (x *Index) match(ctx context.Context, r Request) (*matched, error) {
	q, err := Parse(r.Query, x.cfg.Now())
	if err != nil {
		return nil, err
	}
	for _, name := range r.Facets {
		if f, ok := fieldOf(name); !ok || f.sort != codes {
			return nil, &ledger.Error{Code: ledger.Invalid, Message: fmt.Sprintf("%q has no values to count", name), Hint: near(name)}
		}
	}
	if err := x.ready(ctx, q); err != nil {
		return nil, err
	}
	looked, err := x.lookKeys(ctx, q)
	if err != nil {
		return nil, err
	}
	state, err := x.lookTexts(ctx, q, looked)
	if err != nil {
		return nil, err
	}
	held, err := x.held(ctx, r.Within)
	if err != nil {
		return nil, err
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	e := &evaluation{x: x, q: q, size: uint32(x.size), keys: looked}
	out := &matched{size: x.size, facets: make([]Facet, 0, len(r.Facets))}
	if state != nil {
		out.cover = e.cover(state, &r)
	}
	if out.hits, err = e.eval(q.root); err != nil {
		return nil, err
	}
	out.hits.RemoveRange(uint64(e.size), 1<<32) // found by a key, and not in the index yet
	if err := e.bound(out.hits, r.Within, held); err != nil {
		return nil, err
	}
	for _, name := range r.Facets {
		out.facets = append(out.facets, x.facet(name, out.hits, r.Top))
	}
	return out, nil
}

// ready brings the index up to what the log holds now; that of texts by a little,
// since it may be far behind.
func (x *Index) ready(ctx context.Context, q *Query) error {
	if err := x.Fill(ctx); err != nil || !q.Text() || x.l.DB().ReadOnly() {
		return err
	}
	for {
		more, err := x.Trail(ctx, maxBefore)
		if err != nil || !more || !x.cfg.Whole {
			return err
		}
	}
}

// bound takes away what may not be seen.
func (e *evaluation) bound(hits *roaring.Bitmap, w *ledger.Bounds, held *roaring.Bitmap) error {
	if w == nil {
		return nil
	}
	if held != nil {
		hits.And(held)
	}
	if w.Systems == nil {
		return nil
	}
	f, _ := fieldOf("system")
	t := term{field: f, op: "="}
	for _, s := range w.Systems {
		t.values = append(t.values, value{text: s})
	}
	mine, err := e.codes(t)
	if err == nil {
		hits.And(mine)
	}
	return err
}

// held are the records under a legal hold, if only these are seen.
func (x *Index) held(ctx context.Context, w *ledger.Bounds) (*roaring.Bitmap, error) {
	if w == nil || !w.Held {
		return nil, nil
	}
	out := roaring.New()
	err := x.l.DB().Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		rows, err := tx.Query(ctx, `SELECT idx FROM held`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var at int64
			if err := rows.Scan(&at); err != nil {
				return err
			}
			out.Add(uint32(at))
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("read holds: %w", err)
	}
	return out, nil
}

// facet counts the values of a field among hits. Callers hold mu.
func (x *Index) facet(name string, hits *roaring.Bitmap, top int) Facet {
	fl, _ := fieldOf(name)
	f := Facet{Field: name, Values: []Count{}}
	if x.full[fl.name] {
		return f
	}
	with := make([]*roaring.Bitmap, 0, len(x.bits[fl.name]))
	for v, b := range x.bits[fl.name] {
		if n := hits.AndCardinality(b); n > 0 {
			f.Values = append(f.Values, Count{v, int64(n)})
			with = append(with, b)
		}
	}
	slices.SortFunc(f.Values, func(a, b Count) int {
		if a.Count != b.Count {
			return int(b.Count - a.Count)
		}
		return strings.Compare(a.Value, b.Value)
	})
	if len(f.Values) > top {
		f.Others = len(f.Values) - top
		f.Values = f.Values[:top:top]
	}
	sum := int64(0)
	if len(with) == 1 {
		sum = f.Values[0].Count
	} else if len(with) > 1 {
		sum = int64(hits.AndCardinality(roaring.FastOr(with...)))
	}
	f.Without = int64(hits.GetCardinality()) - sum
	return f
}
