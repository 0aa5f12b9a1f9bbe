// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/internal/app"
	"github.com/counterfoil/counterfoil/internal/audit"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/pack"
	"github.com/counterfoil/counterfoil/proof"
	"github.com/counterfoil/counterfoil/verify"
)

// verifyFlags are the flags of the verify command.
type verifyFlags struct {
	trust, memory string
	sealed        bool
}

func (c *cli) verifyCmd() *cobra.Command {
	var v verifyFlags
	cmd := &cobra.Command{
		Use:   "verify [RECEIPT|PACK…]",
		Short: "Verify a whole ledger, receipts, or evidence packs",
		Long: `Without arguments, verifies whole ledgers: every one, or that of --ledger. Every
leaf is hashed into a tree of our own and held against every signed checkpoint;
every tile, every lookup row and every private value is compared; and the log
must extend the last checkpoint that was verified here.

With arguments, verifies receipt files, folders of them, and evidence packs (a zip
file, or a folder) against the trust policy of --trust.

Exit status: 0 whole, 1 something is wrong (each thing is named), 2 usage.`,
		Example: `  counterfoil verify --data ./trail
  counterfoil verify --data ./trail --json
  counterfoil verify --trust trust.txt refund.receipt.json
  counterfoil verify --trust trust.txt pack.zip`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return c.verifyReceipts(args, v.trust)
			}
			return c.verifyLedgers(cmd, v)
		},
	}
	f := cmd.Flags()
	f.StringVar(&v.trust, "trust", "", "trust policy file (default: the key that was seen here before)")
	f.StringVar(&v.memory, "memory", "", "folder that remembers the last good checkpoint (default: verifier in --data)")
	f.BoolVar(&v.sealed, "sealed", false, "do not open private values, even if the master key is at hand")
	return cmd
}

func readTrust(path string) (*proof.Trust, error) {
	if path == "" {
		return nil, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, &usageError{err}
	}
	t, err := proof.ParseTrust(b)
	if err != nil {
		return nil, &usageError{fmt.Errorf("%s: %w", path, err)}
	}
	return t, nil
}

func (c *cli) verifyReceipts(args []string, trustFile string) error {
	if trustFile == "" {
		return &usageError{&hinted{fmt.Errorf("--trust FILE is missing"), "get it from the log's operator with counterfoil key trust, and compare it with a second source"}}
	}
	trust, err := readTrust(trustFile)
	if err != nil {
		return err
	}
	set, failed := verify.NewSet(trust), 0
	show := func(name string, r verify.Result) error {
		if !r.Valid {
			failed++
		}
		if c.json {
			return c.print(struct {
				File string `json:"file"`
				verify.Result
			}{name, r})
		}
		return verify.Print(c.out, name, r)
	}
	for _, name := range args {
		if pack.Is(name) {
			valid, err := c.verifyPack(name, trustFile)
			if err != nil {
				return err
			}
			if !valid {
				failed++
			}
			continue
		}
		info, err := os.Stat(name)
		if err != nil {
			return &usageError{err}
		}
		if info.IsDir() {
			err = set.Dir(os.DirFS(name), show)
		} else {
			var b []byte
			if b, err = os.ReadFile(name); err == nil {
				err = show(name, set.Add(name, b))
			}
		}
		if err != nil {
			return err
		}
	}
	if failed > 0 {
		return errWrong
	}
	return nil
}

func (c *cli) verifyLedgers(cmd *cobra.Command, v verifyFlags) error {
	names := []string{c.ledger}
	if !cmd.Flags().Changed("ledger") {
		if all, err := c.store.Names(cmd.Context()); err == nil && len(all) > 0 {
			names = all // else opening says what is wrong
		}
	}
	trust, err := readTrust(v.trust)
	if err != nil {
		return err
	}
	whole := true
	for _, name := range names {
		c.ledger = name
		err := c.read(cmd.Context(), func(o *app.Opened) error {
			rep, err := c.audit(cmd, o, v, trust)
			if err != nil {
				return err
			}
			whole = whole && rep.Whole()
			return c.report(name, rep)
		})
		if e, ok := errors.AsType[*ledger.Error](err); ok && e.Code == ledger.NotFound {
			return &usageError{err} // nothing was verified, so nothing is wrong
		}
		if err != nil {
			return err
		}
	}
	chained, err := c.verifyChains(cmd.Context(), names)
	if err != nil {
		return err
	}
	if !whole || !chained {
		return errWrong
	}
	return nil
}

func (c *cli) audit(cmd *cobra.Command, o *app.Opened, v verifyFlags, trust *proof.Trust) (*audit.Report, error) {
	memory := v.memory
	if memory == "" {
		memory = c.store.VerifierDir()
	}
	cfg := audit.Config{DB: o.DB, Keys: o.Keys, Trust: trust, Memory: audit.Dir(memory)}
	if v.sealed {
		cfg.Keys = nil
	}
	size, err := o.Ledger.Size(cmd.Context())
	if err != nil {
		return nil, err
	}
	b := c.newBar(size, "verifying", false)
	defer b.done()
	cfg.Progress = func(done, _ int64) { b.set(done) }
	return audit.Run(cmd.Context(), cfg)
}

// report writes the outcome of an audit.
func (c *cli) report(name string, r *audit.Report) error {
	if c.json {
		return c.print(struct {
			Ledger string `json:"ledger"`
			Whole  bool   `json:"whole"`
			*audit.Report
		}{name, r.Whole(), r})
	}
	verdict := "WHOLE"
	if !r.Whole() {
		verdict = "NOT WHOLE"
	}
	fmt.Fprintf(c.out, "%s  ledger %s, log %s\n", verdict, name, r.Origin)
	for _, f := range r.Findings {
		fmt.Fprintf(c.out, "  promise %d  %s\n", f.Promise, verify.Visible(f.String()))
	}
	if r.More > 0 {
		fmt.Fprintf(c.out, "  and %s\n", plural(r.More, "more finding"))
	}
	fmt.Fprintf(c.out, "  %s, root %s\n", plural(r.Size, "record"), r.Root)
	if r.Dropped {
		_, err := fmt.Fprintf(c.out, "  its leaves were dropped: only the signed end was verified\n  took %s\n", seconds(r.Took.Round(time.Millisecond)))
		return err
	}
	fmt.Fprintf(c.out, "  %s and %s read\n", plural(r.Checkpoints, "checkpoint"), plural(r.Tiles, "tile"))
	fmt.Fprintf(c.out, "  %s: %s opened, %s erased", plural(r.Seals, "private value"), thousands(r.Opened), thousands(r.Erased))
	if r.Unopened > 0 {
		fmt.Fprintf(c.out, ", %s not opened (no master key)", thousands(r.Unopened))
	}
	fmt.Fprintln(c.out)
	switch {
	case r.Remembered >= 0 && r.Whole():
		fmt.Fprintf(c.out, "  it extends the log of %s that was verified here before\n", plural(r.Remembered, "record"))
	case r.Whole():
		fmt.Fprintln(c.out, "  first visit: from now on a rollback or a fork will be noticed here")
	}
	if r.Whole() {
		fmt.Fprintf(c.out, "  complete with respect to what the log has signed; what never reached it shows in the sources' numbers (counterfoil doctor)\n")
	}
	_, err := fmt.Fprintf(c.out, "  took %s\n", seconds(r.Took.Round(time.Millisecond)))
	return err
}
