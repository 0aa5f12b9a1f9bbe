// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/internal/app"
	"github.com/counterfoil/counterfoil/internal/paper"
)

func (c *cli) receiptCmd() *cobra.Command {
	var disclose []string
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
  counterfoil receipt --data ./trail 0192f3a4-0001 --disclose /subject --disclose /decision/reason
  counterfoil receipt --data ./trail 0192f3a4-0001 --html -o refund.html`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.completeIDs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.read(cmd.Context(), func(o *app.Opened) error {
				openings, err := c.openings(cmd, o, args[0], disclose)
				if err != nil {
					return err
				}
				rc, err := o.Ledger.Receipt(cmd.Context(), args[0], openings)
				if err != nil {
					return err
				}
				b, err := rc.Marshal()
				if err != nil {
					return err
				}
				if html {
					cfg, err := c.config(config)
					if err != nil {
						return err
					}
					trust, err := cfg.Trust(o.Ledger.VerifierKey())
					if err != nil {
						return err
					}
					var page bytes.Buffer
					if err := paper.HTML(&page, b, trust); err != nil {
						return err
					}
					b = page.Bytes()
				}
				return c.output(output, b)
			})
		},
	}
	discloseFlag(cmd, &disclose)
	cmd.Flags().BoolVar(&html, "html", false, "one self-contained page that checks itself")
	cmd.Flags().StringVarP(&output, "output", "o", "", "file to write (default: standard output)")
	cmd.Flags().StringVar(&config, "config", "", "configuration file with the witnesses (default: in --data)")
	return cmd
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
