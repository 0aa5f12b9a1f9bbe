// SPDX-License-Identifier: Apache-2.0

package explain_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/explain"
	"github.com/counterfoil/counterfoil/record"
)

// without returns a record with another id and without a member; false if it is
// none then.
func without(t *testing.T, doc, pointer, id string) (string, bool) {
	t.Helper()
	var tree map[string]any
	if err := json.Unmarshal([]byte(doc), &tree); err != nil {
		t.Fatal(err)
	}
	segs := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	var at any = tree
	for _, s := range segs[:len(segs)-1] {
		switch v := at.(type) {
		case map[string]any:
			at = v[s]
		case []any:
			i, err := strconv.Atoi(s)
			if err != nil {
				t.Fatal(err)
			}
			at = v[i]
		}
	}
	m, ok := at.(map[string]any)
	if !ok || m[segs[len(segs)-1]] == nil {
		t.Fatalf("the record has no %s", pointer)
	}
	delete(m, segs[len(segs)-1])
	tree["id"] = id
	b, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	_, err = record.Parse(b)
	return string(b), err == nil
}

// TestGrounds takes away, one by one, each member that a sentence says it stands
// on: then the sentence is gone, or says something else, or stands on something
// else.
func TestGrounds(t *testing.T) {
	t.Parallel()
	for name, id := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, dbtest.SQLite(t))
			doc := ""
			for _, line := range lines(t, filepath.Join("testdata", name, "records.ndjson")) {
				if strings.Contains(line, `"id": "`+id+`"`) {
					doc = line
				}
				r.append(line)
			}
			x, tried := r.explainer(nil), 0
			whole := r.explain(x, id, explain.Subject, "en")
			for _, s := range sentences(whole) {
				for _, g := range s.Grounds {
					if g.Record != id {
						continue
					}
					other := fmt.Sprintf("%s-%d", id, tried)
					less, ok := without(t, doc, g.Pointer, other)
					if !ok {
						continue // no record is without it
					}
					tried++
					r.append(less)
					for _, have := range sentences(r.explain(x, other, explain.Subject, "en")) {
						same := have.Key == s.Key && have.Text == s.Text
						if same && !slices.ContainsFunc(have.Grounds, func(h explain.Ground) bool {
							return !slices.Contains(s.Grounds, explain.Ground{Record: strings.Replace(h.Record, other, id, 1), Pointer: h.Pointer})
						}) {
							t.Errorf("without %s it still says %q", g.Pointer, s.Text)
						}
					}
				}
			}
			if tried < 5 {
				t.Errorf("only %d members were tried", tried)
			}
		})
	}
}

func sentences(e *explain.Explanation) (out []explain.Sentence) {
	for _, s := range e.Sections {
		out = append(out, s.Sentences...)
	}
	return out
}
