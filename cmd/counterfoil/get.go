// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/internal/app"
	"github.com/counterfoil/counterfoil/record"
)

func (c *cli) getCmd() *cobra.Command {
	var disclose []string
	cmd := &cobra.Command{
		Use:   "get ID",
		Short: "Show one record: its statement, or with private values in place",
		Example: `  counterfoil get --data ./trail 0192f3a4-0001
  counterfoil get --data ./trail 0192f3a4-0001 --disclose /subject
  counterfoil get --data ./trail 0192f3a4-0001 --disclose all`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.completeIDs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.read(cmd.Context(), func(o *app.Opened) error {
				e, err := o.Ledger.Get(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				openings, err := c.openings(cmd, o, args[0], disclose)
				if err != nil {
					return err
				}
				st, err := record.ParseStatement(e.Statement)
				if err != nil {
					return err
				}
				b, err := st.Open(openings)
				if err != nil {
					return err
				}
				if !c.json {
					var pretty bytes.Buffer
					if err := json.Indent(&pretty, b, "", "  "); err != nil {
						return err
					}
					b = pretty.Bytes()
				}
				_, err = c.out.Write(append(b, '\n'))
				return err
			})
		},
	}
	discloseFlag(cmd, &disclose)
	return cmd
}

func discloseFlag(cmd *cobra.Command, into *[]string) {
	cmd.Flags().StringArrayVar(into, "disclose", nil, "JSON Pointer of a private value to open, or all (may be repeated)")
}

// openings reads the private values that were asked for.
func (c *cli) openings(cmd *cobra.Command, o *app.Opened, id string, pointers []string) ([]record.Opening, error) {
	if len(pointers) == 0 {
		return nil, nil
	}
	if slices.Contains(pointers, "all") {
		pointers = nil
	}
	return o.Ledger.Disclose(cmd.Context(), id, pointers)
}
