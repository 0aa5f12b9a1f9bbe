// SPDX-License-Identifier: Apache-2.0

package record_test

import (
	"bytes"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/record"
)

const refund = `{"type":"decision","id":"0192f3a4-0001","time":"2026-03-03T09:12:44.120Z",
 "source":{"id":"voicebot-eu-3","seq":48211},
 "system":"refund-agent","use_case":"refunds",
 "interaction":{"id":"int_7Qk2","channel":"chat","journey":"jrn_19"},
 "subject":"customer:12345",
 "decision":{"kind":"refund","status":"made","outcome":"denied","adverse":true,"significant":"yes",
   "automation":"solely_automated","confidence":0.82,"threshold":0.7,
   "alternatives":[{"option":"approved","score":0.18}]},
 "versions":{"model":"fraud-score@3.2.1","prompt":"refund-reply@12","policy":["returns@5"],"config":"refunds-eu@41"},
 "inputs":[{"name":"order","source":"oms","category":"order","origin":"provided","as_of":"2026-03-03T09:12:40Z",
            "value":{"order_id":"W123","total":89.9}},
           {"name":"call","source":"telephony","ref":"s3://rec/9f","digest":"sha256:00"}],
 "steps":[{"op":"chat","provider":"openai","request_model":"gpt-4o","response_model":"gpt-4o-2024-08-06",
           "started":"2026-03-03T09:12:41Z","ended":"2026-03-03T09:12:43Z","usage":{"input_tokens":812,"output_tokens":96}},
          {"op":"execute_tool","tool":"get_order","side_effect":"none","arguments":{"id":"W123"},"result":{"status":"delivered"}}],
 "outputs":[{"name":"reply","kind":"message","value":"I'm sorry, …","marked_ai":true}],
 "factors":[{"code":"late_return","direction":"against","weight":0.41,"method":"rule","label":"returned after 30 days"}],
 "controls":[{"id":"pii-in-reply","result":"pass","by":"gateway"}],
 "x_note":{"anything":[1,2,3]}}`

var completion = record.Completion{Recorded: time.Date(2026, 3, 3, 9, 12, 45, 123456789, time.UTC), Principal: "local:test", Capture: "sdk"}

// TestSealAndRebuild follows one record through the log and back.
func TestSealAndRebuild(t *testing.T) {
	t.Parallel()
	r, err := record.Parse([]byte(refund))
	if err != nil {
		t.Fatal(err)
	}
	st, openings, err := r.Seal(completion, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if len(openings) != 12 || len(st.Seals()) != 12 {
		t.Fatalf("%d openings, %d seals: %v", len(openings), len(st.Seals()), r.Private())
	}
	for _, secret := range []string{"customer:", "W123", "0.82", "0.41", "late_return after", "sorry", "anything", "s3://"} {
		if bytes.Contains(st.Bytes(), []byte(secret)) {
			t.Errorf("statement holds the private value %q", secret)
		}
	}
	again, err := record.ParseStatement(st.Bytes())
	if err != nil {
		t.Fatalf("%v\n%s", err, st.Bytes())
	}
	if got, want := again.Fields(), st.Fields(); got != want {
		t.Errorf("fields of the parsed statement\n got %+v\nwant %+v", got, want)
	}
	back, err := again.Rebuild(openings)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(back, r.Canonical()) {
		t.Errorf("rebuilt record differs\n got %s\nwant %s", back, r.Canonical())
	}
}

// TestRefused lists documents that must be refused, with code and pointer.
func TestRefused(t *testing.T) {
	t.Parallel()
	edit := func(old, new string) string {
		if !strings.Contains(refund, old) {
			t.Fatalf("fixture has no %s", old)
		}
		return strings.Replace(refund, old, new, 1)
	}
	for name, c := range map[string]struct{ doc, code, pointer string }{
		"empty":               {"", record.CodeSyntax, ""},
		"no object":           {"[]", record.CodeWrongType, ""},
		"truncated":           {refund[:100], record.CodeSyntax, "/source/id"},
		"trailing":            {refund + "{}", record.CodeSyntax, ""},
		"duplicate":           {edit(`"system":`, `"id":"y","system":`), record.CodeDuplicateMember, "/id"},
		"nested duplicate":    {edit(`"total":89.9`, `"total":89.9,"total":89.9`), record.CodeDuplicateMember, "/inputs/0/value/total"},
		"unknown":             {edit(`"use_case"`, `"usecase"`), record.CodeUnknownMember, "/usecase"},
		"unknown inside":      {edit(`"outcome"`, `"outcom"`), record.CodeUnknownMember, "/decision/outcom"},
		"reserved":            {edit(`"system":`, `"recorded":"2026-03-03T09:12:44Z","system":`), record.CodeReservedMember, "/recorded"},
		"missing id":          {edit(`"id":"0192f3a4-0001",`, ``), record.CodeMissingMember, "/id"},
		"missing type":        {edit(`"type":"decision",`, ``), record.CodeMissingMember, "/type"},
		"unknown type":        {edit(`"decision",`, `"decisions",`), record.CodeBadValue, "/type"},
		"bad utf8":            {edit(`sorry`, "s\xffrry"), record.CodeInvalidUTF8, "/outputs/0/value"},
		"lone surrogate":      {edit(`sorry`, `\ud800`), record.CodeInvalidUTF8, "/outputs/0/value"},
		"big integer":         {edit(`89.9`, `9007199254740993`), record.CodeNumberPrecision, "/inputs/0/value/total"},
		"long fraction":       {edit(`89.9`, `0.1000000000000000055511151231257827`), record.CodeNumberPrecision, "/inputs/0/value/total"},
		"overflow":            {edit(`89.9`, `1e999`), record.CodeNumberPrecision, "/inputs/0/value/total"},
		"underflow":           {edit(`89.9`, `1e-999`), record.CodeNumberPrecision, "/inputs/0/value/total"},
		"too deep":            {edit(`89.9`, strings.Repeat("[", 40)+strings.Repeat("]", 40)), record.CodeTooDeep, "/inputs/0/value/total" + strings.Repeat("/0", 28)},
		"too large":           {edit(`89.9`, `"`+strings.Repeat("a", record.MaxRecord)+`"`), record.CodeRecordTooLarge, ""},
		"text in public code": {edit(`"denied"`, `"denied for John Smith"`), record.CodeBadValue, "/decision/outcome"},
		"bad enum":            {edit(`"made"`, `"done"`), record.CodeBadValue, "/decision/status"},
		"bad time":            {edit(`"2026-03-03T09:12:44.120Z"`, `"yesterday"`), record.CodeBadValue, "/time"},
		"bad version":         {edit(`"returns@5"`, `"returns"`), record.CodeBadValue, "/versions/policy/0"},
		"object for string":   {edit(`"refund-agent"`, `{}`), record.CodeWrongType, "/system"},
		"string for object":   {edit(`{"id":"voicebot-eu-3","seq":48211}`, `"x"`), record.CodeWrongType, "/source"},
		"negative seq":        {edit(`48211`, `-1`), record.CodeBadValue, "/source/seq"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := record.Parse([]byte(c.doc))
			e, ok := err.(*record.Error)
			if !ok {
				t.Fatalf("error %v", err)
			}
			if p := e.Problems[0]; p.Code != c.code || p.Pointer != c.pointer {
				t.Errorf("got %+v, want %s at %q", p, c.code, c.pointer)
			}
		})
	}
}

func BenchmarkParseAndSeal(b *testing.B) {
	raw := []byte(refund)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		r, err := record.Parse(raw)
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := r.Seal(completion, rand.Reader); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseStatement(b *testing.B) {
	r, err := record.Parse([]byte(refund))
	if err != nil {
		b.Fatal(err)
	}
	st, _, err := r.Seal(completion, rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := record.ParseStatement(st.Bytes()); err != nil {
			b.Fatal(err)
		}
	}
}
