// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
)

// The kinds of errors that a caller may branch on with errors.Is. An error that
// comes out of this package is of at most one kind.
var (
	ErrNotExist    = errors.New("database does not exist")
	ErrExist       = errors.New("database exists already")
	ErrFull        = errors.New("storage is full")
	ErrReadOnly    = errors.New("database can not be written")
	ErrIO          = errors.New("storage failed")
	ErrUnavailable = errors.New("database is not available")
	ErrBusy        = errors.New("database is busy")
	ErrCorrupt     = errors.New("database is damaged")
)

var kinds = []error{ErrNotExist, ErrExist, ErrFull, ErrReadOnly, ErrIO, ErrUnavailable, ErrBusy, ErrCorrupt}

// kindError gives an error its kind.
type kindError struct {
	kind  error
	cause error
}

func (e *kindError) Error() string   { return e.kind.Error() + ": " + e.cause.Error() }
func (e *kindError) Unwrap() []error { return []error{e.kind, e.cause} }

// hiddenError keeps the text of an error and nothing else, so that a time limit
// of ours is not taken for the caller's.
type hiddenError string

func (e hiddenError) Error() string { return string(e) }

// classify gives err its kind, unless it has one or is none of ours. An error
// because the caller's own context ended stays what it is.
func classify(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if cause := ctx.Err(); cause != nil {
		if errors.Is(err, cause) {
			return err
		}
		if interrupted(err) {
			return fmt.Errorf("%w (%w)", cause, err)
		}
	}
	for _, kind := range kinds {
		if errors.Is(err, kind) {
			return err
		}
	}
	kind := kindOf(err)
	if kind == nil {
		return err
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		err = hiddenError(err.Error())
	}
	return &kindError{kind, err}
}

func kindOf(err error) error {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return kindOfSQLite(e.Code())
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return kindOfPostgres(e.Code)
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return ErrUnavailable
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return ErrUnavailable
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return kindOfErrno(errno)
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() { // context.DeadlineExceeded is one
		return ErrUnavailable
	}
	if errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, errClosed) || pgconn.SafeToRetry(err) {
		return ErrUnavailable
	}
	return nil
}

func kindOfErrno(errno syscall.Errno) error {
	switch errno {
	case syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG:
		return ErrFull
	case syscall.EROFS:
		return ErrReadOnly
	case syscall.EIO:
		return ErrIO
	case syscall.EMFILE, syscall.ENFILE, syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EPIPE, syscall.ETIMEDOUT:
		return ErrUnavailable
	}
	return nil
}

// SQLite's primary result codes are the low byte of the extended ones.
func kindOfSQLite(code int) error {
	switch code & 0xff {
	case 13: // FULL
		return ErrFull
	case 8: // READONLY
		return ErrReadOnly
	case 10: // IOERR
		return ErrIO
	case 5, 6, 15: // BUSY, LOCKED, PROTOCOL
		return ErrBusy
	case 14: // CANTOPEN
		return ErrUnavailable
	case 11, 26: // CORRUPT, NOTADB
		return ErrCorrupt
	}
	return nil
}

func kindOfPostgres(code string) error {
	switch code {
	case "53100": // disk_full
		return ErrFull
	case "25006": // read_only_sql_transaction
		return ErrReadOnly
	case "58030", "58P01": // io_error, undefined_file
		return ErrIO
	case "40001", "40P01", "55P03": // serialization_failure, deadlock_detected, lock_not_available
		return ErrBusy
	case "25P03", "25P04", "57014": // ended by a server's time limit
		return ErrUnavailable
	case "XX001", "XX002": // data_corrupted, index_corrupted
		return ErrCorrupt
	}
	// connection_exception, insufficient_resources, operator_intervention
	if strings.HasPrefix(code, "08") || strings.HasPrefix(code, "53") || strings.HasPrefix(code, "57P") {
		return ErrUnavailable
	}
	return nil
}

// interrupted says whether a database stopped a statement because it was told to.
func interrupted(err error) bool {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code()&0xff == 9 // INTERRUPT
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code == "57014" // query_canceled
	}
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// IsUnique says whether err is that a row with this key is there already.
func IsUnique(err error) bool {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		switch e.Code() {
		case 1555, 2067, 2579: // CONSTRAINT_PRIMARYKEY, _UNIQUE, _ROWID
			return true
		}
	}
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.Code == "23505" // unique_violation
}

// TooNewError is that the database was migrated by a newer program.
type TooNewError struct {
	Have int // version of the database
	Know int // newest version that this program knows
}

func (e *TooNewError) Error() string {
	return fmt.Sprintf("database has schema version %d, this program knows %d", e.Have, e.Know)
}

// ChangedError is that a migration that was applied is not the one at hand.
type ChangedError struct {
	Version int
	Name    string // of the file at hand
}

func (e *ChangedError) Error() string {
	return fmt.Sprintf("migration %s is not the one that was applied as version %d", e.Name, e.Version)
}
