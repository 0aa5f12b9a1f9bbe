// SPDX-License-Identifier: Apache-2.0

package mapping

import (
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/pb33f/go-yaml"
)

// expr makes one value of a record. eval appends it as JSON to b and reports
// whether it is present; when it is not, b comes back as it was.
type expr interface {
	eval(s *state, b []byte) ([]byte, bool, error)
}

// state is what a template is evaluated against.
type state struct {
	ctx   *yaml.Node
	used  map[*yaml.Node]bool // nil: nobody asks
	clock string              // the note of the clock that was read, if any
	where []segment           // the member being made
	trace map[string]origin   // nil: nobody asks; filled while an error is looked into
}

// segment is one step of where: a member, or an element of a list.
type segment struct {
	name  string
	index int // -1: a member
}

// origin is where in the mapping a value came from.
type origin struct {
	at   spot
	path string
}

func (s *state) pointer() string {
	var b strings.Builder
	for _, g := range s.where {
		b.WriteByte('/')
		if g.index >= 0 {
			b.WriteString(strconv.Itoa(g.index))
			continue
		}
		b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(g.name))
	}
	return b.String()
}

func (s *state) note(at spot, path string) {
	if s.trace != nil {
		s.trace[s.pointer()] = origin{at, path}
	}
}

// fail completes an error with the field and the JSONPath.
func (s *state) fail(err error, p *path) error {
	e, ok := err.(*Error) //nolint:errorlint // every error of an expr is an *Error
	if !ok {
		return err
	}
	if e.Field == "" {
		e.Field = s.pointer()
	}
	if e.Path == "" && p != nil {
		e.Path = p.text
	}
	return e
}

func (s *state) use(n *yaml.Node) {
	if s.used != nil {
		s.used[n] = true
	}
}

// literalExpr stands for itself.
type literalExpr struct {
	at   spot
	json []byte
}

func (e *literalExpr) eval(s *state, b []byte) ([]byte, bool, error) {
	s.note(e.at, "")
	return append(b, e.json...), true, nil
}

// objectExpr makes an object of the members that are present.
type objectExpr struct {
	at      spot
	names   []string
	quoted  [][]byte // the names as JSON, each with its colon
	members []expr
}

func (e *objectExpr) eval(s *state, b []byte) ([]byte, bool, error) {
	s.note(e.at, "")
	start := len(b)
	b = append(b, '{')
	for i, m := range e.members {
		before := len(b)
		if before > start+1 {
			b = append(b, ',')
		}
		b = append(b, e.quoted[i]...)
		s.where = append(s.where, segment{name: e.names[i], index: -1})
		out, ok, err := m.eval(s, b)
		s.where = s.where[:len(s.where)-1]
		if err != nil {
			return b, false, err
		}
		if b = out; !ok {
			b = b[:before]
		}
	}
	if len(b) == start+1 {
		return b[:start], false, nil
	}
	return append(b, '}'), true, nil
}

// listExpr makes a list; an each in it adds as many elements as it finds.
type listExpr struct {
	at    spot
	elems []expr
}

func (e *listExpr) eval(s *state, b []byte) ([]byte, bool, error) {
	s.note(e.at, "")
	start, n := len(b), 0
	b = append(b, '[')
	for _, x := range e.elems {
		var err error
		if loop, ok := x.(*eachExpr); ok {
			b, n, err = loop.splice(s, b, n)
		} else {
			b, n, err = element(s, b, n, x)
		}
		if err != nil {
			return b, false, err
		}
	}
	if n == 0 {
		return b[:start], false, nil
	}
	return append(b, ']'), true, nil
}

// element appends x as the element n of a list and returns the next n.
func element(s *state, b []byte, n int, x expr) ([]byte, int, error) {
	before := len(b)
	if n > 0 {
		b = append(b, ',')
	}
	s.where = append(s.where, segment{index: n})
	out, ok, err := x.eval(s, b)
	s.where = s.where[:len(s.where)-1]
	if err != nil || !ok {
		return out[:before], n, err
	}
	return out, n + 1, nil
}

// eachExpr makes one element for each value that a path selects.
type eachExpr struct {
	from  *path
	when  *condition
	value expr
}

func (e *eachExpr) eval(s *state, b []byte) ([]byte, bool, error) {
	return (&listExpr{at: e.from.at, elems: []expr{e}}).eval(s, b)
}

func (e *eachExpr) splice(s *state, b []byte, n int) ([]byte, int, error) {
	outer := s.ctx
	defer func() { s.ctx = outer }()
	for _, found := range e.from.all(outer) {
		s.ctx = with(outer, "each", found)
		if !e.when.holds(s.ctx) {
			continue
		}
		var err error
		if b, n, err = element(s, b, n, e.value); err != nil {
			return b, n, err
		}
	}
	return b, n, nil
}

// with returns the context with one member put in place of, or added to, its own.
func with(ctx *yaml.Node, name string, value *yaml.Node) *yaml.Node {
	out := objectNode(append(make([]*yaml.Node, 0, len(ctx.Content)+2), ctx.Content...)...)
	for i := 0; i < len(out.Content); i += 2 {
		if out.Content[i].Value == name {
			out.Content[i+1] = value
			return out
		}
	}
	out.Content = append(out.Content, textNode(name), value)
	return out
}

// casesExpr takes the first case that holds and is present.
type casesExpr struct {
	cases []oneCase
}

type oneCase struct {
	when  *condition
	value expr
}

func (e *casesExpr) eval(s *state, b []byte) ([]byte, bool, error) {
	for _, c := range e.cases {
		if !c.when.holds(s.ctx) {
			continue
		}
		out, ok, err := c.value.eval(s, b)
		if err != nil || ok {
			return out, ok, err
		}
	}
	return b, false, nil
}

// clockExpr makes a time up.
type clockExpr struct {
	base time.Time
	plus []clockTerm
	note string
}

type clockTerm struct {
	count *path
	unit  time.Duration
}

func (e *clockExpr) eval(s *state, b []byte) ([]byte, bool, error) {
	t := e.base
	for _, p := range e.plus {
		n, err := p.count.one(s.ctx)
		if err != nil {
			return b, false, s.fail(err, p.count)
		}
		if n == nil {
			continue
		}
		k, err := strconv.Atoi(n.Value)
		if err != nil || n.Tag != tagInt || k < 0 || k > 1e9 {
			return b, false, s.fail(p.count.at.errorf("count whole units", "is %.40q and no whole number from 0 to 10^9", n.Value), p.count)
		}
		s.use(n)
		s.note(p.count.at, p.count.text)
		t = t.Add(time.Duration(k) * p.unit)
	}
	s.clock = e.note
	b, _ = jsontext.AppendQuote(b, t.UTC().Format("2006-01-02T15:04:05.000Z07:00"))
	return b, true, nil
}
