// SPDX-License-Identifier: Apache-2.0

package mapping

import (
	"errors"
	"strings"

	"github.com/counterfoil/counterfoil/record"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/pb33f/go-yaml"
)

// clockMember is where the note of a clock goes.
const clockMember = "x_clock"

// Records turns one input line into records, in the order of the line. lineNo
// counts from 1. Each record passed [record.Parse] and is in canonical form. The
// error is an [*Error]; there are no records then. line is not kept.
func (m *Mapping) Records(line []byte, lineNo int) ([][]byte, error) {
	out, err := m.records(line, lineNo)
	if err != nil {
		if e, ok := errors.AsType[*Error](err); ok {
			e.File, e.Input = m.file, lineNo
		}
		return nil, err
	}
	return out, nil
}

func (m *Mapping) records(line []byte, lineNo int) ([][]byte, error) {
	root, err := parseJSON(line)
	if err != nil {
		return nil, &Error{Message: "the line is not one JSON value: " + strings.TrimPrefix(err.Error(), "jsontext: "), Cause: err,
			Advice: "NDJSON has one JSON document on each line"}
	}
	r := newRun(m, root, lineNo)
	if err := r.rules(onLine, -1); err != nil {
		return nil, err
	}
	for i := range r.items {
		if err := r.rules(onItem, i); err != nil {
			return nil, err
		}
	}
	if err := r.rules(onEnd, len(r.items)); err != nil {
		return nil, err
	}
	return r.out, r.account()
}

// run is one line on its way. It is owned by one call of Records.
type run struct {
	m       *Mapping
	root    *yaml.Node
	base    []*yaml.Node // members of the context that stay
	items   []*yaml.Node // what each selected
	wrapped []*yaml.Node // the items as {index, item}
	holds   [][]bool     // for each near, for each item
	used    map[*yaml.Node]bool
	ids     map[string]bool
	out     [][]byte
}

func newRun(m *Mapping, root *yaml.Node, lineNo int) *run {
	r := &run{m: m, root: root, ids: map[string]bool{}}
	r.base = []*yaml.Node{textNode("line"), root, textNode("line_number"), intNode(lineNo), textNode("files"), m.files}
	r.items = []*yaml.Node{root}
	if m.each != nil {
		r.items = m.each.all(objectNode(r.base...))
	}
	if m.accounted {
		r.used = map[*yaml.Node]bool{}
	}
	for i, it := range r.items {
		r.wrapped = append(r.wrapped, objectNode(textNode("index"), intNode(i), textNode("item"), it))
	}
	for _, n := range m.near {
		holds := make([]bool, len(r.items))
		for i, it := range r.items {
			holds[i] = n.cond.holds(it)
		}
		r.holds = append(r.holds, holds)
	}
	return r
}

// rules tries the rules of one moment at position i.
func (r *run) rules(on moment, i int) error {
	var ctx *yaml.Node
	for k := range r.m.rules {
		ru := &r.m.rules[k]
		if ru.on != on {
			continue
		}
		if ctx == nil {
			ctx = r.context(on, i)
		}
		ctx.Content[1] = intNode(len(r.out) + 1)
		if !ru.when.holds(ctx) {
			continue
		}
		if err := r.emit(ru, ctx); err != nil {
			if e, ok := errors.AsType[*Error](err); ok {
				e.Rule = ru.name
			}
			return err
		}
	}
	return nil
}

// context makes what a rule sees at position i; record_number comes first, so
// that it can be set again for each rule.
func (r *run) context(on moment, i int) *yaml.Node {
	c := append([]*yaml.Node{textNode("record_number"), intNode(0)}, r.base...)
	if on != onLine {
		c = append(c, textNode("index"), intNode(i))
	}
	if on == onItem {
		c = append(c, textNode("item"), r.items[i])
	}
	if i > 0 {
		c = append(c, textNode("previous"), r.wrapped[i-1])
	}
	if i+1 < len(r.items) {
		c = append(c, textNode("next"), r.wrapped[i+1])
	}
	for k, n := range r.m.near {
		if found := r.neighbours(n.how, r.holds[k], i); found != nil {
			c = append(c, textNode(n.name), found)
		}
	}
	return objectNode(c...)
}

func (r *run) neighbours(how string, holds []bool, i int) *yaml.Node {
	before, after := max(i-1, -1), min(i+1, len(holds))
	for before >= 0 && !holds[before] {
		before--
	}
	for after < len(holds) && !holds[after] {
		after++
	}
	switch {
	case how == "since":
		return listNode(r.wrapped[before+1 : max(i, 0)]...)
	case how == "until":
		return listNode(r.wrapped[min(i+1, len(holds)):after]...)
	case how == "before" && before >= 0:
		return r.wrapped[before]
	case how == "after" && after < len(holds):
		return r.wrapped[after]
	}
	return nil
}

// emit makes one record and checks it.
func (r *run) emit(ru *rule, ctx *yaml.Node) error {
	s := &state{ctx: ctx, used: r.used}
	raw, err := s.record(ru)
	if err != nil {
		return err
	}
	rec, err := record.Parse(raw)
	if err != nil {
		return explain(err, ru, ctx)
	}
	if r.ids[rec.ID()] {
		return ru.record.at.errorf("put $.index or $.record_number into the id", "two records of the line have the id %q", rec.ID())
	}
	r.ids[rec.ID()] = true
	r.out = append(r.out, rec.Canonical())
	return nil
}

// record evaluates the template of a rule.
func (s *state) record(ru *rule) ([]byte, error) {
	b, ok, err := ru.record.eval(s, make([]byte, 0, 4096))
	if err != nil {
		return nil, err
	}
	if ok && s.clock != "" {
		b = append(b[:len(b)-1], `,"`+clockMember+`":`...)
		b, _ = jsontext.AppendQuote(b, s.clock)
		b = append(b, '}')
	}
	return b, nil
}

// explain finds, for the first problem of a refused record, where in the
// mapping the value came from, by making the record once more.
func explain(err error, ru *rule, ctx *yaml.Node) error {
	refused, ok := errors.AsType[*record.Error](err)
	if !ok || len(refused.Problems) == 0 {
		return err
	}
	p := refused.Problems[0]
	s := &state{ctx: ctx, trace: map[string]origin{}}
	out := &Error{Field: p.Pointer, Message: p.Detail, Advice: p.Hint, Cause: err, Line: ru.record.at.line, Column: ru.record.at.column}
	if _, again := s.record(ru); again != nil {
		return out
	}
	for at := p.Pointer; ; at = at[:strings.LastIndexByte(at, '/')] {
		if o, ok := s.trace[at]; ok {
			out.Line, out.Column, out.Path = o.at.line, o.at.column, o.path
			return out
		}
		if at == "" {
			return out
		}
	}
}
