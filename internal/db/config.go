// SPDX-License-Identifier: Apache-2.0

package db

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
)

// defaultConns is the default of Config.MaxConns.
const defaultConns = 8

// Config says which database, and how to use it.
type Config struct {
	// URL is "sqlite:/path/file.db" or "postgres://user@host/database?…".
	// Required. PostgreSQL needs a real session: a pooler in transaction mode
	// will not do.
	URL string
	// Schema is the PostgreSQL schema that holds this ledger's tables; it
	// becomes the search_path. Required there, ignored by SQLite.
	Schema string
	// ReadOnly opens for reading only; Write fails with [ErrReadOnly]. It works
	// beside a writer in another process, and on a disk that can not be written.
	ReadOnly bool
	// MaxConns bounds the connections: SQLite: readers, beside the one writer;
	// PostgreSQL: all. Default: 8.
	MaxConns int
	// Hook is the seam through which tests inject faults. Default: nil, none.
	Hook func(Op) error
	// VFS names SQLite's way to its files; the disk of dbtest that fails on
	// demand is one. Default: the system's. Ignored by PostgreSQL.
	VFS string

	dialect Dialect
	path    string // SQLite: absolute
}

// Op is a point in a transaction at which [Config.Hook] is called. An error
// that the hook returns takes the place of the step's result: before the step,
// nothing of it happens; after it, it has happened and is reported as failed.
type Op struct {
	// Step is "begin", "exec" (any statement without an answer), "query",
	// "insert" or "commit".
	Step string
	// After is true when the step is done, successfully.
	After bool
	// Write is true in a [DB.Write], false in a [DB.Read].
	Write bool
	// Text is the statement, or the table of an insert.
	Text string
}

// String is for example "before commit".
func (o Op) String() string {
	if o.After {
		return "after " + o.Step
	}
	return "before " + o.Step
}

func (c *Config) validate() error {
	var errs []error
	scheme, rest, _ := strings.Cut(c.URL, ":")
	switch scheme {
	case "sqlite":
		c.dialect = SQLite
		if rest == "" {
			errs = append(errs, errors.New("URL names no file"))
			break
		}
		path, err := filepath.Abs(rest)
		if err != nil {
			errs = append(errs, fmt.Errorf("URL: %w", err))
		}
		c.path = path
	case "postgres", "postgresql":
		c.dialect = Postgres
		if c.Schema == "" || len(c.Schema) > 63 || strings.ContainsRune(c.Schema, 0) {
			errs = append(errs, fmt.Errorf("Schema %q is not a name of 1 to 63 bytes", c.Schema))
		}
	default:
		errs = append(errs, errors.New("URL must start with sqlite: or postgres:"))
	}
	if c.MaxConns < 0 {
		errs = append(errs, errors.New("MaxConns must not be negative"))
	}
	if c.MaxConns == 0 {
		c.MaxConns = defaultConns
	}
	return errors.Join(errs...)
}

// name is the database for messages, without a password.
func (c *Config) name() string {
	if c.dialect == SQLite {
		return c.path
	}
	u, err := url.Parse(c.URL)
	if err != nil {
		return "schema " + c.Schema
	}
	return u.Host + u.Path + " schema " + c.Schema
}

func (c *Config) hook(step string, after, write bool, text string) error {
	if c.Hook == nil {
		return nil
	}
	return c.Hook(Op{Step: step, After: after, Write: write, Text: text})
}
