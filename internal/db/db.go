// SPDX-License-Identifier: Apache-2.0

// Package db opens, migrates and transacts the two databases that a ledger may
// live in: SQLite (embedded, one file a ledger) and PostgreSQL 15 or newer (one
// schema a ledger). It knows no tables but its own schema_migrations.
//
//	Create / Open ─▶ DB ─ Migrate          numbered SQL files, forward only
//	                    ├ Write(fn(Tx))    one durable transaction, all or nothing
//	                    ├ Read(fn(Tx))     one consistent snapshot
//	                    └ Checkpoint       folds SQLite's write-ahead log back
//
// # Invariants
//
//   - When Write returns nil the transaction is on stable storage: SQLite runs
//     with synchronous=FULL, and a PostgreSQL session whose synchronous_commit
//     is off is switched on.
//   - When Write returns an error nothing of the transaction is visible, with
//     one exception that no database can avoid: when the answer to COMMIT is
//     lost (ErrUnavailable, ErrIO), the transaction may have been persisted. The
//     caller must look before it assumes either.
//   - A transaction in which a statement failed is never committed, on either
//     database, even if its function returns nil.
//   - SQLite has one writer connection. It survives a transaction that failed
//     on a full or broken disk: it rolls back, and the next Write starts afresh.
//   - Opening never creates. Creating never touches what exists.
//
// # Trust
//
// The database and its administrator are not trusted with the truth of what it
// holds: that is what the log's proofs are for. They are trusted to keep it.
//
// What this package does not do: it retries nothing, builds no queries, maps no
// rows, and never decides what an error means to a user; it only sorts errors
// into kinds (see [ErrFull] and its neighbours).
package db

import (
	"context"
	"fmt"
	"io/fs"
)

// DB is an open database. Its methods are safe for concurrent use. Close it.
type DB struct {
	cfg    Config
	engine engine
}

// engine is what differs between the databases: where connections come from,
// and how a transaction starts and ends on one.
type engine interface {
	// acquire waits for a connection, and begins a transaction on it.
	acquire(ctx context.Context, write bool) (*session, error)
	// commit makes the session's transaction durable. It does not watch ctx.
	commit(ctx context.Context, s *session) error
	// release rolls back what is not committed, and returns the connection. A
	// connection that can not be cleaned is replaced.
	release(s *session)
	// housekeeping is the rest.
	housekeeping
}

type housekeeping interface {
	script(ctx context.Context, s *session, sql string) error
	insert(ctx context.Context, s *session, table string, cols []string, rows [][]any) error
	checkpoint(ctx context.Context) error
	purge(ctx context.Context, keys []string) error
	size(ctx context.Context) (int64, error)
	close() error
}

// Create makes a new, empty database (SQLite: the file, 0600; PostgreSQL: the
// schema) and opens it. It refuses one that exists with [ErrExist]. An empty
// file, and an empty schema that an administrator prepared, do not count as
// existing. A creation that was interrupted can be repeated.
func Create(ctx context.Context, cfg Config) (*DB, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("create database: %w", err)
	}
	if cfg.ReadOnly {
		return nil, fmt.Errorf("create database: %w: ReadOnly is set", ErrReadOnly)
	}
	if err := create(ctx, cfg); err != nil {
		return nil, fmt.Errorf("create database %s: %w", cfg.name(), classify(ctx, err))
	}
	return Open(ctx, cfg)
}

func create(ctx context.Context, cfg Config) error {
	if cfg.dialect == SQLite {
		return createSQLite(ctx, cfg)
	}
	return createPostgres(ctx, cfg)
}

// Open opens an existing database. It never creates one: [ErrNotExist].
func Open(ctx context.Context, cfg Config) (*DB, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	var e engine
	var err error
	if cfg.dialect == SQLite {
		e, err = openSQLite(ctx, cfg)
	} else {
		e, err = openPostgres(ctx, cfg)
	}
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", cfg.name(), classify(ctx, err))
	}
	return &DB{cfg: cfg, engine: e}, nil
}

// Dialect says which database it is.
func (d *DB) Dialect() Dialect { return d.cfg.dialect }

// ReadOnly says whether the database was opened for reading only.
func (d *DB) ReadOnly() bool { return d.cfg.ReadOnly }

// Checkpoint folds SQLite's write-ahead log back into the database file; it
// does nothing when there is little to fold, and nothing on PostgreSQL. The
// caller's background goroutine should call it after commits: no commit waits
// for the folding itself, only, when the log has grown large, for the short
// rest of it, so that the log can start again from its beginning.
func (d *DB) Checkpoint(ctx context.Context) error {
	if d.cfg.ReadOnly {
		return nil
	}
	if err := d.engine.checkpoint(ctx); err != nil {
		return fmt.Errorf("checkpoint database: %w", classify(ctx, err))
	}
	return nil
}

// Purge makes what was deleted unrecoverable from the files of the database, as
// far as it can. SQLite: deleted content is overwritten as it is deleted; here
// the write-ahead log is folded back and cut to nothing, for which it waits for
// readers. PostgreSQL: the named tables, which hold wrapped keys, are written
// anew (VACUUM FULL), so that no dead row of theirs is left in a file; its own
// write-ahead log and archives are beyond this program.
func (d *DB) Purge(ctx context.Context, keys ...string) error {
	if d.cfg.ReadOnly {
		return fmt.Errorf("purge database: %w", ErrReadOnly)
	}
	if err := d.engine.purge(ctx, keys); err != nil {
		return fmt.Errorf("purge database: %w", classify(ctx, err))
	}
	return nil
}

// Size is how many bytes the database occupies: SQLite: the file and its
// write-ahead log; PostgreSQL: the schema's tables with indexes and TOAST.
func (d *DB) Size(ctx context.Context) (int64, error) {
	n, err := d.engine.size(ctx)
	if err != nil {
		return 0, fmt.Errorf("measure database: %w", classify(ctx, err))
	}
	return n, nil
}

// Close waits for running transactions and closes all connections. SQLite's
// write-ahead log is folded back. Transactions that start later fail.
func (d *DB) Close() error {
	if err := d.engine.close(); err != nil {
		return fmt.Errorf("close database: %w", classify(context.Background(), err))
	}
	return nil
}

// Migrate brings the schema to the newest version in fsys, whose root holds
// files named NNNN_name.sql, numbered from 0001 without gaps. {int} and {bytes}
// in them become the types of the dialect. Each file is applied in a
// transaction of its own and recorded with its SHA-256. Several processes may
// call Migrate at once. It refuses, changing nothing, a database that is newer
// than the files ([*TooNewError]) or that was built from other text than theirs
// ([*ChangedError]). On a read-only database it only checks; one that is older
// than the files is refused with [ErrReadOnly].
func (d *DB) Migrate(ctx context.Context, fsys fs.FS) error {
	if err := d.migrate(ctx, fsys); err != nil {
		return fmt.Errorf("migrate database: %w", err)
	}
	return nil
}
