// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/search"
	"github.com/counterfoil/counterfoil/record"
)

func (c *cli) searchCmd() *cobra.Command {
	var facets, format, output string
	var limit, top int
	var listFields bool
	var why reason
	cmd := &cobra.Command{
		Use:   "search [QUERY]",
		Short: "Find records by what stands in clear, count, export",
		Long: `Finds records by their public fields. Terms stand side by side (all must hold) or
with OR, in parentheses, with - or NOT in front; a value may end in *; several
values with commas are one or the other.

  system:refund-agent outcome:denied -channel:voice
  time>=30d (failed:refund-limit OR reviewed:override)
  oversight.dwell_ms<2000 act:approve
  version:refund-reply@12 verdict:require_human
  "refund denied" time>=30d

Words in quotes, or text:word, are looked for in private texts, of systems for
which that is on (search fulltext); it takes a --purpose, and is an access record.
--fields lists what can be named. An export is an access record: who took how much.`,
		Example: `  counterfoil search --data ./trail 'outcome:denied time>=7d' --facets system,model
  counterfoil search --data ./trail 'finding:*' --json
  counterfoil search --data ./trail 'system:refund-agent' --export csv --output refunds.csv`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if listFields {
				return c.printFields()
			}
			v := url.Values{"q": {strings.Join(args, " ")}}
			if format != "" {
				if search.Formats[format] == "" {
					return usagef("--export %q: use ndjson, csv or parquet", format)
				}
				v.Set("format", format)
				return c.call(cmd.Context(), func(a *caller) error {
					a.because(why)
					return c.exportFound(cmd, a, v, output)
				})
			}
			v.Set("limit", strconv.Itoa(limit))
			v.Set("top", strconv.Itoa(top))
			if facets != "" {
				v.Set("facets", facets)
			}
			return c.call(cmd.Context(), func(a *caller) error {
				a.because(why)
				found, err := ask[api.Found](cmd.Context(), a, "GET", c.at("search")+"?"+v.Encode(), nil)
				if err != nil || c.json {
					return orPrint(c, err, found)
				}
				return c.printFound(found)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&facets, "facets", "", "fields of which the values are counted, with commas: system,outcome")
	f.IntVar(&top, "top", 10, "how many values of each")
	f.IntVar(&limit, "limit", 20, "how many records are listed, newest first")
	f.StringVar(&format, "export", "", "write all that is found: ndjson, csv or parquet")
	f.StringVar(&output, "output", "", "file to export to (default: standard output)")
	why.flags(cmd)
	cmd.AddCommand(c.searchSaveCmd(), c.searchSavedCmd(), c.searchRunCmd(), c.searchForgetCmd(), c.fulltextCmd())
	f.BoolVar(&listFields, "fields", false, "list what a query can name")
	return cmd
}

func (c *cli) printFields() error {
	all := search.Fields()
	if c.json {
		return c.print(all)
	}
	w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "FIELD\tSHORT\tKIND\tABOUT")
	for _, f := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", f.Name, strings.Join(f.Short, " "), f.Kind, f.About)
	}
	return w.Flush()
}

func (c *cli) printFound(found api.Found) error {
	if err := c.printCover(found.Text); err != nil {
		return err
	}
	if found.Total == 0 {
		_, err := fmt.Fprintf(c.out, "nothing found among %s\n", plural(found.Size, "record"))
		return err
	}
	fmt.Fprintf(c.out, "%s of %s\n\n", thousands(found.Total), plural(found.Size, "record"))
	w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "INDEX\tTIME\tTYPE\tSYSTEM\tKIND\tOUTCOME\tID")
	for _, e := range found.Records {
		st, err := record.ParseStatement(e.Statement)
		if err != nil {
			return fmt.Errorf("read record at index %d: %w", e.Index, err)
		}
		s := st.Fields()
		outcome := s.Outcome
		if outcome == "" {
			outcome = s.Status
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", e.Index, s.Time.UTC().Format(time.DateTime), s.Type, s.System, s.Kind, outcome, s.ID)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if int64(len(found.Records)) < found.Total {
		fmt.Fprintf(c.out, "… the newest %d; --limit shows more, --export all\n", len(found.Records))
	}
	for _, f := range found.Facets {
		fmt.Fprintf(c.out, "\n%s\n", f.Field)
		w := tabwriter.NewWriter(c.out, 2, 4, 2, ' ', tabwriter.AlignRight)
		for _, v := range f.Values {
			fmt.Fprintf(w, "%s\t  %s\n", thousands(v.Count), v.Name)
		}
		if f.Without > 0 {
			fmt.Fprintf(w, "%s\t  (none)\n", thousands(f.Without))
		}
		if err := w.Flush(); err != nil {
			return err
		}
		if f.Others > 0 {
			fmt.Fprintf(c.out, "  and %s\n", plural(int64(f.Others), "other value"))
		}
	}
	return nil
}

func (c *cli) exportFound(cmd *cobra.Command, a *caller, v url.Values, output string) error {
	b, err := a.raw(cmd.Context(), "GET", c.at("search", "export")+"?"+v.Encode(), nil)
	if err != nil {
		return err
	}
	if output == "" {
		if v.Get("format") == search.Parquet && isTerminal(c.out) {
			return usagef("a Parquet file is not for a terminal: name a file with --output")
		}
		_, err := c.out.Write(b)
		return err
	}
	if err := os.WriteFile(output, b, 0o600); err != nil {
		return &hinted{fmt.Errorf("write export: %w", err), "name a file that can be written with --output"}
	}
	_, err = fmt.Fprintf(c.err, "%s written to %s\n", plural(int64(len(b)), "byte"), output)
	return err
}
