// SPDX-License-Identifier: Apache-2.0

package paper

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// value is one JSON value with the members of objects in their canonical
// order. kind is one of the letters of [jsontext.Kind].
type value struct {
	kind  byte
	text  string // of a string; the JSON text of a number, true, false and null
	names []string
	elems []value
}

// parseValue reads exactly one JSON value, strictly, and puts it into RFC 8785
// order.
func parseValue(raw []byte) (value, error) {
	v := jsontext.Value(bytes.Clone(raw))
	if err := v.Canonicalize(); err != nil {
		return value{}, err
	}
	d := jsontext.NewDecoder(bytes.NewReader(v))
	out, err := readValue(d)
	if err != nil {
		return value{}, err
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return value{}, fmt.Errorf("more than one JSON value")
	}
	return out, nil
}

func readValue(d *jsontext.Decoder) (value, error) {
	t, err := d.ReadToken()
	if err != nil {
		return value{}, err
	}
	v := value{kind: byte(t.Kind())}
	switch v.kind {
	case '{', '[':
		for d.PeekKind() != '}' && d.PeekKind() != ']' {
			if v.kind == '{' {
				name, err := d.ReadToken()
				if err != nil {
					return value{}, err
				}
				v.names = append(v.names, name.String())
			}
			e, err := readValue(d)
			if err != nil {
				return value{}, err
			}
			v.elems = append(v.elems, e)
		}
		_, err = d.ReadToken()
	default:
		v.text = t.String()
	}
	return v, err
}

// member is the member of an object; ok is false for anything else.
func (v value) member(name string) (value, bool) {
	for i, n := range v.names {
		if n == name {
			return v.elems[i], true
		}
	}
	return value{}, false
}

// at follows a JSON Pointer.
func (v value) at(pointer string) (value, bool) {
	if pointer == "" {
		return v, true
	}
	rest, ok := strings.CutPrefix(pointer, "/")
	if !ok {
		return value{}, false
	}
	for part := range strings.SplitSeq(rest, "/") {
		name := unescape.Replace(part)
		if v.kind == '[' {
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(v.elems) || name != strconv.Itoa(i) {
				return value{}, false
			}
			v = v.elems[i]
		} else if v, ok = v.member(name); !ok {
			return value{}, false
		}
	}
	return v, true
}

var (
	escape   = strings.NewReplacer("~", "~0", "/", "~1")
	unescape = strings.NewReplacer("~1", "/", "~0", "~")
)

// isLeaf reports whether v has no parts.
func (v value) isLeaf() bool { return v.kind != '{' && v.kind != '[' }

// isEmpty reports whether v is {} or [].
func (v value) isEmpty() bool { return !v.isLeaf() && len(v.elems) == 0 }

// seal returns the seal if v is {"seal":"<43 characters>"}.
func (v value) seal() (string, bool) {
	if v.kind != '{' || len(v.names) != 1 || v.names[0] != "seal" || v.elems[0].kind != '"' || len(v.elems[0].text) != 43 {
		return "", false
	}
	for _, c := range []byte(v.elems[0].text) {
		if !isWord(c) && c != '-' {
			return "", false
		}
	}
	return v.elems[0].text, true
}

func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
}

// json is the JSON text of a value without parts, or of an empty one.
func (v value) json() string {
	switch v.kind {
	case '{':
		return "{}"
	case '[':
		return "[]"
	case '"':
		return quote(v.text)
	}
	return v.text
}

func quote(s string) string {
	b, err := jsontext.AppendQuote(nil, s)
	if err != nil { // only invalid UTF-8, which the parser refused
		return strconv.Quote(s)
	}
	return string(b)
}

// plain writes a value as indented text, for a person.
func (v value) plain(indent string) string {
	if v.isLeaf() || v.isEmpty() {
		if v.kind == '"' {
			return v.text
		}
		return v.json()
	}
	lines := make([]string, len(v.elems))
	for i, e := range v.elems {
		short := e.isLeaf() || e.isEmpty()
		var text string
		switch {
		case e.kind == '"':
			text = strings.ReplaceAll(e.text, "\n", "\n"+indent+"  ")
		case short:
			text = e.json()
		default:
			text = e.plain(indent + "  ")
		}
		switch {
		case v.kind == '[' && short:
			lines[i] = indent + "- " + text
		case v.kind == '[':
			lines[i] = indent + "- " + text[len(indent)+2:]
		case short:
			lines[i] = indent + plainName(v.names[i]) + ": " + text
		default:
			lines[i] = indent + plainName(v.names[i]) + ":\n" + text
		}
	}
	return strings.Join(lines, "\n")
}

// plainName quotes a member name that could be taken for something else.
func plainName(s string) string {
	for _, c := range []byte(s) {
		if !isWord(c) && !strings.ContainsRune(".@:/ -", rune(c)) {
			return quote(s)
		}
	}
	if s == "" {
		return quote(s)
	}
	return s
}
