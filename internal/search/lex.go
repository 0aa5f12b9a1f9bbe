// SPDX-License-Identifier: Apache-2.0

package search

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Fault is what is wrong with a query, and where.
type Fault struct {
	Query  string
	Column int // from 1, in characters
	Detail string
	Hint   string
}

// Error says what is wrong on one line.
func (f *Fault) Error() string { return fmt.Sprintf("column %d: %s", f.Column, f.Detail) }

// kind is what a token is.
type kind int

const (
	end kind = iota
	word
	quoted
	operator // : = != > >= < <=
	open
	shut
	minus
	comma
)

// token is one piece of a query; at is its column, from 1.
type token struct {
	kind kind
	text string
	at   int
}

// lex cuts a query into tokens.
func lex(q string) ([]token, *Fault) {
	var out []token
	col := 1
	for i := 0; i < len(q); {
		r, size := utf8.DecodeRuneInString(q[i:])
		t := token{at: col}
		n := size // bytes that the token takes
		switch {
		case unicode.IsSpace(r):
			i, col = i+size, col+1
			continue
		case r == '(':
			t.kind = open
		case r == ')':
			t.kind = shut
		case r == ',':
			t.kind = comma
		case r == '-' && startsTerm(out, q, i):
			t.kind = minus
		case strings.ContainsRune(":=!<>", r):
			t.kind = operator
			if strings.ContainsRune("!<>", r) && strings.HasPrefix(q[i+1:], "=") {
				n++
			}
			if t.text = q[i : i+n]; t.text == "!" {
				return nil, &Fault{q, col, `"!" stands alone`, "write field!=value, or -field:value"}
			}
		case r == '"':
			text, length, ok := unquote(q[i:])
			if !ok {
				return nil, &Fault{q, col, "the quote is not closed", `end it with "`}
			}
			t.kind, t.text, n = quoted, text, length
		default:
			n = wordEnd(q[i:], len(out) > 0 && out[len(out)-1].kind == operator || len(out) > 1 && out[len(out)-1].kind == comma)
			t.kind, t.text = word, q[i:i+n]
		}
		out = append(out, t)
		col += utf8.RuneCountInString(q[i : i+n])
		i += n
	}
	return append(out, token{kind: end, at: col}), nil
}

// startsTerm says whether a minus stands where a term can begin, and not within
// a word.
func startsTerm(before []token, q string, i int) bool {
	if i+1 >= len(q) || q[i+1] == ' ' {
		return false
	}
	if len(before) == 0 {
		return true
	}
	switch before[len(before)-1].kind {
	case operator, comma:
		return false
	}
	return i == 0 || strings.IndexByte(" (-", q[i-1]) >= 0
}

// wordEnd is the length of the word at the start of s. A value may hold colons,
// as times and codes do; the name of a field ends at one.
func wordEnd(s string, value bool) int {
	stop := `():=!<>,"`
	if value {
		stop = `(),"`
	}
	for i, r := range s {
		if i > 0 && (unicode.IsSpace(r) || strings.ContainsRune(stop, r)) {
			return i
		}
	}
	return len(s)
}

// unquote reads a quoted text; \" and \\ stand for a quote and a backslash.
func unquote(s string) (text string, length int, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case s[i] == '"':
			return b.String(), i + 1, true
		default:
			b.WriteByte(s[i])
		}
	}
	return "", 0, false
}
