// SPDX-License-Identifier: Apache-2.0

package verify_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"github.com/counterfoil/counterfoil/proof"
	"github.com/counterfoil/counterfoil/verify"
)

// harmful reports whether a character could change how the text around it is
// shown.
func harmful(r rune) bool {
	return r != '\n' && unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) || r == unicode.ReplacementChar
}

func TestVisible(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Grüße 😀 <b>":          "Grüße 😀 <b>",
		"a\nb\r\tc":            "a<U+000A>b<U+000D><U+0009>c",
		"\x1b[31mred\x07\x7f":  "<U+001B>[31mred<U+0007><U+007F>",
		"\u0085\u009b2J":       "<U+0085><U+009B>2J",
		"\u202edeined\u202c":   "<U+202E>deined<U+202C>",
		"\u2066\u2069\u200e":   "<U+2066><U+2069><U+200E>",
		"a\u200bb\u00ad\ufeff": "a<U+200B>b<U+00AD><U+FEFF>",
		"line\u2028and\u2029":  "line<U+2028>and<U+2029>",
		"tag \U000e0041":       "tag <U+E0041>",
		"broken \xff utf8":     "broken <U+FFFD> utf8",
	} {
		if got := verify.Visible(in); got != want {
			t.Errorf("%q is shown as %q, want %q", in, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		if out := verify.Visible(s); strings.ContainsFunc(out, harmful) || strings.Contains(out, "\n") {
			t.Fatalf("%q is shown as %q", s, out)
		}
	})
}

const nasty = "x\x1b[2J\x1b[H\nVALID      forged\r\u202e\u2066\u200b\u2028\u0085"

func show(t testing.TB, name string, r verify.Result) string {
	t.Helper()
	var b strings.Builder
	if err := verify.Print(&b, name, r); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsFunc(b.String(), harmful) {
		t.Errorf("what is printed could change the terminal: %q", b.String())
	}
	verdicts := strings.Count("\n"+b.String(), "\nVALID") + strings.Count("\n"+b.String(), "\nNOT VALID")
	if verdicts != 1 || strings.HasPrefix(b.String(), "VALID") != r.Valid {
		t.Errorf("%d verdicts, valid is %v:\n%s", verdicts, r.Valid, b.String())
	}
	return b.String()
}

// TestPrintHostile puts control and format characters wherever a receipt can
// hold text: values, pointers, tombstones, the origin, names of files.
func TestPrintHostile(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(nasty)
	if err != nil {
		t.Fatal(err)
	}
	m := newMaker(t, strings.Replace(vectorRecords()[1], `"the order is older than 30 days"`, string(text), 1))
	good := m.receipt(0, "all")
	b, err := good.Marshal()
	r := verify.Receipt(must(t, b, err), m.trust())
	if out := show(t, nasty, r); !r.Valid || !strings.Contains(out, `\u001b[2J`) || !strings.Contains(out, "<U+202E>") {
		t.Errorf("valid is %v: %s", r.Valid, out)
	}
	for name, change := range map[string]func(r *proof.Receipt){
		"pointer":        func(r *proof.Receipt) { r.Disclosed[0].Pointer = "/" + nasty },
		"erased pointer": func(r *proof.Receipt) { r.Erased = []proof.Erasure{{Pointer: "/" + nasty, Tombstone: "v-9"}} },
		"tombstone":      func(r *proof.Receipt) { r.Erased = []proof.Erasure{{Pointer: "/subject", Tombstone: nasty}} },
		"unknown member": func(r *proof.Receipt) {
			r.Statement = []byte(`{` + string(text) + `:1,` + strings.TrimPrefix(string(r.Statement), `{`))
		},
		"public value": func(r *proof.Receipt) {
			r.Statement = []byte(strings.Replace(string(r.Statement), `"refund-agent"`, string(text), 1))
		},
		"origin": func(r *proof.Receipt) {
			r.Note = []byte(strings.Replace(string(r.Note), vectorOrigin+"\n", strings.ReplaceAll(nasty, "\n", "")+"\n", 1))
		},
	} {
		bad := m.receipt(0, "all")
		change(bad)
		b, err := bad.Marshal()
		r := verify.Receipt(must(t, b, err), m.trust())
		if r.Valid {
			t.Errorf("%s: valid", name)
		}
		if out := show(t, name, r); !strings.HasPrefix(out, "NOT VALID") {
			t.Errorf("%s: %s", name, out)
		}
	}
}

func TestPrint(t *testing.T) {
	t.Parallel()
	m := newMaker(t, vectorRecords()...)
	rc := m.receipt(1, "/decision/reason")
	rc.Erased = []proof.Erasure{{Pointer: "/subject", Tombstone: "v-9"}}
	b, err := rc.Marshal()
	out := show(t, "r.json", verify.Receipt(must(t, b, err), m.trust()))
	for _, want := range []string{"VALID      r.json\n", "record     v-1\n", "decision · refund-agent · refund · denied", "index 1 of 7", "ok  inclusion", `disclosed  "the order is older than 30 days"`,
		"erased  by tombstone v-9 (a claim of the receipt)", "/decision/confidence           withheld"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	out = show(t, "none", verify.Receipt(nil, m.trust()))
	if !strings.Contains(out, "broken     promise 1, malformed: read receipt") {
		t.Errorf("%s", out)
	}
	long := newMaker(t, strings.Replace(vectorRecords()[1], "the order", strings.Repeat("ß", 300), 1))
	b, err = long.receipt(0, "all").Marshal()
	if out := show(t, "long", verify.Receipt(must(t, b, err), long.trust())); strings.Count(out, "ß") != 198 || !strings.Contains(out, "…") {
		t.Errorf("a long value is not cut: %d", strings.Count(out, "ß"))
	}
	if err := verify.Print(full{}, "x", verify.Result{}); err == nil {
		t.Error("a full disk goes unnoticed")
	}
}

// full is a writer that takes nothing.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space") }
