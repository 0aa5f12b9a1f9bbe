// SPDX-License-Identifier: Apache-2.0

// Package witness is a C2SP witness (c2sp.org/tlog-witness): it cosigns the
// checkpoints of the logs it knows, but only such as extend what it has
// cosigned before.
//
//	POST /add-checkpoint ─ known log? ─ log signature? ─ same history?
//	  ─ state moved (compare and swap, durable) ─ cosignature
//
// # Invariants
//
//   - The state is durable before a cosignature leaves: after a crash the
//     witness knows at least what it has signed.
//   - It never cosigns a checkpoint that is smaller than, or inconsistent with,
//     one that it cosigned before. Two signed checkpoints that contradict each
//     other are kept: they prove that the log was forked.
//   - Two requests for one log can not both move the state from the same place.
//
// Trust: the witness believes nobody. Its operator should not be the log's.
// The state is a SQLite file through package db, since compare and swap, crash
// safety and a second table for forks are just what a database gives.
package witness

import (
	"bytes"
	"context"
	"database/sql"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/proof"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Config says what a witness works with.
type Config struct {
	// DB keeps the state. Required; New makes its tables.
	DB *db.DB
	// Signer is the witness's key. Required.
	Signer *torchwood.CosignatureSigner
	// Logs are the verifier keys of the logs to witness; each key's name is the
	// log's origin. Required.
	Logs []string
	// Now is the clock of the state, not of the cosignature. Default: time.Now.
	Now func() time.Time
	// Logger hears of forks. Default: none.
	Logger *slog.Logger
}

// Witness cosigns checkpoints. It is safe for concurrent use.
type Witness struct {
	cfg  Config
	logs map[string]note.Verifier // by origin
}

// New makes a witness and its tables.
func New(ctx context.Context, cfg Config) (*Witness, error) {
	var errs []error
	if cfg.DB == nil {
		errs = append(errs, errors.New("DB is required"))
	}
	if cfg.Signer == nil {
		errs = append(errs, errors.New("Signer is required"))
	}
	if len(cfg.Logs) == 0 {
		errs = append(errs, errors.New("name at least one log"))
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	w := &Witness{cfg: cfg, logs: map[string]note.Verifier{}}
	for _, l := range cfg.Logs {
		v, err := note.NewVerifier(l)
		if err != nil {
			errs = append(errs, fmt.Errorf("log key %q: %w", l, err))
			continue
		}
		if _, twice := w.logs[v.Name()]; twice {
			errs = append(errs, fmt.Errorf("log %s is named twice", v.Name()))
		}
		w.logs[v.Name()] = v
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("make witness: %w", err)
	}
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	if err := cfg.DB.Migrate(ctx, sub); err != nil {
		return nil, fmt.Errorf("make witness tables: %w", err)
	}
	return w, nil
}

// Key is the witness's verifier key, for trust policies.
func (w *Witness) Key() string { return w.cfg.Signer.Verifier().String() }

// Request is the body of add-checkpoint.
type Request struct {
	Old   int64 // the size that the log thinks the witness knows
	Proof tlog.TreeProof
	Note  []byte
}

// maxProof is how many hashes a consistency proof may have (the specification
// sets this bound).
const maxProof = 63

// ParseRequest reads an add-checkpoint body: "old N", the proof's hashes one a
// line, an empty line, the signed checkpoint.
func ParseRequest(body []byte) (Request, error) {
	head, signed, ok := bytes.Cut(body, []byte("\n\n"))
	if !ok {
		return Request{}, errors.New("there is no empty line before the checkpoint")
	}
	lines := strings.Split(string(head), "\n")
	size, ok := strings.CutPrefix(lines[0], "old ")
	if !ok {
		return Request{}, errors.New("the first line is not \"old <size>\"")
	}
	old, err := strconv.ParseInt(size, 10, 64)
	if err != nil || old < 0 || strconv.FormatInt(old, 10) != size {
		return Request{}, errors.New("the old size is not a number")
	}
	if len(lines)-1 > maxProof {
		return Request{}, errors.New("the proof is too long")
	}
	r := Request{Old: old, Note: signed}
	for _, l := range lines[1:] {
		h, err := base64.StdEncoding.Strict().DecodeString(l)
		if err != nil || len(h) != tlog.HashSize {
			return Request{}, fmt.Errorf("%q is not a hash of the proof", l)
		}
		r.Proof = append(r.Proof, tlog.Hash(h))
	}
	return r, nil
}

// Format writes the request as a body; ParseRequest reads it back.
func (r Request) Format() []byte {
	b := fmt.Appendf(nil, "old %d\n", r.Old)
	for _, h := range r.Proof {
		b = fmt.Appendf(b, "%s\n", h)
	}
	b = append(b, '\n')
	return append(b, r.Note...)
}

// Errors of Add. The HTTP statuses of the specification follow from them.
var (
	ErrMalformed  = errors.New("malformed request")                                // 400
	ErrUnknownLog = errors.New("unknown log")                                      // 404
	ErrSignature  = errors.New("no good signature of the log")                     // 403
	ErrProof      = errors.New("the checkpoint does not extend what was cosigned") // 422
)

// ConflictError says which size the witness knows (409).
type ConflictError struct{ Known int64 }

func (e *ConflictError) Error() string { return fmt.Sprintf("the witness knows size %d", e.Known) }

// Add judges one request and returns the cosignature line.
func (w *Witness) Add(ctx context.Context, body []byte) ([]byte, error) {
	r, err := ParseRequest(body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	cp, err := proof.ParseCheckpoint(r.Note)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	v := w.logs[cp.Origin]
	if v == nil {
		return nil, fmt.Errorf("%w %q", ErrUnknownLog, cp.Origin)
	}
	n, err := note.Open(r.Note, note.VerifierList(v))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	if r.Old > cp.Size {
		return nil, fmt.Errorf("%w: old size %d is larger than the checkpoint's %d", ErrMalformed, r.Old, cp.Size)
	}
	if err := w.cfg.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return w.move(ctx, tx, r, cp) }); err != nil {
		if errors.Is(err, ErrProof) {
			w.keepFork(ctx, cp, r.Note)
		}
		return nil, err
	}
	signed, err := note.Sign(&note.Note{Text: n.Text}, w.cfg.Signer)
	if err != nil {
		return nil, fmt.Errorf("cosign: %w", err)
	}
	return signed[len(n.Text)+1:], nil
}

// move checks the proof against the state and moves it.
func (w *Witness) move(ctx context.Context, tx *db.Tx, r Request, cp proof.Checkpoint) error {
	var known int64
	var root []byte
	err := tx.QueryRow(ctx, `SELECT size, root FROM witnessed WHERE origin = ?`+tx.ForUpdate(), cp.Origin).Scan(&known, &root)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if known != r.Old {
		return &ConflictError{Known: known}
	}
	switch {
	case known == 0: // nothing to be consistent with
		if len(r.Proof) > 0 {
			return fmt.Errorf("%w: a proof from size 0 is empty", ErrProof)
		}
	case known == cp.Size:
		if len(r.Proof) > 0 || !bytes.Equal(root, cp.Root[:]) {
			return fmt.Errorf("%w: another root for size %d", ErrProof, known)
		}
	default:
		if err := tlog.CheckTree(r.Proof, cp.Size, cp.Root, known, tlog.Hash(root)); err != nil {
			return fmt.Errorf("%w: %w", ErrProof, err)
		}
	}
	_, err = tx.Exec(ctx, `INSERT INTO witnessed (origin, size, root, note, time) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (origin) DO UPDATE SET size = excluded.size, root = excluded.root, note = excluded.note, time = excluded.time`,
		cp.Origin, cp.Size, cp.Root[:], r.Note, w.cfg.Now().UnixNano())
	return err
}

// keepFork keeps two signed checkpoints that contradict each other. Only two
// roots of one size prove that by themselves; other failures may be a bad proof.
func (w *Witness) keepFork(ctx context.Context, cp proof.Checkpoint, offered []byte) {
	err := w.cfg.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var size int64
		var root, known []byte
		if err := tx.QueryRow(ctx, `SELECT size, root, note FROM witnessed WHERE origin = ?`, cp.Origin).Scan(&size, &root, &known); err != nil {
			return err
		}
		if size != cp.Size || bytes.Equal(root, cp.Root[:]) {
			return nil
		}
		w.cfg.Logger.Error("the log signed two histories", "origin", cp.Origin, "size", size)
		_, err := tx.Exec(ctx, `INSERT INTO fork (origin, time, known, offered) VALUES (?, ?, ?, ?)`, cp.Origin, w.cfg.Now().UnixNano(), known, offered)
		return err
	})
	if err != nil {
		w.cfg.Logger.Error("could not keep the evidence of a fork", "origin", cp.Origin, "error", err)
	}
}

// Known is what the witness has cosigned last of one log.
type Known struct {
	Origin string `json:"origin"`
	Size   int64  `json:"size"`
	Forks  int64  `json:"forks"`
}

// Logs lists what was cosigned, by origin.
func (w *Witness) Logs(ctx context.Context) ([]Known, error) {
	out := []Known{}
	err := w.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		rows, err := tx.Query(ctx, `SELECT origin, size, (SELECT COUNT(*) FROM fork f WHERE f.origin = w.origin) FROM witnessed w ORDER BY origin`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var k Known
			if err := rows.Scan(&k.Origin, &k.Size, &k.Forks); err != nil {
				return err
			}
			out = append(out, k)
		}
		return rows.Err()
	})
	return out, err
}
