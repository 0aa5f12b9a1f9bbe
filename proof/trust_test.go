// SPDX-License-Identifier: Apache-2.0

package proof_test

import (
	"bytes"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/counterfoil/counterfoil/proof"
)

func format(t testing.TB, logs []string, ws []proof.Witness, quorum int, roots []byte) []byte {
	t.Helper()
	b, err := proof.FormatTrust(logs, ws, quorum, roots)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func parse(t testing.TB, b []byte) *proof.Trust {
	t.Helper()
	p, err := proof.ParseTrust(b)
	if err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	return p
}

func TestTrustRoundTrip(t *testing.T) {
	t.Parallel()
	_, a := logKey(t, origin, "log")
	_, b := logKey(t, origin, "log, renewed")
	ws := []proof.Witness{{"w1", witness(t, "w1.example").Verifier().String()}, {"w2", witness(t, "w2.example").Verifier().String()}}
	roots := slices.Concat(newAuthority(t, nil).pem(), newAuthority(t, nil).pem())
	p := parse(t, format(t, []string{a, b}, ws, 2, roots))
	if !slices.Equal(p.Logs(), []string{a, b}) || !slices.Equal(p.Witnesses(), ws) || !p.NeedsWitnesses() || p.Roots() == nil {
		t.Errorf("the policy came back as logs %v, witnesses %v, quorum %v", p.Logs(), p.Witnesses(), p.NeedsWitnesses())
	}
	p = parse(t, format(t, []string{a}, nil, 0, nil))
	if p.NeedsWitnesses() || p.Roots() != nil || len(p.Witnesses()) != 0 {
		t.Error("a policy without witnesses and roots has some")
	}
}

func TestTrustRefused(t *testing.T) {
	t.Parallel()
	_, log := logKey(t, origin, "log")
	w := "witness w1 " + witness(t, "w1.example").Verifier().String() + "\n"
	cert := string(newAuthority(t, nil).pem())
	line := "log " + log + "\n"
	const none = "quorum none\n"
	if parse(t, []byte("\r\n# a comment\n"+line+"  "+w+none+cert)) == nil {
		t.Fatal("the policy that the others are made from is refused")
	}
	for name, c := range map[string]struct{ text, want string }{
		"empty":                   {"", "names no log"},
		"no log":                  {w + none, "names no log"},
		"a log that is a comment": {"# " + line + none, "names no log"},
		"no quorum":               {line + w, "quorum"},
		"two quorums":             {line + none + none, "quorum"},
		"quorum of nobody known":  {line + "quorum w9\n", "w9"},
		"log without key":         {"log\n" + none, "log"},
		"log key is no key":       {"log example+01020304+AAAA\n" + none, "vkey"},
		"log key of a witness":    {"log " + witness(t, "w1.example").Verifier().String() + "\n" + none, "vkey"},
		"witness key of a log":    {line + "witness w1 " + log + "\n" + none, "vkey"},
		"witness twice":           {line + w + w + none, "duplicate"},
		"group of nobody known":   {line + w + "group g 1 w1 w2\nquorum g\n", "w2"},
		"group of too few":        {line + w + "group g 2 w1\nquorum g\n", "threshold"},
		"group of none":           {line + w + "group g 0 w1\nquorum g\n", "threshold"},
		"unknown line":            {line + none + "trust everybody\n", "trust"},
		"a private key":           {line + none + strings.ReplaceAll(cert, "CERTIFICATE", "PRIVATE KEY"), "only PEM certificates"},
		"text behind":             {line + none + cert + "log x\n", "only PEM certificates"},
		"a cut certificate":       {line + none + cert[:len(cert)/2], "only PEM certificates"},
		"no certificate inside":   {line + none + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte{1, 2}})), "certificate 1"},
	} {
		p, err := proof.ParseTrust([]byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, %v, want an error with %q", name, p, err, c.want)
		}
	}
	if b, err := proof.FormatTrust(nil, nil, 0, nil); err == nil {
		t.Errorf("a policy without a log is written: %s", b)
	}
	if b, err := proof.FormatTrust([]string{log}, nil, 1, nil); err == nil {
		t.Errorf("a quorum of no witnesses is written: %s", b)
	}
}

func TestOpenCheckpoint(t *testing.T) {
	t.Parallel()
	signer, log := logKey(t, origin, "log")
	renewed, newKey := logKey(t, origin, "log, renewed")
	stranger, _ := logKey(t, origin, "stranger")
	elsewhere, elsewhereKey := logKey(t, "elsewhere.example", "log")
	w1, w2, w3 := witness(t, "w1.example"), witness(t, "w2.example"), witness(t, "w3.example")
	ws := []proof.Witness{{"w1", w1.Verifier().String()}, {"w2", w2.Verifier().String()}}
	two := parse(t, format(t, []string{log, newKey}, ws, 2, nil))
	none := parse(t, format(t, []string{log}, ws, 0, nil))
	cp := proof.Checkpoint{Origin: origin, Size: 5}
	other := proof.Checkpoint{Origin: "elsewhere.example", Size: 5}
	// named lets a key sign for an origin that is not its name.
	named := sign(t, other, signer)
	for name, c := range map[string]struct {
		note    []byte
		trust   *proof.Trust
		signers []string // nil: refused
	}{
		"both witnesses":                    {sign(t, cp, signer, w1, w2), two, []string{origin, "w1.example", "w2.example"}},
		"with the renewed key":              {sign(t, cp, renewed, w1, w2), two, []string{origin, "w1.example", "w2.example"}},
		"a signature nobody knows":          {sign(t, cp, signer, w1, w2, w3), two, []string{origin, "w1.example", "w2.example"}},
		"no witness, none needed":           {sign(t, cp, signer), none, []string{origin}},
		"one witness of two":                {sign(t, cp, signer, w1), two, nil},
		"another witness":                   {sign(t, cp, signer, w1, w3), two, nil},
		"no witness":                        {sign(t, cp, signer), two, nil},
		"only witnesses":                    {sign(t, cp, w1, w2), two, nil},
		"a stranger under the log's name":   {sign(t, cp, stranger, w1, w2), two, nil},
		"another log":                       {sign(t, other, elsewhere), none, nil},
		"the log's key for another origin":  {named, none, nil},
		"another log's policy":              {sign(t, cp, signer), parse(t, format(t, []string{elsewhereKey}, nil, 0, nil)), nil},
		"a known witness's signature wrong": {tamper(sign(t, cp, signer, w1, w2)), two, nil},
		"another size":                      {bytes.Replace(sign(t, cp, signer, w1, w2), []byte("\n5\n"), []byte("\n6\n"), 1), two, nil},
		"no note":                           {[]byte("hello"), two, nil},
	} {
		got, signers, err := c.trust.OpenCheckpoint(c.note)
		if c.signers == nil {
			if err == nil {
				t.Errorf("%s: accepted, signed by %v", name, signers)
			}
			continue
		}
		if err != nil || got != cp {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		slices.Sort(signers)
		slices.Sort(c.signers)
		if !slices.Equal(signers, c.signers) {
			t.Errorf("%s: signed by %v, want %v", name, signers, c.signers)
		}
	}
}

// TestOneWitnessIsOne sees that a witness that is listed under two names does
// not make a quorum of two.
func TestOneWitnessIsOne(t *testing.T) {
	t.Parallel()
	signer, log := logKey(t, origin, "log")
	w := witness(t, "w1.example")
	k := w.Verifier().String()
	p, err := proof.ParseTrust(slices.Concat([]byte("log " + log + "\nwitness a " + k + "\nwitness b " + k + "\ngroup g 2 a b\nquorum g\n")))
	if err != nil {
		return // refused at once: as well
	}
	if _, signers, err := p.OpenCheckpoint(sign(t, proof.Checkpoint{Origin: origin, Size: 5}, signer, w)); err == nil {
		t.Errorf("accepted, signed by %v", signers)
	}
}

// tamper changes the last signature of a note.
func tamper(signed []byte) []byte {
	b := bytes.Clone(signed)
	i := len(b) - 8 // within the base64 of the signature
	if b[i] == 'A' {
		b[i] = 'B'
	} else {
		b[i] = 'A'
	}
	return b
}

// FuzzParseTrust wants a policy that is read to name a log, and no note without
// a signature to satisfy it.
func FuzzParseTrust(f *testing.F) {
	_, log := logKey(f, origin, "log")
	f.Add([]byte("log " + log + "\nquorum none\n"))
	files, err := filepath.Glob(filepath.Join("..", "testdata", "vectors", "receipts", "*trust*.txt"))
	if err != nil || len(files) == 0 {
		f.Fatalf("there are no policies among the vectors: %v", err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	nobody, err := note.Sign(&note.Note{Text: origin + "\n5\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"}, witness(f, "nobody.example"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := proof.ParseTrust(b)
		if err != nil {
			return
		}
		if len(p.Logs()) == 0 {
			t.Fatalf("%q names no log", b)
		}
		if _, signers, err := p.OpenCheckpoint(nobody); err == nil {
			t.Fatalf("%q believes everybody, and %v", b, signers)
		}
	})
}
