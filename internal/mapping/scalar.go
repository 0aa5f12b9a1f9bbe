// SPDX-License-Identifier: Apache-2.0

package mapping

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/pb33f/go-yaml"
)

// pathExpr is {path: …}.
type pathExpr struct {
	from *path
	words
}

func (e *pathExpr) eval(s *state, b []byte) ([]byte, bool, error) {
	s.note(e.from.at, e.from.text)
	n, err := e.from.one(s.ctx)
	if err != nil {
		return b, false, s.fail(err, e.from)
	}
	if n == nil {
		return e.absent(b)
	}
	s.use(n)
	if e.words.plain() {
		return appendNode(b, n), true, nil
	}
	if !isScalar(n) {
		return b, false, s.fail(e.from.at.errorf("select a string, a number or a boolean within it", "is no scalar, so map and slug do not apply"), e.from)
	}
	b, ok, err := e.words.apply(b, e.from.at, n.Value)
	return b, ok, s.fail(err, e.from)
}

// words is how a text is changed on its way, and what stands in for what is
// absent.
type words struct {
	table    map[string][]byte // word → JSON; nil: no table
	slug     bool
	fallback []byte // JSON; nil: none
}

func (w *words) plain() bool { return w.table == nil && !w.slug }

func (w *words) absent(b []byte) ([]byte, bool, error) {
	return append(b, w.fallback...), w.fallback != nil, nil
}

func (w *words) apply(b []byte, at spot, text string) ([]byte, bool, error) {
	if w.table != nil {
		if hit, ok := w.table[text]; ok {
			return append(b, hit...), true, nil
		}
		if w.fallback != nil {
			return append(b, w.fallback...), true, nil
		}
		return b, false, at.errorf("add the word to the map, or give a default", "the map has no word %.60q", text)
	}
	if w.slug {
		if text = slug(text); text == "" {
			return w.absent(b)
		}
	}
	b, _ = jsontext.AppendQuote(b, text)
	return b, true, nil
}

// jsonExpr is {json: …}.
type jsonExpr struct {
	from     *path
	orText   bool
	fallback []byte
}

func (e *jsonExpr) eval(s *state, b []byte) ([]byte, bool, error) {
	s.note(e.from.at, e.from.text)
	n, err := e.from.one(s.ctx)
	if err != nil {
		return b, false, s.fail(err, e.from)
	}
	if n == nil {
		return append(b, e.fallback...), e.fallback != nil, nil
	}
	s.use(n)
	if n.Kind != yaml.ScalarNode || n.Tag != tagText {
		return b, false, s.fail(e.from.at.errorf("use {path: …} for what is JSON already", "is no string that could hold JSON"), e.from)
	}
	text := bytes.TrimSpace([]byte(n.Value))
	composite := len(text) > 0 && (text[0] == '{' || text[0] == '[')
	if !e.orText || composite {
		v, err := parseJSON(text)
		if err == nil {
			return appendNode(b, v), true, nil
		}
		if !e.orText {
			bad := e.from.at.errorf("add or_text: true to keep such text as it is", "the string is not JSON: %v", err)
			bad.Cause = err
			return b, false, s.fail(bad, e.from)
		}
	}
	b, _ = jsontext.AppendQuote(b, n.Value)
	return b, true, nil
}

// formatExpr is {format: …}: text and paths in turn.
type formatExpr struct {
	at    spot
	parts []part
	words
}

// part is either text or a path.
type part struct {
	text string
	from *path
}

func (e *formatExpr) eval(s *state, b []byte) ([]byte, bool, error) {
	var text []byte
	for _, p := range e.parts {
		if p.from == nil {
			text = append(text, p.text...)
			continue
		}
		s.note(e.at, p.from.text)
		n, err := p.from.one(s.ctx)
		if err != nil {
			return b, false, s.fail(err, p.from)
		}
		if n == nil {
			return e.absent(b)
		}
		if !isScalar(n) {
			return b, false, s.fail(e.at.errorf("select a string, a number or a boolean within it", "is no scalar, so it can not stand in a text"), p.from)
		}
		s.use(n)
		text = append(text, n.Value...)
	}
	b, ok, err := e.words.apply(b, e.at, string(text))
	return b, ok, s.fail(err, nil)
}

// splitFormat cuts "a{$.b}c" into its parts. Braces within the quotes of a
// JSONPath do not count.
func splitFormat(t *tree) ([]part, error) {
	text, err := t.str()
	if err != nil {
		return nil, err
	}
	var parts []part
	var plain []byte
	for i := 0; i < len(text); i++ {
		c := text[i]
		if (c == '{' || c == '}') && i+1 < len(text) && text[i+1] == c {
			plain = append(plain, c)
			i++
			continue
		}
		if c == '}' {
			return nil, t.at.errorf("write }} for a brace", "a closing brace without an opening one")
		}
		if c != '{' {
			plain = append(plain, c)
			continue
		}
		end := closing(text, i+1)
		if end < 0 {
			return nil, t.at.errorf("write {{ for a brace", "an opening brace without a closing one")
		}
		p, err := newPath(&tree{at: t.at, text: text[i+1 : end]})
		if err != nil {
			return nil, err
		}
		if len(plain) > 0 {
			parts = append(parts, part{text: string(plain)})
			plain = nil
		}
		parts = append(parts, part{from: p})
		i = end
	}
	if len(plain) > 0 {
		parts = append(parts, part{text: string(plain)})
	}
	return parts, nil
}

func closing(text string, i int) int {
	var quote byte
	for ; i < len(text); i++ {
		switch c := text[i]; {
		case quote != 0 && c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '}':
			return i
		}
	}
	return -1
}
