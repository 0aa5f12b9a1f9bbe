// SPDX-License-Identifier: Apache-2.0

// Package db opens, migrates and transacts SQLite and PostgreSQL behind one
// concrete type. It knows dialects, not tables.
//
// A caller writes its SQL once, with ? placeholders, in the common part of both
// dialects, and runs it in a transaction:
//
//	Write ─ SQLite: BEGIN IMMEDIATE on the one writer connection
//	        PostgreSQL: READ COMMITTED on a pooled connection
//	Read  ─ one consistent snapshot, beside the writer
//
// # Invariants
//
//   - When Write returns nil, the transaction is durable: SQLite runs in WAL
//     mode with synchronous=FULL, PostgreSQL with its own fsync.
//   - When Write returns an error, nothing of the transaction is visible, with
//     one exception that every caller must expect: a commit whose answer was
//     lost may have been persisted.
//   - A failed transaction leaves the connection usable.
//
// Errors are classified into sentinels (ErrFull, ErrReadOnly, ErrIO,
// ErrUnavailable, ErrBusy) that callers test with errors.Is.
//
// What it does not do: no query building, no row mapping, no locks of its own.
package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
)

// Dialect is which database is behind a [DB].
type Dialect string

// The dialects.
const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
)

// pageSize of a new SQLite file, in bytes: rows of 1 to 2 KB waste half of a
// 4 KB page, and a 16 KB page makes every small index update write 16 KB.
const pageSize = 8192

// Config says which database to open.
type Config struct {
	// URL is "sqlite:/path/to/file.db" or "postgres://…". Required.
	URL string
	// Schema is the PostgreSQL schema that holds the tables. Required there,
	// ignored by SQLite.
	Schema string
	// ReadOnly opens for reading only, beside a writer in another process.
	ReadOnly bool
	// MaxConns is how many connections read at once. Default: 8.
	MaxConns int
	// CacheMiB bounds the page cache of the SQLite writer. Default: 64.
	CacheMiB int
	// Hook is a fault seam for tests: it is called before each step ("begin",
	// "exec", "insert", "commit") and after a commit ("committed"); its error
	// is returned as if the database had failed there. Default: none.
	Hook func(step string) error
}

// DB is one open database. It is safe for concurrent use.
type DB struct {
	cfg     Config
	dialect Dialect
	path    string // SQLite only
	read    *sql.DB
	write   *sql.DB // nil if ReadOnly

	stmtMu sync.Mutex // guards bound
	bound  map[string]string
}

var schemaName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)

func (c *Config) validate() (Dialect, error) {
	if c.MaxConns <= 0 {
		c.MaxConns = 8
	}
	if c.CacheMiB <= 0 {
		c.CacheMiB = 64
	}
	switch {
	case strings.HasPrefix(c.URL, "sqlite:") && len(c.URL) > len("sqlite:"):
		return SQLite, nil
	case strings.HasPrefix(c.URL, "postgres://"), strings.HasPrefix(c.URL, "postgresql://"):
		if !schemaName.MatchString(c.Schema) {
			return "", fmt.Errorf("schema %q: use lower-case letters, digits and _", c.Schema)
		}
		return Postgres, nil
	}
	return "", errors.New("URL must be sqlite:/path or postgres://…")
}

// Create makes a new, empty database and opens it. It wraps [ErrExist] if the
// file, or the schema, is there already.
func Create(ctx context.Context, cfg Config) (*DB, error) {
	dialect, err := cfg.validate()
	if err != nil {
		return nil, fmt.Errorf("create database: %w", err)
	}
	if dialect == Postgres {
		if err := createSchema(ctx, cfg); err != nil {
			return nil, fmt.Errorf("create schema %s: %w", cfg.Schema, classify(err))
		}
		return open(ctx, cfg, dialect)
	}
	path := strings.TrimPrefix(cfg.URL, "sqlite:")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("create database: %w", classify(err))
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("create database %s: %w", path, ErrExist)
	}
	if err != nil {
		return nil, fmt.Errorf("create database: %w", classify(err))
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("create database: %w", classify(err))
	}
	return open(ctx, cfg, dialect)
}

// Open opens an existing database and never creates one: it wraps
// [ErrNotExist].
func Open(ctx context.Context, cfg Config) (*DB, error) {
	dialect, err := cfg.validate()
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if dialect == SQLite {
		path := strings.TrimPrefix(cfg.URL, "sqlite:")
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("open database %s: %w", path, ErrNotExist)
		}
	}
	d, err := open(ctx, cfg, dialect)
	if err != nil {
		return nil, err
	}
	if dialect == Postgres {
		if err := d.schemaExists(ctx); err != nil {
			return nil, errors.Join(err, d.Close())
		}
	}
	return d, nil
}

func open(ctx context.Context, cfg Config, dialect Dialect) (*DB, error) {
	d := &DB{cfg: cfg, dialect: dialect, bound: map[string]string{}}
	var err error
	if dialect == SQLite {
		err = d.openSQLite()
	} else {
		err = d.openPostgres()
	}
	if err == nil {
		err = d.read.PingContext(ctx)
	}
	if err == nil && d.write != nil {
		err = d.write.PingContext(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("open database: %w", errors.Join(classify(err), d.Close()))
	}
	return d, nil
}

func (d *DB) openSQLite() error {
	d.path = strings.TrimPrefix(d.cfg.URL, "sqlite:")
	dsn := func(extra ...string) string {
		q := url.Values{"_pragma": append([]string{"busy_timeout(10000)", "temp_store(MEMORY)", "foreign_keys(1)"}, extra...)}
		return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: d.path}).EscapedPath(), RawQuery: q.Encode()}).String()
	}
	var err error
	if !d.cfg.ReadOnly {
		// The order counts: the page size is fixed by the first write, which is
		// the switch to WAL. secure_delete=FAST overwrites deleted content where
		// that costs no extra page.
		d.write, err = sql.Open("sqlite", dsn(fmt.Sprintf("page_size(%d)", pageSize), "journal_mode(WAL)", "synchronous(FULL)",
			"wal_autocheckpoint(0)", "secure_delete(FAST)", fmt.Sprintf("cache_size(-%d)", d.cfg.CacheMiB*1024))+"&_txlock=immediate")
		if err != nil {
			return err
		}
		d.write.SetMaxOpenConns(1)
		d.write.SetConnMaxLifetime(0)
		if err := d.write.Ping(); err != nil { // makes the file a WAL database before a reader comes
			return err
		}
	}
	d.read, err = sql.Open("sqlite", dsn("query_only(1)", "cache_size(-4096)"))
	if err != nil {
		return err
	}
	d.read.SetMaxOpenConns(d.cfg.MaxConns)
	d.read.SetMaxIdleConns(d.cfg.MaxConns)
	return nil
}

// Close closes every connection.
func (d *DB) Close() error {
	var errs []error
	for _, pool := range []*sql.DB{d.read, d.write} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(errs...)
}

// Dialect says which database this is.
func (d *DB) Dialect() Dialect { return d.dialect }

// Size is how many bytes the database takes on disk.
func (d *DB) Size(ctx context.Context) (int64, error) {
	var n int64
	if d.dialect == Postgres {
		err := d.read.QueryRowContext(ctx, `SELECT COALESCE(SUM(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c
			JOIN pg_namespace s ON s.oid = c.relnamespace WHERE s.nspname = $1 AND c.relkind = 'r'`, d.cfg.Schema).Scan(&n)
		return n, classify(err)
	}
	for _, suffix := range []string{"", "-wal"} {
		info, err := os.Stat(d.path + suffix)
		if err == nil {
			n += info.Size()
		} else if !errors.Is(err, os.ErrNotExist) {
			return 0, classify(err)
		}
	}
	return n, nil
}

// Checkpoint folds SQLite's write-ahead log back into the file, as far as that
// goes without waiting for anybody. PostgreSQL looks after itself.
func (d *DB) Checkpoint(ctx context.Context) error {
	if d.dialect == Postgres || d.write == nil {
		return nil
	}
	_, err := d.read.ExecContext(ctx, `PRAGMA wal_checkpoint(PASSIVE)`)
	return classify(err)
}

// WALSize is how many bytes SQLite's write-ahead log takes.
func (d *DB) WALSize() int64 {
	info, err := os.Stat(d.path + "-wal")
	if d.dialect == Postgres || err != nil {
		return 0
	}
	return info.Size()
}

func (d *DB) hook(step string) error {
	if d.cfg.Hook == nil {
		return nil
	}
	return d.cfg.Hook(step)
}
