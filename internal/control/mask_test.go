// SPDX-License-Identifier: Apache-2.0

package control_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/counterfoil/counterfoil/internal/control"
)

func TestMask(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"write to mia@example.com, please":           "write to #, please",
		"card 4111 1111 1111 1111 and 1234567890123": "card # and 1234567890123",
		"IBAN DE89 3704 0044 0532 0130 00 it is":     "IBAN # it is",
		"date of birth: 1980-02-03, seen 2026-11-01": "date of birth: #, seen #",
		"seen 2026-11-01":                            "seen 2026-11-01",
		"nothing of that kind":                       "nothing of that kind",
		"call +49 170 1234567 now":                   "call # now",
	} {
		if have := control.Mask(text, "#"); have != want {
			t.Errorf("%q becomes %q, want %q", text, have, want)
		}
	}
}

// TestMaskLeavesNothing masks what is recognised, wherever it stands.
func TestMaskLeavesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.SampledFrom([]string{"the", "mia@example.com", "4111111111111111", "DE89370400440532013000", "über", "x"}), 0, 12).Draw(t, "words")
		have := control.Mask(strings.Join(words, " "), "#")
		for _, kind := range control.Personal(have) {
			t.Errorf("%q still holds %s", have, kind)
		}
	})
}
