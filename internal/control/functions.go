// SPDX-License-Identifier: Apache-2.0

package control

import (
	"math/big"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// ownFunctions are those that controls have beside the ones of CEL:
//
//	texts(value) list(string)            every string inside a value
//	mentions(value, list(string)) bool   whether one of the words, or phrases, stands in it
//	personal(value) list(string)         kinds of personal data that stand in it
func ownFunctions() []cel.EnvOption {
	words := cel.ListType(cel.StringType)
	return []cel.EnvOption{
		cel.Function("texts", cel.Overload("texts_any", []*cel.Type{cel.DynType}, words,
			cel.UnaryBinding(func(v ref.Val) ref.Val { return types.DefaultTypeAdapter.NativeToValue(textsOf(v)) }))),
		cel.Function("mentions", cel.Overload("mentions_any_list", []*cel.Type{cel.DynType, words}, cel.BoolType,
			cel.BinaryBinding(func(v, words ref.Val) ref.Val { return types.Bool(mentions(v, words)) }))),
		cel.Function("personal", cel.Overload("personal_any", []*cel.Type{cel.DynType}, words,
			cel.UnaryBinding(func(v ref.Val) ref.Val { return personal(v, newText) }))),
	}
}

// maxDepth bounds how deep a value is searched: records are no deeper.
const maxDepth = 40

func textsOf(v ref.Val) []string {
	var out []string
	eachText(v, maxDepth, func(s string) bool {
		out = append(out, s)
		return true
	})
	return out
}

// eachText calls f with every string inside a value until it returns false.
func eachText(v ref.Val, depth int, f func(string) bool) bool {
	if depth == 0 {
		return true
	}
	switch v := v.(type) {
	case types.String:
		return f(string(v))
	case *list:
		for _, e := range v.elements {
			if !eachText(e, depth-1, f) {
				return false
			}
		}
	case *object: // its members are sorted, as canonical JSON has them
		for _, m := range v.members {
			if !eachText(m.value, depth-1, f) {
				return false
			}
		}
	case traits.Lister:
		for it := v.Iterator(); it.HasNext() == types.True; {
			if !eachText(it.Next(), depth-1, f) {
				return false
			}
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
			if !eachText(v.Get(types.String(k)), depth-1, f) {
				return false
			}
		}
	}
	return true
}

// text is a string of a record, with what was found out about it.
type text struct {
	raw, lower, folded string
	kinds              []string // see kindsOf
	searched           bool
}

func newText(s string) *text { return &text{raw: s, lower: strings.ToLower(s)} }

// mentions looks for whole words, whatever their case. Words are cut at what is
// neither a letter nor a digit.
func (t *text) mentions(wanted []phrase) bool {
	for _, p := range wanted {
		if p.folded == "" || !strings.Contains(t.lower, p.first) {
			continue // most texts: nothing is folded
		}
		if t.folded == "" {
			t.folded = " " + fold(t.raw) + " "
		}
		if strings.Contains(t.folded, p.folded) {
			return true
		}
	}
	return false
}

// personal gives the kinds of personal data that stand in the text.
func (t *text) personal() []string {
	if !t.searched {
		t.kinds, t.searched = kindsOf(t), true
	}
	return t.kinds
}

func mentions(v, words ref.Val) bool {
	wanted := phrasesOf(words)
	return !eachText(v, maxDepth, func(s string) bool { return !newText(s).mentions(wanted) })
}

// mentionsStep is mentions with words that are known beforehand.
func mentionsStep(of step, wanted []phrase) step {
	return func(f *frame) ref.Val {
		v := of(f)
		if types.IsUnknownOrError(v) {
			return v
		}
		return types.Bool(!eachText(v, maxDepth, func(s string) bool {
			f.cost += 1 + len(s)/10
			return !f.in.text(s).mentions(wanted)
		}))
	}
}

func personalStep(of step) step {
	return func(f *frame) ref.Val {
		v := of(f)
		if types.IsUnknownOrError(v) {
			return v
		}
		return personal(v, func(s string) *text {
			f.cost += 1 + len(s)/10
			return f.in.text(s)
		})
	}
}

// personal lists kinds of personal data, conservatively: what it names is there,
// what it does not name may be there all the same.
func personal(v ref.Val, known func(string) *text) ref.Val {
	var found []string
	eachText(v, maxDepth, func(s string) bool {
		for _, kind := range known(s).personal() {
			if !slices.Contains(found, kind) {
				found = append(found, kind)
			}
		}
		return true
	})
	if found == nil {
		return nothing
	}
	slices.Sort(found)
	kinds := make([]ref.Val, len(found))
	for i, k := range found {
		kinds[i] = types.String(k)
	}
	return newList(kinds)
}

var nothing = newList(nil)

// phrase is what is looked for, made ready.
type phrase struct{ first, folded string }

func phrasesOf(words ref.Val) []phrase {
	var out []phrase
	for _, w := range textsOf(words) {
		p := phrase{}
		if f := fold(w); f != "" {
			p.folded = " " + f + " "
			p.first, _, _ = strings.Cut(f, " ")
		}
		out = append(out, p)
	}
	return out
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
var birthWords = phrasesOf(fromNative([]string{"date of birth", "dob", "born on", "geboren am"}))

func kindsOf(t *text) (kinds []string) {
	digits := 0 // what is cheap to rule out is not looked for
	for i := range len(t.raw) {
		if t.raw[i] >= '0' && t.raw[i] <= '9' {
			digits++
		}
	}
	add := func(kind string, is bool) {
		if is {
			kinds = append(kinds, kind)
		}
	}
	add("birth_date", t.mentions(birthWords))
	add("card", digits >= 13 && slices.ContainsFunc(cardForm.FindAllString(t.raw, 20), luhn))
	add("email", strings.Contains(t.raw, "@") && emailForm.MatchString(t.raw))
	add("iban", digits >= 8 && slices.ContainsFunc(ibanForm.FindAllString(t.raw, 20), iban))
	add("phone", digits >= 8 && phoneForm.MatchString(t.raw))
	return kinds
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
