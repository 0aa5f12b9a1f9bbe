// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/rogpeppe/go-internal/diff"
)

// Difference is how two versions differ.
type Difference struct {
	From string `json:"from"` // name@version
	To   string `json:"to"`
	Text string `json:"text"` // unified; empty: the contents are the same
	// Changes are member by member, when both contents are JSON or YAML.
	Changes []Change `json:"changes,omitempty"`
}

// Change is one member that differs.
type Change struct {
	Op      string `json:"op"` // add, remove or replace
	Pointer string `json:"pointer"`
	Before  any    `json:"before,omitempty"`
	After   any    `json:"after,omitempty"`
}

// Diff compares the contents of two versions of a name.
func (r *Registry) Diff(ctx context.Context, kind, name, from, to string) (*Difference, error) {
	a, err := r.Show(ctx, kind, name, from)
	if err != nil {
		return nil, err
	}
	b, err := r.Show(ctx, kind, name, to)
	if err != nil {
		return nil, err
	}
	before, err := a.must()
	if err != nil {
		return nil, err
	}
	after, err := b.must()
	if err != nil {
		return nil, err
	}
	out := &Difference{From: name + "@" + from, To: name + "@" + to}
	out.Text = string(diff.Diff(out.From, before, out.To, after))
	x, ok := structure(before)
	y, also := structure(after)
	if ok && also {
		out.Changes = changes(nil, "", x, y)
	}
	return out, nil
}

// structure reads a content as JSON, or as YAML when that gives a list or mapping.
func structure(text []byte) (any, bool) {
	var v any
	if json.Unmarshal(text, &v) != nil {
		raw, err := yaml.YAMLToJSON(text)
		if err != nil || json.Unmarshal(raw, &v) != nil {
			return nil, false
		}
	}
	switch v.(type) {
	case map[string]any, []any:
		return v, true
	}
	return nil, false
}

var escapePointer = strings.NewReplacer("~", "~0", "/", "~1")

// changes adds how y differs from x.
func changes(out []Change, at string, x, y any) []Change {
	switch x := x.(type) {
	case map[string]any:
		if y, ok := y.(map[string]any); ok {
			all := maps.Clone(x)
			maps.Copy(all, y)
			for _, k := range slices.Sorted(maps.Keys(all)) {
				before, was := x[k]
				after, is := y[k]
				out = member(out, at+"/"+escapePointer.Replace(k), before, after, was, is)
			}
			return out
		}
	case []any:
		if y, ok := y.([]any); ok {
			for i := range max(len(x), len(y)) {
				var before, after any
				if i < len(x) {
					before = x[i]
				}
				if i < len(y) {
					after = y[i]
				}
				out = member(out, at+"/"+strconv.Itoa(i), before, after, i < len(x), i < len(y))
			}
			return out
		}
	}
	if !reflect.DeepEqual(x, y) {
		out = append(out, Change{"replace", at, x, y})
	}
	return out
}

func member(out []Change, at string, before, after any, was, is bool) []Change {
	switch {
	case !was:
		return append(out, Change{"add", at, nil, after})
	case !is:
		return append(out, Change{"remove", at, before, nil})
	}
	return changes(out, at, before, after)
}
