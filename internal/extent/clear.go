// SPDX-License-Identifier: Apache-2.0

package extent

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"

	"github.com/counterfoil/counterfoil/internal/ledger"
)

// Text is a code. A seal in its place reads as no code.
type Text string

// UnmarshalJSON implements [json.Unmarshaler].
func (t *Text) UnmarshalJSON(b []byte) error {
	if len(b) == 0 || b[0] != '"' {
		return nil
	}
	return json.Unmarshal(b, (*string)(t))
}

// Moment is a time. A seal in its place reads as no time.
type Moment struct{ time.Time }

// UnmarshalJSON implements [json.Unmarshaler].
func (m *Moment) UnmarshalJSON(b []byte) (err error) {
	if len(b) < 2 || b[0] != '"' {
		return nil
	}
	m.Time, err = time.Parse(time.RFC3339Nano, string(b[1:len(b)-1]))
	return err
}

// Or is the first of two times that is known.
func (m Moment) Or(t time.Time) time.Time {
	if m.IsZero() {
		return t
	}
	return m.Time
}

// Number is a number, if there is one: statements hold what a double can
// (RFC 8785). A seal in its place reads as none.
type Number struct {
	Value float64
	OK    bool
}

// UnmarshalJSON implements [json.Unmarshaler].
func (n *Number) UnmarshalJSON(b []byte) error {
	v, err := strconv.ParseFloat(string(b), 64)
	n.Value, n.OK = v, err == nil
	return nil
}

// Whole is its whole part, 0 if there is none.
func (n Number) Whole() int64 { return int64(n.Value) }

// Truth is true or false. A seal in its place reads as false.
type Truth bool

// UnmarshalJSON implements [json.Unmarshaler].
func (t *Truth) UnmarshalJSON(b []byte) error {
	*t = string(b) == "true"
	return nil
}

// Production is the environment of a record that names none: the lookup table
// has none for it either.
const Production = "production"

// elsewhere are the other environments.
var elsewhere = []string{"shadow", "test", "staging"}

// live takes the environment out of a query for production, and leaves it to the
// records.
func live(q *ledger.Query, fn func(Spot, []byte) error) func(Spot, []byte) error {
	if q.Env != Production {
		return fn
	}
	q.Env = ""
	return func(at Spot, leaf []byte) error {
		if !IsEnv(leaf, Production) {
			return nil
		}
		return fn(at, leaf)
	}
}

// IsEnv says whether a statement is of an environment. None, or one that is
// sealed, is production. It looks for the word without reading the whole, which
// is much faster: a statement is canonical, its public strings are codes and
// hold no quotes, and no other member has the name env.
func IsEnv(leaf []byte, env string) bool {
	_, after, ok := bytes.Cut(leaf, []byte(`"env":`))
	if !ok {
		return env == Production
	}
	return bytes.HasPrefix(after, []byte(`"`+env+`"`)) || env == Production && !bytes.HasPrefix(after, []byte(`"`))
}
