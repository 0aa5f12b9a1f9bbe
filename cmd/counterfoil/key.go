// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/api"
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
	cmd.AddCommand(trust, show, c.keyChangeCmd("rotate", "Give the log a new signing key, which the old one announces in the log",
		`Makes a new signing key. The old key announces it in the log; from then on both sign,
so that who knows only the old one has time: give out the new trust policy
(counterfoil key trust), tell the witnesses, and end it with key retire.`),
		c.keyChangeCmd("retire", "End a rotation: the old signing key signs no more, and is destroyed",
			`Receipts that the old key signed stay valid: the trust policy keeps naming it.`),
		c.keyMasterCmd())
	return cmd
}

func (c *cli) keyMasterCmd() *cobra.Command {
	var in api.MasterRotation
	cmd := &cobra.Command{Use: "master", Short: "Give the ledger a new master key, and destroy the old one",
		Long: `Draws a new master key, wraps every key of the ledger anew while records come in, and
destroys the old master key. Backups of before, and with them what was erased
since, can not be opened any more. It may be interrupted and called again.`,
		Example: `  counterfoil key master --data ./trail --as person:root
  counterfoil key master --data ./trail --as person:root --kms awskms://alias/counterfoil`, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			return c.call(cmd.Context(), func(a *caller) error {
				out, err := ask[api.MasterRotated](cmd.Context(), a, "POST", c.at("keys", "master"), in)
				if err != nil || c.json {
					return orPrint(c, err, out)
				}
				_, err = fmt.Fprintf(c.out, "%s wrapped anew; the old master key is destroyed\nnext: make a backup; those of before can not be opened any more\n", plural(int64(out.Keys), "key"))
				return err
			})
		}}
	cmd.Flags().StringVar(&in.KMS, "kms", "", "KMS key that wraps the new master key (default: as the old one)")
	return cmd
}

// keyChangeCmd is one step of a rotation of the log's signing key.
func (c *cli) keyChangeCmd(step, short, long string) *cobra.Command {
	return &cobra.Command{Use: step, Short: short, Long: long, Example: "  counterfoil key " + step + " --data ./trail --as person:root", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return c.call(cmd.Context(), func(a *caller) error {
			k, err := ask[api.LogKey](cmd.Context(), a, "POST", c.at("keys", step), struct{}{})
			if err != nil || c.json {
				return orPrint(c, err, k)
			}
			if step == "retire" {
				_, err = fmt.Fprintf(c.out, "%s signs no more\n", k.VerifierKey)
				return err
			}
			_, err = fmt.Fprintf(c.out, "new log key  %s\nfingerprint  %s\n\nBoth keys sign now. Give out the new trust policy (counterfoil key trust) and tell\nthe witnesses, then end it with counterfoil key retire.\n", k.VerifierKey, fingerprint(k.VerifierKey))
			return err
		})
	}}
}

// fingerprint is the SHA-256 of a verifier key, to be read out and compared.
func fingerprint(vkey string) string {
	sum := sha256.Sum256([]byte(vkey))
	return hex.EncodeToString(sum[:])
}
