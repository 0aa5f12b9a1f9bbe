// SPDX-License-Identifier: Apache-2.0

// Package witness is a C2SP witness (c2sp.org/tlog-witness): it cosigns the
// checkpoints of the logs it knows, but only such as extend what it has
// cosigned before.
//
//	POST /add-checkpoint ─ well formed? ─ known log? ─ log's signature?
//	  ─ one transaction: lock the log's row ─ same history? ─ cosign ─ move the row ─ COMMIT
//	  ◀ cosignature, once the commit is durable
//
// # Invariants
//
//   - The state is durable before a cosignature leaves. When the answer gets
//     lost, or the process dies before it, the witness knows more than it was
//     heard to say, never less; the log asks again and gets the same size signed.
//   - It never cosigns a checkpoint that is smaller than, or inconsistent with,
//     one that it cosigned before.
//   - A cosignature says that its size was the largest known at its time. It is
//     therefore made while the row is locked: a later time has a size as large.
//   - Two signed checkpoints that contradict each other are kept, both: they
//     prove that the log's key signed two histories.
//
// # Where the state lives
//
// In a database through package db, not in files of its own: compare-and-swap
// for each log, power-cut safety, a table for forks, schema versions and several
// processes on one state are what a transaction gives, and are tested there,
// fault by fault. One row a log is all that a cosignature depends on.
//
// # Trust
//
// The witness believes nobody; anybody may send it anything. It is worth
// something to a log's readers only if somebody else than the log's operator
// runs it. Whoever puts an old backup of the state in place makes the witness
// forget, and so does a second state for the same key: keep one, and never
// restore it without asking the logs for their newest checkpoint.
//
// What it does not do: it reads no log, fetches nothing, listens nowhere
// (limits in time are those of the server that the handler is put in), and
// judges no content.
package witness

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"time"

	"filippo.io/torchwood"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/proof"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Config says what a witness works with.
type Config struct {
	// DB keeps the state. Required; New makes its tables. The witness does not
	// close it.
	DB *db.DB
	// Signer is the witness's key: see [CreateKey] and [OpenKey]. Required.
	Signer *torchwood.CosignatureSigner
	// Logs are the verifier keys of the logs to witness; a key's name is the
	// log's origin. Several keys of one origin are all good, for changing keys.
	// Required.
	Logs []string
	// Now is the clock of the state; a cosignature has the system's. Default:
	// time.Now.
	Now func() time.Time
	// Logger hears of forks and of storage that fails. Default: none.
	Logger *slog.Logger
	// Registerer gets the witness's metrics. Default: none.
	Registerer prometheus.Registerer
}

// Witness cosigns checkpoints. It is safe for concurrent use, also by several
// processes on one database.
type Witness struct {
	cfg     Config
	logs    map[string][]note.Verifier // by origin; never changes
	metrics *metrics
}

// New makes a witness of a database, which is empty or was this witness's
// before. The state of another key is refused, and so is a damaged one.
func New(ctx context.Context, cfg Config) (*Witness, error) {
	w := &Witness{cfg: cfg, logs: map[string][]note.Verifier{}}
	if err := w.validate(); err != nil {
		return nil, fmt.Errorf("make witness: %w", err)
	}
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("make witness: %w", err)
	}
	if err := cfg.DB.Migrate(ctx, sub); err != nil {
		return nil, fmt.Errorf("make witness tables: %w", err)
	}
	if err := cfg.DB.Write(ctx, w.adopt); err != nil {
		return nil, fmt.Errorf("open witness state: %w", err)
	}
	if w.metrics, err = newMetrics(cfg.Registerer); err != nil {
		return nil, fmt.Errorf("make witness: %w", err)
	}
	return w, nil
}

func (w *Witness) validate() error {
	var errs []error
	if w.cfg.DB == nil {
		errs = append(errs, errors.New("DB is required"))
	}
	if w.cfg.Signer == nil {
		errs = append(errs, errors.New("Signer is required"))
	}
	if len(w.cfg.Logs) == 0 {
		errs = append(errs, errors.New("Logs must name at least one log"))
	}
	if w.cfg.Now == nil {
		w.cfg.Now = time.Now
	}
	if w.cfg.Logger == nil {
		w.cfg.Logger = slog.New(slog.DiscardHandler)
	}
	for i, key := range w.cfg.Logs {
		v, err := note.NewVerifier(key)
		if err != nil {
			errs = append(errs, fmt.Errorf("log key %q: %w", key, err))
			continue
		}
		if slices.Contains(w.cfg.Logs[:i], key) {
			errs = append(errs, fmt.Errorf("log key %q is named twice", key))
		}
		w.logs[v.Name()] = append(w.logs[v.Name()], v)
	}
	return errors.Join(errs...)
}

// adopt binds an empty state to the key, makes the row of each log, so that
// there is something to lock, and reads the rows that are there.
func (w *Witness) adopt(ctx context.Context, tx *db.Tx) error {
	if _, err := tx.Exec(ctx, `INSERT INTO meta (name, value) VALUES ('key', ?) ON CONFLICT (name) DO NOTHING`, w.Key()); err != nil {
		return err
	}
	var key string
	if err := tx.QueryRow(ctx, `SELECT value FROM meta WHERE name = 'key'`).Scan(&key); err != nil {
		return err
	}
	if key != w.Key() {
		return fmt.Errorf("it is that of the witness %s, this one is %s", key, w.Key())
	}
	for origin := range w.logs {
		if _, err := tx.Exec(ctx, `INSERT INTO witnessed (origin, size, root, note, time) VALUES (?, 0, ?, ?, 0) ON CONFLICT (origin) DO NOTHING`,
			origin, []byte{}, []byte{}); err != nil {
			return err
		}
		if _, err := state(ctx, tx, origin, ""); err != nil {
			return err
		}
	}
	return nil
}

// latest is what the witness cosigned last of a log. Size 0: nothing.
type latest struct {
	size int64
	root tlog.Hash
	note []byte
}

// state reads a log's row, which must say what its note says. lock is
// [db.Tx.ForUpdate] when the transaction is going to change it.
func state(ctx context.Context, tx *db.Tx, origin, lock string) (latest, error) {
	var l latest
	var root []byte
	err := tx.QueryRow(ctx, `SELECT size, root, note FROM witnessed WHERE origin = ?`+lock, origin).Scan(&l.size, &root, &l.note)
	if errors.Is(err, sql.ErrNoRows) {
		return l, fmt.Errorf("the row of log %s is gone", origin)
	}
	if err != nil || l.size == 0 {
		return l, err
	}
	cp, err := proof.ParseCheckpoint(l.note)
	if err != nil || cp.Origin != origin || cp.Size != l.size || string(cp.Root[:]) != string(root) {
		return l, fmt.Errorf("the row of log %s is damaged: size and root are not those of its checkpoint", origin)
	}
	l.root = cp.Root
	return l, nil
}

// Key is the witness's verifier key, for trust policies.
func (w *Witness) Key() string { return w.cfg.Signer.Verifier().String() }

// Known is what the witness has cosigned last of one log.
type Known struct {
	Origin   string    `json:"origin"`
	Size     int64     `json:"size"`          // 0: nothing yet
	Time     time.Time `json:"time,omitzero"` // when the size was first cosigned
	Forks    int64     `json:"forks"`         // contradictions that the log's key signed
	Suspects int64     `json:"suspects"`      // checkpoints that came with a bad proof
}

// Logs lists the logs that were ever configured, by origin.
func (w *Witness) Logs(ctx context.Context) ([]Known, error) {
	out := []Known{}
	err := w.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		rows, err := tx.Query(ctx, `SELECT origin, size, time,
			(SELECT COUNT(*) FROM fork f WHERE f.origin = w.origin AND f.proven = 1),
			(SELECT COUNT(*) FROM fork f WHERE f.origin = w.origin AND f.proven = 0)
			FROM witnessed w ORDER BY origin`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var k Known
			var at int64
			if err := rows.Scan(&k.Origin, &k.Size, &at, &k.Forks, &k.Suspects); err != nil {
				return err
			}
			if at != 0 {
				k.Time = time.Unix(0, at).UTC()
			}
			out = append(out, k)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("list logs: %w", err)
	}
	return out, nil
}
