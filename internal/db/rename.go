// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5"
)

// RenameSchemas renames schemas of a PostgreSQL database, from and to, one after
// another and all or none of them. It opens a connection of its own.
func RenameSchemas(ctx context.Context, databaseURL string, pairs ...[2]string) error {
	return connected(ctx, databaseURL, "rename schemas", func(conn *pgx.Conn) error {
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			for _, p := range pairs {
				if _, err := tx.Exec(ctx, `ALTER SCHEMA `+quote(p[0])+` RENAME TO `+quote(p[1])); err != nil {
					return existsAlready(err)
				}
			}
			return nil
		})
	})
}

// DropSchema removes a schema of a PostgreSQL database with all that it holds,
// if it is there.
func DropSchema(ctx context.Context, databaseURL, name string) error {
	return connected(ctx, databaseURL, "drop schema", func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `DROP SCHEMA IF EXISTS `+quote(name)+` CASCADE`)
		return err
	})
}

// Alone runs fn while no other process runs one of the same name on this
// PostgreSQL database. It waits for its turn.
func Alone(ctx context.Context, databaseURL, name string, fn func() error) error {
	return connected(ctx, databaseURL, "wait for turn", func(conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock(hashtextextended($1, 0))`, name); err != nil {
			return err
		}
		return fn() // closing the connection lets go of the lock
	})
}

func connected(ctx context.Context, databaseURL, verb string, fn func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, databaseURL)
	if err == nil {
		err = errors.Join(fn(conn), conn.Close(context.WithoutCancel(ctx)))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", verb, classify(ctx, err))
	}
	return nil
}

// RenameFile renames an SQLite database, which no writer has open and of which
// the write-ahead log was purged. What the log left goes with it, first, so that
// none is taken for that of another database. It refuses to replace a database.
func RenameFile(from, to string) error {
	if _, err := os.Stat(to); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("rename database: %s: %w", to, errors.Join(ErrExist, err))
	}
	for _, suffix := range []string{"-wal", "-shm", ""} {
		if err := os.Rename(from+suffix, to+suffix); err != nil && (suffix == "" || !errors.Is(err, fs.ErrNotExist)) {
			return fmt.Errorf("rename database: %w", err)
		}
	}
	if err := syncDir(filepath.Dir(to)); err != nil {
		return fmt.Errorf("rename database: %w", err)
	}
	return nil
}

// RemoveFile removes an SQLite database that nobody has open, if it is there.
func RemoveFile(path string) error {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove database: %w", err)
		}
	}
	return nil
}
