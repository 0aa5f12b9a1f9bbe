// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

func pgConfig(cfg Config) (*pgx.ConnConfig, error) {
	c, err := pgx.ParseConfig(cfg.URL)
	if err != nil {
		return nil, err
	}
	c.RuntimeParams["search_path"] = cfg.Schema
	c.RuntimeParams["application_name"] = "counterfoil"
	return c, nil
}

func (d *DB) openPostgres() error {
	c, err := pgConfig(d.cfg)
	if err != nil {
		return err
	}
	d.read = stdlib.OpenDB(*c)
	d.read.SetMaxOpenConns(d.cfg.MaxConns)
	d.read.SetMaxIdleConns(d.cfg.MaxConns)
	if !d.cfg.ReadOnly {
		d.write = stdlib.OpenDB(*c)
		d.write.SetMaxOpenConns(2)
		d.write.SetMaxIdleConns(2)
	}
	return nil
}

// createSchema makes the schema, atomically: of two creators one wins.
func createSchema(ctx context.Context, cfg Config) error {
	c, err := pgConfig(cfg)
	if err != nil {
		return err
	}
	conn, err := pgx.ConnectConfig(ctx, c)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, "CREATE SCHEMA "+pgx.Identifier{cfg.Schema}.Sanitize())
	if sqlState(err) == "42P06" || sqlState(err) == "23505" {
		return ErrExist
	}
	return err
}

func (d *DB) schemaExists(ctx context.Context) error {
	var n int
	err := d.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = $1`, d.cfg.Schema).Scan(&n)
	if err != nil {
		return fmt.Errorf("open database: %w", classify(err))
	}
	if n == 0 {
		return fmt.Errorf("open schema %s: %w", d.cfg.Schema, ErrNotExist)
	}
	return nil
}

// Schemas lists the schemas of a PostgreSQL database whose names start with
// prefix, in order.
func Schemas(ctx context.Context, databaseURL, prefix string) ([]string, error) {
	conn, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		return nil, fmt.Errorf("list schemas: %w", classify(err))
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, `SELECT schema_name FROM information_schema.schemata WHERE starts_with(schema_name, $1) ORDER BY 1`, prefix)
	if err != nil {
		return nil, fmt.Errorf("list schemas: %w", classify(err))
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("list schemas: %w", classify(err))
	}
	return names, nil
}

// copyFrom streams rows with COPY inside the running transaction.
func (t *Tx) copyFrom(ctx context.Context, table string, columns []string, rows [][]any) error {
	return t.conn.Raw(func(driver any) error {
		conn := driver.(*stdlib.Conn).Conn()
		n, err := conn.CopyFrom(ctx, pgx.Identifier{table}, columns, pgx.CopyFromRows(rows))
		if err == nil && n != int64(len(rows)) {
			err = fmt.Errorf("copied %d of %d rows", n, len(rows))
		}
		return err
	})
}
