// SPDX-License-Identifier: Apache-2.0

package record

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// Kind says which JSON values a field takes.
type Kind string

// The kinds of fields. A public string is always a code, an id, a digest, a
// time or an enumerated word; [KindAny] is private and takes any JSON value.
const (
	KindObject  Kind = "object"
	KindList    Kind = "list"
	KindAny     Kind = "any"
	KindCode    Kind = "code"
	KindID      Kind = "id"
	KindDigest  Kind = "digest"
	KindEnum    Kind = "enum"
	KindTime    Kind = "time"
	KindNumber  Kind = "number"
	KindInteger Kind = "integer"
	KindBool    Kind = "boolean"
	KindVersion Kind = "version"
)

// Field is one row of the public/private table, as it is published.
type Field struct {
	// Pattern is the place in the record: a JSON Pointer in which * stands for
	// every element of a list.
	Pattern string   `json:"pattern"`
	Kind    Kind     `json:"kind"`
	Private bool     `json:"private"`
	Values  []string `json:"values,omitempty"`
	Doc     string   `json:"doc"`
	// Types are the record types in which the field may stand; in those of
	// Required it must, if the object that holds it does.
	Types    []Type `json:"types"`
	Required []Type `json:"required,omitempty"`
}

// field is one node of the table of one record type.
type field struct {
	name     string
	kind     Kind
	private  bool
	required bool
	values   []string
	members  []*field          // of an object
	byName   map[string]*field // the same
	sorted   []*field          // the same, by name
	elem     *field            // of a list
	slot     slot
	pos      int // among the members of its object
	doc      string
}

// slot names the member of [Fields] that a public value is lifted into.
type slot int

const (
	slotNone slot = iota
	slotTime
	slotRecorded
	slotSource
	slotSeq
	slotSystem
	slotUseCase
	slotEnv
	slotInteraction
	slotJourney
	slotChannel
	slotKind
	slotStatus
	slotOutcome
	slotAdverse
	slotSignificant
	slotAutomation
	slotAbout
	slotModel
	slotPrompt
	slotPolicy
	slotConfig
	slotPrincipal
	slotCapture
	slotRetention
	slotID
	slotType
)

// The builders below keep types.go readable: one line a field.

func code(name, doc string) *field    { return &field{name: name, kind: KindCode, doc: doc} }
func id(name, doc string) *field      { return &field{name: name, kind: KindID, doc: doc} }
func digest(name, doc string) *field  { return &field{name: name, kind: KindDigest, doc: doc} }
func moment(name, doc string) *field  { return &field{name: name, kind: KindTime, doc: doc} }
func number(name, doc string) *field  { return &field{name: name, kind: KindNumber, doc: doc} }
func integer(name, doc string) *field { return &field{name: name, kind: KindInteger, doc: doc} }
func boolean(name, doc string) *field { return &field{name: name, kind: KindBool, doc: doc} }
func version(name, doc string) *field { return &field{name: name, kind: KindVersion, doc: doc} }
func private(name, doc string) *field {
	return &field{name: name, kind: KindAny, private: true, doc: doc}
}

func enum(name, words, doc string) *field {
	return &field{name: name, kind: KindEnum, values: strings.Fields(words), doc: doc}
}

func object(name, doc string, members ...*field) *field {
	f := &field{name: name, kind: KindObject, doc: doc, members: members, byName: map[string]*field{}}
	for i, m := range members {
		m.pos = i
		f.byName[m.name] = m
	}
	f.sorted = slices.SortedFunc(slices.Values(members), func(a, b *field) int { return strings.Compare(a.name, b.name) })
	return f
}

// find looks a member up. Names are asked for in ascending order, as canonical
// JSON has them: next is the place in f.sorted to go on from, at first 0.
func (f *field) find(name []byte, next *int) *field {
	for i, m := range f.sorted[*next:] {
		if m.name == string(name) {
			*next += i + 1
			return m
		}
	}
	return nil
}

func list(elem *field) *field {
	return &field{name: elem.name, kind: KindList, elem: elem, doc: elem.doc}
}

func (f *field) req() *field        { f.required = true; return f }
func (f *field) at(s slot) *field   { f.slot = s; return f }
func (f *field) isPublicLeaf() bool { return !f.private && f.kind != KindObject && f.kind != KindList }

// alwaysClear reports whether the field may not be sealed even in a statement:
// what a record is found and ordered by, and what the server adds.
func (f *field) alwaysClear() bool {
	switch f.slot {
	case slotID, slotType, slotTime, slotRecorded, slotPrincipal, slotCapture, slotRetention:
		return true
	}
	return f.kind == KindEnum && f.values[0] == Format
}

// Rules is the table of fields in force for one ledger. The zero value is not
// usable; take [Default] or [Strict]. Rules are immutable and safe for
// concurrent use.
type Rules struct {
	types map[Type]*field
}

// Default returns the table as this package publishes it.
func Default() *Rules { return defaultRules }

var defaultRules = build()

// Strict returns the table with more fields made private. Each pattern is one
// of [Table]; a ledger can make more fields private, never fewer. type, id and
// time stay public, because nothing could be found or ordered without them.
func Strict(patterns ...string) (*Rules, error) {
	r := build()
	for _, p := range patterns {
		if p == "/type" || p == "/id" || p == "/time" {
			return nil, fmt.Errorf("make %s private: every record needs it in clear", p)
		}
		hit := false
		for _, t := range r.types {
			if f := find(t, p); f != nil && f.kind != KindObject && f.kind != KindList {
				f.private, hit = true, true
			}
		}
		if !hit {
			return nil, fmt.Errorf("make %s private: no such field, or it is an object or a list: name its members", p)
		}
	}
	return r, nil
}

func find(root *field, pattern string) *field {
	f := root
	for seg := range strings.SplitSeq(strings.TrimPrefix(pattern, "/"), "/") {
		switch {
		case f == nil:
			return nil
		case seg == "*" && f.kind == KindList:
			f = f.elem
		default:
			f = f.byName[seg]
		}
	}
	return f
}

// Table returns the default table, flattened and sorted by pattern: what is
// public, what is private, and in which record types it may stand.
func Table() []Field {
	rows := map[string]*Field{}
	for _, t := range Types() {
		flatten(rows, t, "", defaultRules.types[t])
	}
	out := make([]Field, 0, len(rows))
	for _, r := range rows {
		out = append(out, *r)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Pattern < out[j].Pattern })
	return out
}

// Added lists what the server adds to a statement, like [Table].
func Added() []Field {
	rows := map[string]*Field{}
	for _, f := range completionFields() {
		flatten(rows, "", "/"+f.name, f)
	}
	out := make([]Field, 0, len(rows))
	for _, r := range rows {
		r.Types, r.Required = Types(), nil
		out = append(out, *r)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Pattern < out[j].Pattern })
	return out
}

func flatten(rows map[string]*Field, t Type, prefix string, f *field) {
	switch f.kind {
	case KindObject:
		for _, m := range f.members {
			flatten(rows, t, prefix+"/"+m.name, m)
		}
		return
	case KindList:
		flatten(rows, t, prefix+"/*", f.elem)
		return
	}
	row := rows[prefix]
	if row == nil {
		row = &Field{Pattern: prefix, Kind: f.kind, Private: f.private, Values: f.values, Doc: f.doc}
		rows[prefix] = row
	}
	row.Types = append(row.Types, t)
	if f.required {
		row.Required = append(row.Required, t)
	}
}
