// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
)

// migration is one numbered file.
type migration struct {
	version int
	name    string
	text    string
	sum     string
}

var migrationName = regexp.MustCompile(`^([0-9]{4})_([a-z0-9_]+)\.sql$`)

// Migrate brings the tables to the newest version that fsys knows. The files
// are NNNN_name.sql, numbered from 0001 without a gap; {int} and {bytes} stand
// for the dialect's types. Each runs once, in a transaction of its own, and is
// remembered with its hash: a file that changed after it was applied is an
// error, and so is a database that is ahead ([*TooNewError]). A database that
// is open for reading is only checked.
func (d *DB) Migrate(ctx context.Context, fsys fs.FS) error {
	all, err := readMigrations(fsys)
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	if d.write == nil {
		return d.Read(ctx, func(ctx context.Context, tx *Tx) error {
			applied, err := applied(ctx, tx)
			if err != nil {
				return err
			}
			return compareMigrations(all, applied, true)
		})
	}
	// A lock table row would do; creating the table is lock enough for SQLite,
	// and PostgreSQL has advisory locks for exactly this.
	return d.Write(ctx, func(ctx context.Context, tx *Tx) error {
		if d.dialect == Postgres {
			if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtext(?))`, "counterfoil migrate "+d.cfg.Schema); err != nil {
				return fmt.Errorf("lock migrations: %w", err)
			}
		}
		if _, err := tx.Exec(ctx, d.types(`CREATE TABLE IF NOT EXISTS schema_migrations (version {int} PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL)`)); err != nil {
			return fmt.Errorf("create migrations table: %w", err)
		}
		have, err := applied(ctx, tx)
		if err != nil {
			return err
		}
		if err := compareMigrations(all, have, false); err != nil {
			return err
		}
		for _, m := range all[len(have):] {
			for stmt := range strings.SplitSeq(d.types(m.text), ";\n") {
				if strings.TrimSpace(stmt) == "" {
					continue
				}
				if _, err := tx.Exec(ctx, stmt); err != nil {
					return fmt.Errorf("apply migration %04d_%s: %w", m.version, m.name, err)
				}
			}
			if _, err := tx.Exec(ctx, `INSERT INTO schema_migrations (version, name, sha256) VALUES (?, ?, ?)`, m.version, m.name, m.sum); err != nil {
				return fmt.Errorf("remember migration %04d_%s: %w", m.version, m.name, err)
			}
		}
		return nil
	})
}

// Version is the schema version of the database.
func (d *DB) Version(ctx context.Context) (version int, err error) {
	err = d.Read(ctx, func(ctx context.Context, tx *Tx) error {
		return tx.QueryRow(ctx, `SELECT COALESCE(MAX(version), 0) FROM schema_migrations`).Scan(&version)
	})
	return version, err
}

func (d *DB) types(text string) string {
	if d.dialect == Postgres {
		return strings.NewReplacer("{int}", "BIGINT", "{bytes}", "BYTEA").Replace(text)
	}
	return strings.NewReplacer("{int}", "INTEGER", "{bytes}", "BLOB").Replace(text)
}

func readMigrations(fsys fs.FS) ([]migration, error) {
	names, err := fs.Glob(fsys, "*.sql")
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, errors.New("there are none")
	}
	var out []migration
	for i, name := range names { // Glob sorts
		m := migrationName.FindStringSubmatch(name)
		if m == nil {
			return nil, fmt.Errorf("%s: not NNNN_name.sql", name)
		}
		version, err := strconv.Atoi(m[1])
		if err != nil || version != i+1 {
			return nil, fmt.Errorf("%s: want number %04d", name, i+1)
		}
		b, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(b)
		out = append(out, migration{version: version, name: m[2], text: string(b), sum: hex.EncodeToString(sum[:])})
	}
	return out, nil
}

func applied(ctx context.Context, tx *Tx) ([]migration, error) {
	rows, err := tx.Query(ctx, `SELECT version, name, sha256 FROM schema_migrations ORDER BY version`)
	if err != nil {
		return nil, fmt.Errorf("read applied migrations: %w", err)
	}
	defer rows.Close()
	var out []migration
	for rows.Next() {
		var m migration
		if err := rows.Scan(&m.version, &m.name, &m.sum); err != nil {
			return nil, fmt.Errorf("read applied migrations: %w", err)
		}
		out = append(out, m)
	}
	return out, rows.Err()
}

func compareMigrations(know, have []migration, whole bool) error {
	if len(have) > len(know) {
		return &TooNewError{Have: have[len(have)-1].version, Know: len(know)}
	}
	for i, h := range have {
		if k := know[i]; h.version != k.version || h.sum != k.sum {
			return fmt.Errorf("migration %04d_%s was changed after it was applied", k.version, k.name)
		}
	}
	if whole && len(have) < len(know) {
		return fmt.Errorf("the database has schema version %d, this program needs %d: open it once for writing", len(have), len(know))
	}
	return nil
}
