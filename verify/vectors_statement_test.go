// SPDX-License-Identifier: Apache-2.0

package verify_test

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/record"
)

// statementVector says whether some bytes are a statement: what a verifier has
// to refuse though the log may hold it.
type statementVector struct {
	Name string `json:"name"`
	// Exactly one of the next three is the leaf.
	Statement string          `json:"statement,omitempty"`
	Base64    string          `json:"statement_base64,omitempty"`
	Repeat    *repeated       `json:"statement_repeat,omitempty"`
	Expect    statementExpect `json:"expect"`
}

type statementExpect struct {
	Leaf    string   `json:"leaf,omitempty"` // hexadecimal
	Seals   []string `json:"seals,omitempty"`
	Code    string   `json:"code,omitempty"`
	Pointer string   `json:"pointer"`
}

// statementCases are the cases, and what is wrong with each, by hand.
func statementCases() []statementVector {
	const good = `{"capture":"sdk","decision":{"kind":"refund","reason":{"seal":"nZ50EacF3EsKMJTQWSV-V8OLkYlrusZ15o3R-MbGnF8"},"status":"made","threshold":0.7},"id":"v-1","principal":"local:http",` +
		`"recorded":"2026-03-03T10:00:01.000000Z","statement":"counterfoil/v1","system":"refund-agent","time":"2026-03-03T09:12:44.120Z","type":"decision","versions":{"policy":["returns@5"]}}`
	const seal = `{"seal":"nZ50EacF3EsKMJTQWSV-V8OLkYlrusZ15o3R-MbGnF8"}`
	var out []statementVector
	add := func(name, code, pointer string, pairs ...string) {
		out = append(out, statementVector{Name: name, Statement: strings.NewReplacer(pairs...).Replace(good), Expect: statementExpect{Code: code, Pointer: pointer}})
	}
	add("a statement", "", "")
	add("a seal in a public place", "", "", `"refund-agent"`, seal)
	add("a seal in a public list", "", "", `"returns@5"`, seal)
	add("a sealed extension", "", "", `"versions":{"policy":["returns@5"]}}`, `"x_note":`+seal+`}`)
	add("refused: white space", record.CodeNotCanonical, "", `,"id"`, `, "id"`)
	add("refused: a newline behind it", record.CodeNotCanonical, "", `["returns@5"]}}`, `["returns@5"]}}`+"\n")
	add("refused: another order", record.CodeNotCanonical, "", `"kind":"refund",`, ``, `"status":"made",`, `"status":"made","kind":"refund",`)
	add("refused: an escape that need not be", record.CodeNotCanonical, "", `"v-1"`, `"\u0076-1"`)
	add("refused: a number written in another way", record.CodeNotCanonical, "", `0.7`, `0.70`)
	add("refused: a number that is no double", record.CodeNumberPrecision, "/decision/threshold", `0.7`, `0.70000000000000000001`)
	add("refused: a member twice", record.CodeDuplicateMember, "/id", `"id":"v-1"`, `"id":"v-1","id":"v-1"`)
	add("refused: a private value in clear", record.CodeBadValue, "/decision/reason", seal, `"too late"`)
	add("refused: a private value that is null", record.CodeBadValue, "/decision/reason", seal, `null`)
	add("refused: an extension in clear", record.CodeBadValue, "/x_note", `"versions":{"policy":["returns@5"]}}`, `"x_note":1}`)
	add("refused: a seal of 42 characters", record.CodeBadValue, "/decision/reason", `nZ50`, `nZ5`)
	add("refused: a seal of 44 characters", record.CodeBadValue, "/decision/reason", `GnF8"`, `GnF8="`)
	add("refused: a seal with unused bits", record.CodeBadValue, "/decision/reason", `GnF8`, `GnF9`)
	add("refused: a seal in base64", record.CodeBadValue, "/decision/reason", `nZ50`, `+/50`)
	add("refused: a seal and another member", record.CodeBadValue, "/decision/reason", `GnF8"}`, `GnF8","x":1}`)
	add("refused: a sealed object of public fields", record.CodeWrongType, "/versions/policy", `["returns@5"]`, seal)
	add("refused: a sealed id", record.CodeWrongType, "/id", `"v-1"`, seal)
	add("refused: a sealed time", record.CodeWrongType, "/time", `"2026-03-03T09:12:44.120Z"`, seal)
	add("refused: a sealed type", record.CodeWrongType, "/type", `"decision","versions"`, seal+`,"versions"`)
	add("refused: a sealed format", record.CodeWrongType, "/statement", `"counterfoil/v1"`, seal)
	add("refused: a sealed principal", record.CodeWrongType, "/principal", `"local:http"`, seal)
	add("refused: another format", record.CodeBadValue, "/statement", `counterfoil/v1`, `counterfoil/v2`)
	add("refused: no format", record.CodeMissingMember, "/statement", `"statement":"counterfoil/v1",`, ``)
	add("refused: no time of the server", record.CodeMissingMember, "/recorded", `"recorded":"2026-03-03T10:00:01.000000Z",`, ``)
	add("refused: no principal", record.CodeMissingMember, "/principal", `"principal":"local:http",`, ``)
	add("refused: no capture", record.CodeMissingMember, "/capture", `"capture":"sdk",`, ``)
	add("refused: an unknown capture", record.CodeBadValue, "/capture", `"sdk"`, `"telepathy"`)
	add("refused: an unknown member", record.CodeUnknownMember, "/zeal", `["returns@5"]}}`, `["returns@5"]},"zeal":1}`)
	out = append(out,
		statementVector{Name: "refused: a list", Statement: `[]`, Expect: statementExpect{Code: record.CodeWrongType}},
		statementVector{Name: "refused: not UTF-8", Base64: base64.StdEncoding.EncodeToString([]byte(strings.Replace(good, "v-1", "v-\xff", 1))), Expect: statementExpect{Code: record.CodeInvalidUTF8, Pointer: "/id"}},
		statementVector{Name: "refused: 65,536 bytes", Repeat: &repeated{`{"x":"`, "a", 65536 - len(`{"x":""}`), `"}`}, Expect: statementExpect{Code: record.CodeStatementTooLarge}},
	)
	return out
}

func (v *statementVector) raw(t *testing.T) []byte {
	return (&recordVector{Record: v.Statement, Base64: v.Base64, Repeat: v.Repeat}).raw(t)
}

// judge runs the vector.
func (v *statementVector) judge(t *testing.T) statementExpect {
	t.Helper()
	st, err := record.ParseStatement(v.raw(t))
	if err != nil {
		e, ok := errors.AsType[*record.Error](err)
		if !ok {
			t.Fatalf("%s: %v", v.Name, err)
		}
		return statementExpect{Code: e.Problems[0].Code, Pointer: e.Problems[0].Pointer}
	}
	leaf := st.LeafHash()
	out := statementExpect{Leaf: hex.EncodeToString(leaf[:])}
	for _, s := range st.Seals() {
		out.Seals = append(out.Seals, s.Pointer)
	}
	return out
}

func TestStatementVectors(t *testing.T) {
	file := filepath.Join(vectors, "statements.json")
	if *update {
		all := statementCases()
		for i := range all {
			got := all[i].judge(t)
			if want := all[i].Expect; got.Code != want.Code || got.Pointer != want.Pointer {
				t.Errorf("%s: %s at %q, want %s at %q", all[i].Name, got.Code, got.Pointer, want.Code, want.Pointer)
			}
			all[i].Expect = got
		}
		writeVectors(t, file, all)
	}
	var all []statementVector
	readVectors(t, file, &all)
	cases := statementCases()
	if len(all) != len(cases) {
		t.Fatalf("%d vectors and %d cases", len(all), len(cases))
	}
	for i, v := range all {
		got, declared := v.judge(t), cases[i].Expect
		if !sameJSON(t, got, v.Expect) || got.Code != declared.Code || got.Pointer != declared.Pointer {
			t.Errorf("%s: got %+v, want %+v, declared %+v", v.Name, got, v.Expect, declared)
		}
		if strings.HasPrefix(v.Name, "refused: ") != (v.Expect.Code != "") {
			t.Errorf("%s: %+v", v.Name, v.Expect)
		}
		if v.Expect.Code == "" && (v.Expect.Leaf == "" || len(v.Expect.Seals) == 0) {
			t.Errorf("%s: no leaf or seals", v.Name)
		}
	}
}
