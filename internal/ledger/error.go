// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/counterfoil/counterfoil/internal/db"
)

// Code is the stable kind of an [Error].
type Code string

// The kinds of errors a caller may branch on.
const (
	Conflict    Code = "conflict"     // the id is taken by a record with other content
	Busy        Code = "busy"         // the queue is full: try again after a moment
	Unavailable Code = "unavailable"  // the database does not answer: try again
	Full        Code = "full"         // no space left
	Held        Code = "held"         // a legal hold forbids it
	Forbidden   Code = "forbidden"    // the actor may not
	NotFound    Code = "not_found"    // no such record, ledger or tile
	Closed      Code = "closed"       // the ledger is stopping
	Locked      Code = "locked"       // another process writes this ledger
	NewerSchema Code = "newer_schema" // written by a newer version of this program
	Invalid     Code = "invalid"      // the request can not be right
	Internal    Code = "internal"     // everything else; the cause is for the operator
)

// Error is what this package reports: a stable code, a message for the user,
// perhaps a hint, and the cause.
type Error struct {
	Code    Code
	Message string
	Hint    string
	Cause   error
}

// Error is the message with its cause.
func (e *Error) Error() string {
	if e.Cause == nil {
		return e.Message
	}
	return e.Message + ": " + e.Cause.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// RecordError says which record of a batch, counted from 0, is the reason for
// refusing all of it.
type RecordError struct {
	Record int
	Err    error
}

// Error is that of the reason: the position is for programs.
func (e *RecordError) Error() string { return e.Err.Error() }

// Unwrap returns the reason.
func (e *RecordError) Unwrap() error { return e.Err }

func fault(code Code, hint, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Hint: hint}
}

// Storage gives a database error of another room its code, as this room does
// with its own; verb says what was being done.
func Storage(verb string, err error) error { return storage(verb, err) }

// storage gives a database error its code. Errors that have one, and those of
// the caller's context, pass through.
func storage(verb string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*Error](err); ok || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	e := &Error{Code: Internal, Message: verb, Cause: err}
	switch {
	case errors.Is(err, db.ErrFull):
		e.Code, e.Hint = Full, "free some space; nothing was half written and the ledger goes on by itself"
	case errors.Is(err, db.ErrReadOnly), errors.Is(err, db.ErrIO), errors.Is(err, db.ErrUnavailable), errors.Is(err, db.ErrBusy):
		e.Code, e.Hint = Unavailable, "try again; the same record may be sent again safely"
	}
	return e
}
