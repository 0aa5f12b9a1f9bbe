// SPDX-License-Identifier: Apache-2.0

package record

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Canonicalize returns the RFC 8785 (JCS) form of one JSON value, read under
// the same strict rules as a record. The error is an [*Error]. raw is not
// changed.
func Canonicalize(raw []byte) ([]byte, error) {
	if err := scan(raw); err != nil {
		return nil, err
	}
	v := jsontext.Value(bytes.Clone(raw))
	if err := v.Canonicalize(); err != nil {
		return nil, syntaxError(raw, err)
	}
	return v, nil
}

// scan refuses, before anything is decoded, what JCS would quietly change or
// what would cost too much: size, nesting, bytes that are not UTF-8, and
// numbers whose decimal value no double holds.
func scan(raw []byte) error {
	if len(raw) > MaxRecord {
		return problem(CodeRecordTooLarge, "", "send large artefacts by reference and digest, and long conversations as step records",
			"the document has %d bytes, the limit is %d", len(raw), MaxRecord)
	}
	if !utf8.Valid(raw) {
		off := invalidUTF8(raw)
		return problem(CodeInvalidUTF8, pointerAt(raw, off), "encode the document as UTF-8", "byte %d is not valid UTF-8", off)
	}
	depth := 0
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case c == '"':
			for i++; i < len(raw) && raw[i] != '"'; i++ {
				if raw[i] == '\\' {
					i++
				}
			}
		case c == '{' || c == '[':
			if depth++; depth > MaxDepth {
				return problem(CodeTooDeep, pointerAt(raw, i), "flatten the value, or send it as a JSON string",
					"nested deeper than %d levels", MaxDepth)
			}
		case c == '}' || c == ']':
			depth--
		case c == '-' || '0' <= c && c <= '9':
			end := i + 1
			for end < len(raw) && isNumberByte(raw[end]) {
				end++
			}
			if !exactNumber(raw[i:end]) {
				return problem(CodeNumberPrecision, pointerAt(raw, i), "send it as a string",
					"the number at byte %d does not round-trip as an IEEE 754 double", i)
			}
			i = end - 1
		}
	}
	return nil
}

func isNumberByte(c byte) bool {
	return '0' <= c && c <= '9' || c == '.' || c == 'e' || c == 'E' || c == '+' || c == '-'
}

// exactNumber reports whether the shortest text of the double nearest to tok
// has the same decimal value as tok, that is, whether JCS loses nothing. Up to
// fifteen digits always survive; only longer tokens are looked at.
func exactNumber(tok []byte) bool {
	if len(tok) <= 15 && bytes.IndexByte(tok, 'e') < 0 && bytes.IndexByte(tok, 'E') < 0 {
		return true
	}
	f, err := strconv.ParseFloat(string(tok), 64)
	if err != nil {
		return !errors.Is(err, strconv.ErrRange) // bad syntax is the parser's to report
	}
	if math.IsInf(f, 0) {
		return false
	}
	return decimal(string(tok)) == decimal(strconv.FormatFloat(f, 'e', -1, 64))
}

// decimal writes a JSON number as digits without leading or trailing zeros and
// a power of ten, so that equal values have equal texts. Zero is "0".
func decimal(s string) string {
	s, neg := strings.CutPrefix(s, "-")
	mant, exps, _ := strings.Cut(strings.ToLower(s), "e")
	exp, _ := strconv.Atoi(exps)
	whole, frac, _ := strings.Cut(mant, ".")
	exp -= len(frac)
	digits := strings.TrimLeft(whole+frac, "0")
	trimmed := strings.TrimRight(digits, "0")
	if trimmed == "" {
		return "0"
	}
	exp += len(digits) - len(trimmed)
	if neg {
		trimmed = "-" + trimmed
	}
	return trimmed + "e" + strconv.Itoa(exp)
}

func clip(b []byte) string {
	if len(b) > 40 {
		return string(b[:37]) + "…"
	}
	return string(b)
}

func invalidUTF8(raw []byte) int {
	for i := 0; i < len(raw); {
		r, n := utf8.DecodeRune(raw[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(raw)
}

// pointerAt finds the JSON Pointer of the value that holds byte off. It is only
// used on the way to an error, so it may decode the document again.
func pointerAt(raw []byte, off int) string {
	d := jsontext.NewDecoder(bytes.NewReader(raw), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	for {
		if _, err := d.ReadToken(); err != nil || d.InputOffset() > int64(off) {
			return string(d.StackPointer())
		}
	}
}

// syntaxError turns the decoder's error into a problem.
func syntaxError(raw []byte, err error) *Error {
	se, ok := errors.AsType[*jsontext.SyntacticError](err)
	if !ok {
		return problem(CodeSyntax, "", "", "%v", err)
	}
	pointer := string(se.JSONPointer)
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return problem(CodeDuplicateMember, pointer, "keep one of them: which one counts must not be a guess", "this member stands twice")
	}
	cause := "not valid JSON"
	if se.Err != nil {
		cause = se.Err.Error()
	}
	if strings.Contains(cause, "surrogate") {
		return problem(CodeInvalidUTF8, pointer, "write a full surrogate pair or the character itself", "lone surrogate in a string")
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return problem(CodeSyntax, "", "send one JSON object", "the document is empty")
	}
	return problem(CodeSyntax, pointer, "", "not valid JSON at byte %d: %s", se.ByteOffset, strings.TrimPrefix(fmt.Sprint(cause), "jsontext: "))
}

// Compact returns a JSON value on one line. It changes white space and nothing
// else: what is wrong with the value stays wrong.
func Compact(raw []byte) ([]byte, error) {
	v := jsontext.Value(bytes.Clone(raw))
	if err := v.Compact(); err != nil {
		return nil, fmt.Errorf("compact: %w", err)
	}
	return v, nil
}
