// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/counterfoil/counterfoil/internal/server"
)

// book holds the API document against the answers. It is safe for concurrent
// use.
type book struct {
	doc    []byte
	ops    []*operation
	schema map[string]*jsonschema.Schema // of components

	mu    sync.Mutex
	seen  map[string]bool // "GET /path 200 media", guarded by mu
	codes map[string]bool // of problems, guarded by mu
}

// operation is one method of one path of the document.
type operation struct {
	method, path string
	id           string
	query        []string
	answers      map[int]map[string]*jsonschema.Schema // by status and media type
}

// names are the parts of the document that are read here.
type document struct {
	OpenAPI string `json:"openapi"`
	Paths   map[string]map[string]json.RawMessage
}

type documentOperation struct {
	OperationID string                     `json:"operationId"`
	Parameters  []documentParameter        `json:"parameters"`
	Responses   map[string]json.RawMessage `json:"responses"`
}

type documentParameter struct {
	Name, In, Description string
	Schema                map[string]any
}

type documentResponse struct {
	Ref     string                     `json:"$ref"`
	Content map[string]json.RawMessage `json:"content"`
}

const documentURL = "mem:///openapi.json"

func newBook() (*book, error) {
	raw, err := server.OpenAPI("test")
	if err != nil {
		return nil, err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	if err := c.AddResource(documentURL, value); err != nil {
		return nil, err
	}
	b := &book{doc: raw, seen: map[string]bool{}, codes: map[string]bool{}, schema: map[string]*jsonschema.Schema{}}
	for name := range value.(map[string]any)["components"].(map[string]any)["schemas"].(map[string]any) {
		if b.schema[name], err = c.Compile(documentURL + "#/components/schemas/" + name); err != nil {
			return nil, err
		}
	}
	var d document
	if err := json.Unmarshal(raw, &d); err != nil {
		return nil, err
	}
	for path, item := range d.Paths {
		for method, op := range item {
			if method == "parameters" {
				continue
			}
			o, err := newOperation(c, strings.ToUpper(method), path, op)
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w", method, path, err)
			}
			b.ops = append(b.ops, o)
		}
	}
	if len(b.ops) < 10 {
		return nil, fmt.Errorf("only %d operations", len(b.ops))
	}
	return b, nil
}

func newOperation(c *jsonschema.Compiler, method, path string, raw json.RawMessage) (*operation, error) {
	var in documentOperation
	if err := json.Unmarshal(raw, &in); err != nil {
		return nil, err
	}
	o := &operation{method: method, path: path, id: in.OperationID, answers: map[int]map[string]*jsonschema.Schema{}}
	for _, p := range in.Parameters {
		if p.In == "query" {
			o.query = append(o.query, p.Name)
		}
	}
	slices.Sort(o.query)
	escape := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D")
	for status, body := range in.Responses {
		n, err := strconv.Atoi(status)
		if err != nil {
			return nil, err
		}
		var r documentResponse
		if err := json.Unmarshal(body, &r); err != nil {
			return nil, err
		}
		at := fmt.Sprintf("#/paths/%s/%s/responses/%s", escape.Replace(path), strings.ToLower(method), status)
		if r.Ref != "" {
			if at = r.Ref; at != "#/components/responses/Problem" {
				return nil, fmt.Errorf("unknown response %s", at)
			}
			r.Content = map[string]json.RawMessage{"application/problem+json": nil}
		}
		o.answers[n] = map[string]*jsonschema.Schema{}
		for media := range r.Content {
			if o.answers[n][media], err = c.Compile(documentURL + at + "/content/" + escape.Replace(media) + "/schema"); err != nil {
				return nil, err
			}
		}
	}
	return o, nil
}

// find returns the operation of a request, or nil.
func (b *book) find(method, path string) *operation {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	var best *operation // the one with most of its path written out
	for _, o := range b.ops {
		if o.method == method && matches(o.path, path) && (best == nil || strings.Count(o.path, "{") < strings.Count(best.path, "{")) {
			best = o
		}
	}
	return best
}

// matches says whether an escaped path is of a template; only {path} takes more
// than one segment.
func matches(template, path string) bool {
	want, got := strings.Split(template, "/"), strings.Split(path, "/")
	for i, segment := range want {
		switch {
		case i >= len(got):
			return false
		case segment == "{path}":
			return true
		case strings.HasPrefix(segment, "{"):
			if got[i] == "" {
				return false
			}
		case segment != got[i]:
			return false
		}
	}
	return len(want) == len(got)
}

// unseen lists declared answers, and problems, that no test has met.
func (b *book) unseen() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []string
	for _, o := range b.ops {
		for status, media := range o.answers {
			for m := range media {
				if line := fmt.Sprintf("%s %s %d %s", o.method, o.path, status, m); !b.seen[line] {
					out = append(out, line)
				}
			}
		}
	}
	for _, code := range server.ProblemCodes() {
		if !b.codes[code] {
			out = append(out, "the problem "+code)
		}
	}
	slices.Sort(out)
	return out
}
