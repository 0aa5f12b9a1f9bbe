// SPDX-License-Identifier: Apache-2.0

package verify_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/record"
)

// update writes the vectors anew from the cases in this folder. What changes
// then is a change of the format.
var update = flag.Bool("update", false, "write testdata/vectors")

var vectors = filepath.Join("..", "testdata", "vectors")

// recordVector is a record, and the statement it becomes or the fault it has.
type recordVector struct {
	Name string `json:"name"`
	// Exactly one of the next three says what is sent.
	Record string    `json:"record,omitempty"`
	Base64 string    `json:"record_base64,omitempty"`
	Repeat *repeated `json:"record_repeat,omitempty"`

	Recorded  string   `json:"recorded,omitempty"`
	Principal string   `json:"principal,omitempty"`
	Capture   string   `json:"capture,omitempty"`
	Salts     []string `json:"salts,omitempty"` // hexadecimal, in the order of the seals

	Expect recordExpect `json:"expect"`
}

// repeated is prefix, then text count times, then suffix.
type repeated struct {
	Prefix string `json:"prefix"`
	Text   string `json:"text"`
	Count  int    `json:"count"`
	Suffix string `json:"suffix"`
}

type recordExpect struct {
	Canonical string `json:"canonical,omitempty"`
	Statement string `json:"statement,omitempty"`
	Leaf      string `json:"leaf,omitempty"` // hexadecimal
	Code      string `json:"code,omitempty"`
	Pointer   string `json:"pointer"`
}

func (v *recordVector) raw(t *testing.T) []byte {
	switch {
	case v.Base64 != "":
		b, err := base64.StdEncoding.DecodeString(v.Base64)
		if err != nil {
			t.Fatal(err)
		}
		return b
	case v.Repeat != nil:
		return []byte(v.Repeat.Prefix + strings.Repeat(v.Repeat.Text, v.Repeat.Count) + v.Repeat.Suffix)
	}
	return []byte(v.Record)
}

// saltReader gives out the salts of a vector, and where it has none yet, makes
// up some that nobody takes for random.
type saltReader struct {
	v     *recordVector
	taken int
}

func (r *saltReader) Read(p []byte) (int, error) {
	for i := range p {
		if r.taken%16 == 0 && r.taken/16 == len(r.v.Salts) {
			salt := make([]byte, 16)
			binary.BigEndian.PutUint64(salt[8:], uint64(r.taken/16+1))
			r.v.Salts = append(r.v.Salts, hex.EncodeToString(salt))
		}
		b, err := hex.DecodeString(r.v.Salts[r.taken/16])
		if err != nil {
			return i, err
		}
		p[i] = b[r.taken%16]
		r.taken++
	}
	return len(p), nil
}

// judge runs the vector.
func (v *recordVector) judge(t *testing.T) recordExpect {
	fault := func(err error) recordExpect {
		e, ok := errors.AsType[*record.Error](err)
		if !ok {
			t.Fatalf("%s: %v", v.Name, err)
		}
		return recordExpect{Code: e.Problems[0].Code, Pointer: e.Problems[0].Pointer}
	}
	rec, err := record.Parse(v.raw(t))
	if err != nil {
		return fault(err)
	}
	recorded, err := time.Parse(time.RFC3339Nano, v.Recorded)
	if err != nil {
		t.Fatal(err)
	}
	st, _, err := rec.Seal(record.Completion{Recorded: recorded, Principal: v.Principal, Capture: v.Capture}, &saltReader{v: v})
	if err != nil {
		return fault(err)
	}
	leaf := st.LeafHash()
	return recordExpect{Canonical: string(rec.Canonical()), Statement: string(st.Bytes()), Leaf: hex.EncodeToString(leaf[:])}
}

func TestRecordVectors(t *testing.T) {
	file := filepath.Join(vectors, "records.json")
	if *update {
		all := recordCases()
		for i := range all {
			all[i].Expect = all[i].judge(t)
		}
		writeVectors(t, file, all)
	}
	var all []recordVector
	readVectors(t, file, &all)
	cases := recordCases()
	if len(all) != len(cases) {
		t.Fatalf("%d vectors and %d cases", len(all), len(cases))
	}
	types, codes := map[string]bool{}, map[string]bool{}
	for i, v := range all {
		want := v.Expect
		if d := cases[i].Expect; want.Code != d.Code || d.Code != record.CodeSyntax && d.Code != "" && want.Pointer != d.Pointer {
			t.Errorf("%s: %s at %q, declared %s at %q", v.Name, want.Code, want.Pointer, d.Code, d.Pointer)
		}
		if got := v.judge(t); got != want {
			t.Errorf("%s: got %+v, want %+v", v.Name, got, want)
		}
		if want.Code != "" {
			codes[want.Code] = true
			continue
		}
		st, err := record.ParseStatement([]byte(want.Statement))
		if err != nil {
			t.Errorf("%s: its statement is refused: %v", v.Name, err)
			continue
		}
		types[string(st.Type())] = true
	}
	for _, typ := range record.Types() {
		if !types[string(typ)] {
			t.Errorf("no vector of type %s", typ)
		}
	}
	for _, code := range []string{record.CodeSyntax, record.CodeDuplicateMember, record.CodeUnknownMember, record.CodeReservedMember, record.CodeMissingMember, record.CodeInvalidUTF8,
		record.CodeNumberPrecision, record.CodeTooDeep, record.CodeRecordTooLarge, record.CodeStatementTooLarge, record.CodeWrongType, record.CodeBadValue} {
		if !codes[code] {
			t.Errorf("no vector is refused with %s", code)
		}
	}
}

// sealVector is one commitment.
type sealVector struct {
	ID      string `json:"id"`
	Pointer string `json:"pointer"`
	Salt    string `json:"salt"`  // hexadecimal
	Value   string `json:"value"` // JCS
	Seal    string `json:"seal"`  // base64url
}

func (v *sealVector) seal(t *testing.T) string {
	salt, err := hex.DecodeString(v.Salt)
	if err != nil {
		t.Fatal(err)
	}
	sum := record.Sum(v.ID, v.Pointer, [16]byte(salt), []byte(v.Value))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func TestSealVectors(t *testing.T) {
	file := filepath.Join(vectors, "seals.json")
	if *update {
		all := []sealVector{
			{ID: "refund-0001", Pointer: "/subject", Salt: "000102030405060708090a0b0c0d0e0f", Value: `"customer:4711"`},
			{ID: "refund-0001", Pointer: "/subject", Salt: "ffffffffffffffffffffffffffffffff", Value: `"customer:4711"`},
			{ID: "refund-0002", Pointer: "/subject", Salt: "000102030405060708090a0b0c0d0e0f", Value: `"customer:4711"`},
			{ID: "refund-0001", Pointer: "/decision/reason", Salt: "000102030405060708090a0b0c0d0e0f", Value: `"customer:4711"`},
			{ID: "a", Pointer: "/inputs/0/value", Salt: "00000000000000000000000000000000", Value: `{"order_id":"W123","total":89.9}`},
			{ID: "a", Pointer: "/decision/confidence", Salt: "00000000000000000000000000000000", Value: `0.82`},
			{ID: "a", Pointer: "/outputs/10/value", Salt: "00000000000000000000000000000000", Value: `"Grüße\n\"€\" 😀"`},
			{ID: "a", Pointer: "/x_note", Salt: "00000000000000000000000000000000", Value: `null`},
			{ID: "a", Pointer: "/x_list", Salt: "00000000000000000000000000000000", Value: `[]`},
		}
		for i := range all {
			all[i].Seal = all[i].seal(t)
		}
		writeVectors(t, file, all)
	}
	var all []sealVector
	readVectors(t, file, &all)
	different := map[string]bool{}
	for _, v := range all {
		if got := v.seal(t); got != v.Seal {
			t.Errorf("%+v: got %s", v, got)
		}
		different[v.Seal] = true
	}
	if len(all) < 5 || len(different) != len(all) {
		t.Errorf("%d vectors have %d different seals", len(all), len(different))
	}
}

func writeVectors(t *testing.T, file string, v any) {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readVectors(t *testing.T, file string, into any) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}
