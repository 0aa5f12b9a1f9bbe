// SPDX-License-Identifier: Apache-2.0

package mapping

import (
	"strings"

	"github.com/pb33f/go-yaml"
	"github.com/pb33f/jsonpath/pkg/jsonpath"
	"github.com/pb33f/jsonpath/pkg/jsonpath/config"
)

// path is a compiled JSONPath with its text and place.
type path struct {
	at    spot
	text  string
	query *jsonpath.JSONPath
}

func compile(text string) (*jsonpath.JSONPath, error) {
	q, err := jsonpath.NewPath(text, config.WithStrictRFC9535(), config.WithLazyContextTracking())
	if err != nil {
		// The library draws the place under the text; one line is enough here.
		first, _, _ := strings.Cut(err.Error(), "\n")
		return nil, &Error{Message: strings.TrimSpace(strings.TrimPrefix(first, text)), Cause: err}
	}
	return q, nil
}

// newPath compiles the JSONPath in a scalar. It must start with $.
func newPath(t *tree) (*path, error) {
	text, err := t.str()
	if err != nil {
		return nil, err
	}
	q, err := compile(text)
	if err != nil {
		return nil, &Error{Line: t.at.line, Column: t.at.column, Path: text, Cause: err,
			Message: "not a JSONPath of RFC 9535: " + err.(*Error).Message, //nolint:errorlint // made just above
			Advice:  "it starts with $, the context: $.line, $.item, $.index, …"}
	}
	return &path{at: t.at, text: text, query: q}, nil
}

// all returns what the path selects in the context.
func (p *path) all(ctx *yaml.Node) []*yaml.Node { return p.query.Query(ctx) }

// one returns the single value that the path selects, or nil for none or null.
func (p *path) one(ctx *yaml.Node) (*yaml.Node, error) {
	found := p.query.Query(ctx)
	switch {
	case len(found) == 0 || len(found) == 1 && isNull(found[0]):
		return nil, nil
	case len(found) > 1:
		e := p.at.errorf("narrow the path, or write {each: …, value: …} to take them all", "selects %d values where one is wanted", len(found))
		e.Path = p.text
		return nil, e
	}
	return found[0], nil
}

// condition is a filter expression, compiled as a filter over a list of one.
type condition struct {
	at    spot
	text  string
	query *jsonpath.JSONPath
}

func newCondition(t *tree) (*condition, error) {
	text, err := t.str()
	if err != nil {
		return nil, err
	}
	q, err := compile("$[?(" + text + ")]")
	if err != nil {
		return nil, &Error{Line: t.at.line, Column: t.at.column, Path: text, Cause: err,
			Message: "not a filter expression of RFC 9535: " + err.(*Error).Message, //nolint:errorlint // made just above
			Advice:  `write it like "@.item.role == 'user' && @.item.content"`}
	}
	return &condition{at: t.at, text: text, query: q}, nil
}

// holds evaluates the condition with @ being n. A nil condition holds.
func (c *condition) holds(n *yaml.Node) bool {
	return c == nil || len(c.query.Query(listNode(n))) == 1
}
