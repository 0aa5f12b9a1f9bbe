// SPDX-License-Identifier: Apache-2.0

package record

import (
	"fmt"
	"strings"
)

// Codes of the problems that this package reports. They are stable: clients
// may branch on them, and the HTTP API turns each into a problem type.
const (
	CodeSyntax            = "syntax"
	CodeDuplicateMember   = "duplicate_member"
	CodeUnknownMember     = "unknown_member"
	CodeReservedMember    = "reserved_member"
	CodeMissingMember     = "missing_member"
	CodeInvalidUTF8       = "invalid_utf8"
	CodeNumberPrecision   = "number_precision"
	CodeTooDeep           = "too_deep"
	CodeRecordTooLarge    = "record_too_large"
	CodeStatementTooLarge = "statement_too_large"
	CodeWrongType         = "wrong_type"
	CodeBadValue          = "bad_value"
	CodeNotCanonical      = "not_canonical"
	CodeSealMismatch      = "seal_mismatch"
)

// maxProblems bounds how many faults of one document are listed.
const maxProblems = 16

// Problem is one fault of a document. Pointer is an RFC 6901 JSON Pointer into
// the document as it was received; the empty pointer is the whole document.
type Problem struct {
	Code    string `json:"code"`
	Pointer string `json:"pointer"`
	Detail  string `json:"detail"`
	Hint    string `json:"hint,omitempty"`
}

// String is the problem on one line, without the hint.
func (p Problem) String() string {
	if p.Pointer == "" {
		return p.Detail
	}
	return p.Pointer + ": " + p.Detail
}

// Error says why a document was refused. It holds at least one problem, and at
// most sixteen, in the order in which they stand in the canonical document.
type Error struct {
	Problems []Problem
}

// Error names every problem on one line.
func (e *Error) Error() string {
	all := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		all[i] = p.String()
	}
	return strings.Join(all, "; ")
}

// Hint is the first hint among the problems, or the empty string.
func (e *Error) Hint() string {
	for _, p := range e.Problems {
		if p.Hint != "" {
			return p.Hint
		}
	}
	return ""
}

func problem(code, pointer, hint, format string, args ...any) *Error {
	return &Error{Problems: []Problem{{Code: code, Pointer: pointer, Detail: fmt.Sprintf(format, args...), Hint: hint}}}
}

// VisiblePointer cuts a JSON Pointer into a record where it goes into a private
// value: the names of members in there may be anybody's data, and an error text
// that is passed on is not the place for it.
func VisiblePointer(pointer string) string {
	var at []*field
	for _, f := range defaultRules.types {
		at = append(at, f)
	}
	for i := 0; i < len(pointer); {
		end := i + 1 + strings.IndexByte(pointer[i+1:]+"/", '/')
		var next []*field
		for _, f := range at {
			switch m := f.byName[pointer[i+1:end]]; {
			case f.kind == KindList:
				next = append(next, f.elem)
			case m != nil && m.private:
				return pointer[:end]
			case m != nil:
				next = append(next, m)
			}
		}
		if i = end; len(next) == 0 {
			return pointer[:end] // no member of the table: an extension, or unknown
		}
		at = next
	}
	return pointer
}
