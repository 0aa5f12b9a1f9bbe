// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"mime"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/record"
)

// maxForm is how large a request may be that is not a batch of records.
const maxForm = 1 << 20

// post is the one handler of JSON requests that change something: read the body
// strictly, run, answer.
func post[In, Out any](s *Server, h func(*http.Request, *caller, In) (Out, error)) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		if _, err := parameters(r); err != nil {
			return err
		}
		in, err := decode[In](s, w, r)
		if err != nil {
			return err
		}
		return get(func(r *http.Request) (Out, error) { return h(r, callerOf(r), in) })(w, r)
	}
}

// long lets an answer take as long as the work does.
func long(h func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := http.NewResponseController(w).SetWriteDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return err
		}
		return h(w, r)
	}
}

// plain is a read that takes no parameters.
func plain[T any](h func(*http.Request) (T, error)) func(*http.Request) (T, error) {
	return func(r *http.Request) (out T, err error) {
		if _, err := parameters(r); err != nil {
			return out, err
		}
		return h(r)
	}
}

// decode reads a body as one JSON object. Unknown and repeated members, and
// wrong types, are refused with their JSON Pointer.
func decode[In any](s *Server, w http.ResponseWriter, r *http.Request) (in In, err error) {
	held := &lease{s: s}
	defer held.release()
	buf := buffers.Get().(*[]byte)
	defer giveBack(buf)
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return in, refused("media_type", "send application/json", "Content-Type %q is not supported", r.Header.Get("Content-Type"))
	}
	if err := s.body(w, r, buf, held); err != nil {
		return in, err
	}
	if len(*buf) > maxForm {
		return in, refused("body_too_large", "send less at once", "the body is larger than %d bytes", maxForm)
	}
	err = json.Unmarshal(*buf, &in, json.RejectUnknownMembers(true))
	if err == nil {
		return in, nil
	}
	e := &refusal{code: record.CodeSyntax, detail: "the body can not be read", hint: "GET /openapi.json shows what it takes", cause: err}
	fault := api.Fault{Code: record.CodeSyntax, Detail: e.detail, Hint: e.hint}
	if semantic, ok := errors.AsType[*json.SemanticError](err); ok {
		fault.Pointer, fault.Code = string(semantic.JSONPointer), record.CodeWrongType
		if errors.Is(err, json.ErrUnknownName) {
			fault.Code = record.CodeUnknownMember
		}
	} else if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		fault.Pointer = string(syntactic.JSONPointer)
		if errors.Is(err, jsontext.ErrDuplicateName) {
			fault.Code = record.CodeDuplicateMember
		}
	}
	e.code = fault.Code
	fault.Detail = kinds[fault.Code].title
	e.detail = fault.Detail + " at " + pointerOrRoot(fault.Pointer)
	e.faults = []api.Fault{fault}
	return in, e
}

func pointerOrRoot(p string) string {
	if p == "" {
		return "the top"
	}
	return p
}
