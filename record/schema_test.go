// SPDX-License-Identifier: Apache-2.0

package record_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"github.com/counterfoil/counterfoil/record"
)

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(record.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(record.SchemaID, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(record.SchemaID)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSchemaAgreesWithParser draws documents from the table, whole or with one
// member broken, and wants the schema and the parser to say the same.
func TestSchemaAgreesWithParser(t *testing.T) {
	t.Parallel()
	schema := compileSchema(t)
	rapid.Check(t, func(t *rapid.T) {
		doc := drawRecord(t)
		if rapid.Bool().Draw(t, "break") {
			breakOne(t, doc)
		}
		raw, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		bySchema := schema.Validate(value)
		_, byParser := record.Parse(raw)
		if (bySchema == nil) != (byParser == nil) {
			t.Fatalf("%s\nschema: %v\nparser: %v", raw, bySchema, byParser)
		}
	})
}

// drawRecord makes a valid record of any type by walking the published table.
func drawRecord(t *rapid.T) map[string]any {
	typ := rapid.SampledFrom(record.Types()).Draw(t, "type")
	doc := map[string]any{}
	for _, f := range record.Table() {
		if !contains(f.Types, typ) || !contains(f.Required, typ) && rapid.IntRange(0, 2).Draw(t, f.Pattern) > 0 {
			continue
		}
		put(doc, strings.Split(f.Pattern, "/")[1:], drawValue(t, f, typ))
	}
	complete(doc, typ)
	return doc
}

func contains(types []record.Type, t record.Type) bool {
	return slices.Contains(types, t)
}

// complete adds the required members of the objects that were drawn in part.
func complete(doc map[string]any, typ record.Type) {
	for _, f := range record.Table() {
		if !contains(f.Required, typ) {
			continue
		}
		segs := strings.Split(f.Pattern, "/")[1:]
		if parent(doc, segs) {
			put(doc, segs, fixed(f, typ))
		}
	}
	if typ == record.Step && doc["steps"] == nil {
		doc["steps"] = []any{map[string]any{"op": "chat"}}
	}
}

func parent(doc map[string]any, segs []string) bool {
	var at any = doc
	for _, s := range segs[:len(segs)-1] {
		switch v := at.(type) {
		case map[string]any:
			at = v[s]
		case []any:
			at = v[0]
		}
	}
	_, ok := at.(map[string]any)
	return ok
}

func put(doc map[string]any, segs []string, v any) {
	for i := 0; i < len(segs)-1; i++ {
		if segs[i+1] == "*" {
			if i+2 == len(segs) {
				doc[segs[i]] = []any{v}
				return
			}
			list, _ := doc[segs[i]].([]any)
			if list == nil {
				list = []any{map[string]any{}}
				doc[segs[i]] = list
			}
			doc, i = list[0].(map[string]any), i+1
			continue
		}
		next, _ := doc[segs[i]].(map[string]any)
		if next == nil {
			next = map[string]any{}
			doc[segs[i]] = next
		}
		doc = next
	}
	doc[segs[len(segs)-1]] = v
}

func fixed(f record.Field, typ record.Type) any {
	switch f.Kind {
	case record.KindEnum:
		if f.Pattern == "/type" {
			return string(typ)
		}
		return f.Values[0]
	case record.KindTime:
		return "2026-03-03T09:12:44.120Z"
	case record.KindNumber, record.KindInteger:
		return 7
	case record.KindBool:
		return true
	case record.KindVersion:
		return "returns@5"
	case record.KindDigest:
		return "sha256:" + strings.Repeat("ab", 32)
	}
	return "code_1"
}

func drawValue(t *rapid.T, f record.Field, typ record.Type) any {
	if f.Kind != record.KindAny {
		return fixed(f, typ)
	}
	return rapid.SampledFrom([]any{"text with spaces", 1.5, nil, true, []any{1, "two"}, map[string]any{"a": map[string]any{"b": "é"}}}).Draw(t, f.Pattern)
}

// breakOne puts something wrong into a public place.
func breakOne(t *rapid.T, doc map[string]any) {
	switch rapid.IntRange(0, 4).Draw(t, "how") {
	case 0:
		doc["unknown"] = 1
	case 1:
		delete(doc, "id")
	case 2:
		doc["time"] = "yesterday"
	case 3:
		doc["system"] = "two words"
	case 4:
		doc["type"] = "nothing"
	}
}

// TestRoundTrip seals any record of the table and puts it back together; no
// private value is left in the statement.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		doc := drawRecord(t)
		doc["x_secret"] = "marker-4711"
		raw, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		r, err := record.Parse(raw)
		if err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		random := bytes.NewReader(rapid.SliceOfN(rapid.Byte(), 4096, 4096).Draw(t, "random"))
		st, openings, err := r.Seal(completion, random)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(st.Bytes(), []byte("marker-4711")) || bytes.Contains(st.Bytes(), []byte("text with spaces")) {
			t.Fatalf("a private value stands in %s", st.Bytes())
		}
		again, err := record.ParseStatement(st.Bytes())
		if err != nil {
			t.Fatalf("%s: %v", st.Bytes(), err)
		}
		if fmt.Sprint(again.Seals()) != fmt.Sprint(st.Seals()) || again.Fields() != st.Fields() {
			t.Fatal("the parsed statement is another")
		}
		back, err := again.Rebuild(openings)
		if err != nil || !bytes.Equal(back, r.Canonical()) {
			t.Fatalf("rebuilt %s, %v", back, err)
		}
		for i := range openings {
			bad := openings[i]
			bad.Salt[3] ^= 1
			if again.Check(bad) == nil {
				t.Fatal("another salt opens the seal")
			}
		}
	})
}

// FuzzParse wants no panic, and of what is accepted that its canonical form is
// accepted as the same.
func FuzzParse(f *testing.F) {
	for _, s := range []string{refund, `{}`, `[]`, `{"type":"heartbeat","id":"h","time":"2026-03-03T09:12:44Z","heartbeat":{"from":"2026-03-03T09:12:44Z","to":"2026-03-03T09:12:44Z","count":0}}`,
		`{"type":"decision","id":"a","x_é":1}`, `{"x_":{"":1,"a\u0000":"\ud83d\ude00"}}`, "\xff", `{"a":1e400}`, strings.Repeat("[", 40)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := record.Parse(raw)
		if err != nil {
			if e, ok := err.(*record.Error); !ok || len(e.Problems) == 0 {
				t.Fatalf("error %T %v", err, err)
			}
			return
		}
		again, err := record.Parse(r.Canonical())
		if err != nil || !bytes.Equal(again.Canonical(), r.Canonical()) || again.Fields() != r.Fields() {
			t.Fatalf("canonical form reads differently: %v", err)
		}
	})
}

// FuzzStatement wants the fast path and the decoder to agree.
func FuzzStatement(f *testing.F) {
	r, err := record.Parse([]byte(refund))
	if err != nil {
		f.Fatal(err)
	}
	st, _, err := r.Seal(completion, bytes.NewReader(make([]byte, 1024)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(st.Bytes())
	f.Add(bytes.Replace(st.Bytes(), []byte("0.7"), []byte("7e-7"), 1))
	f.Add(bytes.Replace(st.Bytes(), []byte(`"capture"`), []byte(`"c\u0061pture"`), 1))
	f.Fuzz(func(t *testing.T, raw []byte) {
		canonical, err := record.Canonicalize(raw)
		isCanonical := err == nil && bytes.Equal(canonical, raw)
		if _, err := record.ParseStatement(raw); err == nil && !isCanonical {
			t.Fatalf("accepted a leaf that is not canonical: %q", raw)
		}
		if fast := record.PlainlyCanonical(raw); fast && !isCanonical {
			t.Fatalf("the fast path takes %q for canonical", raw)
		}
	})
}
