// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

var (
	// errFailed is that a transaction goes on although a statement had failed.
	errFailed = errors.New("a statement of this transaction failed")
	// errReading is that a statement starts while rows are open, which a
	// PostgreSQL connection can not do, and SQLite therefore may not.
	errReading = errors.New("the rows of the last query are still open")
)

// Write runs fn in a transaction that may write, and commits it if fn returns
// nil. On SQLite writes run one after another (BEGIN IMMEDIATE on the one
// writer connection); on PostgreSQL they run at READ COMMITTED, so fn must lock
// what it bases a decision on ([Tx.ForUpdate]). It returns nil only when the
// transaction is durable. When ctx ends, waiting ends and no further statement
// starts, but a COMMIT that has started is awaited.
func (d *DB) Write(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	if d.cfg.ReadOnly {
		return fmt.Errorf("begin: %w: opened for reading", ErrReadOnly)
	}
	return d.transact(ctx, true, fn)
}

// Read runs fn on one consistent snapshot, which writers neither wait for nor
// change. The snapshot is taken at fn's first query. Statements that write fail.
func (d *DB) Read(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	return d.transact(ctx, false, fn)
}

func (d *DB) transact(ctx context.Context, write bool, fn func(ctx context.Context, tx *Tx) error) (err error) {
	defer func() { err = classify(ctx, err) }()
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := d.cfg.hook("begin", false, write, ""); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	s, err := d.engine.acquire(ctx, write)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	tx := &Tx{d: d, s: s, write: write}
	defer d.engine.release(s)
	defer tx.finish() // before release: also when fn panics
	if err := d.cfg.hook("begin", true, write, ""); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if err := fn(ctx, tx); err != nil {
		return err
	}
	tx.finish()
	if !write {
		return nil
	}
	return d.commit(ctx, tx)
}

func (d *DB) commit(ctx context.Context, tx *Tx) error {
	if tx.failed != nil {
		return fmt.Errorf("commit: %w: %w", errFailed, tx.failed)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	if err := d.cfg.hook("commit", false, true, ""); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	if err := d.engine.commit(ctx, tx.s); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	if err := d.cfg.hook("commit", true, true, ""); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// Tx is a running transaction. It belongs to the goroutine of the function that
// it was given to, and ends with it. Placeholders are written ? in both
// dialects. The rows of a query must be read or closed before the next
// statement. After a statement has failed the transaction can only be given up.
// Arguments are int64 (any Go integer), float64, string, []byte and nil.
type Tx struct {
	d      *DB
	s      *session
	write  bool
	failed error     // the first statement that failed
	rows   *sql.Rows // of the last query, perhaps still open
	over   bool
}

// Dialect says which database it is.
func (t *Tx) Dialect() Dialect { return t.d.cfg.dialect }

// ForUpdate is what follows a SELECT whose rows must not change before the
// transaction ends: " FOR UPDATE", or nothing on SQLite, which has one writer.
func (t *Tx) ForUpdate() string {
	if t.d.cfg.dialect == Postgres {
		return " FOR UPDATE"
	}
	return ""
}

// Exec runs a statement that has no answer.
func (t *Tx) Exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	var res sql.Result
	err := t.step(ctx, "exec", query, func() (err error) {
		res, err = t.s.exec(ctx, query, args)
		return err
	})
	return res, err
}

// Query runs a query. The caller closes the rows, or reads them to the end.
func (t *Tx) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	err := t.step(ctx, "query", query, func() (err error) {
		t.rows, err = t.s.query(ctx, query, args) // kept for finish, whatever the hook says
		return err
	})
	if err != nil {
		return nil, err
	}
	return t.rows, nil
}

// QueryRow runs a query of which the first row is wanted. No row:
// [sql.ErrNoRows] from Scan, which is not a failure of the transaction.
func (t *Tx) QueryRow(ctx context.Context, query string, args ...any) *Row {
	rows, err := t.Query(ctx, query, args...)
	if err != nil {
		return &Row{err: err}
	}
	if rows.Next() {
		return &Row{rows: rows}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return &Row{err: t.fail(ctx, err)}
	}
	return &Row{err: sql.ErrNoRows}
}

// Insert adds rows to a table, each with a value per column, in order: the fast
// way for many rows. It is all or nothing with the transaction. On PostgreSQL a
// value must have the Go type of its column: int64, string, []byte, nil.
func (t *Tx) Insert(ctx context.Context, table string, cols []string, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	for i, row := range rows {
		if len(row) != len(cols) {
			return fmt.Errorf("insert into %s: row %d has %d values for %d columns", table, i, len(row), len(cols))
		}
	}
	return t.step(ctx, "insert", table, func() error {
		return t.d.engine.insert(ctx, t.s, table, cols, rows)
	})
}

// step runs one statement between its hooks and remembers its failure.
func (t *Tx) step(ctx context.Context, step, text string, run func() error) error {
	if err := t.attempt(ctx, step, text, run); err != nil {
		return t.fail(ctx, err)
	}
	return nil
}

func (t *Tx) fail(ctx context.Context, err error) error {
	err = classify(ctx, err)
	if t.failed == nil {
		t.failed = err
	}
	return err
}

func (t *Tx) attempt(ctx context.Context, step, text string, run func() error) error {
	switch {
	case t.over:
		return sql.ErrTxDone
	case t.failed != nil:
		return fmt.Errorf("%w: %w", errFailed, t.failed)
	case t.isReading():
		return errReading
	case ctx.Err() != nil:
		return ctx.Err()
	}
	if err := t.d.cfg.hook(step, false, t.write, text); err != nil {
		return err
	}
	if err := run(); err != nil {
		return err
	}
	return t.d.cfg.hook(step, true, t.write, text)
}

// isReading says whether rows are open. [sql.Rows] tells it by refusing to name
// the columns of closed rows.
func (t *Tx) isReading() bool {
	if t.rows == nil {
		return false
	}
	if _, err := t.rows.Columns(); err == nil {
		return true
	}
	t.rows = nil
	return false
}

// finish closes what the function left open: rows that are closed later, when
// their context ends, would reach into a connection that is gone.
func (t *Tx) finish() {
	t.over = true
	if t.rows != nil {
		t.rows.Close() // its error was the reader's to see
		t.rows = nil
	}
}

// Row is the answer to [Tx.QueryRow].
type Row struct {
	rows *sql.Rows // on its first row
	err  error
}

// Scan copies the first row into dest, or reports what went wrong. It must be
// called, once.
func (r *Row) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if err := r.rows.Scan(dest...); err != nil {
		return err
	}
	return r.rows.Close()
}
