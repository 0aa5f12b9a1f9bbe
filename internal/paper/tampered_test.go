// SPDX-License-Identifier: Apache-2.0

package paper_test

import (
	"bytes"
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/proof"
	"github.com/counterfoil/counterfoil/verify"
)

// tampering is one way to change a receipt; want is part of what the page says.
type tampering struct {
	change func(t *testing.T, r *proof.Receipt)
	want   string
}

func flip(b []byte) []byte {
	b = bytes.Clone(b)
	b[len(b)/2] ^= 1
	return b
}

// edit changes the checkpoint, text and all.
func edit(old, new string) func(t *testing.T, r *proof.Receipt) {
	return func(t *testing.T, r *proof.Receipt) {
		t.Helper()
		if !bytes.Contains(r.Note, []byte(old)) {
			t.Fatalf("the checkpoint has no %q", old)
		}
		r.Note = bytes.Replace(r.Note, []byte(old), []byte(new), 1)
	}
}

// signature changes one byte in the signature line of a name.
func signature(name string) func(t *testing.T, r *proof.Receipt) {
	return func(t *testing.T, r *proof.Receipt) {
		t.Helper()
		before, rest, ok := strings.Cut(string(r.Note), "\n— "+name+" ")
		line, after, ok2 := strings.Cut(rest, "\n")
		sig, err := base64.StdEncoding.DecodeString(line)
		if !ok || !ok2 || err != nil {
			t.Fatalf("no signature of %s", name)
		}
		r.Note = []byte(before + "\n— " + name + " " + base64.StdEncoding.EncodeToString(flip(sig)) + "\n" + after)
	}
}

// unsign takes the signature line of a name away.
func unsign(name string) func(t *testing.T, r *proof.Receipt) {
	return func(t *testing.T, r *proof.Receipt) {
		t.Helper()
		lines := strings.SplitAfter(string(r.Note), "\n")
		kept := slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return strings.HasPrefix(l, "— "+name+" ") })
		if len(kept) == len(lines) {
			t.Fatalf("no signature of %s", name)
		}
		r.Note = []byte(strings.Join(kept, ""))
	}
}

func statement(old, new string) func(t *testing.T, r *proof.Receipt) {
	return func(t *testing.T, r *proof.Receipt) {
		t.Helper()
		if !bytes.Contains(r.Statement, []byte(old)) {
			t.Fatalf("the statement has no %q", old)
		}
		r.Statement = bytes.Replace(r.Statement, []byte(old), []byte(new), 1)
	}
}

func tamperings() map[string]tampering {
	return map[string]tampering{
		"statement value":  {statement(`"outcome":"denied"`, `"outcome":"approved"`), "does not lead to the root"},
		"statement member": {statement(`"system":`, `"sys":"x","system":`), "does not lead to the root"},
		"seal": {func(t *testing.T, r *proof.Receipt) {
			statement(`"seal":"`, `"seal":"A`)(t, r)
			r.Statement = cutOne(r.Statement)
		}, "does not lead to the root"},
		"path hash":          {func(_ *testing.T, r *proof.Receipt) { r.Path[3][7] ^= 1 }, "does not lead to the root"},
		"path too short":     {func(_ *testing.T, r *proof.Receipt) { r.Path = r.Path[:len(r.Path)-1] }, "ends before the root"},
		"path too long":      {func(_ *testing.T, r *proof.Receipt) { r.Path = append(r.Path, r.Path[0]) }, "longer than the tree"},
		"index":              {func(_ *testing.T, r *proof.Receipt) { r.Index ^= 1 }, "does not lead to the root"},
		"index out of range": {func(_ *testing.T, r *proof.Receipt) { r.Index = 6000 }, "outside"},
		"log signature":      {signature(origin), "signature of " + origin + " is wrong"},
		"no log signature":   {unsign(origin), "did not sign"},
		"origin":             {edit(origin+"\n", "counterfoil.example/other\n"), "the checkpoint is of the log counterfoil.example/other"},
		"size":               {edit("\n5213\n", "\n5214\n"), "is wrong"},
		"extension line":     {edit("=\n\n", "=\nextra\n\n"), "is wrong"},
		"missing witness":    {unsign("witness-b.example"), "not enough trusted witnesses"},
		"witness signature":  {signature("witness-a.example"), "signature of the witness witness-a.example is wrong"},
		"disclosed value":    {func(_ *testing.T, r *proof.Receipt) { r.Disclosed[0].Value = []byte(`"no"`) }, "is not what was sealed"},
		"salt":               {func(_ *testing.T, r *proof.Receipt) { r.Disclosed[1].Salt[0] ^= 1 }, "is not what was sealed"},
		"pointer":            {func(_ *testing.T, r *proof.Receipt) { r.Disclosed[0].Pointer = "/decision/confidence" }, "is not what was sealed"},
		"pointer to nothing": {func(_ *testing.T, r *proof.Receipt) { r.Disclosed[0].Pointer = "/system" }, "nothing is sealed at /system"},
		"opened twice":       {func(_ *testing.T, r *proof.Receipt) { r.Disclosed = append(r.Disclosed, r.Disclosed[0]) }, "opened twice"},
		"opened and erased":  {func(_ *testing.T, r *proof.Receipt) { r.Erased = []proof.Erasure{{Pointer: r.Disclosed[0].Pointer}} }, "or it is disclosed"},
		"stamp of another":   {func(_ *testing.T, r *proof.Receipt) { r.Timestamp = flipAt(r.Timestamp, imprint(r)) }, "time stamp is of another checkpoint"},
		"stamp is no token":  {func(_ *testing.T, r *proof.Receipt) { r.Timestamp = []byte("no token") }, "time stamp"},
		"another log's key":  {func(_ *testing.T, r *proof.Receipt) {}, "did not sign"},
		"a log not trusted":  {func(_ *testing.T, r *proof.Receipt) {}, "the trust policy names elsewhere.example"},
	}
}

// cutOne takes one character off the first seal, which statement made one longer.
func cutOne(b []byte) []byte {
	i := bytes.Index(b, []byte(`"seal":"`)) + len(`"seal":"`) + 43
	return slices.Delete(bytes.Clone(b), i, i+1)
}

func imprint(r *proof.Receipt) int {
	text, err := proof.Text(r.Note)
	if err != nil {
		return -1
	}
	return bytes.Index(r.Timestamp, sha256Sum(text))
}

func flipAt(b []byte, i int) []byte {
	b = bytes.Clone(b)
	b[i] ^= 1
	return b
}

// judge lets package verify say whether a receipt is valid: the page has to
// come to the same verdict.
func judge(t testing.TB, receipt, trust []byte, valid bool) {
	t.Helper()
	policy, err := proof.ParseTrust(trust)
	if err != nil {
		t.Fatal(err)
	}
	if r := verify.Receipt(receipt, policy); r.Valid != valid {
		t.Errorf("package verify finds valid=%v, want %v: %+v", r.Valid, valid, r.Faults)
	}
}

// TestTampered changes a receipt in every way and lets the page find it.
func TestTampered(t *testing.T) {
	t.Parallel()
	browser := startBrowser(t)
	w := newWorld(t)
	all := tamperings()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) {
			b := newTab(t, browser)
			r := w.receipt(t, refund, options{size: 5213, index: 4711, disclose: some, stamp: true})
			all[name].change(t, r)
			if name != "opened and erased" { // the page is stricter there
				judge(t, marshal(t, r), w.trustFor(t, name), false)
			}
			state, said := b.open(render(t, marshal(t, r), w.trustFor(t, name)))
			if state != "bad" || !strings.HasPrefix(said, "NOT VALID") || !strings.Contains(strings.ToLower(said), strings.ToLower(all[name].want)) {
				t.Errorf("%s: %s, want it to say %q", state, said, all[name].want)
			}
			if !strings.Contains(b.text(`document.getElementById("record").innerText`), "This receipt is not valid") {
				t.Error("the record is shown as if it were proven")
			}
			b.quiet()
		})
	}
}
