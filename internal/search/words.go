// SPDX-License-Identifier: Apache-2.0

package search

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/counterfoil/counterfoil/internal/control"
	"github.com/counterfoil/counterfoil/record"
)

// Bounds of what is indexed of one record. PostgreSQL has 16,383 positions.
const (
	maxWords = 16000
	maxWord  = 100 // bytes; what is longer is no word, but a coded file
)

// gap stands between two texts, and where something was masked, so that no phrase
// reaches across. It is a character of the private area: no query has it.
const gap = "\ue000"

// members are the names of private members that hold texts; parts are the members
// of a record that they are looked for in.
var (
	members = []string{"reason", "value", "result", "messages", "text", "label"}
	parts   = []string{"decision", "inputs", "steps", "outputs", "factors", "controls", "oversight", "notice", "explanation", "challenge", "finding", "incident"}
)

// texts are the patterns of what is indexed.
var texts = func() []string {
	var out []string
	for _, f := range record.Table() {
		at := strings.Split(f.Pattern, "/")
		if f.Private && slices.Contains(parts, at[1]) && slices.Contains(members, at[len(at)-1]) {
			out = append(out, f.Pattern)
		}
	}
	return out
}()

// Texts lists the private members of which the words are indexed, where the full
// text of a system is on.
func Texts() []string { return slices.Clone(texts) }

var place = regexp.MustCompile(`/[0-9]+(/|$)`)

// isText says whether the value at a pointer is indexed.
func isText(pointer string) bool {
	return slices.Contains(texts, place.ReplaceAllString(pointer, "/*$1"))
}

func isIdentity(pointer string) bool {
	return pointer == "/subject" || strings.HasPrefix(pointer, "/interaction/external")
}

// redacted are the words of a record that are indexed, in order, with gaps:
// without personal data of a known form, and without who the person is.
func redacted(openings []record.Opening) []string {
	var who [][]string
	for _, o := range openings {
		if isIdentity(o.Pointer) {
			for _, s := range stringsIn(o.Value) {
				who = append(who, names(s)...)
			}
		}
	}
	var out []string
	for _, o := range openings {
		if !isText(o.Pointer) {
			continue
		}
		for _, s := range stringsIn(o.Value) {
			w := words(control.Mask(s, " "+gap+" "))
			for _, name := range who {
				w = maskPhrase(w, name)
			}
			out = append(append(out, w...), gap)
			if len(out) > maxWords {
				return out[:maxWords]
			}
		}
	}
	return out
}

// names are the words that a person goes by in an id such as customer:mia: the
// whole, and what follows the last colon.
func names(s string) [][]string {
	out := [][]string{words(s)}
	if at := strings.LastIndexByte(s, ':'); at >= 0 && len(s)-at > 3 {
		out = append(out, words(s[at+1:]))
	}
	return slices.DeleteFunc(out, func(w []string) bool { return len(w) == 0 })
}

func maskPhrase(in, phrase []string) []string {
	for i := 0; i+len(phrase) <= len(in); i++ {
		if slices.Equal(in[i:i+len(phrase)], phrase) {
			in = slices.Replace(in, i, i+len(phrase), gap)
		}
	}
	return in
}

// stringsIn are the texts inside a JSON value, in its order, without names of
// members.
func stringsIn(value []byte) []string {
	var v any
	if json.Unmarshal(value, &v) != nil {
		return nil
	}
	var out []string
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			out = append(out, v)
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			keys := make([]string, 0, len(v))
			for k := range v {
				keys = append(keys, k)
			}
			slices.Sort(keys)
			for _, k := range keys {
				walk(v[k])
			}
		}
	}
	walk(v)
	return out
}

// words cuts a text at what is neither a letter nor a digit, in lower case.
func words(s string) []string {
	out := strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return string(r) != gap && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for i, w := range out {
		if len(w) > maxWord || strings.Contains(w, gap) {
			out[i] = gap
		}
	}
	return out
}
