// SPDX-License-Identifier: Apache-2.0

package record

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// plainlyCanonical reports that b is one JSON value in JCS form, within the
// limits, without decoding it. It is a fast path for leaves, which are
// canonical unless somebody changed them: false means "look closer", not "no".
// It gives up on everything that would need thought: escapes in member names,
// names beyond ASCII (they sort by UTF-16), numbers that are not short.
func plainlyCanonical(b []byte) bool {
	s := plain{b: b}
	return len(b) <= MaxRecord && s.value(1) && s.i == len(b) && utf8.Valid(b)
}

// plain is a cursor over the bytes. Each method consumes one production.
type plain struct {
	b []byte
	i int
}

func (s *plain) next() byte {
	if s.i < len(s.b) {
		s.i++
		return s.b[s.i-1]
	}
	return 0
}

func (s *plain) peek() byte {
	if s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

func (s *plain) word(w string) bool {
	if len(s.b)-s.i < len(w) || string(s.b[s.i:s.i+len(w)]) != w {
		return false
	}
	s.i += len(w)
	return true
}

func (s *plain) value(depth int) bool {
	switch c := s.peek(); c {
	case '{':
		return depth <= MaxDepth && s.object(depth)
	case '[':
		return depth <= MaxDepth && s.list(depth)
	case '"':
		return s.str()
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	default:
		return s.number()
	}
}

func (s *plain) object(depth int) bool {
	s.i++
	if s.peek() == '}' {
		s.i++
		return true
	}
	var last []byte
	for first := true; ; first = false {
		name, ok := s.name()
		if !ok || !first && bytes.Compare(last, name) >= 0 || s.next() != ':' || !s.value(depth+1) {
			return false
		}
		last = name
		switch s.next() {
		case ',':
		case '}':
			return true
		default:
			return false
		}
	}
}

// name reads a member name of plain ASCII without escapes.
func (s *plain) name() ([]byte, bool) {
	if s.next() != '"' {
		return nil, false
	}
	from := s.i
	for s.i < len(s.b) {
		c := s.b[s.i]
		if c == '"' {
			s.i++
			return s.b[from : s.i-1], true
		}
		if c < ' ' || c >= utf8.RuneSelf || c == '\\' {
			return nil, false
		}
		s.i++
	}
	return nil, false
}

func (s *plain) list(depth int) bool {
	s.i++
	if s.peek() == ']' {
		s.i++
		return true
	}
	for {
		if !s.value(depth + 1) {
			return false
		}
		switch s.next() {
		case ',':
		case ']':
			return true
		default:
			return false
		}
	}
}

// str reads a string; of the escapes only those that JCS must write are taken.
func (s *plain) str() bool {
	for i := s.i + 1; i < len(s.b); i++ {
		switch class[s.b[i]] {
		case quote:
			s.i = i + 1
			return true
		case escape:
			if i++; i == len(s.b) || strings.IndexByte(`"\bfnrt`, s.b[i]) < 0 {
				return false
			}
		case control:
			return false
		}
	}
	return false
}

// Classes of bytes in a string.
const (
	ordinary = iota
	quote
	escape
	control
)

var class = func() (c [256]uint8) {
	for i := range ' ' {
		c[i] = control
	}
	c['"'], c['\\'] = quote, escape
	return c
}()

// number reads a number of at most fifteen digits without exponent, as JCS
// writes it: no leading zero, no trailing zero behind the point, no -0.
func (s *plain) number() bool {
	from := s.i
	if s.peek() == '-' {
		s.i++
	}
	whole := s.digits()
	if whole == 0 || whole > 1 && s.b[s.i-whole] == '0' {
		return false
	}
	small := whole == 1 && s.b[s.i-1] == '0'
	if s.peek() == '.' {
		s.i++
		point := s.i
		if s.digits() == 0 || s.b[s.i-1] == '0' {
			return false
		}
		// JCS writes numbers below 1e-6 with an exponent.
		return s.i-from <= 15 && !(small && bytes.HasPrefix(s.b[point:s.i], []byte("000000")))
	}
	return s.i-from <= 15 && !(small && s.b[from] == '-') && s.peek() != 'e' && s.peek() != 'E'
}

func (s *plain) digits() int {
	from := s.i
	for s.i < len(s.b) && '0' <= s.b[s.i] && s.b[s.i] <= '9' {
		s.i++
	}
	return s.i - from
}
