// SPDX-License-Identifier: Apache-2.0

package mapping_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/internal/mapping"
	"github.com/counterfoil/counterfoil/record"
)

func load(t *testing.T, text string, files map[string]string) (*mapping.Mapping, error) {
	t.Helper()
	return mapping.Parse("m.yaml", []byte(text), func(name string) ([]byte, error) {
		if c, ok := files[name]; ok {
			return []byte(c), nil
		}
		return nil, fs.ErrNotExist
	})
}

// rule is a mapping with one rule whose record has the given extra lines.
func rule(extra string) string {
	return "mapping: counterfoil/mapping/v1\nrules:\n- name: r\n  record:\n    type: signal\n    id: a\n    time: 2026-01-01T00:00:00Z\n    signal: {name: n, value: 1}\n" + extra
}

// value makes one record of a line and returns its member x_v.
func value(t *testing.T, expr, line string) (string, error) {
	t.Helper()
	m, err := load(t, rule("    x_v: "+expr+"\n"), map[string]string{"p.md": "hello"})
	if err != nil {
		return "", err
	}
	out, err := m.Records([]byte(line), 7)
	if err != nil {
		return "", err
	}
	var got struct {
		V json.RawMessage `json:"x_v"`
	}
	if len(out) != 1 || json.Unmarshal(out[0], &got) != nil {
		t.Fatalf("%d records: %s", len(out), out)
	}
	return string(got.V), nil
}

// TestValues tries each way to make a value.
func TestValues(t *testing.T) {
	t.Parallel()
	const line = `{"a":"x y/Z!","n":12.50,"t":true,"z":null,"o":{"k":[1,"two",{"path":"$"}]},"l":[{"v":1},{"v":2,"w":0},{"v":3}],"j":"{\"q\":[1]}","bad":"{oops","num":"255.0","brace":"}"}`
	for _, c := range []struct{ name, expr, want string }{
		{"text", `hello`, `"hello"`},
		{"number", `12.50`, `12.5`},
		{"big number", `0x1F`, `31`},
		{"bool", `true`, `true`},
		{"null literal", `~`, `null`},
		{"object", `{a: 1, b: {path: $.line.n}}`, `{"a":1,"b":12.5}`},
		{"path", `{path: $.line.a}`, `"x y/Z!"`},
		{"path to an object", `{path: $.line.o}`, `{"k":[1,"two",{"path":"$"}]}`},
		{"path that finds nothing", `{path: $.line.nope}`, ``},
		{"path to null", `{path: $.line.z}`, ``},
		{"default", `{path: $.line.nope, default: {d: 1}}`, `{"d":1}`},
		{"object of absents", `{a: {b: {path: $.line.nope}}, c: [{path: $.line.z}]}`, ``},
		{"map", `{path: $.line.t, map: {"true": yes, "false": no}}`, `"yes"`},
		{"map to a number", `{path: $.line.n, map: {"12.50": 3}}`, `3`},
		{"map default", `{path: $.line.a, map: {b: c}, default: d}`, `"d"`},
		{"slug", `{path: $.line.a, slug: true}`, `"x-y/Z"`},
		{"format", `{format: "{$.line.a}|{$.line.n}|{$.line_number}|{{}}"}`, `"x y/Z!|12.50|7|{}"`},
		{"format with a brace in a path", `{format: "{$.line[?@ == '}']}"}`, `"}"`},
		{"format with something absent", `{format: "{$.line.a}{$.line.nope}", default: none}`, `"none"`},
		{"format and map", `{format: "{$.line.t}-{$.line.n}", map: {true-12.50: both}}`, `"both"`},
		{"json", `{json: $.line.j}`, `{"q":[1]}`},
		{"json scalar", `{json: $.line.num}`, `255`},
		{"json or text", `{json: $.line.bad, or_text: true}`, `"{oops"`},
		{"json or text keeps numbers as text", `{json: $.line.num, or_text: true}`, `"255.0"`},
		{"json absent", `{json: $.line.nope, default: 0}`, `0`},
		{"each", `{each: "$.line.l[*]", value: {path: $.each.v}}`, `[1,2,3]`},
		{"each when", `{each: "$.line.l[*]", when: "@.each.v > 1 && @.line.t == true", value: {path: $.each.v}}`, `[2,3]`},
		{"each drops absents", `{each: "$.line.l[*]", value: {path: $.each.w}}`, `[0]`},
		{"each within a list", `[first, {each: "$.line.l[*]", value: {n: {path: $.each.v}}}, last]`, `["first",{"n":1},{"n":2},{"n":3},"last"]`},
		{"each of nothing", `{each: "$.line.nope[*]", value: 1}`, ``},
		{"each in each", `{each: "$.line.l[?@.v < 3]", value: {each: "$.each[*]", value: {path: $.each}}}`, `[[1],[2,0]]`},
		{"cases", `{cases: [{when: "@.line.n > 100", value: big}, {value: {path: $.line.nope}}, {value: rest}]}`, `"rest"`},
		{"cases none", `{cases: [{when: "@.line.n > 100", value: big}]}`, ``},
		{"literal", `{literal: {path: $.x, n: [1]}}`, `{"n":[1],"path":"$.x"}`},
		{"item is the line", `{path: $.item.a}`, `"x y/Z!"`},
		{"index and record number", `{format: "{$.index}.{$.record_number}"}`, `"0.1"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := value(t, c.expr, line)
			if err != nil {
				t.Fatal(err)
			}
			if got != c.want {
				t.Errorf("%s: got %s, want %s", c.expr, got, c.want)
			}
		})
	}
}

// TestFiles puts a file's digest and text into a record.
func TestFiles(t *testing.T) {
	t.Parallel()
	text := "files: {p: docs/p.md}\n" + rule("    x_v: {format: \"{$.files.p.name} {$.files.p.sha256} {$.files.p.short} {$.files.p.text}\"}\n")
	m, err := load(t, text, map[string]string{"docs/p.md": "hello"})
	if err != nil {
		t.Fatal(err)
	}
	out, err := m.Records([]byte(`{}`), 1)
	if err != nil {
		t.Fatal(err)
	}
	want := `"x_v":"p.md sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824 2cf24dba5fb0a30e hello"`
	if !strings.Contains(string(out[0]), want) {
		t.Errorf("got %s, want %s", out[0], want)
	}
}

const thread = `
mapping: counterfoil/mapping/v1
each: $.line.m[*]
near:
  ask_before: {before: "@.q"}
  ask_after: {after: "@.q"}
  since_ask: {since: "@.q"}
  until_ask: {until: "@.q"}
common:
  type: signal
  time: {clock: {base: 2026-01-01T00:00:00+01:00, plus: [{path: $.line.day, unit: 24h}, {path: $.index, unit: 90s}], note: made up}}
  signal: {name: n, value: {path: $.record_number}}
rules:
- name: open
  on: line
  record: &r
    id: {format: "{$.line.id}-open"}
    type: signal
    x_v: &v
      previous: {path: $.previous.item.t}
      next: {path: $.next.item.t}
      ask_before: {path: $.ask_before.index}
      ask_after: {path: $.ask_after.index}
      since: {each: "$.since_ask[*]", value: {path: $.each.item.t}}
      until: {each: "$.until_ask[*]", value: {path: $.each.index}}
- {name: item, when: "!@.item.skip", record: {type: signal, id: {format: "{$.line.id}-{$.index}"}, x_v: *v}}
- {name: close, on: end, record: {type: signal, id: {format: "{$.line.id}-end"}, x_v: *v}}
`

// TestNeighbours walks through a line with every kind of neighbour.
func TestNeighbours(t *testing.T) {
	t.Parallel()
	m, err := load(t, thread, nil)
	if err != nil {
		t.Fatal(err)
	}
	out, err := m.Records([]byte(`{"id":"c","day":2,"m":[{"t":"a"},{"t":"b","q":1},{"t":"c"},{"t":"d","skip":true},{"t":"e","q":1},{"t":"f"}]}`), 1)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range out {
		var b struct {
			ID, Time string
			Signal   struct{ Value int }
			V        json.RawMessage `json:"x_v"`
			Clock    string          `json:"x_clock"`
		}
		if err := json.Unmarshal(r, &b); err != nil || b.Clock != "made up" || b.Signal.Value != len(got)+1 {
			t.Fatalf("%v: %s", err, r)
		}
		got = append(got, b.ID+" "+b.Time+" "+string(b.V))
	}
	want := []string{
		`c-open 2026-01-02T23:00:00.000Z {"ask_after":1,"next":"a","until":[0]}`,
		`c-0 2026-01-02T23:00:00.000Z {"ask_after":1,"next":"b"}`,
		`c-1 2026-01-02T23:01:30.000Z {"ask_after":4,"next":"c","previous":"a","since":["a"],"until":[2,3]}`,
		`c-2 2026-01-02T23:03:00.000Z {"ask_after":4,"ask_before":1,"next":"d","previous":"b","until":[3]}`,
		`c-4 2026-01-02T23:06:00.000Z {"ask_before":1,"next":"f","previous":"d","since":["c","d"],"until":[5]}`,
		`c-5 2026-01-02T23:07:30.000Z {"ask_before":4,"previous":"e"}`,
		`c-end 2026-01-02T23:09:00.000Z {"ask_before":4,"previous":"f","since":["f"]}`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestOperatorsAreNoMembers makes sure that no object of a record can be taken
// for an operator.
func TestOperatorsAreNoMembers(t *testing.T) {
	t.Parallel()
	rows := record.Table()
	if len(rows) == 0 || len(mapping.Operators()) == 0 {
		t.Fatal("nothing to compare")
	}
	for _, f := range rows {
		for name := range strings.SplitSeq(f.Pattern, "/") {
			if slices.Contains(mapping.Operators(), name) {
				t.Errorf("%s: %q is an operator of mappings", f.Pattern, name)
			}
		}
	}
}

// TestLoadErrors looks at what is refused when a mapping is read, and where.
func TestLoadErrors(t *testing.T) {
	t.Parallel()
	const head = "mapping: counterfoil/mapping/v1\n"
	for _, c := range []struct{ name, text, want string }{
		{"empty", ``, `m.yaml:1:1: want one YAML document`},
		{"no mapping", "rules: []\n", `m.yaml:1:1: not a mapping file of a known version`},
		{"other version", "mapping: counterfoil/mapping/v9\n", `m.yaml:1:1: not a mapping file of a known version`},
		{"unknown key", head + "rulez: []\n", `m.yaml:2:1: unknown key "rulez"`},
		{"duplicate key", head + "each: $.line\neach: $.line\n", `m.yaml:3:1: mapping key "each" already defined`},
		{"not YAML", head + "rules: [\n", `m.yaml:2:8: sequence end token`},
		{"tag", head + "description: !!str x\n", `m.yaml:2:14: YAML Tag is not allowed`},
		{"merge key", head + "common: &c {type: signal}\nnear: {<<: *c}\n", `m.yaml:3:8: a key must be text`},
		{"lost alias", head + "description: *d\n", `m.yaml:2:14: the alias *d has no anchor`},
		{"no rules", head, `m.yaml:1:1: rules wants a list`},
		{"bad path", head + "each: line.x\n", `m.yaml:2:7: line.x: not a JSONPath of RFC 9535`},
		{"extension of JSONPath", head + "each: $.line^\n", `m.yaml:2:7: $.line^: not a JSONPath of RFC 9535`},
		{"near hides", head + "near: {item: {before: \"@.x\"}}\n", `m.yaml:2:8: "item" can not be a name here`},
		{"near twofold", head + "near: {a: {before: \"@.x\", after: \"@.y\"}}\n", `m.yaml:2:8: want exactly one of`},
		{"bad condition", head + "near: {a: {before: \"@.x ==\"}}\n", `@.x ==: not a filter expression of RFC 9535`},
		{"missing file", head + "files: {p: nope.md}\n", `m.yaml:2:12: the file nope.md can not be read`},
		{"unknown key in a rule", head + "rules:\n- nam: x\n", `m.yaml:3:3: unknown key "nam"`},
		{"no record", head + "rules:\n- name: x\n", `m.yaml:3:3: a rule wants a name and a record`},
		{"no type", head + "rules:\n- {name: x, record: {id: a}}\n", `a record wants a literal type`},
		{"bad type", head + "rules:\n- {name: x, record: {type: decison}}\n", `"decison" is no record type`},
		{"bad moment", head + "rules:\n- {name: x, on: start, record: {type: step}}\n", `"start" is no moment of a line`},
		{"operator as a record", head + "rules:\n- {name: x, record: {path: $.line}}\n", `an operator can not make a whole record`},
		{"same name", head + "rules:\n- {name: x, record: {type: step}}\n- {name: x, record: {type: step}}\n", `m.yaml:4:4: two rules are named "x"`},
		{"leave_out", head + "rules:\n- {name: x, record: {type: step}}\nleave_out: $.line\n", `leave_out wants a list`},
		{"path as text", rule("    x_v: $.line.a\n"), `m.yaml:9:10: a JSONPath stands as plain text`},
		{"format as text", rule("    x_v: \"a {$.line.a}\"\n"), `m.yaml:9:10: a format stands as plain text`},
		{"stray member", rule("    x_v: {path: $.line.a, defualt: 1}\n"), `unknown key "defualt"`},
		{"open brace", rule("    x_v: {format: \"a{\"}\n"), `an opening brace without a closing one`},
		{"closing brace", rule("    x_v: {format: \"a}\"}\n"), `a closing brace without an opening one`},
		{"map and slug", rule("    x_v: {path: $.line.a, slug: true, map: {a: b}}\n"), `map and slug do not go together`},
		{"map to an object", rule("    x_v: {path: $.line.a, map: {a: {}}}\n"), `a map gives scalars`},
		{"slug is no flag", rule("    x_v: {path: $.line.a, slug: 1}\n"), `slug is true or false`},
		{"each without value", rule("    x_v: {each: \"$.line.a[*]\"}\n"), `each has no value`},
		{"case without value", rule("    x_v: {cases: [{when: \"@.line\"}]}\n"), `the case has no value`},
		{"clock without note", rule("    x_v: {clock: {base: 2026-01-01T00:00:00Z}}\n"), `clock wants a base and a note`},
		{"clock base", rule("    x_v: {clock: {base: today, note: n}}\n"), `the base is no RFC 3339 time`},
		{"clock unit", rule("    x_v: {clock: {base: 2026-01-01T00:00:00Z, note: n, plus: [{path: $.index, unit: 1 day}]}}\n"), `the unit is no positive duration`},
		{"clock member", rule("    x_clock: now\n"), `x_clock is written by clock`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, c.text, nil)
			checkError(t, err, c.want)
		})
	}
}

func checkError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Fatalf("got  %v\nwant %s", err, want)
	}
	e, ok := errors.AsType[*mapping.Error](err)
	if !ok || e.File != "m.yaml" || strings.Contains(err.Error(), "\n") {
		t.Errorf("not a one-line *Error of m.yaml: %#v", err)
	}
}

// TestLineErrors looks at what is refused in the data.
func TestLineErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, extra, line, want string }{
		{"not JSON", "", `{"a":`, `m.yaml: input line 7: the line is not one JSON value`},
		{"two values", "", `{} {}`, `the line is not one JSON value: more than one value`},
		{"duplicate member", "", `{"a":1,"a":2}`, `duplicate`},
		{"not UTF-8", "", "{\"a\":\"\xff\"}", `invalid UTF-8`},
		{"too deep", "", strings.Repeat("[", 70) + strings.Repeat("]", 70), `nested deeper than 64`},
		{"several", "    x_v: {path: \"$.line.l[*]\"}\n", `{"l":[1,2]}`, `m.yaml:9:17: input line 7: rule "r": field /x_v: $.line.l[*]: selects 2 values where one is wanted`},
		{"no such word", "    x_v: {path: $.line.a, map: {b: c}}\n", `{"a":"maybe"}`, `field /x_v: $.line.a: the map has no word "maybe"`},
		{"slug of an object", "    x_v: {path: $.line, slug: true}\n", `{}`, `is no scalar`},
		{"format of an object", "    x_v: {a: [{format: \"{$.line}\"}]}\n", `{}`, `field /x_v/a/0: $.line: is no scalar`},
		{"no JSON in the string", "    x_v: {json: $.line.a}\n", `{"a":"oops"}`, `$.line.a: the string is not JSON`},
		{"JSON from a number", "    x_v: {json: $.line.a}\n", `{"a":1}`, `is no string that could hold JSON`},
		{"clock counts", "    x_v: {clock: {base: 2026-01-01T00:00:00Z, note: n, plus: [{path: $.line.a, unit: 1s}]}}\n", `{"a":1.5}`, `is "1.5" and no whole number`},
		{"bad code", "    system: {path: $.line.a}\n", `{"a":"two words"}`, `m.yaml:9:20: input line 7: rule "r": field /system: $.line.a: "two words" is not a code`},
		{"unknown member", "    colour: red\n", `{}`, `m.yaml:9:13: input line 7: rule "r": field /colour: unknown member`},
		{"missing member", "    source: {seq: 1}\n", `{}`, `m.yaml:9:14: input line 7: rule "r": field /source/id: required member "id" is missing`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m, err := load(t, rule(c.extra), nil)
			if err != nil {
				t.Fatal(err)
			}
			out, err := m.Records([]byte(c.line), 7)
			if out != nil {
				t.Errorf("records came with an error: %s", out)
			}
			checkError(t, err, c.want)
		})
	}
}

// TestSameID refuses two records of one line with one id.
func TestSameID(t *testing.T) {
	t.Parallel()
	m, err := load(t, "each: \"$.line[*]\"\n"+rule(""), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.Records([]byte(`[1,2]`), 1)
	checkError(t, err, `two records of the line have the id "a"`)
}

// TestLeaveOut makes sure that a value which no record takes is an error.
func TestLeaveOut(t *testing.T) {
	t.Parallel()
	text := rule("    x_v: {path: $.line.a}\n    x_w: {format: \"{$.line.o.b}\"}\n") + "leave_out: [$.line.ts, \"$.line.l[*].id\"]\n"
	m, err := load(t, text, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Records([]byte(`{"a":{"x":[1,2]},"o":{"b":1,"n":null,"e":{}},"ts":{"any":1},"l":[{"id":1},{"id":2}]}`), 1); err != nil {
		t.Errorf("everything is taken: %v", err)
	}
	_, err = m.Records([]byte(`{"a":1,"o":{"b":1,"c d":2},"l":[{"id":1,"x":0}],"p":[1,2,3]}`), 3)
	checkError(t, err, `input line 3: no record takes $.line.o['c d'], $.line.l[0].x, $.line.p[0], $.line.p[1] and 1 more`)
	if _, err := load(t, rule(""), nil); err != nil {
		t.Fatal(err)
	}
}

// FuzzRecords feeds any line to a mapping that uses every operator: it may
// refuse, it may not crash, and what it makes are records.
func FuzzRecords(f *testing.F) {
	m, err := mapping.Parse("m.yaml", []byte(thread), nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"id":"c","day":2,"m":[{"t":"a"},{"t":"b","q":1}]}`))
	f.Add([]byte(`{"id":"c","day":-1,"m":[{"t":[[]],"q":null}]}`))
	f.Add([]byte(`[1,2,{"m":3}]`))
	f.Add([]byte("\xff"))
	f.Fuzz(func(t *testing.T, line []byte) {
		out, err := m.Records(line, 1)
		if err != nil {
			if _, ok := errors.AsType[*mapping.Error](err); !ok {
				t.Fatalf("not an *Error: %v", err)
			}
			return
		}
		again, err := m.Records(line, 1)
		if err != nil || len(again) != len(out) {
			t.Fatalf("second reading: %d records, %v", len(again), err)
		}
		for i, r := range out {
			if _, err := record.Parse(r); err != nil || string(r) != string(again[i]) {
				t.Fatalf("%v: %s", err, r)
			}
		}
	})
}

// FuzzParse feeds any text to the reader of mapping files.
func FuzzParse(f *testing.F) {
	f.Add([]byte(thread))
	f.Add([]byte(rule("    x_v: {each: \"$.line[*]\", value: {format: \"{$.each}\"}}\n")))
	f.Add([]byte("mapping: &a [*a]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := mapping.Parse("m.yaml", text, nil)
		if (m == nil) == (err == nil) {
			t.Fatalf("mapping %v, error %v", m, err)
		}
	})
}
