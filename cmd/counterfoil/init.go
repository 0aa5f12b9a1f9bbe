// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/internal/app"
)

func (c *cli) initCmd() *cobra.Command {
	var origin, kms string
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make a new, empty ledger",
		Long: `Makes a data folder, if there is none, and a ledger in it: its master key, its
log key and its database. The origin names the log for ever; give one under a
name that you own.`,
		Example: `  counterfoil init --data ./trail --origin example.com/ai-trail
  counterfoil init --data ./trail --ledger claims
  counterfoil init --data ./trail --kms hashivault://counterfoil`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.store.Create(cmd.Context(), c.ledger, origin, kms); err != nil {
				return err
			}
			return c.read(cmd.Context(), func(o *app.Opened) error {
				if c.json {
					return c.print(map[string]string{"ledger": c.ledger, "origin": o.Ledger.Origin(), "verifier_key": o.Ledger.VerifierKey()})
				}
				where := "--data " + c.store.Data
				if c.store.Database != "" {
					where = "--database … --keys " + c.store.Keys
				}
				_, err := fmt.Fprintf(c.out, `ledger   %s
origin   %s
log key  %s

Keep the folder of the master key safe and apart from backups of the database:
without it no private value can be read and nothing can be signed.

next: counterfoil serve %s
`, c.ledger, o.Ledger.Origin(), o.Ledger.VerifierKey(), where)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&kms, "kms", "", "KMS key that wraps the master key: hashivault://KEY, awskms://KEY or gcpkms://KEY (docs/keys.md)")
	cmd.Flags().StringVar(&origin, "origin", "", "name of the log (default: counterfoil.local/LEDGER)")
	return cmd
}
