// SPDX-License-Identifier: Apache-2.0

package verify_test

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/record"
)

// TestFormatDocumentAndVectors holds docs/format.md against the code: the table of fields
// (which -update writes anew), the codes, and the worked example of a seal.
func TestFormatDocumentAndVectors(t *testing.T) {
	file := filepath.Join("..", "docs", "format.md")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(b), "<!-- table -->\n")
	old, after, found := strings.Cut(rest, "<!-- /table -->\n")
	if !ok || !found {
		t.Fatal("docs/format.md has no place for the table")
	}
	want := fieldTable()
	if *update {
		if err := os.WriteFile(file, []byte(before+"<!-- table -->\n"+want+"<!-- /table -->\n"+after), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if old != want {
		t.Error("the table of docs/format.md is not that of the code; make vectors writes it")
	}
	text := string(b)
	for _, code := range []string{record.CodeSyntax, record.CodeDuplicateMember, record.CodeUnknownMember, record.CodeReservedMember, record.CodeMissingMember, record.CodeInvalidUTF8,
		record.CodeNumberPrecision, record.CodeTooDeep, record.CodeRecordTooLarge, record.CodeStatementTooLarge, record.CodeWrongType, record.CodeBadValue} {
		if !strings.Contains(text, "| `"+code+"` |") {
			t.Errorf("docs/format.md does not explain %s", code)
		}
	}
	checkExample(t, text)
	checkStatementExample(t, text)
}

// checkStatementExample makes the statement of the document from its record.
func checkStatementExample(t *testing.T, text string) {
	_, text, _ = strings.Cut(text, "Example: the record\n")
	raw, text, ok := strings.Cut(text, "sealed with the salt `")
	salt, _, _ := strings.Cut(text, "`")
	rec, err := record.Parse([]byte(raw))
	if !ok || err != nil {
		t.Fatalf("the example record: %v", err)
	}
	v := recordVector{Salts: []string{salt}}
	st, openings, err := rec.Seal(record.Completion{Recorded: time.Date(2026, 3, 3, 10, 0, 1, 0, time.UTC), Principal: "local:http", Capture: "sdk"}, &saltReader{v: &v})
	if err != nil || len(openings) != 1 {
		t.Fatalf("%d openings, %v", len(openings), err)
	}
	leaf := st.LeafHash()
	for _, want := range []string{"    " + string(st.Bytes()) + "\n", "`" + hex.EncodeToString(leaf[:]) + "`", "`2026-03-03T10:00:01.000000Z` for `local:http` by `sdk`"} {
		if !strings.Contains(text, want) {
			t.Errorf("docs/format.md, example of a statement: want %s", want)
		}
	}
}

// checkExample compares the preimage that stands in the document.
func checkExample(t *testing.T, text string) {
	_, example, _ := strings.Cut(text, "give the 82 bytes\n")
	example, rest, _ := strings.Cut(example, "and the seal `")
	written, err := hex.DecodeString(strings.Join(strings.Fields(example), ""))
	if err != nil || len(written) != 82 {
		t.Fatalf("the example has %d bytes, %v", len(written), err)
	}
	v := sealVector{ID: "refund-0001", Pointer: "/subject", Salt: "000102030405060708090a0b0c0d0e0f", Value: `"customer:4711"`}
	if !strings.HasPrefix(rest, v.seal(t)+"`") || !strings.HasPrefix(string(written), "counterfoil/seal/v1\x00") {
		t.Errorf("the example's seal is not %s", v.seal(t))
	}
}

func fieldTable() string {
	var b strings.Builder
	b.WriteString("| field | kind | | in |\n|---|---|---|---|\n")
	for _, f := range record.Table() {
		kind := string(f.Kind)
		if len(f.Values) > 0 {
			kind = "`" + strings.Join(f.Values, "` `") + "`"
		}
		visibility := "public"
		if f.Private {
			visibility = "private"
		}
		var in []string
		for _, typ := range f.Types {
			name := string(typ)
			if slices.Contains(f.Required, typ) {
				name = "**" + name + "**"
			}
			in = append(in, name)
		}
		where := strings.Join(in, ", ")
		if len(f.Types) == len(record.Types()) {
			where = "all"
			if len(f.Required) == len(f.Types) {
				where = "**all**"
			}
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.Pattern, kind, visibility, where)
	}
	return b.String()
}
