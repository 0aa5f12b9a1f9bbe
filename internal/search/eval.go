// SPDX-License-Identifier: Apache-2.0

package search

import (
	"context"
	"fmt"
	"sort"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

// evaluation finds what one query matches. mu is held for reading while it runs,
// but for the keys, which are looked up before.
type evaluation struct {
	x    *Index
	q    *Query
	size uint32
	keys map[string]*roaring.Bitmap // by field and value: what the database says
}

// lookKeys asks the database for the values that nearly every record has of its
// own.
func (x *Index) lookKeys(ctx context.Context, q *Query) (map[string]*roaring.Bitmap, error) {
	out := map[string]*roaring.Bitmap{}
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
			if n.field.sort != keys {
				return nil
			}
			for _, v := range n.values {
				b, err := x.lookKey(ctx, q, n, v)
				if err != nil {
					return err
				}
				out[n.field.name+" "+v.text] = b
			}
		}
		return nil
	}
	return out, walk(q.root)
}

func walkAll(all []node, walk func(node) error) error {
	for _, n := range all {
		if err := walk(n); err != nil {
			return err
		}
	}
	return nil
}

// maxKeyed is how many records one key may have.
const maxKeyed = 100000

func (x *Index) lookKey(ctx context.Context, q *Query, t term, v value) (*roaring.Bitmap, error) {
	column := indexed[t.field.pattern]
	if v.prefix || t.op != "=" && t.op != "!=" {
		return nil, &Fault{q.text, v.at, t.field.name + " is looked up as a whole", "write it out, without *"}
	}
	b := roaring.New()
	if column == "journey" || column == "interaction" || column == "about" {
		lq := ledger.Query{Limit: maxKeyed}
		switch column {
		case "journey":
			lq.Journey = v.text
		case "interaction":
			lq.Interaction = v.text
		default:
			lq.About = v.text
		}
		p, err := x.l.List(ctx, lq)
		if err != nil {
			return nil, err
		}
		for _, e := range p.Entries {
			b.Add(uint32(e.Index))
		}
		return b, nil
	}
	err := x.l.DB().Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		rows, err := tx.Query(ctx, `SELECT idx FROM lookup WHERE id = ?`, v.text)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var at int64
			if err := rows.Scan(&at); err != nil {
				return err
			}
			b.Add(uint32(at))
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("look up %s: %w", column, err)
	}
	return b, nil
}

// all are the records that the index knows.
func (e *evaluation) all() *roaring.Bitmap {
	b := roaring.New()
	b.AddRange(0, uint64(e.size))
	return b
}

// eval returns a bitmap that the caller may change.
func (e *evaluation) eval(n node) (*roaring.Bitmap, error) {
	switch n := n.(type) {
	case and:
		return e.and(n)
	case or:
		out := roaring.New()
		for _, m := range n {
			b, err := e.eval(m)
			if err != nil {
				return nil, err
			}
			out.Or(b)
		}
		return out, nil
	case not:
		b, err := e.eval(n.node)
		if err != nil {
			return nil, err
		}
		return roaring.AndNot(e.all(), b), nil
	case term:
		return e.term(n)
	}
	return nil, fmt.Errorf("search: no such part of a query: %T", n) // programmer error
}

func (e *evaluation) and(all and) (*roaring.Bitmap, error) {
	var out *roaring.Bitmap
	var without []node
	for _, m := range all {
		if m, ok := m.(not); ok {
			without = append(without, m.node)
			continue
		}
		b, err := e.eval(m)
		if err != nil {
			return nil, err
		}
		if out == nil {
			out = b
		} else {
			out.And(b)
		}
	}
	if out == nil {
		out = e.all()
	}
	for _, m := range without {
		b, err := e.eval(m)
		if err != nil {
			return nil, err
		}
		out.AndNot(b)
	}
	return out, nil
}

func (e *evaluation) term(t term) (*roaring.Bitmap, error) {
	var out *roaring.Bitmap
	var err error
	switch t.field.sort {
	case times:
		out = e.times(t)
	case numbers:
		out = e.numbers(t)
	case keys:
		out = roaring.New()
		for _, v := range t.values {
			out.Or(e.keys[t.field.name+" "+v.text])
		}
	case free:
		out = roaring.New()
		for _, v := range t.values {
			out.Or(e.keys["text "+expression(db.SQLite, v)])
		}
	default:
		out, err = e.codes(t)
	}
	if err == nil && t.op == "!=" {
		// What has no value at all is not another value: -field:value finds it.
		have, ferr := e.having(t.field)
		if ferr != nil {
			return nil, ferr
		}
		out = roaring.AndNot(have, out)
	}
	return out, err
}

// having are the records with any value of a field.
func (e *evaluation) having(f *field) (*roaring.Bitmap, error) {
	switch f.sort {
	case times, keys:
		return e.all(), nil
	case numbers:
		b := roaring.New()
		if c := e.x.numbers[f.name]; c != nil {
			b.AddMany(c.at)
		}
		return b, nil
	}
	return e.codes(term{field: f, op: "=", values: []value{{prefix: true}}})
}

func (e *evaluation) codes(t term) (*roaring.Bitmap, error) {
	if e.x.full[t.field.name] {
		return nil, &Fault{e.q.text, t.at, fmt.Sprintf("%s has more than %d different values in this ledger, and is not indexed", t.field.name, maxValues), "search by another field"}
	}
	values := e.x.bits[t.field.name]
	var hit []*roaring.Bitmap
	for _, v := range t.values {
		if !v.prefix {
			if b := values[v.text]; b != nil {
				hit = append(hit, b)
			}
			continue
		}
		for have, b := range values {
			if strings.HasPrefix(have, v.text) {
				hit = append(hit, b)
			}
		}
	}
	out := roaring.FastOr(hit...)
	if out.GetCardinality() > 0 && out.Maximum() >= e.size {
		out.RemoveRange(uint64(e.size), 1<<32)
	}
	return out, nil
}

// compare holds a number against the value of a term.
func compare[T int64 | float64](op string, have, want T) bool {
	switch op {
	case "<":
		return have < want
	case "<=":
		return have <= want
	case ">":
		return have > want
	case ">=":
		return have >= want
	}
	return have == want
}

func (e *evaluation) numbers(t term) *roaring.Bitmap {
	out := roaring.New()
	c := e.x.numbers[t.field.name]
	if c == nil {
		return out
	}
	for _, v := range t.values {
		for i, have := range c.value {
			if c.at[i] < e.size && compare(t.op, have, v.number) {
				out.Add(c.at[i])
			}
		}
	}
	return out
}

// times compares by the second. A time that is a day or a minute is that
// instant: time>=2026-11-01 is from midnight on.
func (e *evaluation) times(t term) *roaring.Bitmap {
	column := e.x.time
	if t.field.pattern == "/recorded" {
		return e.recorded(t)
	}
	out := roaring.New()
	run := -1 // start of the current run of hits
	for i := range column[:e.size] {
		hit := false
		for _, v := range t.values {
			hit = hit || compare(strings.TrimPrefix(t.op, "!"), int64(column[i])+epoch, v.second)
		}
		if hit && run < 0 {
			run = i
		}
		if !hit && run >= 0 {
			out.AddRange(uint64(run), uint64(i))
			run = -1
		}
	}
	if run >= 0 {
		out.AddRange(uint64(run), uint64(e.size))
	}
	return out
}

// recorded uses that the log is in the order of it, but for what several nodes
// commit at once: those few seconds are looked at one by one.
func (e *evaluation) recorded(t term) *roaring.Bitmap {
	const slack = 120 // seconds that clocks of nodes differ at most
	column := e.x.written[:e.size]
	out := roaring.New()
	for _, v := range t.values {
		want := v.second - epoch
		from := sort.Search(len(column), func(i int) bool { return int64(column[i]) >= want-slack })
		to := sort.Search(len(column), func(i int) bool { return int64(column[i]) > want+slack })
		switch t.op {
		case "<", "<=":
			out.AddRange(0, uint64(from))
		case ">", ">=":
			out.AddRange(uint64(to), uint64(len(column)))
		}
		for i := from; i < to; i++ {
			if compare(strings.TrimPrefix(t.op, "!"), int64(column[i]), want) {
				out.Add(uint32(i))
			}
		}
	}
	return out
}
