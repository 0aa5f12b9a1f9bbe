// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// The classes of database errors that a caller may branch on.
var (
	ErrExist       = errors.New("database exists")
	ErrNotExist    = errors.New("database does not exist")
	ErrFull        = errors.New("no space left for the database")
	ErrReadOnly    = errors.New("database is read-only")
	ErrIO          = errors.New("database input/output error")
	ErrUnavailable = errors.New("database is not reachable")
	ErrBusy        = errors.New("database is busy")
)

// TooNewError says that a newer version of the program wrote the database.
type TooNewError struct {
	Have, Know int // schema versions
}

func (e *TooNewError) Error() string {
	return fmt.Sprintf("database has schema version %d, this program knows %d", e.Have, e.Know)
}

// IsUnique reports whether err is a violated uniqueness constraint.
func IsUnique(err error) bool {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
	}
	return sqlState(err) == "23505"
}

// classify wraps err with its sentinel, if it has one and is not wrapped yet.
func classify(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	for _, s := range []error{ErrExist, ErrNotExist, ErrFull, ErrReadOnly, ErrIO, ErrUnavailable, ErrBusy} {
		if errors.Is(err, s) {
			return err
		}
	}
	if s := class(err); s != nil {
		return fmt.Errorf("%w: %w", s, err)
	}
	return err
}

func class(err error) error {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return classSQLite(e.Code() & 0xff)
	}
	if state := sqlState(err); state != "" {
		return classPostgres(state)
	}
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		return ErrFull
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		return ErrReadOnly
	case errors.Is(err, syscall.EIO):
		return ErrIO
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return ErrUnavailable
	}
	if _, ok := errors.AsType[net.Error](err); ok || strings.Contains(err.Error(), "conn closed") || strings.Contains(err.Error(), "unexpected EOF") {
		return ErrUnavailable
	}
	return nil
}

func classSQLite(code int) error {
	switch code {
	case sqlite3.SQLITE_FULL:
		return ErrFull
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		return ErrReadOnly
	case sqlite3.SQLITE_IOERR:
		return ErrIO
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return ErrBusy
	case sqlite3.SQLITE_CANTOPEN:
		return ErrUnavailable
	}
	return nil
}

func sqlState(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

func classPostgres(state string) error {
	switch {
	case state == "53100":
		return ErrFull
	case state == "25006":
		return ErrReadOnly
	case strings.HasPrefix(state, "58"):
		return ErrIO
	case state == "40001", state == "40P01", state == "55P03":
		return ErrBusy
	case strings.HasPrefix(state, "08"), strings.HasPrefix(state, "57P"), state == "53300":
		return ErrUnavailable
	}
	return nil
}
