// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// maxSlot is how many characters of a recorded text stand in a sentence.
const maxSlot = 400

// date writes a day as the language does. It is the day where the record was
// made: the offset is taken as written.
func (l *language) date(t time.Time) string {
	return strings.NewReplacer("{day}", strconv.Itoa(t.Day()), "{month}", l.Months[t.Month()-1], "{year}", strconv.Itoa(t.Year())).Replace(l.Date)
}

// clock writes a time of day with its zone: without it a reader elsewhere would
// take it for their own.
func (l *language) clock(t time.Time) string {
	zone := "UTC"
	if _, off := t.Zone(); off != 0 {
		zone += t.Format("-07:00")
	}
	return strings.NewReplacer("{time}", t.Format("15:04"), "{zone}", zone).Replace(l.Time)
}

// number writes a number with at most two digits behind the sign.
func (l *language) number(f float64) string {
	f = math.Round(f*100) / 100
	whole, frac, _ := strings.Cut(strconv.FormatFloat(math.Abs(f), 'f', -1, 64), ".")
	var b strings.Builder
	if f < 0 {
		b.WriteString("-")
	}
	for i, d := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteString(l.Thousands)
		}
		b.WriteRune(d)
	}
	if frac != "" {
		b.WriteString(l.Decimal + frac)
	}
	return b.String()
}

// series writes "a, b and c".
func (l *language) series(items []string) string {
	if len(items) < 2 {
		return strings.Join(items, "")
	}
	return strings.Join(items[:len(items)-1], ", ") + l.And + items[len(items)-1]
}

// word gives the plain words for a code, or false.
func (l *language) word(group, code string) (string, bool) {
	w, ok := l.Words[group][code]
	return w, ok && w != ""
}

// fill puts values into a message. Placeholders that stand in a value stay as
// they are: a value is never read as a message.
func (l *language) fill(key string, n int, values map[string]string) string {
	p := l.Sentences[key]
	text := p.other
	if n == 1 {
		text = p.one
	}
	text = placeholder.ReplaceAllStringFunc(text, func(h string) string { return values[h[1:len(h)-1]] })
	return capital(text)
}

func capital(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}

// clean makes a recorded text fit for a sentence: one line, nothing that a
// terminal obeys, nothing that turns the direction of writing, of bounded
// length, and without a full stop at its end, which the sentence has.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return '�'
		}
		return r
	}, strings.ToValidUTF8(s, "�"))
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > maxSlot {
		s = string(r[:maxSlot]) + "…"
	}
	return strings.TrimSuffix(s, ".")
}
