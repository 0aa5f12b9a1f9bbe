// SPDX-License-Identifier: Apache-2.0

package mapping

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/pb33f/go-yaml"
)

// maxLineDepth bounds how deep an input line may nest.
const maxLineDepth = 64

// The JSONPath library walks YAML nodes, so JSON is read into them. The text of
// a number is kept as it was written.

const (
	tagText   = "!!str"
	tagInt    = "!!int"
	tagFloat  = "!!float"
	tagBool   = "!!bool"
	tagNull   = "!!null"
	tagList   = "!!seq"
	tagObject = "!!map"
)

func textNode(s string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: tagText, Value: s}
}

func intNode(n int) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: tagInt, Value: strconv.Itoa(n)}
}

func listNode(elems ...*yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.SequenceNode, Tag: tagList, Content: elems}
}

// objectNode makes an object of names and values in turn.
func objectNode(pairs ...*yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.MappingNode, Tag: tagObject, Content: pairs}
}

// parseJSON reads exactly one JSON value. Duplicate members and invalid UTF-8
// are refused.
func parseJSON(raw []byte) (*yaml.Node, error) {
	d := jsontext.NewDecoder(bytes.NewReader(raw))
	n, err := readNode(d)
	if err != nil {
		return nil, err
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		if err == nil {
			err = fmt.Errorf("more than one value")
		}
		return nil, err
	}
	return n, nil
}

func readNode(d *jsontext.Decoder) (*yaml.Node, error) {
	tok, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	switch tok.Kind() {
	case '"':
		return textNode(tok.String()), nil
	case 'n':
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: tagNull, Value: "null"}, nil
	case 't', 'f':
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: tagBool, Value: tok.String()}, nil
	case '0':
		n := &yaml.Node{Kind: yaml.ScalarNode, Tag: tagInt, Value: tok.String()}
		if _, err := strconv.Atoi(n.Value); err != nil {
			n.Tag = tagFloat
		}
		return n, nil
	}
	n, end := listNode(), jsontext.Kind(']')
	if tok.Kind() == '{' {
		n, end = objectNode(), '}'
	}
	if d.StackDepth() > maxLineDepth {
		return nil, fmt.Errorf("nested deeper than %d levels at %s", maxLineDepth, d.StackPointer())
	}
	for d.PeekKind() != end {
		child, err := readNode(d)
		if err != nil {
			return nil, err
		}
		n.Content = append(n.Content, child)
	}
	_, err = d.ReadToken()
	return n, err
}

// appendNode writes a node as JSON.
func appendNode(b []byte, n *yaml.Node) []byte {
	switch n.Kind {
	case yaml.SequenceNode:
		b = append(b, '[')
		for i, c := range n.Content {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendNode(b, c)
		}
		return append(b, ']')
	case yaml.MappingNode:
		b = append(b, '{')
		for i, c := range n.Content {
			switch {
			case i%2 == 1:
				b = append(b, ':')
			case i > 0:
				b = append(b, ',')
			}
			b = appendNode(b, c)
		}
		return append(b, '}')
	}
	if n.Tag == tagText {
		b, _ = jsontext.AppendQuote(b, n.Value) // valid UTF-8: the decoder checked
		return b
	}
	return append(b, n.Value...)
}

func isScalar(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode }
func isNull(n *yaml.Node) bool   { return n.Kind == yaml.ScalarNode && n.Tag == tagNull }

// slug makes a code of any text: runs of other characters become one dash.
func slug(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		ok := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		switch {
		case ok, b.Len() > 0 && strings.IndexByte("._:/@+~-", c) >= 0:
			b.WriteByte(c)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() == 200 {
			break
		}
	}
	return strings.TrimRight(b.String(), "-")
}
