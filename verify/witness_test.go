// SPDX-License-Identifier: Apache-2.0

package verify_test

import (
	"testing"

	"filippo.io/torchwood"

	"github.com/counterfoil/counterfoil/proof"
	"github.com/counterfoil/counterfoil/verify"
)

// otherKey is another key of a witness.
func otherKey(t *testing.T, name string) string {
	t.Helper()
	w, err := torchwood.NewCosignatureSigner(name, seed("old key of "+name))
	return must(t, w, err).Verifier().String()
}

// TestWitnessesCounted sees that a witness counts once, whatever it is called
// and however many keys it has, and that the log is no witness of itself.
func TestWitnessesCounted(t *testing.T) {
	t.Parallel()
	m := newMaker(t, vectorRecords()...)
	key := func(w *witness) string { return w.Verifier().String() }
	one := m.witnesses[0]
	asLog := newWitness(t, vectorOrigin)
	for name, c := range map[string]struct {
		known []proof.Witness
		want  int
	}{
		"one of them known":                {[]proof.Witness{{Name: "a", Key: key(one)}}, 1},
		"both known":                       {[]proof.Witness{{Name: "a", Key: key(one)}, {Name: "b", Key: key(m.witnesses[1])}}, 2},
		"one that did not sign":            {[]proof.Witness{{Name: "a", Key: key(one)}, {Name: "b", Key: key(newWitness(t, "w9.example"))}}, 1},
		"a witness by the name of the log": {[]proof.Witness{{Name: "a", Key: key(one)}, {Name: "b", Key: key(asLog)}}, 1},
		"an old key of the same witness":   {[]proof.Witness{{Name: "a", Key: key(one)}, {Name: "old", Key: otherKey(t, one.Name())}}, 1},
	} {
		b, err := proof.FormatTrust([]string{m.logKey}, c.known, 1, nil)
		policy, err := proof.ParseTrust(must(t, b, err))
		r := verify.Receipt(m.file(1), must(t, policy, err))
		if !r.Valid || r.Witnesses != c.want {
			t.Errorf("%s: valid is %v, %d witnesses, want %d: %v", name, r.Valid, r.Witnesses, c.want, r.Faults)
		}
	}
}
