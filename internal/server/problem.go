// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/access"
	"github.com/counterfoil/counterfoil/internal/guard"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// kind is one row of the table of problems.
type kind struct {
	status int
	title  string
	about  string
}

// kinds is the one place that gives an error code its status and its words.
var kinds = map[string]kind{
	record.CodeSyntax:            {400, "Not valid JSON", "The document can not be read as one JSON value (RFC 8259)."},
	record.CodeDuplicateMember:   {400, "A member stands twice", "Which of two members of the same name counts would be a guess, so neither does."},
	record.CodeInvalidUTF8:       {400, "Not valid UTF-8", "The document holds bytes, or an escape, that stand for no character."},
	record.CodeUnknownMember:     {422, "Unknown member", "The record schema has no such member. Extensions are named x_… and are kept private."},
	record.CodeReservedMember:    {422, "Reserved member", "This member is set by the server."},
	record.CodeMissingMember:     {422, "Missing member", "A required member is not there."},
	record.CodeNumberPrecision:   {422, "Number without an exact double", "The number would change when it is written in canonical form (RFC 8785). Send it as a string."},
	record.CodeTooDeep:           {422, "Nested too deep", "Values may be nested 32 levels deep."},
	record.CodeRecordTooLarge:    {413, "Record too large", "A record may have 1 MiB. Send large artefacts by reference and digest."},
	record.CodeStatementTooLarge: {413, "Statement too large", "The public part of a record with its seals may have 65,535 bytes. Send steps as step records of their own."},
	record.CodeWrongType:         {422, "Wrong type", "The value has another JSON type than the record schema says."},
	record.CodeBadValue:          {422, "Bad value", "The value is not one that the record schema allows here."},
	string(ledger.Conflict):      {409, "In conflict with what is there", "A record of this id with other content is in the ledger (an id names one record for ever), or what is to be changed is in another state."},
	string(ledger.Busy):          {429, "Too busy", "More waits to be written than fits. Wait as Retry-After says and send the same again; ids make that safe."},
	string(ledger.Unavailable):   {503, "Storage not available", "The database does not answer or fails. Nothing was half written; send the same again later."},
	string(ledger.Full):          {507, "No space left", "The database can not grow. Nothing was half written; the server goes on when there is space."},
	string(ledger.NotFound):      {404, "Not found", "There is nothing under this name."},
	"unauthenticated":            {401, "Who asks is not known", "Send an API key or a token as Authorization: Bearer …, or sign in at /auth/."},
	"forbidden":                  {403, "Not allowed", "The roles of who asks do not allow it here, or it takes a second person. The attempt is recorded."},
	"purpose":                    {400, "No purpose", "Private values are opened for a purpose, and some for a case, that the request must state. They stand in the access record."},
	"throttled":                  {429, "Too many attempts", "Wait as Retry-After says."},
	string(ledger.Closed):        {503, "Shutting down", "The ledger is stopping or not started yet."},
	string(ledger.Invalid):       {400, "Bad request", "The request can not be right as it is."},
	string(ledger.Internal):      {500, "Internal error", "Something failed here that should not. The server's log has the cause under the request id."},
	"invalid_records":            {422, "Records refused", "One or more records of the batch are not valid. Nothing of the batch was stored."},
	"media_type":                 {415, "Unsupported media type", "Send application/json or application/x-ndjson, plain or with Content-Encoding gzip or zstd."},
	"body_too_large":             {413, "Body too large", "The body is over the limit, before or after decompression. Send smaller batches."},
	"bad_encoding":               {400, "Bad content encoding", "The body is not what its Content-Encoding says."},
	"too_many_records":           {413, "Too many records", "Send smaller batches."},
	"bad_parameter":              {400, "Bad query parameter", "A query parameter is unknown or its value can not be read."},
	guard.CodeNotApproved:        {422, "Version not approved", "The system is in strict mode, and the register does not have this version as approved for the environment."},
	"bad_query":                  {400, "Bad search query", "The search query can not be read. The detail names the column."},
	"changed":                    {412, "Changed meanwhile", "What is to be changed is not the version that If-Match or If-None-Match names."},
	"method":                     {405, "Method not allowed", "The resource does not have this method."},
	"host":                       {421, "Misdirected request", "The Host header names neither a loopback address nor a name that this server was given."},
	"cross_origin":               {403, "Cross-origin request", "A browser sent this for a page of another origin."},
}

// refusal is an error that knows its problem.
type refusal struct {
	code   string
	detail string
	hint   string
	faults []api.Fault
	count  int // of faults
	allow  string
	cause  error // for the log
}

func (e *refusal) Error() string {
	if e.cause != nil {
		return e.cause.Error()
	}
	return e.code + ": " + e.detail
}

func refused(code, hint, format string, args ...any) error {
	return &refusal{code: code, hint: hint, detail: fmt.Sprintf(format, args...)}
}

// noPurpose is the problem of who opens values and does not say why.
func noPurpose(detail string) error {
	return refused("purpose", "say why with the header "+headerPurpose+", for example "+headerPurpose+": complaint", "%s", detail)
}

// toProblem finds the problem document of an error. Causes that are not for
// the caller stay out of it.
func toProblem(err error) *api.Problem {
	if e, ok := errors.AsType[*refusal](err); ok {
		p := newProblem(e.code, e.detail, e.hint)
		p.Errors = e.faults
		if e.count > len(e.faults) {
			p.ErrorCount = e.count
		}
		return p
	}
	if e, ok := errors.AsType[*record.Error](err); ok {
		return recordProblem(e, "", 0)
	}
	if e, ok := errors.AsType[*ledger.Error](err); ok {
		detail := e.Message
		if e.Code == ledger.Internal {
			detail = ""
		}
		return newProblem(string(e.Code), detail, e.Hint)
	}
	if e, ok := errors.AsType[*access.Error](err); ok {
		detail := e.Message
		if e.Code == access.Invalid { // the cause says what is wrong with it
			detail = strings.ReplaceAll(e.Error(), "\n", "; ")
		}
		return newProblem(string(e.Code), detail, e.Hint)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return newProblem(string(ledger.Unavailable), "the request ended before its answer was ready", "send the same again; ids make that safe")
	}
	return newProblem(string(ledger.Internal), "", "")
}

func newProblem(code, detail, hint string) *api.Problem {
	k, ok := kinds[code]
	if !ok {
		code, k = string(ledger.Internal), kinds[string(ledger.Internal)]
	}
	return &api.Problem{Type: "/problems/" + code, Title: k.title, Status: k.status, Detail: detail, Code: code, Hint: hint}
}

// recordProblem describes the faults of one record; prefix is its place in the
// batch as a JSON Pointer.
func recordProblem(e *record.Error, prefix string, position int) *api.Problem {
	first := e.Problems[0]
	first.Pointer = record.VisiblePointer(first.Pointer)
	p := newProblem(first.Code, first.String(), first.Hint)
	p.Errors = faults(e, prefix, position)
	return p
}

func faults(e *record.Error, prefix string, position int) []api.Fault {
	out := make([]api.Fault, len(e.Problems))
	for i, f := range e.Problems {
		out[i] = api.Fault{Record: position, Pointer: prefix + record.VisiblePointer(f.Pointer), Code: f.Code, Detail: f.Detail, Hint: f.Hint}
	}
	return out
}

// refuse writes the problem document of err and logs what is ours to mend.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	p := toProblem(err)
	p.Instance = w.Header().Get("X-Request-Id")
	switch p.Status {
	case 401:
		w.Header().Set("WWW-Authenticate", `Bearer realm="counterfoil"`)
	case 429:
		w.Header().Set("Retry-After", "1")
	case 503, 507:
		w.Header().Set("Retry-After", "5")
	}
	if e, ok := errors.AsType[*access.Error](err); ok && e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	}
	if e, ok := errors.AsType[*refusal](err); ok && e.allow != "" {
		w.Header().Set("Allow", e.allow)
	}
	if p.Status >= 500 {
		s.cfg.Logger.Error("request failed", "request_id", p.Instance, "method", r.Method, "path", r.URL.Path, "code", p.Code, "error", err)
	}
	b, merr := json.Marshal(p)
	if merr != nil {
		b = []byte(`{"type":"/problems/internal","title":"Internal error","status":500,"code":"internal"}`)
	}
	w.Header().Set("Content-Type", api.ProblemType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	w.Write(append(b, '\n')) // the client may be gone: nobody is left to tell
}

// nothing answers what no route does: 405 where another method would do, 404
// otherwise.
func (s *Server) nothing(w http.ResponseWriter, r *http.Request) {
	var allow []string
	for _, m := range []string{"GET", "HEAD", "POST"} {
		probe := r.Clone(r.Context())
		probe.Method = m
		if _, pattern := s.mux.Handler(probe); pattern != "/" && pattern != "" {
			allow = append(allow, m)
		}
	}
	if len(allow) > 0 && !slices.Contains(allow, r.Method) {
		methods := strings.Join(allow, ", ")
		s.refuse(w, r, &refusal{code: "method", detail: r.Method + " is not for this path", hint: "use " + methods, allow: methods})
		return
	}
	s.refuse(w, r, refused(string(ledger.NotFound), "GET /openapi.json lists the routes", "nothing is served at %s", r.URL.Path))
}

// problem describes a problem type to a person.
func (s *Server) problem(w http.ResponseWriter, r *http.Request) error {
	k, ok := kinds[r.PathValue("code")]
	if !ok {
		return refused(string(ledger.NotFound), "one of: "+strings.Join(slices.Sorted(maps.Keys(kinds)), ", "), "there is no such problem type")
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err := fmt.Fprintf(w, "%s (%s)\n\n%s\n", k.title, strconv.Itoa(k.status), k.about)
	return ignoreGone(err)
}

// ignoreGone drops the error of writing to a client that is gone.
func ignoreGone(error) error { return nil }
