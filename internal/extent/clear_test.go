// SPDX-License-Identifier: Apache-2.0

package extent_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/internal/extent"
)

// TestClear reads values as records have them, and seals in their places.
func TestClear(t *testing.T) {
	t.Parallel()
	type values struct {
		T extent.Text   `json:"t"`
		M extent.Moment `json:"m"`
		N extent.Number `json:"n"`
		B extent.Truth  `json:"b"`
	}
	when := time.Date(2026, 3, 1, 9, 0, 0, 500e6, time.UTC)
	for text, want := range map[string]values{
		`{"t":"denied","m":"2026-03-01T09:00:00.5Z","n":2.9,"b":true}`:             {"denied", extent.Moment{Time: when}, extent.Number{Value: 2.9, OK: true}, true},
		`{"n":9007199254740991,"b":false}`:                                         {N: extent.Number{Value: 9007199254740991, OK: true}},
		`{"t":{"seal":"x"},"m":{"seal":"x"},"n":{"seal":"x"},"b":{"seal":"true"}}`: {},
		`{}`: {},
	} {
		var have values
		if err := json.Unmarshal([]byte(text), &have); err != nil || have != want {
			t.Errorf("%s: got %+v, %v, want %+v", text, have, err, want)
		}
	}
	if n := (extent.Number{Value: 2.9, OK: true}).Whole(); n != 2 {
		t.Errorf("whole part of 2.9: %d", n)
	}
	if or := (extent.Moment{}).Or(when); !or.Equal(when) {
		t.Errorf("no time or %v: %v", when, or)
	}
	var m extent.Moment
	if err := json.Unmarshal([]byte(`"yesterday"`), &m); err == nil {
		t.Error("a text that is no time was read as one")
	}
}

func TestIsEnv(t *testing.T) {
	t.Parallel()
	for leaf, env := range map[string]string{
		`{"env":"test","id":"a"}`:         "test",
		`{"env":"production","id":"a"}`:   extent.Production,
		`{"env":{"seal":"x"},"id":"a"}`:   extent.Production,
		`{"id":"a","type":"heartbeat"}`:   extent.Production,
		`{"env":"staging","type":"step"}`: "staging",
	} {
		for _, asked := range []string{"production", "shadow", "test", "staging"} {
			if have := extent.IsEnv([]byte(leaf), asked); have != (asked == env) {
				t.Errorf("%s is of %s: %t", leaf, asked, have)
			}
		}
	}
}
