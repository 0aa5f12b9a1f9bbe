// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/search"
)

func (c *cli) searchSaveCmd() *cobra.Command {
	return &cobra.Command{
		Use: "save NAME QUERY", Short: "Keep a query under a name, or change one of yours",
		Long: `Keeps a query under a name, for everybody who may search. It is read first: a
broken one is refused with the column. What is found is what each who runs it may
see. Put no names of people into it: it is not erased with them.`,
		Example: `  counterfoil search save denied-this-week 'outcome:denied time>=7d' --data ./trail --as person:ann`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.call(cmd.Context(), func(a *caller) error {
				s, err := ask[search.Saved](cmd.Context(), a, "POST", c.at("search", "saved", args[0]), api.QueryText{Query: args[1]})
				if err != nil || c.json {
					return orPrint(c, err, s)
				}
				_, err = fmt.Fprintf(c.out, "saved %s: %s\n", s.Name, s.Query)
				return err
			})
		},
	}
}

func (c *cli) searchSavedCmd() *cobra.Command {
	return &cobra.Command{
		Use: "saved", Short: "List saved queries", Args: cobra.NoArgs,
		Example: "  counterfoil search saved --data ./trail",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.call(cmd.Context(), func(a *caller) error {
				all, err := ask[items[search.Saved]](cmd.Context(), a, "GET", c.at("search", "saved"), nil)
				if err != nil || c.json {
					return orPrint(c, err, all)
				}
				if len(all.Items) == 0 {
					_, err := fmt.Fprintln(c.out, "no saved queries; counterfoil search save NAME QUERY keeps one")
					return err
				}
				w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
				fmt.Fprintln(w, "NAME\tOWNER\tCHANGED\tQUERY")
				for _, s := range all.Items {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.Name, s.Owner, s.Changed.Format(stamp), s.Query)
				}
				return w.Flush()
			})
		},
	}
}

func (c *cli) searchRunCmd() *cobra.Command {
	var why reason
	var limit int
	var facets string
	cmd := &cobra.Command{
		Use: "run NAME", Short: "Search with a saved query", Args: cobra.ExactArgs(1),
		Example: "  counterfoil search run denied-this-week --data ./trail --facets system",
		RunE: func(cmd *cobra.Command, args []string) error {
			v := url.Values{"limit": {strconv.Itoa(limit)}}
			if facets != "" {
				v.Set("facets", facets)
			}
			return c.call(cmd.Context(), func(a *caller) error {
				a.because(why)
				found, err := ask[api.Found](cmd.Context(), a, "GET", c.at("search", "saved", args[0], "records")+"?"+v.Encode(), nil)
				if err != nil || c.json {
					return orPrint(c, err, found)
				}
				return c.printFound(found)
			})
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 20, "how many records are listed, newest first")
	cmd.Flags().StringVar(&facets, "facets", "", "fields of which the values are counted, with commas")
	why.flags(cmd)
	return cmd
}

func (c *cli) searchForgetCmd() *cobra.Command {
	return &cobra.Command{
		Use: "forget NAME", Short: "Forget one of your saved queries", Args: cobra.ExactArgs(1),
		Example: "  counterfoil search forget denied-this-week --data ./trail --as person:ann",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.call(cmd.Context(), func(a *caller) error {
				left, err := ask[items[search.Saved]](cmd.Context(), a, "POST", c.at("search", "saved", args[0], "forget"), struct{}{})
				if err != nil || c.json {
					return orPrint(c, err, left)
				}
				_, err = fmt.Fprintf(c.out, "forgotten: %s\n", args[0])
				return err
			})
		},
	}
}

// fulltextCmd turns the full text of systems on and off.
func (c *cli) fulltextCmd() *cobra.Command {
	turn := func(use, short string, on bool) *cobra.Command {
		var reason string
		cmd := &cobra.Command{Use: use + " SYSTEM", Short: short, Args: cobra.ExactArgs(1),
			Example: "  counterfoil search fulltext " + use + " refund-agent --data ./trail --as person:petra --reason \"complaints name no id\"",
			RunE: func(cmd *cobra.Command, args []string) error {
				return c.call(cmd.Context(), func(a *caller) error {
					all, err := ask[items[search.TextState]](cmd.Context(), a, "POST", c.at("search", "fulltext", args[0]), api.TextSetting{On: on, Reason: reason})
					return c.printTexts(all, err)
				})
			}}
		cmd.Flags().StringVar(&reason, "reason", "", "why; it is kept private")
		return cmd
	}
	show := &cobra.Command{Use: "list", Short: "List the systems of which texts are searched", Args: cobra.NoArgs,
		Example: "  counterfoil search fulltext list --data ./trail",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.call(cmd.Context(), func(a *caller) error {
				all, err := ask[items[search.TextState]](cmd.Context(), a, "GET", c.at("search", "fulltext"), nil)
				return c.printTexts(all, err)
			})
		}}
	return group("fulltext", "Search private texts of a system, masked: turn it on or off",
		`Texts are private, and are searched only for systems for which somebody with the
role privacy turned that on, which is a record in the log. What is indexed stands
in the database in clear, but for personal data that is recognised: see
docs/search.md. Off, and an erasure, take it out of the files of the database.`,
		`  counterfoil search fulltext on refund-agent --data ./trail --as person:petra
  counterfoil search --data ./trail '"refund denied" time>=30d' --purpose complaint
  counterfoil search fulltext off refund-agent --data ./trail --as person:petra`,
		turn("on", "Search the texts of a system from now on, and of its records so far", true),
		turn("off", "Search them no longer, and take them out of the index", false), show)
}

func (c *cli) printTexts(all items[search.TextState], err error) error {
	if err != nil || c.json {
		return orPrint(c, err, all)
	}
	if len(all.Items) == 0 {
		_, err := fmt.Fprintln(c.out, "no texts are searched; counterfoil search fulltext on SYSTEM turns it on")
		return err
	}
	w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "SYSTEM\tSTATUS\tBEHIND")
	for _, s := range all.Items {
		fmt.Fprintf(w, "%s\t%s\t%s\n", s.System, s.Status, plural(s.Behind, "record"))
	}
	return w.Flush()
}

// printCover says which texts were not searched.
func (c *cli) printCover(t *api.TextCover) error {
	if t == nil {
		return nil
	}
	fmt.Fprintf(c.err, "texts of: %s\n", strings.Join(t.Systems, ", "))
	if len(t.Missing) > 0 {
		fmt.Fprintf(c.err, "no texts are searched of: %s\n", strings.Join(t.Missing, ", "))
	}
	if t.Behind > 0 {
		fmt.Fprintf(c.err, "%s not indexed yet: search again later\n", plural(t.Behind, "record"))
	}
	return nil
}
