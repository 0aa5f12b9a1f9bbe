// SPDX-License-Identifier: Apache-2.0

// Package drill shows that tampering is found: it copies a ledger, changes the
// copy in each known way, and audits it.
//
//	ledger ──copy──▶ scratch file ──attack──▶ audit ──▶ caught by which finding?
//
// The attacker of the drill is the strongest there is short of wiping the
// verifier's memory: it edits the database directly and, where an attack says
// so, holds the master key and so the signing key. Attacks that re-sign history
// can not be found inside the copy; they are found by the checkpoint that a
// verifier saw before, which is what the drill hands to the audit.
//
// The ledger itself is only read. A drill passes when every attack is caught
// and the untouched copy is whole; an attack that could not be carried out
// (there is no evidence to change, say) is reported as such, never as caught.
package drill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/counterfoil/counterfoil/internal/audit"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/keyring"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

// Config says what to drill.
type Config struct {
	// DB is the ledger to copy; open for reading is enough. Required.
	DB *db.DB
	// Keys is its master key: some attacks need it, and so does an audit that
	// opens evidence. Required.
	Keys *keyring.Keyring
	// Scratch is a folder for the copies; it is emptied of them afterwards.
	// Default: a temporary folder.
	Scratch string
	// Only names the attacks to run. Default: all.
	Only []string
}

// Result is the outcome of one attack.
type Result struct {
	Name string `json:"name"`
	What string `json:"what"`
	// Insider says that the attacker held the keys.
	Insider bool `json:"insider"`
	// Caught says that the audit found something; Finding is the first.
	Caught  bool           `json:"caught"`
	Finding *audit.Finding `json:"finding,omitempty"`
	// Skipped says why the attack could not be carried out.
	Skipped string `json:"skipped,omitempty"`
}

// Passed reports whether the result is as it must be.
func (r Result) Passed() bool { return r.Caught || r.Skipped != "" }

// errSkip is wrapped by attacks that find nothing to attack.
var errSkip = errors.New("nothing to attack")

// Run carries out the attacks, one after the other, and yields a result for
// each. It stops at the first error: a drill that can not be carried out, or a
// copy that is not whole before anything was changed.
func Run(ctx context.Context, cfg Config) iter.Seq2[Result, error] {
	return func(yield func(Result, error) bool) {
		r, err := start(ctx, cfg)
		if err != nil {
			yield(Result{}, fmt.Errorf("drill: %w", err))
			return
		}
		defer os.RemoveAll(r.dir)
		for _, a := range attacks() {
			if len(cfg.Only) > 0 && !slices.Contains(cfg.Only, a.name) {
				continue
			}
			res, err := r.attack(ctx, a)
			if err != nil {
				yield(Result{}, fmt.Errorf("drill %s: %w", a.name, err))
				return
			}
			if !yield(res, nil) {
				return
			}
		}
	}
}

// Names lists the attacks.
func Names() []string {
	var out []string
	for _, a := range attacks() {
		out = append(out, a.name)
	}
	return out
}

// run is one drill: the pristine copy and what an honest verifier remembers.
type run struct {
	cfg    Config
	dir    string
	memory audit.Memory
}

func start(ctx context.Context, cfg Config) (*run, error) {
	if cfg.DB == nil || cfg.Keys == nil {
		return nil, errors.New("DB and Keys are required")
	}
	for _, name := range cfg.Only {
		if !slices.Contains(Names(), name) {
			return nil, fmt.Errorf("no attack %q; there are %s", name, strings.Join(Names(), ", "))
		}
	}
	dir, err := os.MkdirTemp(cfg.Scratch, "counterfoil-drill-")
	if err != nil {
		return nil, fmt.Errorf("make scratch folder: %w", err)
	}
	r := &run{cfg: cfg, dir: dir, memory: audit.Dir(filepath.Join(dir, "verifier"))}
	if err := r.prepare(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return r, nil
}

// prepare makes the pristine copy and lets a verifier see it.
func (r *run) prepare(ctx context.Context) error {
	if err := copyLedger(ctx, r.cfg.DB, r.path("pristine")); err != nil {
		return fmt.Errorf("copy ledger: %w", err)
	}
	d, err := db.Open(ctx, db.Config{URL: "sqlite:" + r.path("pristine")})
	if err != nil {
		return err
	}
	defer d.Close()
	rep, err := audit.Run(ctx, audit.Config{DB: d, Keys: r.cfg.Keys, Memory: r.memory})
	if err != nil {
		return err
	}
	if rep.Size < 2 {
		return fmt.Errorf("the ledger has %d records; a drill needs at least 2", rep.Size)
	}
	if !rep.Whole() {
		return fmt.Errorf("the ledger is not whole to begin with, run counterfoil verify: %s", rep.Findings[0])
	}
	return nil
}

func (r *run) path(name string) string { return filepath.Join(r.dir, name+".db") }

// attack copies, changes and audits.
func (r *run) attack(ctx context.Context, a attack) (Result, error) {
	res := Result{Name: a.name, What: a.what, Insider: a.insider}
	path := r.path("attacked")
	if err := copyFile(r.path("pristine"), path); err != nil {
		return res, err
	}
	defer func() {
		for _, suffix := range []string{"", "-wal", "-shm"} {
			os.Remove(path + suffix)
		}
	}()
	d, err := db.Open(ctx, db.Config{URL: "sqlite:" + path})
	if err != nil {
		return res, err
	}
	defer d.Close()
	err = d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		v, err := newVictim(ctx, tx, r.cfg.Keys)
		if err != nil {
			return err
		}
		return a.do(ctx, v)
	})
	switch {
	case errors.Is(err, errSkip):
		res.Skipped = err.Error()
		return res, nil
	case db.IsUnique(err):
		res.Skipped = errSkip.Error() + ": the ledger is too small"
		return res, nil
	case err != nil:
		return res, fmt.Errorf("carry out: %w", err)
	}
	rep, err := audit.Run(ctx, audit.Config{DB: d, Keys: r.cfg.Keys, Memory: readOnly{r.memory}})
	if err != nil {
		return res, fmt.Errorf("audit: %w", err)
	}
	if res.Caught = !rep.Whole(); res.Caught {
		res.Finding = telling(rep.Findings)
	}
	return res, nil
}

// telling picks the finding that says most: one that names a record, or the
// first.
func telling(all []audit.Finding) *audit.Finding {
	for i := range all {
		if all[i].Record != "" {
			return &all[i]
		}
	}
	return &all[0]
}

// readOnly keeps what was seen of the pristine ledger.
type readOnly struct{ audit.Memory }

func (readOnly) Save(context.Context, string, audit.Seen) error { return nil }

// tables of a ledger, in the order of the schema.
var tables = []string{"meta", "head", "entry", "lookup", "evidence", "evidence_key", "subject", "tombstone", "expired", "held", "tile", "checkpoint", "cosignature", "stamp"}

// copyLedger writes one snapshot of a ledger, of either dialect, into a new
// SQLite file without a write-ahead log.
func copyLedger(ctx context.Context, from *db.DB, path string) error {
	to, err := db.Create(ctx, db.Config{URL: "sqlite:" + path})
	if err != nil {
		return err
	}
	err = to.Migrate(ctx, ledger.Migrations())
	if err == nil {
		err = from.Read(ctx, func(ctx context.Context, src *db.Tx) error {
			return to.Write(ctx, func(ctx context.Context, dst *db.Tx) error {
				for _, t := range tables {
					if err := copyTable(ctx, src, dst, t); err != nil {
						return fmt.Errorf("copy %s: %w", t, err)
					}
				}
				return nil
			})
		})
	}
	return errors.Join(err, to.Close()) // the last close folds the log into the file
}

func copyTable(ctx context.Context, src, dst *db.Tx, table string) error {
	rows, err := src.Query(ctx, `SELECT * FROM `+table)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	var batch [][]any
	flush := func() error {
		defer func() { batch = batch[:0] }()
		return dst.Insert(ctx, table, columns, batch)
	}
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for i, v := range values {
			if b, ok := v.([]byte); ok && b == nil {
				values[i] = []byte{} // an empty value is not an absent one
			}
		}
		if batch = append(batch, values); len(batch) == 1000 {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return flush()
}

func copyFile(from, to string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	return errors.Join(err, dst.Close())
}
