// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/proof"
)

// Dir is a [Memory] in a folder: one file for each origin, replaced by rename.
type Dir string

var _ Memory = Dir("")

func (d Dir) path(origin string) string {
	sum := sha256.Sum256([]byte(origin))
	return filepath.Join(string(d), hex.EncodeToString(sum[:8])+".json")
}

// Load reads the file of the origin; nil if there is none.
func (d Dir) Load(_ context.Context, origin string) (*Seen, error) {
	b, err := os.ReadFile(d.path(origin))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s := new(Seen)
	if err := json.Unmarshal(b, s); err != nil {
		return nil, fmt.Errorf("read %s: %w", d.path(origin), err)
	}
	return s, nil
}

// Save writes the file of the origin durably.
func (d Dir) Save(_ context.Context, origin string, s Seen) error {
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(string(d), ".seen-*")
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), d.path(origin))
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	dir, err := os.Open(string(d))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// recall loads what was seen before and holds the log's name and key against it.
func (a *auditor) recall(ctx context.Context) (*checkpoint, error) {
	if a.cfg.Memory == nil {
		return nil, nil
	}
	s, err := a.cfg.Memory.Load(ctx, a.report.Origin)
	if err != nil {
		return nil, fmt.Errorf("recall last checkpoint: %w", err)
	}
	if s == nil {
		return nil, nil
	}
	if !slices.ContainsFunc(a.snap.logKeys, func(k logKey) bool { return k.vkey == s.VerifierKey }) {
		a.find(Finding{Code: Fork, Promise: 2, Index: -1,
			Detail: fmt.Sprintf("the log key is %s; when it was verified here before it was %s", a.report.VerifierKey, s.VerifierKey)})
	}
	v, err := note.NewVerifier(s.VerifierKey)
	if err != nil {
		return nil, fmt.Errorf("recall last checkpoint: %w", err)
	}
	if _, err := note.Open([]byte(s.Checkpoint), note.VerifierList(v)); err != nil {
		return nil, fmt.Errorf("recall last checkpoint: %w", err)
	}
	cp, err := proof.ParseCheckpoint([]byte(s.Checkpoint))
	if err != nil {
		return nil, fmt.Errorf("recall last checkpoint: %w", err)
	}
	a.report.Remembered = cp.Size
	return &checkpoint{size: cp.Size, root: cp.Root, ok: true}, nil
}

func (a *auditor) remember(ctx context.Context) error {
	err := a.cfg.Memory.Save(ctx, a.report.Origin, Seen{VerifierKey: a.keyFor(a.snap.size).vkey, Checkpoint: string(a.snap.head), Time: time.Now().UTC()})
	if err != nil {
		return fmt.Errorf("remember checkpoint: %w", err)
	}
	return nil
}

// judgeTrust holds the newest checkpoint that witnesses have signed against the
// policy that was given.
func (a *auditor) judgeTrust(ctx context.Context, tx *db.Tx) error {
	var size int64
	signed := bytes.Clone(a.snap.head)
	err := tx.QueryRow(ctx, `SELECT c.size, c.note FROM checkpoint c JOIN cosignature s ON s.size = c.size ORDER BY c.size DESC LIMIT 1`).Scan(&size, &signed)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read cosignatures: %w", err)
	}
	if err == nil {
		err := each(ctx, tx, `SELECT line FROM cosignature WHERE size = ? ORDER BY witness`, []any{size}, func(rows *sql.Rows) error {
			var line []byte
			if err := rows.Scan(&line); err != nil {
				return err
			}
			signed = append(signed, line...)
			return nil
		})
		if err != nil {
			return fmt.Errorf("read cosignatures: %w", err)
		}
	}
	if _, _, err := a.cfg.Trust.OpenCheckpoint(signed); err != nil {
		a.find(Finding{Code: WitnessMissing, Promise: 2, Index: -1, Detail: fmt.Sprintf("the newest cosigned checkpoint does not satisfy the trust policy: %v", err)})
	}
	return nil
}
