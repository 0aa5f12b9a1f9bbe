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
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

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
	if !strings.HasSuffix(media, "/json") && !strings.HasSuffix(media, "+json") {
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
		Type, Code, Instance, Title, Detail string
		Status                              int
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
	if p.Status == 500 && p.Detail != "" {
		errs = append(errs, fmt.Errorf("500 tells %q", p.Detail))
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
