// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/internal/app"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

func (c *cli) logCmd() *cobra.Command {
	var lines int
	var follow bool
	cmd := &cobra.Command{
		Use:   "log",
		Short: "Show the end of the log, and follow it",
		Example: `  counterfoil log --data ./trail
  counterfoil log --data ./trail -f --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if lines < 0 {
				return usagef("-n %d: use 0 or more", lines)
			}
			return c.read(cmd.Context(), func(o *app.Opened) error { return c.tail(cmd, o, int64(lines), follow) })
		},
	}
	cmd.Flags().IntVarP(&lines, "lines", "n", 20, "how many records from the end")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on as records come, until interrupted")
	return cmd
}

// followEvery is how often the head is looked at.
const followEvery = 500 * time.Millisecond

func (c *cli) tail(cmd *cobra.Command, o *app.Opened, lines int64, follow bool) error {
	ctx := cmd.Context()
	size, err := o.Ledger.Size(ctx)
	if err != nil {
		return err
	}
	next, first := max(0, size-lines), true
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		table := tabwriter.NewWriter(c.out, 0, 8, 2, ' ', 0)
		var e ledger.Entry
		for e, err = range o.Ledger.Entries(ctx, next, -1) {
			if err == nil {
				err = c.listOne(table, e, first)
			}
			if err != nil {
				break
			}
			next, first = e.Index+1, false
		}
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if err := table.Flush(); err != nil {
			return err
		}
		if !follow {
			if first {
				fmt.Fprintln(c.err, "the log is empty")
			}
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (c *cli) checkpointCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "checkpoint",
		Short: "Print the newest signed checkpoint with its cosignatures",
		Long: `Prints the newest checkpoint (c2sp.org/tlog-checkpoint). Whoever keeps one can
later prove a rollback or a fork: send it to somebody outside now and then.`,
		Example: `  counterfoil checkpoint --data ./trail > checkpoint-today.txt`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.read(cmd.Context(), func(o *app.Opened) error {
				b, err := o.Ledger.Checkpoint(cmd.Context())
				if err != nil {
					return err
				}
				if c.json {
					return c.print(map[string]string{"origin": o.Ledger.Origin(), "checkpoint": string(b)})
				}
				_, err = c.out.Write(b)
				return err
			})
		},
	}
}
