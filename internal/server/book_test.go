// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
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
	for _, o := range b.ops {
		if o.method == method && matches(o.path, path) {
			return o
		}
	}
	return nil
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

// enter checks one answer and notes it.
func (b *book) enter(req *http.Request, sent []byte, res *http.Response, body []byte) error {
	media, _, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if err != nil {
		return fmt.Errorf("Content-Type %q: %w", res.Header.Get("Content-Type"), err)
	}
	o := b.find(req.Method, req.URL.EscapedPath())
	if o == nil {
		return b.enterNothing(req, res, media, body)
	}
	declared, ok := o.answers[res.StatusCode]
	if !ok {
		return fmt.Errorf("status %d is not declared for %s %s", res.StatusCode, o.method, o.path)
	}
	schema, ok := declared[media]
	if !ok {
		return fmt.Errorf("%s is not declared for %s %s %d", media, o.method, o.path, res.StatusCode)
	}
	b.mu.Lock()
	b.seen[fmt.Sprintf("%s %s %d %s", o.method, o.path, res.StatusCode, media)] = true
	b.mu.Unlock()
	if req.Method == http.MethodHead {
		if len(body) > 0 {
			return errors.New("HEAD was answered with a body")
		}
		return nil
	}
	if err := conforms(schema, media, body); err != nil {
		return err
	}
	if o.id == "append" && res.StatusCode < 300 {
		return b.checkSent(req, sent)
	}
	return b.checkProblem(res, media, body)
}

// enterNothing checks the answer to a request for which there is no operation.
func (b *book) enterNothing(req *http.Request, res *http.Response, media string, body []byte) error {
	if s := res.StatusCode; s != 404 && s != 405 && s != 403 && s != 421 {
		return fmt.Errorf("status %d for %s %s, which is not in the document", s, req.Method, req.URL.Path)
	}
	if req.Method == http.MethodHead {
		return nil
	}
	if err := conforms(b.schema["Problem"], "application/problem+json", body); err != nil {
		return err
	}
	return b.checkProblem(res, media, body)
}

// conforms holds a body against a schema. Text and bytes are strings to it.
func conforms(s *jsonschema.Schema, media string, body []byte) error {
	if !strings.HasSuffix(media, "json") {
		return s.Validate(string(body))
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%w: %s", err, body)
	}
	return s.Validate(v)
}

// checkSent holds what was accepted against the schema of records.
func (b *book) checkSent(req *http.Request, sent []byte) error {
	if req.Header.Get("Content-Encoding") != "" || req.URL.Query().Get("partial") != "" || req.Header.Get("Content-Type") != "application/json" {
		return nil
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(sent))
	if err != nil {
		return fmt.Errorf("accepted: %w", err)
	}
	all, ok := v.([]any)
	if !ok {
		all = []any{v}
	}
	for _, one := range all {
		if err := b.schema["Record"].Validate(one); err != nil {
			return fmt.Errorf("accepted what the document forbids: %w", err)
		}
	}
	return nil
}

// leaks are texts that no problem document may hold.
var leaks = []string{"goroutine ", ".go:", "SELECT ", "INSERT ", "SQLITE", "sqlite", "injected", "/tmp/"}

func (b *book) checkProblem(res *http.Response, media string, body []byte) error {
	if res.StatusCode < 400 {
		return nil
	}
	if media != "application/problem+json" {
		return fmt.Errorf("%d has content type %s", res.StatusCode, media)
	}
	var p struct {
		Type, Code, Instance, Title string
		Status                      int
	}
	if err := json.Unmarshal(body, &p); err != nil {
		return err
	}
	b.mu.Lock()
	b.codes[p.Code] = true
	b.mu.Unlock()
	var errs []error
	if p.Status != res.StatusCode || p.Type != "/problems/"+p.Code || p.Instance != res.Header.Get("X-Request-Id") || p.Title == "" {
		errs = append(errs, fmt.Errorf("%d with request id %s does not fit %s", res.StatusCode, res.Header.Get("X-Request-Id"), body))
	}
	if after := res.Header.Get("Retry-After"); (after != "") != slices.Contains([]int{429, 503, 507}, p.Status) {
		errs = append(errs, fmt.Errorf("%d with Retry-After %q", p.Status, after))
	}
	if res.Header.Get("Cache-Control") != "no-store" {
		errs = append(errs, errors.New("a problem that may be cached"))
	}
	for _, leak := range leaks {
		if bytes.Contains(body, []byte(leak)) {
			errs = append(errs, fmt.Errorf("a problem tells %q: %s", leak, body))
		}
	}
	return errors.Join(errs...)
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
