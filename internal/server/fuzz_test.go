// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/counterfoil/counterfoil/internal/server"
)

const maxRecords = 50

// FuzzSplit holds the splitter of bodies against encoding/json and against the
// lines of the body: nothing is lost, added or changed on the way.
func FuzzSplit(f *testing.F) {
	seeds, err := filepath.Glob("../../examples/*json")
	must(f, err)
	if len(seeds) < 3 {
		f.Fatalf("only %d examples", len(seeds))
	}
	for _, name := range seeds {
		b, err := os.ReadFile(name)
		must(f, err)
		f.Add(true, b)
		f.Add(false, b)
		f.Add(false, append(append([]byte("["), bytes.Join(bytes.Split(bytes.TrimSpace(b), []byte("\n")), []byte(","))...), ']'))
	}
	for _, c := range bad {
		if len(c.body) < 10_000 {
			f.Add(false, []byte("["+decision("a")+","+c.body+"]"))
			f.Add(true, []byte(decision("a")+"\r\n"+c.body+"\n\n"))
		}
	}
	f.Add(false, []byte(decisions("many", maxRecords+1)))
	f.Fuzz(func(t *testing.T, lines bool, body []byte) {
		before := bytes.Clone(body)
		media := "application/json"
		if lines {
			media = "application/x-ndjson"
		}
		raws, single, err := server.Split(media, body, maxRecords)
		if !bytes.Equal(body, before) {
			t.Fatal("the body was changed")
		}
		switch {
		case err != nil:
			refusedRightly(t, lines, body)
		case len(raws) == 0 || len(raws) > maxRecords || single && (lines || len(raws) != 1):
			t.Fatalf("%d records, single %v", len(raws), single)
		case single:
			if !bytes.Equal(raws[0], bytes.TrimSpace(body)) {
				t.Fatalf("one record %q", raws[0])
			}
		case lines:
			sameLines(t, raws, body)
		default:
			sameArray(t, raws, body)
		}
	})
}

// refusedRightly wants that the body is none of 1 to maxRecords records.
func refusedRightly(t *testing.T, lines bool, body []byte) {
	if lines {
		if n := len(nonEmpty(body)); n > 0 && n <= maxRecords {
			t.Fatalf("%d lines were refused", n)
		}
		return
	}
	var want []json.RawMessage
	if json.Unmarshal(body, &want) == nil && len(want) > 0 && len(want) <= maxRecords && bytes.TrimSpace(body)[0] == '[' && shallow(body) {
		t.Fatalf("an array of %d was refused: %q", len(want), body)
	}
}

// shallow leaves out what only one of the two parsers takes.
func shallow(body []byte) bool {
	return bytes.Count(body, []byte("[")) < 1000 && json.Valid(bytes.ToValidUTF8(body, nil))
}

func nonEmpty(body []byte) (out [][]byte) {
	for line := range bytes.SplitSeq(body, []byte("\n")) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			out = append(out, line)
		}
	}
	return out
}

func sameLines(t *testing.T, raws [][]byte, body []byte) {
	want := nonEmpty(body)
	if len(raws) != len(want) {
		t.Fatalf("%d records of %d lines", len(raws), len(want))
	}
	for i := range want {
		if !bytes.Equal(raws[i], want[i]) {
			t.Fatalf("record %d is %q, sent %q", i, raws[i], want[i])
		}
	}
}

func sameArray(t *testing.T, raws [][]byte, body []byte) {
	var want []json.RawMessage
	if err := json.Unmarshal(body, &want); err != nil {
		t.Fatalf("accepted %q: %v", body, err)
	}
	if len(raws) != len(want) {
		t.Fatalf("%d records, sent %d", len(raws), len(want))
	}
	for i := range want {
		if !bytes.Equal(raws[i], want[i]) {
			t.Fatalf("record %d is %q, sent %q", i, raws[i], want[i])
		}
	}
}
