// SPDX-License-Identifier: Apache-2.0

package db

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
)

var migrationName = regexp.MustCompile(`^([0-9]{4})_[a-z0-9_]+\.sql$`)

type migration struct {
	version int
	name    string
	text    string
	sum     [sha256.Size]byte
}

// readMigrations lists the files, in order. Their numbers must leave no gap.
func readMigrations(fsys fs.FS) ([]migration, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, err
	}
	var all []migration
	for _, e := range entries {
		m := migrationName.FindStringSubmatch(e.Name())
		if m == nil {
			return nil, fmt.Errorf("%s: not named NNNN_name.sql", e.Name())
		}
		version, err := strconv.Atoi(m[1])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Name(), err)
		}
		if version != len(all)+1 {
			return nil, fmt.Errorf("%s: number %d was expected", e.Name(), len(all)+1)
		}
		text, err := fs.ReadFile(fsys, e.Name())
		if err != nil {
			return nil, err
		}
		all = append(all, migration{version, e.Name(), string(text), sha256.Sum256(text)})
	}
	if len(all) == 0 {
		return nil, errors.New("there are no migrations")
	}
	return all, nil
}

func (d *DB) migrate(ctx context.Context, fsys fs.FS) error {
	all, err := readMigrations(fsys)
	if err != nil {
		return err
	}
	have := 0
	err = d.Read(ctx, func(ctx context.Context, tx *Tx) (err error) {
		have, err = compare(ctx, tx, all)
		return err
	})
	if err != nil {
		return err
	}
	if d.cfg.ReadOnly && have < len(all) {
		return fmt.Errorf("%w: it has schema version %d, and is open for reading, but this program needs %d", ErrReadOnly, have, len(all))
	}
	for have < len(all) {
		if have, err = d.advance(ctx, all); err != nil {
			return err
		}
	}
	return nil
}

// advance applies the next migration, if another process has not done so, and
// returns the version afterwards.
func (d *DB) advance(ctx context.Context, all []migration) (version int, err error) {
	err = d.Write(ctx, func(ctx context.Context, tx *Tx) error {
		if tx.Dialect() == Postgres { // one at a time; SQLite has one writer
			if _, err := tx.Exec(ctx, `LOCK TABLE schema_migrations IN SHARE ROW EXCLUSIVE MODE`); err != nil {
				return err
			}
		}
		have, err := compare(ctx, tx, all)
		if err != nil || have == len(all) {
			version = have
			return err
		}
		next := all[have]
		err = tx.step(ctx, "exec", next.name, func() error {
			return d.engine.script(ctx, tx.s, d.cfg.dialect.types().Replace(next.text))
		})
		if err != nil {
			return fmt.Errorf("apply %s: %w", next.name, err)
		}
		_, err = tx.Exec(ctx, `INSERT INTO schema_migrations (version, name, sha256) VALUES (?, ?, ?)`, next.version, next.name, next.sum[:])
		version = next.version
		return err
	})
	return version, err
}

// compare holds what was applied against the files, and returns its version.
func compare(ctx context.Context, tx *Tx, all []migration) (have int, err error) {
	if have, err = version(ctx, tx); err != nil {
		return 0, err
	}
	if have > len(all) {
		return 0, &TooNewError{Have: have, Know: len(all)}
	}
	rows, err := tx.Query(ctx, `SELECT version, sha256 FROM schema_migrations ORDER BY version`)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for want := 1; rows.Next(); want++ {
		var v int
		var sum []byte
		if err := rows.Scan(&v, &sum); err != nil {
			return 0, err
		}
		if v != want || !bytes.Equal(sum, all[want-1].sum[:]) {
			return 0, &ChangedError{Version: v, Name: all[want-1].name}
		}
	}
	return have, rows.Err()
}

func version(ctx context.Context, tx *Tx) (n int, err error) {
	err = tx.QueryRow(ctx, `SELECT COALESCE(MAX(version), 0) FROM schema_migrations`).Scan(&n)
	return n, err
}

// Version is the number of the newest migration that was applied; 0: none.
func (d *DB) Version(ctx context.Context) (n int, err error) {
	err = d.Read(ctx, func(ctx context.Context, tx *Tx) (err error) {
		n, err = version(ctx, tx)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("read schema version: %w", err)
	}
	return n, nil
}
