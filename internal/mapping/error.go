// SPDX-License-Identifier: Apache-2.0

package mapping

import (
	"fmt"
	"strings"
)

// Error says what is wrong with a mapping file, or with an input line under it.
type Error struct {
	// File is the mapping file; Line and Column are the place in it, from 1, or
	// 0 when there is none.
	File         string
	Line, Column int
	// Input is the number of the input line, from 1, or 0 while loading.
	Input int
	// Rule is the name of the rule, Field the JSON Pointer of the record's
	// member, Path the JSONPath, each where it applies.
	Rule, Field, Path string
	// Message says what is wrong.
	Message string
	// Advice says what to do about it; it may be empty.
	Advice string
	// Cause is the error beneath, if any.
	Cause error
}

// Error is everything on one line, without the advice.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", e.Line, e.Column)
	}
	if e.Input > 0 {
		fmt.Fprintf(&b, ": input line %d", e.Input)
	}
	if e.Rule != "" {
		fmt.Fprintf(&b, ": rule %q", e.Rule)
	}
	if e.Field != "" {
		b.WriteString(": field " + e.Field)
	}
	if e.Path != "" {
		b.WriteString(": " + e.Path)
	}
	b.WriteString(": " + e.Message)
	return b.String()
}

// Hint is the advice, for the line that follows the error in a terminal.
func (e *Error) Hint() string { return e.Advice }

// Unwrap returns the error beneath.
func (e *Error) Unwrap() error { return e.Cause }

// spot is a place in the mapping file.
type spot struct{ line, column int }

func (s spot) errorf(advice, format string, args ...any) *Error {
	return &Error{Line: s.line, Column: s.column, Message: fmt.Sprintf(format, args...), Advice: advice}
}
