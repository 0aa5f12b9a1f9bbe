// SPDX-License-Identifier: Apache-2.0

// Package audit verifies a whole ledger against itself and against what a
// verifier has seen before.
//
//	checkpoints ─ every signature, every root recomputed from the leaves
//	leaves      ─ contiguous, well-formed, hashed into a tree of our own
//	tiles       ─ every stored hash equals ours
//	lookup rows ─ every indexed column equals its statement
//	evidence    ─ every seal is opened by its stored value, or has a tombstone
//	memory      ─ the last good checkpoint seen here is a prefix of this log
//
// The audit believes nothing that the database says of itself: the tree is
// built from the leaves alone, and the signed checkpoints are held against it.
// A finding names the record, or the checkpoint and the range of records in
// which the change lies, and the promise (DESIGN §1) that broke.
//
// It reads in bounded memory, in pages, on every core. It changes nothing but
// its own memory of the last good checkpoint, and does not repair.
//
// Who is trusted: the verifier's own memory and the log key it pinned. Whoever
// holds both the database and the keys, and wipes the memory, is found by
// witnesses and by the holders of older receipts, not here.
package audit

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/keyring"
	"github.com/counterfoil/counterfoil/proof"
)

// Config says what to audit.
type Config struct {
	// DB holds the ledger's tables; open for reading is enough. Required.
	DB *db.DB
	// Keys opens the evidence. Nil: evidence is counted but not opened, and the
	// report says so.
	Keys *keyring.Keyring
	// Trust is the policy to hold checkpoints against. Nil: the log key that
	// the memory pinned, or on a first visit the one the database names.
	Trust *proof.Trust
	// Memory keeps the last good checkpoint. Nil: nothing is remembered.
	Memory Memory
	// Progress is told how many leaves of how many are done, now and then.
	// Default: none.
	Progress func(done, total int64)
	// Workers is how many goroutines check. Default: one for each core.
	Workers int
}

// Memory is where a verifier keeps what it saw last. Implementations must be
// durable when Save returns, and must not be writable by the log's operator if
// they shall protect against the operator.
type Memory interface {
	// Load returns what was saved for the origin, or nil.
	Load(ctx context.Context, origin string) (*Seen, error)
	// Save replaces it.
	Save(ctx context.Context, origin string, s Seen) error
}

// Seen is what a verifier remembers of a log.
type Seen struct {
	VerifierKey string    `json:"verifier_key"`
	Checkpoint  string    `json:"checkpoint"` // the signed note
	Time        time.Time `json:"time"`       // when it was verified
}

// Report is the outcome of an audit.
type Report struct {
	Origin      string        `json:"origin"`
	VerifierKey string        `json:"verifier_key"`
	Size        int64         `json:"size"`
	Root        string        `json:"root"`
	Checkpoints int64         `json:"checkpoints"`
	Tiles       int64         `json:"tiles"`
	Seals       int64         `json:"seals"`
	Opened      int64         `json:"opened"`
	Erased      int64         `json:"erased"`
	Unopened    int64         `json:"unopened"`   // no key was given
	Remembered  int64         `json:"remembered"` // size of the checkpoint seen before; -1: first visit
	Findings    []Finding     `json:"findings"`
	More        int64         `json:"more_findings,omitempty"` // beyond the limit
	Dropped     bool          `json:"dropped,omitempty"`       // its leaves were dropped: only the signed end was verified
	Took        time.Duration `json:"took_ns"`
}

// Whole reports whether nothing was found.
func (r *Report) Whole() bool { return len(r.Findings) == 0 }

// Codes of findings.
const (
	LeafChanged       = "leaf_changed"
	LeafMissing       = "leaf_missing"
	LeafExtra         = "leaf_extra"
	LeafMalformed     = "leaf_malformed"
	IDTwice           = "id_twice"
	TileChanged       = "tile_changed"
	TileMissing       = "tile_missing"
	TileExtra         = "tile_extra"
	CheckpointInvalid = "checkpoint_invalid"
	CheckpointMissing = "checkpoint_missing"
	RootMismatch      = "root_mismatch"
	HeadMismatch      = "head_mismatch"
	LookupChanged     = "lookup_changed"
	LookupMissing     = "lookup_missing"
	LookupExtra       = "lookup_extra"
	EvidenceChanged   = "evidence_changed"
	EvidenceMissing   = "evidence_missing"
	EvidenceExtra     = "evidence_extra"
	ErasureUndone     = "erasure_undone"
	KeyChanged        = "key_changed"
	Rollback          = "rollback"
	Fork              = "fork"
	WitnessMissing    = "witness_missing"
)

// Finding is one thing that is wrong.
type Finding struct {
	Code    string `json:"code"`
	Promise int    `json:"promise"` // of DESIGN §1
	Index   int64  `json:"index"`   // of the record; -1: none
	Record  string `json:"record,omitempty"`
	Size    int64  `json:"size,omitempty"` // of the checkpoint
	Detail  string `json:"detail"`
}

// String is the finding on one line.
func (f Finding) String() string {
	switch {
	case f.Record != "":
		return fmt.Sprintf("%s: record %s (index %d): %s", f.Code, f.Record, f.Index, f.Detail)
	case f.Index >= 0:
		return fmt.Sprintf("%s: index %d: %s", f.Code, f.Index, f.Detail)
	}
	return f.Code + ": " + f.Detail
}

// maxFindings bounds what is listed; the rest is counted.
const maxFindings = 1000

// auditor is one run.
type auditor struct {
	cfg    Config
	report Report
	snap   *snapshot
}

// Run audits the ledger. The error says that the audit could not be carried
// out; what is wrong with the ledger is in the report. A writer may go on
// meanwhile: the audit is of the size that stood when it began.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	if cfg.DB == nil {
		return nil, errors.New("audit: DB is required")
	}
	if cfg.Progress == nil {
		cfg.Progress = func(int64, int64) {}
	}
	if cfg.Workers <= 0 {
		cfg.Workers = runtime.GOMAXPROCS(0)
	}
	start := time.Now()
	a := &auditor{cfg: cfg, report: Report{Remembered: -1, Findings: []Finding{}}}
	if err := a.run(ctx); err != nil {
		return nil, fmt.Errorf("audit ledger: %w", err)
	}
	a.report.Took = time.Since(start)
	return &a.report, nil
}

func (a *auditor) run(ctx context.Context) error {
	dropped := false
	err := a.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if dropped, err = a.readDropped(ctx, tx); err != nil || dropped {
			return err
		}
		return a.readSnapshot(ctx, tx)
	})
	if err != nil {
		return err
	}
	if dropped {
		return a.endDropped(ctx)
	}
	seen, err := a.recall(ctx)
	if err != nil {
		return err
	}
	t := newTree(a, seen)
	a.checkExtra()
	if err := a.leaves(ctx, t); err != nil {
		return err
	}
	t.finish()
	if !a.Whole() || a.cfg.Memory == nil {
		return nil
	}
	return a.remember(ctx)
}

// Whole reports whether nothing was found so far.
func (a *auditor) Whole() bool { return a.report.Whole() }

func (a *auditor) find(f Finding) {
	if len(a.report.Findings) >= maxFindings {
		a.report.More++
		return
	}
	a.report.Findings = append(a.report.Findings, f)
}
