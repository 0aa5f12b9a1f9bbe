// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/app"
	"github.com/counterfoil/counterfoil/internal/sample"
	"github.com/counterfoil/counterfoil/verify"
)

func (c *cli) sampleCmd() *cobra.Command {
	return group("sample", "Samples for auditors, which nobody can steer",
		`Draws a sample of the records that a query selects. The auditor makes up a seed; it
is in the log before the draw, and the signed root of the log that came of it decides
with it what is drawn. Whoever has the leaves can draw again and must get the same.
Each record drawn is put together again: every reference resolves, or is a tombstone,
or is named.`,
		`  counterfoil sample draw --data ./trail --as person:anna --query 'kind:refund outcome:denied' --size 30 --seed 'rain on Tuesday' -o sheet.json
  counterfoil sample check sheet.json --data ./trail`,
		c.sampleDrawCmd(), c.sampleCheckCmd())
}

func (c *cli) sampleDrawCmd() *cobra.Command {
	var in api.SampleOrder
	var why reason
	var output string
	cmd := &cobra.Command{Use: "draw", Short: "Draw a sample and look it over",
		Long: `Draws a sample, and writes the sheet to the file of -o, which sample check reads.

Exit status: 0 all of it is whole, 1 something that a record names is not there.`,
		Example: `  counterfoil sample draw --data ./trail --as person:anna --query 'kind:refund' --size 30 --seed 'rain on Tuesday' -o sheet.json`,
		Args:    cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			return c.call(cmd.Context(), func(a *caller) error {
				a.because(why)
				sheet, err := ask[*sample.Sheet](cmd.Context(), a, "POST", c.at("samples"), in)
				if err != nil {
					return err
				}
				if output != "" {
					b, err := json.MarshalIndent(sheet, "", " ")
					if err == nil {
						err = os.WriteFile(output, append(b, '\n'), 0o600)
					}
					if err != nil {
						return fmt.Errorf("write sheet: %w", err)
					}
				}
				if c.json {
					err = c.print(sheet)
				} else {
					err = printSheet(c.out, sheet)
				}
				if err == nil && sheet.Failed > 0 {
					err = errWrong
				}
				return err
			})
		}}
	f := cmd.Flags()
	f.StringVar(&in.Query, "query", "", "which records, as counterfoil search has it (default: all)")
	f.IntVar(&in.Size, "size", 30, "how many")
	f.StringVar(&in.Seed, "seed", "", "what you make up on the spot (default: the server draws one)")
	f.StringVarP(&output, "output", "o", "", "file for the sheet")
	why.flags(cmd)
	return cmd
}

func printSheet(w io.Writer, s *sample.Sheet) error {
	fmt.Fprintf(w, "%d of %s drawn; seed %q, committed by record %s at index %d\n", len(s.Drawn), plural(s.Population, "record"), verify.Visible(s.Order.Seed), s.Commit, s.Index)
	for _, f := range s.Drawn {
		state := "whole"
		switch {
		case f.Note != "":
			state = "not looked over: " + f.Note
		case !f.OK:
			state = "NOT whole"
		case f.Erased > 0:
			state = fmt.Sprintf("whole, %d values erased", f.Erased)
		}
		fmt.Fprintf(w, "  %8d  %-12s %-40s %s\n", f.Index, f.Type, f.ID, verify.Visible(state))
		for _, m := range f.Missing {
			fmt.Fprintf(w, "            missing: %s\n", verify.Visible(m))
		}
	}
	_, err := fmt.Fprintf(w, "%d not whole\n", s.Failed)
	return err
}

func (c *cli) sampleCheckCmd() *cobra.Command {
	return &cobra.Command{Use: "check SHEET", Short: "Draw a sheet's sample again over the leaves, and compare",
		Long: `Draws the sample of a sheet again over the leaves of the log, and compares. It reads
leaves, and trusts neither the sheet nor what drew it; that the leaves are those of
the log is what counterfoil verify says.

Exit status: 0 the same sample, 1 another.`,
		Example: `  counterfoil sample check sheet.json --data ./trail`,
		Args:    cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
			b, err := os.ReadFile(args[0])
			if err != nil {
				return &usageError{err}
			}
			var sheet sample.Sheet
			if err := json.Unmarshal(b, &sheet); err != nil || sheet.Format != sample.Format {
				return usagef("%s is not a sheet of counterfoil sample draw", args[0])
			}
			differs := ""
			err = c.read(cmd.Context(), func(o *app.Opened) (err error) {
				differs, err = sample.Repeat(&sheet, o.Ledger.Statements(cmd.Context(), sheet.Index))
				return err
			})
			if err != nil {
				return err
			}
			if c.json {
				err = c.print(map[string]any{"same": differs == "", "differs": differs})
			} else if differs == "" {
				_, err = fmt.Fprintf(c.out, "the same %d of %s are drawn\n", len(sheet.Drawn), plural(sheet.Population, "record"))
			} else {
				_, err = fmt.Fprintln(c.out, differs)
			}
			if err == nil && differs != "" {
				err = errWrong
			}
			return err
		}}
}
