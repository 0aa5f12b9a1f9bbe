// SPDX-License-Identifier: Apache-2.0

package obligation

import (
	"encoding/json"
	"time"
)

// text is a code. A seal in its place reads as no code.
type text string

// UnmarshalJSON implements [json.Unmarshaler].
func (t *text) UnmarshalJSON(b []byte) error {
	if len(b) == 0 || b[0] != '"' {
		return nil
	}
	return json.Unmarshal(b, (*string)(t))
}

// moment is a time. A seal in its place reads as no time.
type moment struct{ time.Time }

// UnmarshalJSON implements [json.Unmarshaler].
func (m *moment) UnmarshalJSON(b []byte) (err error) {
	if len(b) < 2 || b[0] != '"' {
		return nil
	}
	m.Time, err = time.Parse(time.RFC3339Nano, string(b[1:len(b)-1]))
	return err
}

// number is a number, if it is one; n is its whole part.
type number struct {
	n  int64
	is bool
}

// UnmarshalJSON implements [json.Unmarshaler].
func (n *number) UnmarshalJSON(b []byte) error {
	if n.is = json.Unmarshal(b, &n.n) == nil; n.is {
		return nil
	}
	var f float64
	n.is = json.Unmarshal(b, &f) == nil
	n.n = int64(f)
	return nil
}

// truth is true or false; what is neither reads as false.
type truth bool

// UnmarshalJSON implements [json.Unmarshaler].
func (t *truth) UnmarshalJSON(b []byte) error {
	*t = string(b) == "true"
	return nil
}
