// SPDX-License-Identifier: Apache-2.0

package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// spot is one private value: where it stands in the canonical bytes.
type spot struct {
	pointer    string
	start, end int
	sum        [32]byte // in a statement only
}

// walker checks canonical bytes against the table in one pass and collects the
// private spots and the indexed public values. The bytes are known to be valid
// JCS, so it needs no decoder: values are cut out of the input.
type walker struct {
	b      []byte
	text   string // b again: what the indexed values are cut out of
	sealed bool   // b is a statement: private places hold seals
	path   []segment
	spots  []spot
	fields Fields
	faults []Problem
}

// segment is one step of the path: a member, its name escaped for a JSON
// Pointer, or an element of a list.
type segment struct {
	name  string
	elem  bool
	index int
}

func (w *walker) pointer() string {
	n := 0
	for _, s := range w.path {
		n += len(s.name) + 4
	}
	b := make([]byte, 0, n)
	for _, s := range w.path {
		b = append(b, '/')
		if s.elem {
			b = strconv.AppendInt(b, int64(s.index), 10)
			continue
		}
		b = append(b, s.name...)
	}
	return string(b)
}

// fault notes a problem at the current place.
func (w *walker) fault(code, hint, format string, args ...any) {
	w.faultAt(w.pointer(), code, hint, format, args...)
}

func (w *walker) faultAt(pointer, code, hint, format string, args ...any) {
	if len(w.faults) < maxProblems {
		w.faults = append(w.faults, Problem{Code: code, Pointer: pointer, Detail: fmt.Sprintf(format, args...), Hint: hint})
	}
}

// value checks the value at b[i] against f, and returns its end.
func (w *walker) value(f *field, i int) (end int) {
	if w.sealed && w.b[i] == '{' && (f.private || f.isPublicLeaf() && !f.alwaysClear()) {
		if end = min(i+sealObject, len(w.b)); end-i == sealObject {
			if sum, ok := parseSeal(w.b[i:end]); ok {
				w.spots = append(w.spots, spot{pointer: w.pointer(), start: i, end: end, sum: sum})
				return end
			}
		}
	}
	switch {
	case f.private:
		end = skip(w.b, i)
		if w.sealed {
			w.fault(CodeBadValue, "", "a private value stands in clear in a statement")
			return end
		}
		w.spots = append(w.spots, spot{pointer: w.pointer(), start: i, end: end})
	case f.kind == KindObject && w.b[i] == '{':
		end = w.object(f, i)
	case f.kind == KindList && w.b[i] == '[':
		end = w.list(f, i)
	default:
		end = skip(w.b, i)
		w.leaf(f, i, end)
	}
	return end
}

func (w *walker) object(f *field, i int) (end int) {
	var seen uint64 // bit n: member n of f stands
	next := 0       // in f.sorted: members stand in the order of their names
	for i++; w.b[i] != '}'; {
		if w.b[i] == ',' {
			i++
		}
		nameEnd := i + 1
		for w.b[nameEnd] != '"' && w.b[nameEnd] != '\\' {
			nameEnd++
		}
		if nameEnd++; w.b[nameEnd-1] == '\\' { // no name of ours
			nameEnd = skipString(w.b, i)
		}
		name := w.b[i+1 : nameEnd-1]
		m := f.find(name, &next)
		switch {
		case m != nil:
			seen |= 1 << m.pos
			w.path = append(w.path, segment{name: m.name})
			i = w.value(m, nameEnd+1)
		case isExtension(name):
			w.path = append(w.path, segment{name: string(name)})
			i = w.value(extension, nameEnd+1)
		default:
			w.path = append(w.path, segment{name: unquoteSegment(w.b[i:nameEnd])})
			w.unknown(f, string(name))
			i = skip(w.b, nameEnd+1)
		}
		w.path = w.path[:len(w.path)-1]
	}
	for n, m := range f.members {
		if m.required && seen&(1<<n) == 0 {
			w.faultAt(w.pointer()+"/"+m.name, CodeMissingMember, requiredHint(m), "required member %q is missing", m.name)
		}
	}
	return i + 1
}

// extension is the field of any x_… member.
var extension = private("x_", "an extension of the source, private as a whole")

// isExtension reports whether name is x_ followed by letters, digits or _.
func isExtension(name []byte) bool {
	if len(name) < 3 || len(name) > 64 || name[0] != 'x' || name[1] != '_' {
		return false
	}
	for _, c := range name[2:] {
		if c != '_' && !isAlnum(c) {
			return false
		}
	}
	return true
}

func (w *walker) unknown(f *field, name string) {
	if f.name == "" { // top level
		for _, c := range completionFields() {
			if c.name == name {
				w.fault(CodeReservedMember, "leave it out", "%q is set by the server", name)
				return
			}
		}
	}
	hint := fmt.Sprintf("name it x_%s to keep it as a private extension", strings.Map(extensionRune, name))
	if near := nearest(f, name); near != "" {
		hint = fmt.Sprintf("did you mean %q? Or %s", near, hint)
	}
	w.fault(CodeUnknownMember, hint, "unknown member")
}

func (w *walker) list(f *field, i int) (end int) {
	n := 0
	for i++; w.b[i] != ']'; n++ {
		if w.b[i] == ',' {
			i++
		}
		w.path = append(w.path, segment{elem: true, index: n})
		end := w.value(f.elem, i)
		w.path = w.path[:len(w.path)-1]
		if f.slot != slotNone && w.b[i] == '"' {
			w.fields.set(f.slot, w.text[i+1:end-1])
		}
		i = end
	}
	return i + 1
}

// leaf checks a value that is not cut up further, or that is of the wrong kind.
func (w *walker) leaf(f *field, i, end int) {
	v := w.b[i:end]
	switch f.kind {
	case KindObject:
		w.fault(CodeWrongType, "send an object", "want an object, got %s", kindOf(v))
		return
	case KindList:
		w.fault(CodeWrongType, "send a list", "want a list, got %s", kindOf(v))
		return
	case KindBool:
		if v[0] != 't' && v[0] != 'f' {
			w.fault(CodeWrongType, "send true or false, without quotes", "want true or false, got %s", kindOf(v))
			return
		}
	case KindNumber, KindInteger:
		if !w.numeric(f, v) {
			return
		}
	default:
		if v[0] != '"' {
			w.fault(CodeWrongType, "send a string, in quotes", "want a string, got %s", kindOf(v))
			return
		}
		i, end = i+1, end-1
		v = w.b[i:end] // canonical, and a code: no escapes, or it is refused below
		if f.kind == KindTime {
			w.moment(f, v)
			return
		}
		if !w.word(f, v) {
			return
		}
	}
	if f.slot != slotNone {
		w.fields.set(f.slot, w.text[i:end])
	}
}

func (w *walker) numeric(f *field, v []byte) bool {
	if v[0] != '-' && (v[0] < '0' || v[0] > '9') {
		w.fault(CodeWrongType, "send a number, without quotes", "want a number, got %s", kindOf(v))
		return false
	}
	if f.kind == KindNumber {
		return true
	}
	n, err := strconv.ParseInt(string(v), 10, 64)
	if err != nil || n < 0 || n > 1<<53-1 {
		w.fault(CodeBadValue, "send a count, without a fraction or a sign", "want a whole number from 0 to 2^53-1, got %s", clip(v))
		return false
	}
	return true
}

// skip returns the end of the canonical value that starts at i.
func skip(b []byte, i int) int {
	depth := 0
	for {
		switch b[i] {
		case '"':
			i = skipString(b, i)
		case '{', '[':
			depth++
			i++
		case '}', ']':
			depth--
			i++
		case ',', ':':
			i++
			continue
		default:
			for i < len(b) && b[i] != ',' && b[i] != '}' && b[i] != ']' {
				i++
			}
		}
		if depth == 0 {
			return i
		}
	}
}

// skipString returns the end of the string that starts at i.
func skipString(b []byte, i int) int {
	for i++; ; i++ {
		i += bytes.IndexByte(b[i:], '"')
		escape := i
		for b[escape-1] == '\\' {
			escape--
		}
		if (i-escape)%2 == 0 {
			return i + 1
		}
	}
}

func kindOf(v []byte) string {
	switch v[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

func requiredHint(f *field) string {
	switch f.kind {
	case KindID:
		return "give each record its own id, for example a UUIDv7: it makes a retry safe"
	case KindEnum:
		return "use one of: " + strings.Join(f.values, ", ")
	case KindTime:
		return "write it like 2026-03-03T09:12:44.120Z"
	}
	return ""
}

// unquoteSegment decodes a member name and escapes it for a JSON Pointer.
func unquoteSegment(quoted []byte) string {
	var s string
	if json.Unmarshal(quoted, &s) != nil {
		s = string(quoted)
	}
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(s)
}

func extensionRune(r rune) rune {
	if r < 128 && (isAlnum(byte(r)) || r == '_') {
		return r
	}
	return '_'
}

// nearest finds the member whose name is at most two edits away.
func nearest(f *field, name string) string {
	best, dist := "", 3
	for _, m := range f.members {
		if d := edits(m.name, name); d < dist && d < len(m.name) {
			best, dist = m.name, d
		}
	}
	return best
}

// edits is the Levenshtein distance.
func edits(a, b string) int {
	if len(b) > 64 {
		return len(b)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diag := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diag
			if a[i] != b[j] {
				cost++
			}
			diag = row[j+1]
			row[j+1] = min(cost, row[j]+1, diag+1)
		}
	}
	return row[len(b)]
}
