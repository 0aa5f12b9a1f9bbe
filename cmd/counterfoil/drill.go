// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/internal/app"
	"github.com/counterfoil/counterfoil/internal/drill"
	"github.com/counterfoil/counterfoil/verify"
)

func (c *cli) drillCmd() *cobra.Command {
	var only []string
	var scratch string
	cmd := &cobra.Command{
		Use:   "drill",
		Short: "Tamper with a copy of the ledger in every known way and show that it is caught",
		Long: `Copies the ledger, changes the copy in each known way, from a flipped byte to a
re-signed fork by somebody who holds the keys, and verifies it. The ledger itself
is only read. It takes one full verification for each attack.`,
		Example: `  counterfoil drill --data ./trail
  counterfoil drill --data ./trail --only fork-omit --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.read(cmd.Context(), func(o *app.Opened) error {
				return c.drill(cmd.Context(), drill.Config{DB: o.DB, Keys: o.Keys, Only: only, Scratch: scratch})
			})
		},
	}
	cmd.Flags().StringArrayVar(&only, "only", nil, "name of an attack (may be repeated; default: all)")
	cmd.Flags().StringVar(&scratch, "scratch", "", "folder for the copies (default: a temporary one)")
	if err := cmd.RegisterFlagCompletionFunc("only", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return drill.Names(), cobra.ShellCompDirectiveNoFileComp
	}); err != nil {
		panic(err) // the flag is defined above
	}
	return cmd
}

// drill runs the attacks and writes a line for each.
func (c *cli) drill(ctx context.Context, cfg drill.Config) error {
	caught, missed, skipped := 0, 0, 0
	for res, err := range drill.Run(ctx, cfg) {
		if err != nil {
			return err
		}
		verdict := "CAUGHT "
		switch {
		case res.Skipped != "":
			verdict = "skipped"
			skipped++
		case res.Caught:
			caught++
		default:
			verdict = "MISSED "
			missed++
		}
		if c.json {
			if err := c.print(res); err != nil {
				return err
			}
			continue
		}
		who := ""
		if res.Insider {
			who = " (by somebody with the keys)"
		}
		fmt.Fprintf(c.out, "%s  %s%s\n", verdict, res.What, who)
		switch {
		case res.Skipped != "":
			fmt.Fprintf(c.out, "         %s\n", res.Skipped)
		case res.Finding != nil:
			fmt.Fprintf(c.out, "         %s\n", verify.Visible(res.Finding.String()))
		}
	}
	if !c.json {
		fmt.Fprintf(c.out, "%d attacks caught, %d missed, %d could not be carried out\n", caught, missed, skipped)
	}
	if missed > 0 {
		return errWrong
	}
	return nil
}
