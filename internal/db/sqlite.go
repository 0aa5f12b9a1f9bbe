// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
)

// Settings of SQLite. The measurements are in docs/performance.md and can be
// repeated with the benchmarks of this package.
const (
	pageSize    = 8192     // bytes; fixed when a file is created
	writerCache = 48 << 10 // KiB
	readerCache = 4 << 10  // KiB, for each reader
	busyMillis  = 10000    // how long to wait for another process's lock
	foldBytes   = 8 << 20  // fold the log back when so much of it is not
	startBytes  = 64 << 20 // make the log start over when it is as large as this
)

// sqliteEngine has one connection that writes, some that read, and one that
// folds the log back.
type sqliteEngine struct {
	path     string
	readOnly bool
	writes   *sql.DB
	reads    *sql.DB
	folds    *sql.DB
	writer   *pool // of one
	readers  *pool

	foldMu    sync.Mutex // held while the log is folded back
	startOver int64      // log size at which to make it start over; guarded by foldMu
}

var _ engine = (*sqliteEngine)(nil)

// dsn is the data source name for a connection with these pragmas.
func dsn(cfg Config, mode string, pragmas ...string) string {
	q := url.Values{"mode": {mode}, "_dqs": {"0"}, "_error_rc": {"1"}}
	if mode == "immutable" {
		q.Set("mode", "ro")
		q.Set("immutable", "1")
	}
	if cfg.VFS != "" {
		q.Set("vfs", cfg.VFS)
	}
	q["_pragma"] = pragmas
	return (&url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(cfg.path), RawQuery: q.Encode()}).String()
}

// common are the pragmas of every connection. Deleted content is overwritten
// (secure_delete), because erasing is one of the product's promises and deletes
// are so rare that it costs nothing. No memory map: an I/O error on a mapped
// page kills the process instead of failing a statement.
func common(cache int) []string {
	return []string{
		fmt.Sprintf("busy_timeout(%d)", busyMillis), "foreign_keys(1)", "synchronous(FULL)", "secure_delete(1)", "mmap_size(0)",
		"temp_store(MEMORY)", "trusted_schema(0)", "wal_autocheckpoint(0)", fmt.Sprintf("cache_size(-%d)", cache),
	}
}

const createMigrations = `CREATE TABLE schema_migrations (
  version {int} PRIMARY KEY,
  name    TEXT NOT NULL,
  sha256  {bytes} NOT NULL
)`

// createSQLite makes the file. Its first committed content is the table of
// migrations: a file without content is one whose creation was interrupted.
func createSQLite(ctx context.Context, cfg Config) error {
	if info, err := os.Stat(cfg.path); err == nil && info.Size() > 0 {
		return ErrExist
	}
	dir := filepath.Dir(cfg.path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(cfg.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	pool, err := sql.Open("sqlite", dsn(cfg, "rw", append(common(1024), fmt.Sprintf("page_size(%d)", pageSize))...))
	if err != nil {
		return err
	}
	defer pool.Close()
	pool.SetMaxOpenConns(1)
	if _, err := pool.ExecContext(ctx, SQLite.types().Replace(createMigrations)); err != nil {
		if strings.Contains(err.Error(), "already exists") {
			return ErrExist // another process was faster
		}
		return err
	}
	var mode string
	if err := pool.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("file system has no shared memory for SQLite's log: journal mode is %q", mode)
	}
	if err := pool.Close(); err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // has no such thing
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func openSQLite(ctx context.Context, cfg Config) (*sqliteEngine, error) {
	info, err := os.Stat(cfg.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ErrNotExist
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("not a file")
	case info.Size() == 0:
		return nil, fmt.Errorf("%w: the file is empty", ErrNotExist)
	}
	if !cfg.ReadOnly {
		return connectSQLite(ctx, cfg, "rw")
	}
	e, err := connectSQLite(ctx, cfg, "ro")
	if err == nil {
		return e, nil
	}
	// A folder that can not be written has no place for the shared memory of
	// the log. Without a log the file is all there is, and nobody changes it.
	kind := classify(ctx, err)
	if !errors.Is(kind, ErrUnavailable) && !errors.Is(kind, ErrReadOnly) {
		return nil, err
	}
	if info, statErr := os.Stat(cfg.path + "-wal"); statErr == nil && info.Size() > 0 {
		return nil, err
	}
	return connectSQLite(ctx, cfg, "immutable")
}

func connectSQLite(ctx context.Context, cfg Config, mode string) (*sqliteEngine, error) {
	e := &sqliteEngine{path: cfg.path, readOnly: cfg.ReadOnly, startOver: startBytes}
	writing := append(common(writerCache), fmt.Sprintf("journal_size_limit(%d)", startBytes))
	folding := append(common(64), "busy_timeout(100)")
	reading := append(common(readerCache), "query_only(1)")
	for _, open := range []struct {
		db      **sql.DB
		mode    string
		pragmas []string
	}{{&e.writes, mode, writing}, {&e.folds, mode, folding}, {&e.reads, mode, reading}} {
		db, err := sql.Open("sqlite", dsn(cfg, open.mode, open.pragmas...))
		if err != nil {
			return nil, err
		}
		db.SetMaxIdleConns(cfg.MaxConns)
		*open.db = db
	}
	e.writer = newPool(1, func() *session { return &session{write: true, steady: true, text: same} })
	e.readers = newPool(cfg.MaxConns, func() *session { return &session{steady: true, text: same} })
	if err := e.check(ctx); err != nil {
		return nil, errors.Join(err, e.close())
	}
	return e, nil
}

func same(s string) string { return s }

// check reads the file once: that it is a database, and one of ours.
func (e *sqliteEngine) check(ctx context.Context) error {
	s, err := e.acquire(ctx, false)
	if err != nil {
		return err
	}
	defer e.release(s)
	var n int
	if err := s.conn.QueryRowContext(ctx, `SELECT COUNT(*) FROM sqlite_master WHERE name = 'schema_migrations'`).Scan(&n); err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("%w: the file is a database, but not one of ours", ErrNotExist)
	}
	return nil
}

func (e *sqliteEngine) acquire(ctx context.Context, write bool) (*session, error) {
	from, db, begin := e.readers, e.reads, "BEGIN"
	if write {
		from, db, begin = e.writer, e.writes, "BEGIN IMMEDIATE"
	}
	s, err := from.get(ctx)
	if err != nil {
		return nil, err
	}
	if s.conn == nil {
		if s.conn, err = db.Conn(ctx); err != nil {
			s.conn = nil
			e.release(s)
			return nil, err
		}
	}
	s.begun = true // even if BEGIN reports an error: it may have been interrupted too late
	if _, err := s.conn.ExecContext(ctx, begin); err != nil {
		e.release(s)
		return nil, err
	}
	return s, nil
}

func (e *sqliteEngine) commit(ctx context.Context, s *session) error {
	if _, err := s.exec(ctx, "COMMIT", nil); err != nil {
		return err
	}
	s.begun = false
	return nil
}

func (e *sqliteEngine) release(s *session) {
	if s.begun {
		_, err := s.conn.ExecContext(context.Background(), "ROLLBACK")
		// After a full disk or an I/O error SQLite may have rolled back already.
		if err != nil && !strings.Contains(err.Error(), "no transaction is active") {
			s.discard()
		}
		s.begun = false
	}
	if s.write {
		e.writer.put(s)
	} else {
		e.readers.put(s)
	}
}

func (e *sqliteEngine) script(ctx context.Context, s *session, text string) error {
	_, err := s.conn.ExecContext(ctx, text)
	return err
}

func (e *sqliteEngine) size(context.Context) (int64, error) {
	info, err := os.Stat(e.path)
	if err != nil {
		return 0, err
	}
	n := info.Size()
	if info, err := os.Stat(e.path + "-wal"); err == nil {
		n += info.Size()
	}
	return n, nil
}

func (e *sqliteEngine) close() error {
	e.readers.close()
	e.writer.close()
	e.foldMu.Lock()
	defer e.foldMu.Unlock()
	// The last connection to close folds the log back and removes it.
	return errors.Join(e.reads.Close(), e.folds.Close(), e.writes.Close())
}
