// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/internal/app"
	"github.com/counterfoil/counterfoil/internal/paper"
)

func (c *cli) receiptCmd() *cobra.Command {
	var disclose []string
	var why reason
	var html bool
	var output, config string
	cmd := &cobra.Command{
		Use:   "receipt ID",
		Short: "Write the receipt of one record, for somebody who trusts nobody here",
		Long: `Writes a receipt: the statement, the proof that it stands in the log, the signed
checkpoint with its cosignatures and time stamp, and the private values that you
choose to disclose. The one who gets it checks it with counterfoil-verify and a
trust policy (counterfoil key trust) that should reach them another way.

With --html it is one page that shows the decision to a person and checks itself
in the browser, without network.`,
		Example: `  counterfoil receipt --data ./trail 0192f3a4-0001 > refund.receipt.json
  counterfoil receipt --data ./trail 0192f3a4-0001 --disclose /decision/reason --purpose complaint
  counterfoil receipt --data ./trail 0192f3a4-0001 --html -o refund.html`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.completeIDs,
		RunE: func(cmd *cobra.Command, args []string) error {
			b, trust, err := c.receipt(cmd.Context(), args[0], disclose, why, config)
			if err != nil {
				return err
			}
			if html {
				var page bytes.Buffer
				if err := paper.HTML(&page, b, trust); err != nil {
					return err
				}
				b = page.Bytes()
			}
			return c.output(output, b)
		},
	}
	why.flags(cmd)
	discloseFlag(cmd, &disclose)
	cmd.Flags().BoolVar(&html, "html", false, "one self-contained page that checks itself")
	cmd.Flags().StringVarP(&output, "output", "o", "", "file to write (default: standard output)")
	cmd.Flags().StringVar(&config, "config", "", "configuration file with the witnesses (default: in --data)")
	return cmd
}

// receipt makes a receipt, and the trust policy that it is judged by. Private
// values come over the API alone, which writes the access down.
func (c *cli) receipt(ctx context.Context, id string, disclose []string, why reason, config string) (b, trust []byte, err error) {
	if err := why.check(disclose); err != nil {
		return nil, nil, err
	}
	if c.server != "" || len(disclose) > 0 {
		err = c.call(ctx, func(a *caller) error {
			a.because(why)
			if b, err = a.raw(ctx, "GET", c.at("records", id, "receipt")+query(disclose), nil); err == nil {
				trust, err = a.raw(ctx, "GET", c.at("trust"), nil)
			}
			return err
		})
		if err != nil || c.server != "" {
			return b, trust, err
		}
	}
	err = c.read(ctx, func(o *app.Opened) error {
		cfg, err := c.config(config)
		if err != nil {
			return err
		}
		if trust, err = cfg.Trust(o.Ledger.VerifierKeys()...); err != nil || b != nil {
			return err
		}
		rc, err := o.Ledger.Receipt(ctx, id, nil)
		if err == nil {
			b, err = rc.Marshal()
		}
		return err
	})
	return b, trust, err
}

// output writes to a file, or to standard output.
func (c *cli) output(path string, b []byte) error {
	if path == "" {
		_, err := c.out.Write(b)
		return err
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		return err
	}
	fmt.Fprintf(c.err, "wrote %s (%s bytes)\n", path, thousands(int64(len(b))))
	return nil
}
