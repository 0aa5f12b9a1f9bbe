// SPDX-License-Identifier: Apache-2.0

package record

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
)

// moment checks an RFC 3339 time.
func (w *walker) moment(f *field, v []byte) {
	var t time.Time
	if err := t.UnmarshalText(v); err != nil || !strictTime(v) || t.Year() < 1970 || t.Year() > 2261 || len(v) > 35 {
		w.fault(CodeBadValue, "write it like 2026-03-03T09:12:44.120Z", "%q is not an RFC 3339 time between 1970 and 2261", clip(v))
		return
	}
	w.fields.setTime(f.slot, t)
}

// strictTime reports whether v is written as RFC 3339 says, where package time
// is lenient: hours of one digit, a comma before the fraction, zones of a day.
func strictTime(v []byte) bool {
	const shape = "0000-00-00T00:00:00"
	if len(v) <= len(shape) {
		return false
	}
	for i, c := range []byte(shape) {
		if isDigit := '0' <= v[i] && v[i] <= '9'; isDigit != (c == '0') || !isDigit && v[i] != c {
			return false
		}
	}
	rest := v[len(shape):]
	if rest[0] == '.' {
		rest = bytes.TrimLeft(rest[1:], "0123456789")
	}
	if len(rest) != 6 {
		return string(rest) == "Z" // and the fraction has digits, or it would not have been parsed
	}
	return (rest[0] == '+' || rest[0] == '-') && string(rest[1:3]) < "24" && string(rest[4:6]) < "60"
}

// word checks any other public string.
func (w *walker) word(f *field, v []byte) bool {
	switch f.kind {
	case KindEnum:
		if slices.Contains(f.values, string(v)) {
			return true
		}
		w.fault(CodeBadValue, "use one of: "+strings.Join(f.values, ", "), "%q is not a known value", clip(v))
		return false
	case KindID:
		if !validID(v) {
			w.fault(CodeBadValue, "use 1 to 128 letters, digits or . _ : ~ -, for example a UUIDv7", "not an id: %s", oddity(v))
			return false
		}
	case KindDigest:
		if !validDigest(v) {
			w.fault(CodeBadValue, "write it as sha256: and 64 hexadecimal digits", "%q is not a digest", clip(v))
			return false
		}
	case KindVersion:
		if name, ver, found := bytes.Cut(v, []byte("@")); !found || len(name) == 0 || len(ver) == 0 || !validCode(v) {
			w.fault(CodeBadValue, "write it as name@version, for example returns@5", "not name@version: %s", oddity(v))
			return false
		}
	default:
		if !validCode(v) {
			w.fault(CodeBadValue, "public fields take codes of letters, digits and . _ : / @ + ~ -; put free text in a private field",
				"not a code: %s", oddity(v))
			return false
		}
	}
	return true
}

func isAlnum(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// oddity says what is odd about a word without quoting it: what somebody put in
// the wrong place may be personal.
func oddity(v []byte) string {
	for i, r := range string(v) {
		if r > unicode.MaxASCII || !isAlnum(byte(r)) && strings.IndexByte("._:/@+~-", byte(r)) < 0 {
			return fmt.Sprintf("%q at byte %d of %d", r, i, len(v))
		}
	}
	if len(v) == 0 {
		return "it is empty"
	}
	return fmt.Sprintf("%d bytes that begin with %q", len(v), v[:1])
}

func validChars(s []byte, extra string, maxLen int) bool {
	if len(s) == 0 || len(s) > maxLen {
		return false
	}
	for _, c := range s {
		if !isAlnum(c) && strings.IndexByte(extra, c) < 0 {
			return false
		}
	}
	return true
}

// ValidID reports whether s can be the id of a record.
func ValidID(s string) bool { return validID([]byte(s)) }

// validID reports whether s can be the id of a record.
func validID(s []byte) bool { return validChars(s, "._:~-", 128) && isAlnum(s[0]) }

// validCode reports whether s can stand in a public field. The slash may lead,
// so that JSON Pointers are codes.
func validCode(s []byte) bool {
	return validChars(s, "._:/@+~-", 200) && (isAlnum(s[0]) || s[0] == '/' || s[0] == '_')
}

func validDigest(s []byte) bool {
	hex, ok := bytes.CutPrefix(s, []byte("sha256:"))
	return ok && len(hex) == 64 && len(bytes.Trim(hex, "0123456789abcdef")) == 0
}
