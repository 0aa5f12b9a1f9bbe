// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/internal/app"
	"github.com/counterfoil/counterfoil/internal/audit"
	"github.com/counterfoil/counterfoil/verify"
)

func (c *cli) shardCmd() *cobra.Command {
	return group("shard", "A log that goes on month by month, so that old leaves can go",
		`A shard is closed with a record that nothing but custody follows, and keeps its own
name, such as main.2026-11. The next one begins with a record that names the signed
end of the one before. When no private value and no hold is left in a closed shard,
its leaves can be dropped: its signed end stays, and the log says so.

These commands work on the data itself, while no server writes it.`,
		`  counterfoil shard list --data ./trail
  counterfoil shard roll --data ./trail --as person:ops
  counterfoil shard drop main.2026-11 --data ./trail --as person:ops`,
		c.shardListCmd(), c.shardRollCmd(), c.shardDropCmd())
}

// operator is who acts on the data itself.
func (c *cli) operator() string {
	if c.actor == "" {
		return "local:cli"
	}
	return c.actor
}

// offline refuses to work on a server's data from outside.
func (c *cli) offline() error {
	if c.server != "" {
		return &usageError{&hinted{errors.New("shards are not changed over --server"), "run it on the machine itself, with --data or --database, while the server is stopped"}}
	}
	return nil
}

func (c *cli) shardListCmd() *cobra.Command {
	return &cobra.Command{Use: "list", Short: "List the shards of a ledger, oldest first", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		if err := c.offline(); err != nil {
			return err
		}
		all, err := c.store.Shards(cmd.Context(), c.ledger)
		if err != nil || c.json {
			return orPrint(c, err, all)
		}
		w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "SHARD\tRECORDS\tCLOSED\tDROPPED\tLOG")
		for _, s := range all {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", s.Name, thousands(s.Size), day(s.Closed), day(s.Dropped), s.Origin)
		}
		return w.Flush()
	}}
}

// day is the date of a time that may be none.
func day(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Format(time.DateOnly)
}

func (c *cli) shardRollCmd() *cobra.Command {
	var due bool
	cmd := &cobra.Command{Use: "roll", Short: "Close the shard that takes records, and begin the next", Args: cobra.NoArgs,
		Long: `Closes the shard and begins the next. It can be stopped anywhere: called again, it
finishes. With --due it does nothing until a month has begun since the shard did,
so that it can be run every night.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.offline(); err != nil {
				return err
			}
			s, err := c.store.Roll(cmd.Context(), app.Rolling{Name: c.ledger, Now: time.Now(), By: c.operator(), Due: due})
			if err != nil || c.json {
				return orPrint(c, err, s)
			}
			if s.Name == "" {
				_, err := fmt.Fprintln(c.out, "no month has begun since the shard did: nothing to do")
				return err
			}
			_, err = fmt.Fprintf(c.out, "%s is closed, with %s; %s goes on\n", s.Name, plural(s.Size, "record"), c.ledger)
			return err
		}}
	cmd.Flags().BoolVar(&due, "due", false, "only if a month has begun since the shard did")
	return cmd
}

func (c *cli) shardDropCmd() *cobra.Command {
	return &cobra.Command{Use: "drop SHARD", Short: "Drop the leaves of a closed shard of which no private value is left", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.offline(); err != nil {
				return err
			}
			s, err := c.store.Drop(cmd.Context(), args[0], c.operator())
			if err != nil || c.json {
				return orPrint(c, err, s)
			}
			_, err = fmt.Fprintf(c.out, "%s: its leaves are gone, its signed end of %s stays\n", s.Name, plural(s.Size, "record"))
			return err
		}}
}

// verifyChains verifies that the shards of each ledger follow each other.
func (c *cli) verifyChains(ctx context.Context, names []string) (bool, error) {
	whole := true
	for _, chain := range app.Chains(names) {
		if len(chain) < 2 {
			continue
		}
		found, err := c.verifyChain(ctx, chain)
		if err != nil {
			return false, err
		}
		whole = whole && len(found) == 0
		if c.json {
			err = c.print(struct {
				Shards   []string        `json:"shards"`
				Whole    bool            `json:"whole"`
				Findings []audit.Finding `json:"findings"`
			}{chain, len(found) == 0, found})
		} else if len(found) == 0 {
			_, err = fmt.Fprintf(c.out, "WHOLE  %s follow each other\n", plural(int64(len(chain)), "shard"))
		} else {
			fmt.Fprintf(c.out, "NOT WHOLE  %s\n", plural(int64(len(chain)), "shard"))
			for _, f := range found {
				_, err = fmt.Fprintf(c.out, "  promise %d  %s\n", f.Promise, verify.Visible(f.String()))
			}
		}
		if err != nil {
			return false, err
		}
	}
	return whole, nil
}

func (c *cli) verifyChain(ctx context.Context, chain []string) (found []audit.Finding, err error) {
	var shards []audit.Shard
	for _, name := range chain {
		o, err := c.store.Open(ctx, name, false, nil)
		if err != nil {
			return nil, err
		}
		defer o.Close()
		shards = append(shards, audit.Shard{Name: name, DB: o.DB})
	}
	return audit.Chain(ctx, shards)
}
