// SPDX-License-Identifier: Apache-2.0

package control

import (
	"math/big"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// functions are those that controls have beside the ones of CEL:
//
//	texts(value) list(string)            every string inside a value
//	mentions(value, list(string)) bool   whether one of the words, or phrases, stands in it
//	personal(value) list(string)         kinds of personal data that stand in it
func functions() []cel.EnvOption {
	words := cel.ListType(cel.StringType)
	return []cel.EnvOption{
		cel.Function("texts", cel.Overload("texts_any", []*cel.Type{cel.DynType}, words,
			cel.UnaryBinding(func(v ref.Val) ref.Val { return types.DefaultTypeAdapter.NativeToValue(textsOf(v)) }))),
		cel.Function("mentions", cel.Overload("mentions_any_list", []*cel.Type{cel.DynType, words}, cel.BoolType,
			cel.BinaryBinding(func(v, list ref.Val) ref.Val { return types.Bool(mentions(textsOf(v), textsOf(list))) }))),
		cel.Function("personal", cel.Overload("personal_any", []*cel.Type{cel.DynType}, words,
			cel.UnaryBinding(func(v ref.Val) ref.Val { return types.DefaultTypeAdapter.NativeToValue(personal(textsOf(v))) }))),
	}
}

// maxDepth bounds how deep a value is searched: records are no deeper.
const maxDepth = 40

func textsOf(v ref.Val) []string { return appendTexts(nil, v, maxDepth) }

func appendTexts(out []string, v ref.Val, depth int) []string {
	if depth == 0 {
		return out
	}
	switch v := v.(type) {
	case types.String:
		return append(out, string(v))
	case traits.Lister:
		for it := v.Iterator(); it.HasNext() == types.True; {
			out = appendTexts(out, it.Next(), depth-1)
		}
	case traits.Mapper:
		var keys []string // in a stable order
		for it := v.Iterator(); it.HasNext() == types.True; {
			if k, ok := it.Next().(types.String); ok {
				keys = append(keys, string(k))
			}
		}
		slices.Sort(keys)
		for _, k := range keys {
			out = appendTexts(out, v.Get(types.String(k)), depth-1)
		}
	}
	return out
}

// mentions looks for whole words, whatever their case. Words are cut at what is
// neither a letter nor a digit.
func mentions(texts, wanted []string) bool {
	for _, t := range texts {
		lower, folded := strings.ToLower(t), ""
		for _, w := range wanted {
			p := phraseOf(w)
			if p.folded == "" || !strings.Contains(lower, p.first) {
				continue // most texts: nothing is folded
			}
			if folded == "" {
				folded = " " + fold(t) + " "
			}
			if strings.Contains(folded, p.folded) {
				return true
			}
		}
	}
	return false
}

// phrase is what is looked for, made ready.
type phrase struct{ first, folded string }

// phrases remembers them: lists of words are constants of controls, nearly
// always. It is bounded, since an expression may make them of what a record holds.
var (
	phrases   sync.Map
	phraseNum atomic.Int64
)

const maxPhrases = 10000

func phraseOf(w string) phrase {
	if p, ok := phrases.Load(w); ok {
		return p.(phrase)
	}
	p := phrase{}
	if f := fold(w); f != "" {
		p.folded = " " + f + " "
		p.first, _, _ = strings.Cut(f, " ")
	}
	if phraseNum.Load() < maxPhrases {
		phraseNum.Add(1)
		phrases.Store(w, p)
	}
	return p
}

func notWord(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

func fold(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(s), notWord), " ")
}

var (
	emailForm = regexp.MustCompile(`[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}`)
	phoneForm = regexp.MustCompile(`(?:\+|(?:^|[^0-9\s])\s*00)[1-9][0-9]{0,2}[ ().-]?(?:[0-9][ ().-]?){6,12}[0-9]\b`)
	cardForm  = regexp.MustCompile(`\b(?:[0-9][ -]?){12,18}[0-9]\b`)
	ibanForm  = regexp.MustCompile(`\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{1,4}){3,8}\b`)
)

// birthWords stand before a date of birth.
var birthWords = []string{"date of birth", "dob", "born on", "geboren am"}

// personal lists kinds of personal data, conservatively: what it names is there,
// what it does not name may be there all the same.
func personal(texts []string) []string {
	found := map[string]bool{}
	for _, t := range texts { // what is cheap to rule out is not looked for
		digits := 0
		for i := range len(t) {
			if t[i] >= '0' && t[i] <= '9' {
				digits++
			}
		}
		found["email"] = found["email"] || strings.Contains(t, "@") && emailForm.MatchString(t)
		found["phone"] = found["phone"] || digits >= 8 && phoneForm.MatchString(t)
		found["birth_date"] = found["birth_date"] || mentions([]string{t}, birthWords)
		found["card"] = found["card"] || digits >= 13 && slices.ContainsFunc(cardForm.FindAllString(t, 20), luhn)
		found["iban"] = found["iban"] || digits >= 8 && slices.ContainsFunc(ibanForm.FindAllString(t, 20), iban)
	}
	out := []string{}
	for _, kind := range []string{"birth_date", "card", "email", "iban", "phone"} {
		if found[kind] {
			out = append(out, kind)
		}
	}
	return out
}

// luhn checks the last digit of a card number (ISO/IEC 7812).
func luhn(s string) bool {
	sum, n := 0, 0
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] < '0' || s[i] > '9' {
			continue
		}
		d := int(s[i] - '0')
		if n%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
		n++
	}
	return n >= 13 && sum%10 == 0
}

// iban checks the check digits of an account number (ISO 13616).
func iban(s string) bool {
	s = strings.ReplaceAll(s, " ", "")
	if len(s) < 15 || len(s) > 34 {
		return false
	}
	var digits strings.Builder
	for _, c := range s[4:] + s[:4] {
		if c >= 'A' && c <= 'Z' {
			digits.WriteString(big.NewInt(int64(c-'A') + 10).String())
		} else {
			digits.WriteRune(c)
		}
	}
	n, ok := new(big.Int).SetString(digits.String(), 10)
	return ok && n.Mod(n, big.NewInt(97)).Int64() == 1
}
