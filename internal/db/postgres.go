// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// Settings of PostgreSQL.
const (
	maxWriters     = 4                // connections that write, beside those that read
	connectTimeout = 10 * time.Second // unless the URL has connect_timeout
	commitTimeout  = time.Minute      // then the connection is given up, and the outcome is unknown

	// A node that dies with the head row locked must not stop the others for
	// long, nor must they wait for it for ever.
	beginWrite = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = '20s'; " +
		"SET LOCAL idle_in_transaction_session_timeout = '30s'"
	beginRead = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

	// A commit that is reported must be durable, whatever the server's default.
	makeDurable = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
)

// postgresEngine has a pool to read and a pool to write, so that a commit does
// not wait for slow readers.
type postgresEngine struct {
	schema string
	writes *sql.DB
	reads  *sql.DB
	binder rebinder

	// Sessions are slots here; which connection fills one is database/sql's
	// choice, which notices when the server closed one.
	writers *pool
	readers *pool
}

var _ engine = (*postgresEngine)(nil)

func dialPostgres(cfg Config, schema bool) (*sql.DB, error) {
	c, err := pgx.ParseConfig(cfg.URL)
	if err != nil {
		return nil, err
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = connectTimeout
	}
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "counterfoil"
	}
	if schema {
		c.RuntimeParams["search_path"] = quote(cfg.Schema)
	}
	db := stdlib.OpenDB(*c, stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.PgConn().Exec(ctx, makeDurable).ReadAll()
		return err
	}))
	return db, nil
}

// createPostgres makes the schema with the table of migrations, or only the
// table when an administrator has prepared the schema.
func createPostgres(ctx context.Context, cfg Config) error {
	db, err := dialPostgres(cfg, false)
	if err != nil {
		return err
	}
	defer db.Close()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var there bool
	if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)`, cfg.Schema).Scan(&there); err != nil {
		return err
	}
	if !there {
		if _, err := tx.ExecContext(ctx, `CREATE SCHEMA `+quote(cfg.Schema)); err != nil {
			return existsAlready(err)
		}
	}
	var full bool
	if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = $1)`, cfg.Schema).Scan(&full); err != nil {
		return err
	}
	if full {
		return ErrExist
	}
	if _, err := tx.ExecContext(ctx, `SET LOCAL search_path TO `+quote(cfg.Schema)); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, Postgres.types().Replace(createMigrations)); err != nil {
		return existsAlready(err)
	}
	return tx.Commit()
}

// existsAlready is err, or ErrExist when another process was faster.
func existsAlready(err error) error {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && (e.Code == "42P06" || e.Code == "42P07" || e.Code == "23505") {
		return ErrExist
	}
	return err
}

func openPostgres(ctx context.Context, cfg Config) (*postgresEngine, error) {
	e := &postgresEngine{schema: cfg.Schema}
	var err error
	if e.reads, err = dialPostgres(cfg, true); err != nil {
		return nil, err
	}
	if e.writes, err = dialPostgres(cfg, true); err != nil {
		return nil, errors.Join(err, e.close())
	}
	e.reads.SetMaxIdleConns(cfg.MaxConns)
	e.writes.SetMaxIdleConns(maxWriters)
	e.readers = newPool(cfg.MaxConns, func() *session { return &session{text: e.binder.rebind} })
	e.writers = newPool(maxWriters, func() *session { return &session{write: true, text: e.binder.rebind} })
	var there bool
	err = e.reads.QueryRowContext(ctx, `SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = $1 AND c.relname = 'schema_migrations')`, cfg.Schema).Scan(&there)
	if err == nil && !there {
		err = ErrNotExist
	}
	if err != nil {
		return nil, errors.Join(err, e.close())
	}
	return e, nil
}

func (e *postgresEngine) acquire(ctx context.Context, write bool) (*session, error) {
	from, db, begin := e.readers, e.reads, beginRead
	if write {
		from, db, begin = e.writers, e.writes, beginWrite
	}
	s, err := from.get(ctx)
	if err != nil {
		return nil, err
	}
	// A connection may have died in the pool. Nothing has happened on it yet,
	// so another one is as good.
	const tries = 3
	for try := 1; ; try++ {
		if s.conn, err = db.Conn(ctx); err != nil {
			s.conn = nil
			break
		}
		s.begun = true
		if err = simple(ctx, s.conn, begin); err == nil {
			return s, nil
		}
		if try == tries || ctx.Err() != nil || !isDead(s.conn) {
			break
		}
		s.discard()
	}
	e.release(s)
	return nil, err
}

// raw runs fn with the PostgreSQL connection under conn.
func raw(conn *sql.Conn, fn func(*pgx.Conn) error) error {
	return conn.Raw(func(c any) error {
		std, ok := c.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("connection is a %T", c)
		}
		return fn(std.Conn())
	})
}

// simple runs statements without arguments in one round trip.
func simple(ctx context.Context, conn *sql.Conn, text string) error {
	return raw(conn, func(c *pgx.Conn) error {
		_, err := c.PgConn().Exec(ctx, text).ReadAll()
		return err
	})
}

func isDead(conn *sql.Conn) bool {
	dead := true
	_ = raw(conn, func(c *pgx.Conn) error {
		dead = c.IsClosed()
		return nil
	})
	return dead
}

func (e *postgresEngine) commit(ctx context.Context, s *session) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	return raw(s.conn, func(c *pgx.Conn) error {
		results, err := c.PgConn().Exec(ctx, "COMMIT").ReadAll()
		if err != nil {
			return err
		}
		s.begun = false
		if len(results) != 1 || results[0].CommandTag.String() != "COMMIT" {
			return errors.New("the server rolled back")
		}
		return nil
	})
}

func (e *postgresEngine) release(s *session) {
	if s.begun {
		ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
		defer cancel()
		if err := simple(ctx, s.conn, "ROLLBACK"); err != nil {
			s.discard()
		}
		s.begun = false
	}
	if s.conn != nil {
		s.conn.Close() // back to database/sql's pool
		s.conn = nil
	}
	if s.write {
		e.writers.put(s)
	} else {
		e.readers.put(s)
	}
}

func (e *postgresEngine) script(ctx context.Context, s *session, text string) error {
	return simple(ctx, s.conn, text)
}

func (e *postgresEngine) insert(ctx context.Context, s *session, table string, cols []string, rows [][]any) error {
	return raw(s.conn, func(c *pgx.Conn) error {
		_, err := c.CopyFrom(ctx, pgx.Identifier{table}, cols, pgx.CopyFromRows(rows))
		return err
	})
}

func (e *postgresEngine) checkpoint(context.Context) error { return nil }

func (e *postgresEngine) purge(ctx context.Context, keys []string) error {
	for _, table := range keys {
		if _, err := e.writes.ExecContext(ctx, "VACUUM (FULL) "+quote(table)); err != nil {
			return err
		}
	}
	return nil
}

func (e *postgresEngine) size(ctx context.Context) (n int64, err error) {
	err = e.reads.QueryRowContext(ctx, `SELECT COALESCE(SUM(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c
		JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind IN ('r', 'm')`, e.schema).Scan(&n)
	return n, err
}

func (e *postgresEngine) close() error {
	if e.writes == nil {
		return e.reads.Close() // opening went no further
	}
	e.readers.close()
	e.writers.close()
	return errors.Join(e.reads.Close(), e.writes.Close())
}
