// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/internal/app"
)

func (c *cli) keyCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "key",
		Short:   "Show the log's public key, and the trust policy for outsiders",
		Example: `  counterfoil key trust --data ./trail > trust.txt`,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var config string
	trust := &cobra.Command{
		Use:   "trust",
		Short: "Print the trust policy that verifiers need",
		Long: `Prints the trust policy: the log key, the configured witnesses and how many of
them must have cosigned, and the roots of time-stamp authorities. Give it to
verifiers another way than receipts, and let them compare its fingerprint.`,
		Example: `  counterfoil key trust --data ./trail > trust.txt
  counterfoil-verify receipt --trust trust.txt refund.receipt.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.read(cmd.Context(), func(o *app.Opened) error {
				cfg, err := c.config(config)
				if err != nil {
					return err
				}
				b, err := cfg.Trust(o.Ledger.VerifierKeys()...)
				if err != nil {
					return err
				}
				if c.json {
					return c.print(map[string]string{"ledger": c.ledger, "trust": string(b), "fingerprint": fingerprint(o.Ledger.VerifierKey())})
				}
				_, err = c.out.Write(b)
				return err
			})
		},
	}
	trust.Flags().StringVar(&config, "config", "", "configuration file with the witnesses (default: in --data)")
	show := &cobra.Command{
		Use:     "show",
		Short:   "Print the log's verifier key and its fingerprint",
		Example: `  counterfoil key show --data ./trail`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.read(cmd.Context(), func(o *app.Opened) error {
				key := o.Ledger.VerifierKey()
				if c.json {
					return c.print(map[string]string{"ledger": c.ledger, "origin": o.Ledger.Origin(), "verifier_key": key, "fingerprint": fingerprint(key)})
				}
				_, err := fmt.Fprintf(c.out, "origin       %s\nlog key      %s\nfingerprint  %s\n", o.Ledger.Origin(), key, fingerprint(key))
				return err
			})
		},
	}
	cmd.AddCommand(trust, show)
	return cmd
}

// fingerprint is the SHA-256 of a verifier key, to be read out and compared.
func fingerprint(vkey string) string {
	sum := sha256.Sum256([]byte(vkey))
	return hex.EncodeToString(sum[:])
}
