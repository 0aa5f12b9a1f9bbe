// SPDX-License-Identifier: Apache-2.0

package search

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Query is a parsed query. It is immutable.
//
//	query  = and { "OR" and }
//	and    = not { [ "AND" ] not }
//	not    = ( "-" | "NOT" ) not | "(" query ")" | term
//	term   = field op value { "," value } | quoted
//	op     = ":" | "=" | "!=" | "<" | "<=" | ">" | ">="
//
// A field is a public field of a record, as its path with points, or one of the
// short names of [Fields]. ":" and "=" are the same. Several values are one or
// the other. A value that ends in * is the beginning of one; * alone is any.
// The field text is what stands in private texts, where that is on: the words of
// a value in a row; a quoted text alone is the same.
// Times are compared by the second, as dates, times, or spans before now: 30d.
type Query struct {
	text string
	root node
}

// String is the query as it was written.
func (q *Query) String() string { return q.text }

// node is a part of a query: and, or, not or term.
type node any

type (
	and  []node
	or   []node
	not  struct{ node }
	term struct {
		field  *field
		op     string
		values []value
		at     int
	}
	value struct {
		text   string
		prefix bool
		number float64
		second int64 // since 1970
		words  []string
		at     int
	}
)

// maxTerms bounds a query.
const maxTerms = 200

type parser struct {
	q      string
	now    time.Time
	tokens []token
	terms  int
	depth  int
}

// Parse reads a query; the empty one finds everything. now is what spans are
// counted back from. The error is a [*Fault].
func Parse(q string, now time.Time) (*Query, error) {
	tokens, f := lex(q)
	if f != nil {
		return nil, f
	}
	p := &parser{q: q, now: now, tokens: tokens}
	if tokens[0].kind == end {
		return &Query{text: q, root: and{}}, nil
	}
	root, f := p.or()
	if f == nil && p.peek().kind != end {
		f = p.fault(p.peek(), "the query should end here", `is a "(" missing?`)
	}
	if f != nil {
		return nil, f
	}
	return &Query{text: q, root: root}, nil
}

func (p *parser) peek() token { return p.tokens[0] }

func (p *parser) next() token {
	t := p.tokens[0]
	if t.kind != end {
		p.tokens = p.tokens[1:]
	}
	return t
}

func (p *parser) fault(t token, detail, hint string) *Fault {
	return &Fault{Query: p.q, Column: t.at, Detail: detail, Hint: hint}
}

func (p *parser) keyword(w string) bool {
	t := p.peek()
	return t.kind == word && t.text == w
}

func (p *parser) or() (node, *Fault) {
	if p.depth++; p.depth > 50 {
		return nil, p.fault(p.peek(), "the query is nested too deeply", "use fewer parentheses")
	}
	defer func() { p.depth-- }()
	first, f := p.and()
	out := or{first}
	for f == nil && p.keyword("OR") {
		p.next()
		var n node
		n, f = p.and()
		out = append(out, n)
	}
	if len(out) == 1 {
		return first, f
	}
	return out, f
}

func (p *parser) and() (node, *Fault) {
	first, f := p.not()
	out := and{first}
	for f == nil {
		if p.keyword("AND") {
			p.next()
		} else if t := p.peek(); t.kind == end || t.kind == shut || p.keyword("OR") {
			break
		}
		var n node
		n, f = p.not()
		out = append(out, n)
	}
	if len(out) == 1 {
		return first, f
	}
	return out, f
}

func (p *parser) not() (node, *Fault) {
	t := p.peek()
	switch {
	case t.kind == minus || p.keyword("NOT"):
		p.next()
		if p.depth++; p.depth > 50 {
			return nil, p.fault(t, "the query is nested too deeply", "")
		}
		defer func() { p.depth-- }()
		n, f := p.not()
		return not{n}, f
	case t.kind == open:
		p.next()
		n, f := p.or()
		if f == nil && p.next().kind != shut {
			f = p.fault(t, "the parenthesis is not closed", `end it with ")"`)
		}
		return n, f
	}
	return p.term()
}

func (p *parser) term() (node, *Fault) {
	if p.terms++; p.terms > maxTerms {
		return nil, p.fault(p.peek(), "the query has more than "+strconv.Itoa(maxTerms)+" terms", "save parts of it, and search in turn")
	}
	name := p.next()
	switch {
	case name.kind == quoted:
		fl, _ := fieldOf("text")
		v, f := p.phrase(fl, name)
		return term{field: fl, op: "=", values: []value{v}, at: name.at}, f
	case name.kind == end:
		return nil, p.fault(name, "the query ends where a term should stand", "write field:value")
	case name.kind != word:
		return nil, p.fault(name, "a term should stand here", "write field:value, such as system:refund-agent")
	}
	op := p.next()
	if op.kind != operator {
		return nil, p.fault(name, strconv.Quote(name.text)+" is not followed by a value", "write field:value, such as outcome:"+name.text+", or a text in quotes")
	}
	fl, ok := fieldOf(name.text)
	if !ok {
		return nil, p.fault(name, "there is no public field "+strconv.Quote(name.text), near(name.text))
	}
	t := term{field: fl, op: strings.Replace(op.text, ":", "=", 1), at: name.at}
	if fl.sort == free && t.op != "=" {
		return nil, p.fault(op, "a text has no order", "use text:, or -text: for records without it")
	}
	if fl.sort == codes && t.op != "=" && t.op != "!=" {
		return nil, p.fault(op, fl.name+" is a word, and has no order", "use : or !=")
	}
	for {
		v, f := p.value(fl)
		if f != nil {
			return nil, f
		}
		t.values = append(t.values, v)
		if p.peek().kind != comma {
			break
		}
		if c := p.next(); t.op != "=" && t.op != "!=" {
			return nil, p.fault(c, "several values can not be compared with "+t.op, "write one")
		}
	}
	return t, nil
}

func (p *parser) value(fl *field) (value, *Fault) {
	t := p.next()
	if t.kind != word && t.kind != quoted {
		return value{}, p.fault(t, "a value of "+fl.name+" should stand here", "")
	}
	if fl.sort == free {
		return p.phrase(fl, t)
	}
	v := value{text: t.text, at: t.at}
	if t.kind == word && strings.HasSuffix(v.text, "*") {
		v.prefix, v.text = true, strings.TrimSuffix(v.text, "*")
	}
	if v.prefix && v.text == "" {
		return v, nil
	}
	switch fl.sort {
	case times:
		at, err := moment(v.text, p.now)
		if err != nil || v.prefix {
			return v, p.fault(t, strconv.Quote(t.text)+" is not a time", "write it like 2026-11-01, 2026-11-01T14:05:00Z, or 30d for thirty days ago")
		}
		v.second = at.Unix()
	case numbers:
		n, err := strconv.ParseFloat(v.text, 64)
		if err != nil || v.prefix || math.IsNaN(n) || math.IsInf(n, 0) {
			return v, p.fault(t, strconv.Quote(t.text)+" is not a number", "")
		}
		v.number = n
	}
	return v, nil
}

// maxPhrase is how many words a phrase has at most.
const maxPhrase = 20

// phrase reads words that stand in a row.
func (p *parser) phrase(fl *field, t token) (value, *Fault) {
	v := value{text: t.text, at: t.at, words: slices.DeleteFunc(words(t.text), func(w string) bool { return w == gap })}
	v.prefix = t.kind == word && strings.HasSuffix(t.text, "*")
	switch {
	case len(v.words) == 0:
		return v, p.fault(t, fl.name+" is looked for by words, and there is none", `write "refund denied", or text:refus* for its beginning`)
	case len(v.words) > maxPhrase:
		return v, p.fault(t, "the text has more than "+strconv.Itoa(maxPhrase)+" words", "look for a part of it")
	}
	return v, nil
}

// moment reads a date, a time, or how long before now.
func moment(s string, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, "2006-01-02T15:04Z07:00", time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil && t.Nanosecond() == 0 {
			return t, nil
		}
	}
	units := map[byte]time.Duration{'m': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}
	if s == "" || units[s[len(s)-1]] == 0 {
		return time.Time{}, strconv.ErrSyntax
	}
	n, err := strconv.Atoi(s[:len(s)-1])
	if err != nil || n < 0 || n > 100000 {
		return time.Time{}, strconv.ErrRange
	}
	return now.Add(-time.Duration(n) * units[s[len(s)-1]]), nil
}
