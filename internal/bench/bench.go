// SPDX-License-Identifier: Apache-2.0

// Package bench measures this machine with the real server: HTTP on loopback, a
// ledger on disk with full durability, a proof in every answer. The load
// generator runs in the same process, so all that it costs is in the figures.
//
//	scratch folder ─▶ ledger, server ─▶ load of demo.Load records
//	  append_http_batch    NDJSON batches, a few connections
//	  append_single_p50/99 one record a request, many connections
//	  rss, stored_ratio    of the two above
//	  verify_ledger[_evidence], verify_receipt   over what they have written
//
// A figure that does not depend on the load alone (verify_…) is measured on a
// ledger of its own when only it is asked for. Nothing here asserts: a budget
// that a machine misses is a number, not a failure. Everything is bounded in
// time and count, talks to loopback only, and removes its folder.
package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// Names of the measurements, in the order in which they are made.
const (
	AppendBatch     = "append_http_batch"
	RSS             = "rss"
	StoredRatio     = "stored_ratio"
	AppendSingleP50 = "append_single_p50"
	AppendSingleP99 = "append_single_p99"
	VerifyLedger    = "verify_ledger"
	VerifyEvidence  = "verify_ledger_evidence"
	VerifyReceipt   = "verify_receipt"
	AppendControls  = "append_http_batch_controls"
	GuardP50        = "guard_p50"
	GuardP99        = "guard_p99"
)

// Names lists the measurements.
func Names() []string {
	return []string{AppendBatch, RSS, StoredRatio, AppendSingleP50, AppendSingleP99, AppendControls, GuardP50, GuardP99, VerifyLedger, VerifyEvidence, VerifyReceipt}
}

// Config says what to measure, and how hard.
type Config struct {
	// Only names what to measure. Default: everything.
	Only []string
	// Scratch is where the folder for the ledger is made. It should be on the
	// disk that is to be measured. Default: the system's temporary folder.
	Scratch string
	// Database is a PostgreSQL URL to measure instead of SQLite. The ledger
	// that is made there is left to the caller to drop.
	Database string
	// Duration is how long each load lasts. Default: a minute.
	Duration time.Duration
	// Batch is how many records are in one request. Default: 500.
	Batch int
	// Senders is how many connections send batches. Default: 4.
	Senders int
	// Clients is how many connections send single records. Default: 64.
	Clients int
	// Curve, if positive, measures batches only, up to so many records, and
	// reports the rate around each power of ten.
	Curve int64
	// Version is shown by the server.
	Version string
	// Progress is told what is being done, and how much of how much. Default: none.
	Progress func(what string, done, total int64)
}

// Measurement is one figure.
type Measurement struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	// Of is what it was measured on, in words.
	Of string `json:"of,omitempty"`
}

func (c *Config) validate() error {
	var errs []error
	for _, name := range c.Only {
		if !slices.Contains(Names(), name) {
			errs = append(errs, fmt.Errorf("there is no measurement %q", name))
		}
	}
	if c.Duration < 0 || c.Batch < 0 || c.Senders < 0 || c.Clients < 0 || c.Curve < 0 {
		errs = append(errs, errors.New("durations and counts can not be negative"))
	}
	if c.Duration == 0 {
		c.Duration = time.Minute
	}
	if c.Batch == 0 {
		c.Batch = 500
	}
	if c.Senders == 0 {
		c.Senders = 4
	}
	if c.Clients == 0 {
		c.Clients = 64
	}
	if c.Progress == nil {
		c.Progress = func(string, int64, int64) {}
	}
	return errors.Join(errs...)
}

// wants says whether one of the names is asked for.
func (c *Config) wants(names ...string) bool {
	return len(c.Only) == 0 || slices.ContainsFunc(names, func(n string) bool { return slices.Contains(c.Only, n) })
}

// Run measures and tells each figure as soon as it is known. The error says
// that something could not be measured; what was told before holds.
func Run(ctx context.Context, cfg Config, tell func(Measurement) error) (err error) {
	if err := cfg.validate(); err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	dir, err := os.MkdirTemp(cfg.Scratch, "counterfoil-bench-")
	if err != nil {
		return fmt.Errorf("bench: make folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := &bench{cfg: cfg, dir: dir, tell: tell}
	if cfg.Curve > 0 {
		return b.curve(ctx)
	}
	if err := b.load(ctx); err != nil {
		return err
	}
	return b.check(ctx)
}

// bench is one run.
type bench struct {
	cfg  Config
	dir  string
	tell func(Measurement) error
	sent int64 // bytes of JSON that the ledger has taken
}

// report tells a figure if it is asked for.
func (b *bench) report(name string, value float64, unit, of string) error {
	if !b.cfg.wants(name) {
		return nil
	}
	return b.tell(Measurement{Name: name, Value: value, Unit: unit, Of: of})
}

// load is the part that needs a server.
func (b *bench) load(ctx context.Context) error {
	batch := b.cfg.wants(AppendBatch, RSS, StoredRatio)
	single := b.cfg.wants(AppendSingleP50, AppendSingleP99)
	r, err := b.start(ctx)
	if err != nil {
		return err
	}
	if batch {
		err = b.batches(ctx, r)
	}
	if err == nil && single {
		err = b.singles(ctx, r)
	}
	if err == nil && !batch && b.cfg.wants(VerifyLedger, VerifyEvidence, VerifyReceipt) {
		err = b.fill(ctx, r, 200_000)
	}
	if err == nil && b.cfg.wants(AppendControls, GuardP50, GuardP99) {
		err = b.governed(ctx, r)
	}
	if err = errors.Join(err, r.stop()); err != nil || !b.cfg.wants(StoredRatio) {
		return err
	}
	stored, err := b.stored(ctx)
	if err != nil {
		return err
	}
	return b.report(StoredRatio, float64(stored)/float64(b.sent), "×", "bytes in the database after it, over bytes of JSON received")
}
