// SPDX-License-Identifier: Apache-2.0

package mapping

import (
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// operators are the members that make an object an operator, each with the
// members that may stand beside it. None of them is the name of a member of a
// record; a test says so.
var operators = map[string][]string{
	"path":    {"default", "map", "slug"},
	"json":    {"default", "or_text"},
	"format":  {"default", "map", "slug"},
	"each":    {"when", "value"},
	"cases":   {},
	"clock":   {},
	"literal": {},
}

// Operators lists the words that turn an object of a template into an operator,
// sorted.
func Operators() []string {
	names := make([]string, 0, len(operators))
	for n := range operators {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// template compiles a value of a record.
func template(t *tree) (expr, error) {
	switch t.kind {
	case scalarText:
		if strings.HasPrefix(t.text, "$.") || strings.HasPrefix(t.text, "$[") {
			return nil, t.at.errorf("write {path: …} for the value it selects, or {literal: …} for the text itself", "a JSONPath stands as plain text")
		}
		if strings.Contains(t.text, "{$.") || strings.Contains(t.text, "{$[") {
			return nil, t.at.errorf("write {format: …} to put values in, or {literal: …} for the text itself", "a format stands as plain text")
		}
		return &literalExpr{at: t.at, json: t.json(nil)}, nil
	case scalarOther:
		return &literalExpr{at: t.at, json: t.json(nil)}, nil
	case sequence:
		e := &listExpr{at: t.at}
		for _, v := range t.list {
			x, err := template(v)
			if err != nil {
				return nil, err
			}
			e.elems = append(e.elems, x)
		}
		return e, nil
	}
	for _, k := range t.keys {
		if beside, ok := operators[k.name]; ok {
			if err := t.allow(append([]string{k.name}, beside...)...); err != nil {
				return nil, err
			}
			return operator(k.name, k.value, t)
		}
	}
	return objectTemplate(t)
}

func objectTemplate(t *tree) (*objectExpr, error) {
	e := &objectExpr{at: t.at}
	for _, k := range t.keys {
		x, err := template(k.value)
		if err != nil {
			return nil, err
		}
		quoted, err := jsontext.AppendQuote(nil, k.name)
		if err != nil {
			return nil, k.at.errorf("", "the name is not valid UTF-8")
		}
		e.names = append(e.names, k.name)
		e.quoted = append(e.quoted, append(quoted, ':'))
		e.members = append(e.members, x)
	}
	return e, nil
}

func operator(name string, v, t *tree) (expr, error) {
	switch name {
	case "path":
		p, err := newPath(v)
		if err != nil {
			return nil, err
		}
		w, err := newWords(t)
		return &pathExpr{from: p, words: w}, err
	case "format":
		parts, err := splitFormat(v)
		if err != nil {
			return nil, err
		}
		w, err := newWords(t)
		return &formatExpr{at: v.at, parts: parts, words: w}, err
	case "json":
		return jsonTemplate(v, t)
	case "each":
		return eachTemplate(v, t)
	case "cases":
		return casesTemplate(v)
	case "clock":
		return clockTemplate(v)
	}
	return &literalExpr{at: v.at, json: v.json(nil)}, nil
}

func newWords(t *tree) (words, error) {
	var w words
	if d := t.member("default"); d != nil {
		w.fallback = d.json(nil)
	}
	if m := t.member("map"); m != nil {
		if m.kind != object || len(m.keys) == 0 {
			return w, m.at.errorf("", "want an object of word: word")
		}
		w.table = map[string][]byte{}
		for _, k := range m.keys {
			if k.value.kind > scalarOther {
				return w, k.at.errorf("", "a map gives scalars, not %v", k.value.kind)
			}
			w.table[k.name] = k.value.json(nil)
		}
	}
	var err error
	if w.slug, err = flag(t, "slug"); err != nil {
		return w, err
	}
	if w.slug && w.table != nil {
		return w, t.at.errorf("keep one of them", "map and slug do not go together")
	}
	return w, nil
}

// flag reads an optional true or false.
func flag(t *tree, name string) (bool, error) {
	v := t.member(name)
	if v == nil {
		return false, nil
	}
	if v.kind != scalarOther || v.text != "true" && v.text != "false" {
		return false, v.at.errorf("", "%s is true or false", name)
	}
	return v.text == "true", nil
}

func jsonTemplate(v, t *tree) (expr, error) {
	p, err := newPath(v)
	if err != nil {
		return nil, err
	}
	e := &jsonExpr{from: p}
	if d := t.member("default"); d != nil {
		e.fallback = d.json(nil)
	}
	e.orText, err = flag(t, "or_text")
	return e, err
}

func eachTemplate(v, t *tree) (expr, error) {
	p, err := newPath(v)
	if err != nil {
		return nil, err
	}
	e := &eachExpr{from: p}
	if w := t.member("when"); w != nil {
		if e.when, err = newCondition(w); err != nil {
			return nil, err
		}
	}
	value := t.member("value")
	if value == nil {
		return nil, t.at.errorf("write {path: $.each} for the values themselves", "each has no value")
	}
	e.value, err = template(value)
	return e, err
}

func casesTemplate(v *tree) (expr, error) {
	if v.kind != sequence || len(v.list) == 0 {
		return nil, v.at.errorf("", "cases wants a list of {when: …, value: …}")
	}
	e := &casesExpr{}
	for _, c := range v.list {
		if err := c.allow("when", "value"); err != nil {
			return nil, err
		}
		var one oneCase
		var err error
		if w := c.member("when"); w != nil {
			if one.when, err = newCondition(w); err != nil {
				return nil, err
			}
		}
		value := c.member("value")
		if value == nil {
			return nil, c.at.errorf("", "the case has no value")
		}
		if one.value, err = template(value); err != nil {
			return nil, err
		}
		e.cases = append(e.cases, one)
	}
	return e, nil
}

func clockTemplate(v *tree) (expr, error) {
	if err := v.allow("base", "plus", "note"); err != nil {
		return nil, err
	}
	e := &clockExpr{}
	base, note := v.member("base"), v.member("note")
	if base == nil || note == nil || note.text == "" {
		return nil, v.at.errorf("the note says in the record that its time was made up, and how", "clock wants a base and a note")
	}
	var err error
	if e.note, err = note.str(); err != nil {
		return nil, err
	}
	if e.base, err = time.Parse(time.RFC3339, base.text); err != nil {
		return nil, base.at.errorf("write it like 2026-03-03T09:12:44Z", "the base is no RFC 3339 time")
	}
	plus := v.member("plus")
	if plus == nil {
		return e, nil
	}
	for _, p := range plus.list {
		term, err := newTerm(p)
		if err != nil {
			return nil, err
		}
		e.plus = append(e.plus, term)
	}
	return e, nil
}

func newTerm(t *tree) (clockTerm, error) {
	var term clockTerm
	if err := t.allow("path", "unit"); err != nil {
		return term, err
	}
	from, unit := t.member("path"), t.member("unit")
	if from == nil || unit == nil {
		return term, t.at.errorf("write {path: $.index, unit: 10s}", "a term of the clock wants a path and a unit")
	}
	var err error
	if term.count, err = newPath(from); err != nil {
		return term, err
	}
	if term.unit, err = time.ParseDuration(unit.text); err != nil || term.unit <= 0 {
		return term, unit.at.errorf("write it like 10s, 15m or 24h", "the unit is no positive duration")
	}
	return term, nil
}
