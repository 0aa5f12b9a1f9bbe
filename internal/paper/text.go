// SPDX-License-Identifier: Apache-2.0

package paper

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// run is a stretch of text that shows, or a badge for a character that does not.
type run struct{ Text, Badge string }

// runs cuts a text into what shows and badges for what does not: control
// characters, characters without width, and those that turn the text around.
func (w *words) runs(s string) []run {
	var out []run
	from := 0
	var before rune
	for i, r := range s {
		size := utf8.RuneLen(r)
		if w.isHidden(r) && !joins(before, r, s[i+size:]) {
			if i > from {
				out = append(out, run{Text: s[from:i]})
			}
			out = append(out, run{Badge: w.badge(r)})
			from = i + size
		}
		before = r
	}
	if from < len(s) {
		out = append(out, run{Text: s[from:]})
	}
	return out
}

func (w *words) isHidden(r rune) bool {
	if ' ' <= r && r < 0x7f {
		return false
	}
	for _, span := range w.hidden {
		if span[0] <= r && r <= span[1] {
			return true
		}
	}
	return false
}

// joins reports whether r joins letters of a script that needs it, or the parts
// of one emoji, rather than hiding between plain letters.
func joins(before, r rune, rest string) bool {
	after, _ := utf8.DecodeRuneInString(rest)
	return (r == 0x200c || r == 0x200d) && before > 127 && rest != "" && after > 127
}

func (w *words) badge(r rune) string {
	switch {
	case r < 32:
		return strings.Fields(w.Controls)[r]
	case r == 127:
		return "DEL"
	}
	return fmt.Sprintf("U+%04X", r)
}

// clip keeps the first characters of a long text; more is how many are left out,
// with thousands separated, or empty.
func (w *words) clip(s string) (text, more string) {
	if len(s) <= w.Longest {
		return s, ""
	}
	n := utf8.RuneCountInString(s) - w.Longest
	if n <= 0 {
		return s, ""
	}
	end := 0
	for range w.Longest {
		_, size := utf8.DecodeRuneInString(s[end:])
		end += size
	}
	return s[:end], thousands(int64(n))
}

func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

var (
	momentPattern = regexp.MustCompile(`^(\d{4})-(\d\d)-(\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?(Z|[-+]\d\d:\d\d)$`)
	// aiPattern finds the one word that every reader wants in capitals.
	aiPattern = regexp.MustCompile(`\bai\b`)
)

// moment writes an RFC 3339 time for a person, in the zone it is written in; any
// other text comes back as it is.
func moment(s, between string, fractions bool) string {
	m := momentPattern.FindStringSubmatch(s)
	if m == nil {
		return s
	}
	month, _ := strconv.Atoi(m[2])
	if month < 1 || month > 12 {
		return s
	}
	if !fractions {
		m[5] = ""
	}
	return fmt.Sprintf("%s %s %s%s%s%s UTC%s", strings.TrimPrefix(m[3], "0"), time.Month(month), m[1], between, m[4], m[5], strings.TrimSuffix(m[6], "Z"))
}

// cut shortens a digest in the middle.
func cut(s string) string {
	if len(s) <= 20 || !isASCII(s) {
		return s
	}
	return s[:8] + "…" + s[len(s)-6:]
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > 127 }) < 0
}
