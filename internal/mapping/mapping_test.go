// SPDX-License-Identifier: Apache-2.0

package mapping_test

import (
	"encoding/json"
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
