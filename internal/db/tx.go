// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Tx is one transaction. It is used by one goroutine, until the function that
// was given it returns.
type Tx struct {
	db   *DB
	conn *sql.Conn
	tx   *sql.Tx
}

// Write runs fn in a read-write transaction and commits it; an error of fn, or
// a panic, rolls back. Writers of one SQLite database take turns.
func (d *DB) Write(ctx context.Context, fn func(context.Context, *Tx) error) error {
	if d.write == nil {
		return fmt.Errorf("write: the database is open for reading: %w", ErrReadOnly)
	}
	return d.transact(ctx, d.write, nil, fn)
}

// Read runs fn on one consistent snapshot.
func (d *DB) Read(ctx context.Context, fn func(context.Context, *Tx) error) error {
	opts := &sql.TxOptions{ReadOnly: true}
	if d.dialect == Postgres {
		opts.Isolation = sql.LevelRepeatableRead
	}
	return d.transact(ctx, d.read, opts, fn)
}

func (d *DB) transact(ctx context.Context, pool *sql.DB, opts *sql.TxOptions, fn func(context.Context, *Tx) error) (err error) {
	write := opts == nil
	if write {
		if err := d.hook("begin"); err != nil {
			return classify(err)
		}
	}
	conn, err := pool.Conn(ctx)
	if err != nil {
		return fmt.Errorf("get connection: %w", classify(err))
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	t := &Tx{db: d, conn: conn}
	if t.tx, err = conn.BeginTx(ctx, opts); err != nil {
		return fmt.Errorf("begin: %w", classify(err))
	}
	done := false
	defer func() {
		if !done {
			if rerr := t.tx.Rollback(); rerr != nil && !errors.Is(rerr, sql.ErrTxDone) && err == nil {
				err = fmt.Errorf("roll back: %w", classify(rerr))
			}
		}
	}()
	if err := fn(ctx, t); err != nil {
		return classify(err)
	}
	if !write {
		return nil // a snapshot is rolled back: there is nothing to keep
	}
	if err := d.hook("commit"); err != nil {
		return classify(err)
	}
	if err := t.tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", classify(err))
	}
	done = true
	return classify(d.hook("committed"))
}

// Exec runs one statement. Placeholders are written as ?.
func (t *Tx) Exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := t.db.hook("exec"); err != nil {
		return nil, err
	}
	return t.tx.ExecContext(ctx, t.db.bind(query), args...)
}

// Query runs one query. The caller closes the rows.
func (t *Tx) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return t.tx.QueryContext(ctx, t.db.bind(query), args...)
}

// QueryRow runs one query of one row.
func (t *Tx) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	return t.tx.QueryRowContext(ctx, t.db.bind(query), args...)
}

// Dialect says which database this is.
func (t *Tx) Dialect() Dialect { return t.db.dialect }

// ForUpdate is what a SELECT ends in to lock its rows: SQLite's writer has the
// whole database, so there it is empty.
func (t *Tx) ForUpdate() string {
	if t.db.dialect == Postgres {
		return " FOR UPDATE"
	}
	return ""
}

// Marks is n placeholders for an IN list.
func Marks(n int) string {
	if n < 1 {
		return "NULL"
	}
	return strings.Repeat("?,", n-1) + "?"
}

// insertRows is how many rows one SQLite INSERT carries: above this the
// statement's text and its bindings cost more than they save.
const insertRows = 16

// Insert adds many rows to one table: with multi-row INSERTs on SQLite, with
// COPY on PostgreSQL. Every row has one value per column. No rows is no error.
func (t *Tx) Insert(ctx context.Context, table string, columns []string, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	if err := t.db.hook("insert"); err != nil {
		return err
	}
	if t.db.dialect == Postgres {
		return t.copyFrom(ctx, table, columns, rows)
	}
	one := "(" + Marks(len(columns)) + ")"
	head := "INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES "
	per := max(1, min(insertRows, 32000/len(columns)))
	var many *sql.Stmt
	args := make([]any, 0, per*len(columns))
	for len(rows) > 0 {
		n := min(per, len(rows))
		args = args[:0]
		for _, r := range rows[:n] {
			args = append(args, r...)
		}
		rows = rows[n:]
		var err error
		if n == per {
			if many == nil {
				if many, err = t.tx.PrepareContext(ctx, head+strings.Repeat(one+",", n-1)+one); err != nil {
					return err
				}
				defer many.Close()
			}
			_, err = many.ExecContext(ctx, args...)
		} else {
			_, err = t.tx.ExecContext(ctx, head+strings.Repeat(one+",", n-1)+one, args...)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// bind turns ? into $1, $2, … for PostgreSQL; a ? between quotes stays.
func (d *DB) bind(query string) string {
	if d.dialect == SQLite {
		return query
	}
	d.stmtMu.Lock()
	defer d.stmtMu.Unlock()
	if b, ok := d.bound[query]; ok {
		return b
	}
	var b strings.Builder
	n, quote := 0, byte(0)
	for i := range len(query) {
		switch c := query[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
			b.WriteByte(c)
		case c == '\'' || c == '"':
			quote = c
			b.WriteByte(c)
		case c == '?':
			n++
			b.WriteString("$" + strconv.Itoa(n))
		default:
			b.WriteByte(c)
		}
	}
	if len(d.bound) < 1000 { // texts with lists of many lengths must not grow it for ever
		d.bound[query] = b.String()
	}
	return b.String()
}
