// SPDX-License-Identifier: Apache-2.0

package mapping_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/internal/mapping"
)

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
		{"bad code", "    system: {path: $.line.a}\n", `{"a":"two words"}`, `m.yaml:9:20: input line 7: rule "r": field /system: $.line.a: not a code: ' ' at byte 3 of 9`},
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
