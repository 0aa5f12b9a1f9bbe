// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// noNull refuses null where the format knows a string, an object or a list: it
// would pass for a member that is not there.
func noNull() json.Options {
	return json.WithUnmarshalers(json.JoinUnmarshalers(
		json.UnmarshalFromFunc(notNull[string]),
		json.UnmarshalFromFunc(notNull[disclosureJSON]), json.UnmarshalFromFunc(notNull[[]disclosureJSON]),
		json.UnmarshalFromFunc(notNull[erasureJSON]), json.UnmarshalFromFunc(notNull[[]erasureJSON])))
}

func notNull[T any](d *jsontext.Decoder, _ *T) error {
	if d.PeekKind() == 'n' {
		return errors.New("null is not a value of this format")
	}
	return errors.ErrUnsupported // go on as usual
}

// plainly says what does not fit where, in words of the format and not of Go.
func plainly(err error) error {
	se, ok := errors.AsType[*json.SemanticError](err)
	if !ok {
		return err
	}
	at := cmp.Or(string(se.JSONPointer), "the file")
	switch {
	case errors.Is(err, json.ErrUnknownName):
		return fmt.Errorf("%s: unknown member", at)
	case se.Err != nil:
		return fmt.Errorf("%s: %w", at, se.Err)
	}
	return fmt.Errorf("%s: a value of JSON kind %q does not belong here", at, se.JSONKind)
}

// inexact finds a number in v that canonical form would change in value, or the
// empty string. Two readers could take such a number for two.
func inexact(v jsontext.Value) string {
	d := jsontext.NewDecoder(bytes.NewReader(v))
	for {
		tok, err := d.ReadToken()
		if err != nil {
			return "" // at the end; or malformed, which canonicalizing reports
		}
		if tok.Kind() != '0' {
			continue
		}
		s := tok.String()
		if len(s) <= 15 && !strings.ContainsAny(s, "eE") {
			continue // so many digits survive
		}
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || decimal(s) != decimal(strconv.FormatFloat(f, 'e', -1, 64)) {
			return s
		}
	}
}

// decimal writes a JSON number so that equal values have equal texts: its
// digits without zeros at either end, and a power of ten.
func decimal(s string) string {
	s, negative := strings.CutPrefix(s, "-")
	mantissa, power, _ := strings.Cut(strings.ToLower(s), "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	exponent, _ := strconv.Atoi(power) // out of range: no double has it either
	digits := strings.TrimLeft(whole+fraction, "0")
	short := strings.TrimRight(digits, "0")
	if short == "" {
		return "0"
	}
	if negative {
		short = "-" + short
	}
	return short + "e" + strconv.Itoa(exponent-len(fraction)+len(digits)-len(strings.TrimRight(digits, "0")))
}
