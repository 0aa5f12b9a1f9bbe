// SPDX-License-Identifier: Apache-2.0

package access

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Code is the stable kind of an [Error].
type Code string

// The kinds of errors a caller may branch on.
const (
	Unauthenticated Code = "unauthenticated" // no credential, or one that is not known
	Forbidden       Code = "forbidden"       // known, but may not
	Throttled       Code = "throttled"       // too many attempts: wait
	Invalid         Code = "invalid"         // the request can not be right
	Conflict        Code = "conflict"        // roles that exclude each other, a name that is taken
	NotFound        Code = "not_found"       // no such grant, key or session
	Unavailable     Code = "unavailable"     // the database, or an identity provider, does not answer
)

// Error is what this package reports: a stable code, a message for the user,
// perhaps a hint, and the cause. No part of it holds a credential.
type Error struct {
	Code    Code
	Message string
	Hint    string
	Cause   error
	// RetryAfter is how long to wait at least; of [Throttled] only.
	RetryAfter time.Duration
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

func fault(code Code, hint, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Hint: hint}
}

// storage gives an error of the database its code. Errors that have one, and
// those of the caller's context, pass through.
func storage(verb string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	return &Error{Code: Unavailable, Message: verb, Hint: "try again", Cause: err}
}
