// SPDX-License-Identifier: Apache-2.0

package proof_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/counterfoil/counterfoil/proof"
)

// vectorReceipts are the receipt files of the published vectors.
func vectorReceipts(t testing.TB) [][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "testdata", "vectors", "receipts", "*.receipt.json"))
	if err != nil || len(files) < 25 {
		t.Fatalf("found %d receipts among the vectors, %v", len(files), err)
	}
	out := make([][]byte, len(files))
	for i, name := range files {
		if out[i], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// drawReceipt makes a receipt that is well formed, though nothing in it is true.
func drawReceipt(t *rapid.T, note []byte) *proof.Receipt {
	values := rapid.SampledFrom([]string{`null`, `"text"`, `{"a":[1,2.5,true]}`, `"\u001f é 😀 </script>"`, `1e-7`, `{}`, `123456789012345680000`})
	pointers := rapid.StringMatching(`(/[a-z_0-9é~/ "\\]{1,12}){1,4}`)
	r := &proof.Receipt{Statement: []byte(`{"id":"x","n":` + values.Draw(t, "n") + `}`), Index: rapid.Int64Min(0).Draw(t, "index"), Note: note}
	for range rapid.IntRange(0, 63).Draw(t, "path") {
		r.Path = append(r.Path, tlog.Hash(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "hash")))
	}
	if rapid.Bool().Draw(t, "stamped") {
		r.Timestamp = rapid.SliceOfN(rapid.Byte(), 1, 100).Draw(t, "token")
	}
	for range rapid.IntRange(0, 3).Draw(t, "disclosed") {
		r.Disclosed = append(r.Disclosed, proof.Disclosure{Pointer: pointers.Draw(t, "pointer"), Salt: [16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "salt")), Value: []byte(values.Draw(t, "value"))})
	}
	for range rapid.IntRange(0, 3).Draw(t, "erased") {
		r.Erased = append(r.Erased, proof.Erasure{Pointer: pointers.Draw(t, "pointer"), Tombstone: rapid.StringMatching(`[a-z0-9]{1,20}`).Draw(t, "tombstone")})
	}
	return r
}

func TestReceiptRoundTrip(t *testing.T) {
	t.Parallel()
	signer, _ := logKey(t, origin, "log")
	note := sign(t, proof.Checkpoint{Origin: origin, Size: 5}, signer, witness(t, "w1.example"))
	rapid.Check(t, func(t *rapid.T) {
		want := drawReceipt(t, note)
		b, err := want.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		got, err := proof.ParseReceipt(b)
		if err != nil {
			t.Fatalf("%v\n%s", err, b)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v\nwant %+v", got, want)
		}
		again, err := got.Marshal()
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("written again as %s, %v", again, err)
		}
	})
}

// parts are what a receipt file is made of, each of which a test may replace.
type parts struct{ receipt, statement, proof, timestamp, disclosed, erased, more string }

func (p parts) file() string {
	return fmt.Sprintf(`{"receipt":%s,"statement":%s,"proof":%s,"timestamp":%s,"disclosed":%s,"erased":%s%s}`, p.receipt, p.statement, p.proof, p.timestamp, p.disclosed, p.erased, p.more)
}

// good are the parts of a well-formed receipt.
func good(t testing.TB) parts {
	t.Helper()
	signer, _ := logKey(t, origin, "log")
	note := string(sign(t, proof.Checkpoint{Origin: origin, Size: 5}, signer))
	hash := base64.StdEncoding.EncodeToString(make([]byte, 32))
	return parts{`"counterfoil/receipt/v1"`, `{"id":"x"}`, `"` + strings.ReplaceAll("c2sp.org/tlog-proof@v1\nindex 3\n"+hash+"\n\n"+note, "\n", `\n`) + `"`, `"MAA="`,
		`[{"pointer":"/a","salt":"AAAAAAAAAAAAAAAAAAAAAA","value":1}]`, `[{"pointer":"/b","tombstone":"t"}]`, ``}
}

func TestReceiptRefused(t *testing.T) {
	t.Parallel()
	if _, err := proof.ParseReceipt([]byte(good(t).file())); err != nil {
		t.Fatal(err)
	}
	replace := func(old, new string) func(*parts) {
		return func(p *parts) {
			if !strings.Contains(p.proof, old) {
				t.Fatalf("the proof has no %s", old)
			}
			p.proof = strings.Replace(p.proof, old, new, 1)
		}
	}
	disclosed := func(v string) func(*parts) { return func(p *parts) { p.disclosed = v } }
	for name, change := range map[string]func(*parts){
		"another format":               func(p *parts) { p.receipt = `"counterfoil/receipt/v2"` },
		"format is null":               func(p *parts) { p.receipt = `null` },
		"format is a number":           func(p *parts) { p.receipt = `1` },
		"unknown member":               func(p *parts) { p.more = `,"comment":""` },
		"member in another case":       func(p *parts) { p.more = `,"Receipt":"counterfoil/receipt/v1"` },
		"member twice":                 func(p *parts) { p.more = `,"erased":[]` },
		"statement member twice":       func(p *parts) { p.statement = `{"a":1,"a":1}` },
		"statement number too long":    func(p *parts) { p.statement = `{"a":0.70000000000000000001}` },
		"statement number too large":   func(p *parts) { p.statement = `{"a":1e999}` },
		"statement not UTF-8":          func(p *parts) { p.statement = "{\"a\":\"\xff\"}" },
		"statement half a surrogate":   func(p *parts) { p.statement = `{"a":"\ud800"}` },
		"proof null":                   func(p *parts) { p.proof = `null` },
		"proof empty":                  func(p *parts) { p.proof = `""` },
		"proof of another version":     replace("@v1", "@v2"),
		"proof with extra data":        replace(`\nindex`, `\nextra AAAA\nindex`),
		"index with a zero before it":  replace("index 3", "index 03"),
		"index with a sign":            replace("index 3", "index +3"),
		"index negative":               replace("index 3", "index -3"),
		"index out of range":           replace("index 3", "index 9223372036854775808"),
		"index of words":               replace("index 3", "index three"),
		"carriage return behind index": replace(`index 3\n`, `index 3\r\n`),
		"carriage return behind hash":  replace(`A=\n`, `A=\r\n`),
		"hash too short":               replace("AAAA", ""),
		"hash in base64url":            replace("AAAA", "____"),
		"hash with unused bits":        replace(`AAA=\n`, `AAB=\n`),
		"ends in the path":             func(p *parts) { p.proof = `"c2sp.org/tlog-proof@v1\nindex 3\n"` },
		"ends in the index":            func(p *parts) { p.proof = `"c2sp.org/tlog-proof@v1\nindex 3"` },
		"no checkpoint":                func(p *parts) { p.proof = `"c2sp.org/tlog-proof@v1\nindex 3\n\n"` },
		"path too long":                replace(`index 3\n`, `index 3\n`+strings.Repeat(strings.Repeat("A", 43)+`=\n`, 63)),
		"time stamp null":              func(p *parts) { p.timestamp = `null` },
		"time stamp not padded":        func(p *parts) { p.timestamp = `"MAA"` },
		"time stamp on two lines":      func(p *parts) { p.timestamp = `"MA\nA="` },
		"disclosed null":               disclosed(`null`),
		"disclosed an object":          disclosed(`{}`),
		"disclosed nothing":            disclosed(`[null]`),
		"disclosed without pointer":    disclosed(`[{"salt":"AAAAAAAAAAAAAAAAAAAAAA","value":1}]`),
		"disclosed without salt":       disclosed(`[{"pointer":"/a","value":1}]`),
		"disclosed without value":      disclosed(`[{"pointer":"/a","salt":"AAAAAAAAAAAAAAAAAAAAAA"}]`),
		"disclosed with more":          disclosed(`[{"pointer":"/a","salt":"AAAAAAAAAAAAAAAAAAAAAA","value":1,"x":1}]`),
		"salt too short":               disclosed(`[{"pointer":"/a","salt":"AAAAAAAAAAAAAAAAAAAA","value":1}]`),
		"salt padded":                  disclosed(`[{"pointer":"/a","salt":"AAAAAAAAAAAAAAAAAAAAAA==","value":1}]`),
		"salt with unused bits":        disclosed(`[{"pointer":"/a","salt":"AAAAAAAAAAAAAAAAAAAAAB","value":1}]`),
		"salt on two lines":            disclosed(`[{"pointer":"/a","salt":"AAAAAAAAAAA\nAAAAAAAAAAA","value":1}]`),
		"value number too long":        disclosed(`[{"pointer":"/a","salt":"AAAAAAAAAAAAAAAAAAAAAA","value":[9007199254740993]}]`),
		"erased null":                  func(p *parts) { p.erased = `null` },
		"erased nothing":               func(p *parts) { p.erased = `[null]` },
		"erased without pointer":       func(p *parts) { p.erased = `[{"tombstone":"t"}]` },
		"tombstone null":               func(p *parts) { p.erased = `[{"pointer":"/b","tombstone":null}]` },
		"erased with more":             func(p *parts) { p.erased = `[{"pointer":"/b","tombstone":"t","x":1}]` },
	} {
		p := good(t)
		change(&p)
		if r, err := proof.ParseReceipt([]byte(p.file())); err == nil {
			t.Errorf("%s: read as %+v", name, r)
		}
	}
	file := good(t).file()
	for name, b := range map[string]string{"empty": "", "null": "null", "a list": "[" + file + "]", "trailing": file + "{}", "cut": file[:len(file)-1],
		"byte order mark": "\ufeff" + file, "too large": file + strings.Repeat(" ", proof.MaxReceipt), "no statement": `{"receipt":"counterfoil/receipt/v1"}`} {
		if r, err := proof.ParseReceipt([]byte(b)); err == nil {
			t.Errorf("%s: read as %+v", name, r)
		}
	}
}

// TestReceiptFormatted sees that white space, the order of members and the way
// of writing a string or number do not matter.
func TestReceiptFormatted(t *testing.T) {
	t.Parallel()
	p := good(t)
	p.statement, p.disclosed = `{"b":1,"a":"é"}`, `[{"pointer":"/a","salt":"AAAAAAAAAAAAAAAAAAAAAA","value":0.0000001}]`
	want, err := proof.ParseReceipt([]byte(p.file()))
	if err != nil {
		t.Fatal(err)
	}
	p.statement, p.disclosed = " {\"a\" :\t\"\\u00e9\",\r\n\"b\": 1.0e0} ", `[{"value":1E-07,"salt":"\u0041AAAAAAAAAAAAAAAAAAAAA","pointer":"\/a"}]`
	got, err := proof.ParseReceipt([]byte(p.file()))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if string(got.Statement) != `{"a":"é","b":1}` {
		t.Errorf("the statement is %s", got.Statement)
	}
}

// FuzzParseReceipt wants of what is read that it reads the same when it is
// written again.
func FuzzParseReceipt(f *testing.F) {
	f.Add([]byte(good(f).file()))
	for _, b := range vectorReceipts(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := proof.ParseReceipt(b)
		if err != nil {
			return
		}
		file, err := r.Marshal()
		if err != nil {
			t.Fatalf("%q is read and can not be written: %v", b, err)
		}
		again, err := proof.ParseReceipt(file)
		if err != nil || !reflect.DeepEqual(again, r) {
			t.Fatalf("read as %+v, and written again as %+v, %v", r, again, err)
		}
	})
}
