// SPDX-License-Identifier: Apache-2.0

package mapping

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxYAMLDepth bounds how deep a mapping file may nest.
const maxYAMLDepth = 32

// tree is a YAML value with its place: a scalar, a list or an object.
type tree struct {
	at   spot
	kind treeKind
	text string // of a scalar: the text of a string, else JSON
	list []*tree
	keys []key // of an object, in the order of the file
}

type treeKind int

const (
	scalarText  treeKind = iota // a string
	scalarOther                 // a number, a boolean or null
	sequence
	object
)

func (k treeKind) String() string {
	return [...]string{"text", "a number, boolean or null", "a list", "an object"}[k]
}

type key struct {
	at    spot
	name  string
	value *tree
}

// member returns the value of a key, or nil.
func (t *tree) member(name string) *tree {
	for _, k := range t.keys {
		if k.name == name {
			return k.value
		}
	}
	return nil
}

// allow refuses members that are not in known.
func (t *tree) allow(known ...string) error {
	if t.kind != object {
		return t.at.errorf("", "want an object, got %v", t.kind)
	}
	for _, k := range t.keys {
		found := false
		for _, n := range known {
			found = found || n == k.name
		}
		if !found {
			return k.at.errorf("known here: "+strings.Join(known, ", "), "unknown key %q", k.name)
		}
	}
	return nil
}

// str returns the text of a scalar.
func (t *tree) str() (string, error) {
	if t.kind != scalarText {
		return "", t.at.errorf("put it in quotes", "want text, got %v", t.kind)
	}
	return t.text, nil
}

// json appends the value as JSON.
func (t *tree) json(b []byte) []byte {
	switch t.kind {
	case scalarText:
		b, _ = jsontext.AppendQuote(b, t.text) // valid UTF-8: the YAML was
		return b
	case scalarOther:
		return append(b, t.text...)
	case sequence:
		b = append(b, '[')
		for i, v := range t.list {
			if i > 0 {
				b = append(b, ',')
			}
			b = v.json(b)
		}
		return append(b, ']')
	}
	b = append(b, '{')
	for i, k := range t.keys {
		if i > 0 {
			b = append(b, ',')
		}
		b, _ = jsontext.AppendQuote(b, k.name)
		b = k.value.json(append(b, ':'))
	}
	return append(b, '}')
}

// parseYAML reads one YAML document. Duplicate keys are refused by the parser,
// merge keys and tags here; an alias stands for its anchor's value.
func parseYAML(raw []byte) (*tree, error) {
	file, err := parser.ParseBytes(raw, 0)
	if err != nil {
		return nil, yamlError(err)
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return nil, spot{1, 1}.errorf("", "want one YAML document, got %d", len(file.Docs))
	}
	r := &reader{anchors: map[string]*tree{}}
	return r.tree(file.Docs[0].Body, 0)
}

func yamlError(err error) error {
	out := &Error{Message: "not valid YAML", Cause: err,
		Advice: `put JSONPaths that hold brackets, commas or colons in quotes when they stand within { }`}
	if ye, ok := err.(yaml.Error); ok { //nolint:errorlint // the parser returns it bare
		out.Message = ye.GetMessage()
		if tok := ye.GetToken(); tok != nil {
			out.Line, out.Column = tok.Position.Line, tok.Position.Column
		}
	}
	return out
}

type reader struct{ anchors map[string]*tree }

func place(n ast.Node) spot {
	if tok := n.GetToken(); tok != nil && tok.Position != nil {
		return spot{tok.Position.Line, tok.Position.Column}
	}
	return spot{1, 1}
}

func (r *reader) tree(n ast.Node, depth int) (*tree, error) {
	at := place(n)
	if depth > maxYAMLDepth {
		return nil, at.errorf("", "nested deeper than %d levels", maxYAMLDepth)
	}
	switch v := n.(type) {
	case *ast.StringNode:
		return &tree{at: at, text: v.Value}, nil
	case *ast.LiteralNode:
		return &tree{at: at, text: v.Value.Value}, nil
	case *ast.NullNode:
		return &tree{at: at, kind: scalarOther, text: "null"}, nil
	case *ast.BoolNode, *ast.IntegerNode, *ast.FloatNode:
		return r.number(at, v.(ast.ScalarNode))
	case *ast.AnchorNode:
		t, err := r.tree(v.Value, depth+1)
		if err == nil {
			r.anchors[v.Name.String()] = t
		}
		return t, err
	case *ast.AliasNode:
		if t := r.anchors[v.Value.String()]; t != nil {
			return t, nil
		}
		return nil, at.errorf("put the anchor before it", "the alias *%s has no anchor", v.Value.String())
	case *ast.SequenceNode:
		t := &tree{at: at, kind: sequence}
		for _, e := range v.Values {
			sub, err := r.tree(e, depth+1)
			if err != nil {
				return nil, err
			}
			t.list = append(t.list, sub)
		}
		return t, nil
	case ast.MapNode:
		return r.object(v, depth)
	}
	return nil, at.errorf("use plain scalars, lists and objects", "YAML %v is not allowed here", n.Type())
}

func (r *reader) number(at spot, v ast.ScalarNode) (*tree, error) {
	text, err := json.Marshal(v.GetValue())
	if err != nil {
		return nil, at.errorf("", "the number has no JSON form")
	}
	if tok := v.GetToken(); tok != nil && jsontext.Value(tok.Value).IsValid() {
		text = []byte(tok.Value) // as it was written
	}
	return &tree{at: at, kind: scalarOther, text: string(text)}, nil
}

func (r *reader) object(v ast.MapNode, depth int) (*tree, error) {
	t := &tree{at: place(v.(ast.Node)), kind: object}
	for it := v.MapRange(); it.Next(); {
		k := it.Key()
		name, ok := ast.Node(k).(*ast.StringNode)
		if !ok {
			return nil, place(k).errorf("put it in quotes; shared members go into common", "a key must be text, got %v", fmt.Sprint(k))
		}
		at := place(k)
		sub, err := r.tree(it.Value(), depth+1)
		if err != nil {
			return nil, err
		}
		if len(t.keys) == 0 {
			t.at = at
		}
		t.keys = append(t.keys, key{at: at, name: name.Value, value: sub})
	}
	return t, nil
}
