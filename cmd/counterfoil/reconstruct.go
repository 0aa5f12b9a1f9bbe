// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/internal/reconstruct"
)

func (c *cli) reconstructCmd() *cobra.Command {
	var journey, full, all bool
	var why reason
	cmd := &cobra.Command{
		Use:   "reconstruct ID",
		Short: "Put a decision together again: all that the log holds about it, in order",
		Long: `Tells the story of a decision, given its id or that of a record that follows it up:
the attempt before it, its steps, what people did, what the person was told, asked
and complained about, findings, what replaced it, and what other systems decided in
the same interaction or journey. Private values are withheld unless --disclose is
given; each is said to be disclosed, withheld, or erased by which tombstone.`,
		Example: `  counterfoil reconstruct --data ./trail 0192f3a4-0001
  counterfoil reconstruct --data ./trail 0192f3a4-0001 --disclose --purpose complaint --ticket c-7 --full
  counterfoil reconstruct --data ./trail jrn_19 --journey --json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.completeIDs,
		RunE: func(cmd *cobra.Command, args []string) error {
			var disclose []string
			if all {
				disclose = []string{"all"}
			}
			if err := why.check(disclose); err != nil {
				return err
			}
			path := c.at("records", args[0], "story")
			if journey {
				path = c.at("journeys", args[0])
			}
			return c.call(cmd.Context(), func(a *caller) error {
				a.because(why)
				s, err := ask[*reconstruct.Story](cmd.Context(), a, "GET", path+query(disclose), nil)
				if err != nil || c.json {
					return orPrint(c, err, s)
				}
				return s.Text(c.out, full)
			})
		},
	}
	f := cmd.Flags()
	f.BoolVar(&journey, "journey", false, "ID is that of an interaction or a journey")
	f.BoolVar(&all, "disclose", false, "open the private values that you may open; each record is an access record")
	f.BoolVar(&full, "full", false, "show long values whole")
	why.flags(cmd)
	return cmd
}
