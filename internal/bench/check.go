// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/counterfoil/counterfoil/internal/app"
	"github.com/counterfoil/counterfoil/internal/audit"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/proof"
	"github.com/counterfoil/counterfoil/record"
	"github.com/counterfoil/counterfoil/verify"
)

// check is the part that reads the ledger that the load has written.
func (b *bench) check(ctx context.Context) (err error) {
	if !b.cfg.wants(VerifyLedger, VerifyEvidence, VerifyReceipt) {
		return nil
	}
	o, err := b.store().Open(ctx, ledgerName, false, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	if b.cfg.wants(VerifyLedger) {
		if err := b.audit(ctx, VerifyLedger, "leaves/s", audit.Config{DB: o.DB}); err != nil {
			return err
		}
	}
	if b.cfg.wants(VerifyEvidence) {
		if err := b.audit(ctx, VerifyEvidence, "records/s", audit.Config{DB: o.DB, Keys: o.Keys}); err != nil {
			return err
		}
	}
	if b.cfg.wants(VerifyReceipt) {
		return b.receipts(ctx, o)
	}
	return nil
}

func (b *bench) audit(ctx context.Context, name, unit string, cfg audit.Config) error {
	cfg.Progress = func(done, total int64) { b.cfg.Progress("verifying the ledger", done, total) }
	r, err := audit.Run(ctx, cfg)
	if err != nil {
		return err
	}
	if !r.Whole() {
		return fmt.Errorf("verify ledger: %s", r.Findings[0])
	}
	return b.report(name, float64(r.Size)/r.Took.Seconds(), unit,
		fmt.Sprintf("%d leaves, %d private values, %d opened, %.0f s", r.Size, r.Seals, r.Opened, r.Took.Seconds()))
}

// receipts verifies receipts with all values disclosed, on all cores, each as if
// it were the only one.
func (b *bench) receipts(ctx context.Context, o *app.Opened) error {
	files, trust, err := b.sample(ctx, o)
	if err != nil {
		return err
	}
	const lasts = 3 * time.Second
	var judged atomic.Int64
	start := time.Now()
	g, ctx := errgroup.WithContext(ctx)
	for w := range runtime.GOMAXPROCS(0) {
		g.Go(func() error {
			for i := w; time.Since(start) < lasts && ctx.Err() == nil; i++ {
				if r := verify.Receipt(files[i%len(files)], trust); !r.Valid {
					return fmt.Errorf("verify receipt: %s", r.Faults[0].Detail)
				}
				judged.Add(1)
			}
			return context.Cause(ctx)
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return b.report(VerifyReceipt, float64(judged.Load())/time.Since(start).Seconds(), "receipts/s",
		fmt.Sprintf("%d different receipts of %d bytes, all values disclosed, %d at a time", len(files), len(files[0]), runtime.GOMAXPROCS(0)))
}

// sample makes receipts of the newest records.
func (b *bench) sample(ctx context.Context, o *app.Opened) (files [][]byte, trust *proof.Trust, err error) {
	policy, err := proof.FormatTrust([]string{o.Ledger.VerifierKey()}, nil, 0, nil)
	if err != nil {
		return nil, nil, err
	}
	if trust, err = proof.ParseTrust(policy); err != nil {
		return nil, nil, err
	}
	page, err := o.Ledger.List(ctx, ledger.Query{Limit: 500})
	if err != nil {
		return nil, nil, err
	}
	for _, e := range page.Entries {
		st, err := record.ParseStatement(e.Statement)
		if err != nil {
			return nil, nil, err
		}
		open, err := o.Ledger.Copy(ctx, st.ID())
		if err != nil {
			return nil, nil, err
		}
		rc, err := o.Ledger.Receipt(ctx, st.ID(), open)
		if err != nil {
			return nil, nil, err
		}
		file, err := rc.Marshal()
		if err != nil {
			return nil, nil, err
		}
		files = append(files, file)
	}
	if len(files) == 0 {
		return nil, nil, errors.New("verify receipts: the ledger is empty")
	}
	return files, trust, nil
}
