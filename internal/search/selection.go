// SPDX-License-Identifier: Apache-2.0

package search

import (
	"fmt"
	"slices"
	"time"

	"github.com/counterfoil/counterfoil/pack"
)

// Selection is the query in the form that an evidence pack has it in: whoever has
// the leaves can run it again. The two find the same. What looks for texts has none:
// those are private. That is a [*Fault].
func (q *Query) Selection() (*pack.Selection, error) { return q.selection(q.root) }

func (q *Query) selection(n node) (*pack.Selection, error) {
	switch n := n.(type) {
	case and:
		all, err := q.selections(n)
		return &pack.Selection{All: all}, err
	case or:
		any, err := q.selections(n)
		return &pack.Selection{Any: any}, err
	case not:
		of, err := q.selection(n.node)
		return &pack.Selection{Not: of}, err
	case term:
		return q.selectTerm(n)
	}
	return nil, fmt.Errorf("search: no such part of a query: %T", n) // programmer error
}

func (q *Query) selections(nodes []node) ([]pack.Selection, error) {
	out := make([]pack.Selection, len(nodes))
	for i, n := range nodes {
		s, err := q.selection(n)
		if err != nil {
			return nil, err
		}
		out[i] = *s
	}
	return out, nil
}

func (q *Query) selectTerm(t term) (*pack.Selection, error) {
	if t.field.sort == free {
		return nil, &Fault{q.text, t.at, "private texts are not in the leaves, so that who has a pack could not look for them again", "leave the text out, and name other fields"}
	}
	at := patternsOf(t.field)
	out := &pack.Selection{Any: []pack.Selection{}}
	words := pack.Selection{At: at}
	for _, v := range t.values {
		s, err := q.selectValue(t, at, v)
		if err != nil {
			return nil, err
		}
		if s != nil {
			out.Any = append(out.Any, *s)
			continue
		}
		if v.prefix {
			words.Begins = append(words.Begins, v.text)
		} else {
			words.Is = append(words.Is, v.text)
		}
	}
	if words.Is != nil || words.Begins != nil {
		out.Any = append(out.Any, words)
	}
	for pattern, name := range follows {
		if name == t.field.name {
			out = &pack.Selection{Followed: &pack.Selection{At: []string{pattern}, Is: words.Is, Begins: words.Begins}}
		}
	}
	if len(out.Any) == 1 {
		out = &out.Any[0]
	}
	if t.op != "!=" {
		return out, nil
	}
	other := pack.Selection{Not: out}
	if t.field.sort == times || t.field.sort == keys {
		return &other, nil
	}
	have, err := q.selectTerm(term{field: t.field, op: "=", values: []value{{prefix: true}}})
	if err != nil {
		return nil, err
	}
	return &pack.Selection{All: []pack.Selection{*have, other}}, nil
}

// selectValue is nil if the value is a word.
func (q *Query) selectValue(t term, at []string, v value) (*pack.Selection, error) {
	op := t.op
	if op == "!=" {
		op = "="
	}
	switch {
	case v.prefix && t.field.sort == keys:
		return nil, &Fault{q.text, v.at, t.field.name + " is looked up as a whole", "write it out, without *"}
	case t.field.name == "hour":
		start, err := time.Parse("2006-01-02T15", v.text)
		if err != nil {
			if v.prefix && v.text == "" {
				return &pack.Selection{All: []pack.Selection{}}, nil
			}
			return nil, &Fault{q.text, v.at, "an hour in a pack is a whole one", "write it like hour:2026-11-23T14, or use time>= and time<"}
		}
		from, to := start.Unix(), start.Unix()+3600
		return &pack.Selection{All: []pack.Selection{{At: at, Op: ">=", Second: &from}, {At: at, Op: "<", Second: &to}}}, nil
	case t.field.sort == times:
		return &pack.Selection{At: at, Op: op, Second: &v.second}, nil
	case t.field.sort == numbers && !v.prefix:
		return &pack.Selection{At: at, Op: op, Number: &v.number}, nil
	}
	return nil, nil
}

// patternsOf are the paths whose values a field has.
func patternsOf(f *field) []string {
	switch f.name {
	case "control", "failed":
		return []string{"@" + f.name}
	case "hour":
		return []string{"/time"}
	}
	if f.pattern != "" {
		return []string{f.pattern}
	}
	var out []string
	for pattern, name := range derived {
		if name == f.name {
			out = append(out, pattern)
		}
	}
	slices.Sort(out)
	return out
}
