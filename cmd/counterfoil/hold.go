// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/custody"
)

// items is the answer of a list.
type items[T any] struct {
	Items []T `json:"items"`
}

// group is a command that only holds others.
func group(use, short, long, example string, sub ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Long: long, Example: example, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(sub...)
	return cmd
}

// step is a command that sends one request about a matter and says what became
// of it.
func (c *cli) step(use, short string, done string, request func(args []string) (path string, body any), flags func(*cobra.Command)) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		return c.call(cmd.Context(), func(a *caller) error {
			path, body := request(args)
			r, err := ask[custody.Request](cmd.Context(), a, "POST", path, body)
			if err != nil {
				return err
			}
			return c.printRequest(r, done)
		})
	}}
	if flags != nil {
		flags(cmd)
	}
	return cmd
}

func (c *cli) printRequest(r custody.Request, done string) error {
	if c.json {
		return c.print(r)
	}
	name := r.ID
	if r.Name != "" {
		name = r.Name
	}
	_, err := fmt.Fprintf(c.out, "%s %s: %s\n", r.Kind, name, r.Status)
	if done != "" && err == nil {
		_, err = fmt.Fprintf(c.out, "next: %s\n", strings.NewReplacer("ID", name).Replace(done))
	}
	return err
}

func (c *cli) holdCmd() *cobra.Command {
	var reason string
	why := func(cmd *cobra.Command) {
		cmd.Flags().StringVar(&reason, "reason", "", "why; it is kept private")
	}
	verdict := func(approve bool, path ...string) func([]string) (string, any) {
		return func(args []string) (string, any) {
			return c.at(append([]string{"holds", args[0]}, path...)...), api.Verdict{Approve: approve, Reason: reason}
		}
	}
	return group("hold", "Legal holds: nothing under one is erased",
		`A legal hold freezes a scope to a list of records. It acts at once, and waits for a
second person's approval; it is looked at again every six months; its release
takes two people as well, and comes into effect after 14 days. A hold beats every
erasure and every retention class, in the transaction that would erase.`,
		`  counterfoil hold place smith-2026 --data ./trail --as person:lena --matter "Smith v. Acme" --query system=refund-agent --query adverse=true
  counterfoil hold approve smith-2026 --data ./trail --as person:piet
  counterfoil hold list --data ./trail
  counterfoil hold check --data ./trail`,
		c.holdPlaceCmd(), c.holdListCmd(), c.holdCheckCmd(),
		c.step("approve NAME", "Approve a hold, as a second person", "", verdict(true, "verdict"), why),
		c.step("refuse NAME", "Refuse a hold, which lifts it", "", verdict(false, "verdict"), why),
		c.step("review NAME", "Keep a hold for another six months", "", func(args []string) (string, any) {
			return c.at("holds", args[0], "review"), api.HoldReview{Reason: reason}
		}, why),
		c.step("release NAME", "Ask for the release of a hold", "counterfoil hold approve-release ID, by a second person", func(args []string) (string, any) {
			return c.at("holds", args[0], "release"), api.Review{Reason: reason}
		}, why),
		c.step("approve-release NAME", "Approve the release of a hold, as a second person", "", verdict(true, "release", "verdict"), why),
		c.step("refuse-release NAME", "Refuse the release of a hold", "", verdict(false, "release", "verdict"), why))
}

func (c *cli) holdPlaceCmd() *cobra.Command {
	var in api.HoldRequest
	var subject, review string
	cmd := &cobra.Command{
		Use: "place NAME", Short: "Place a hold on what a query finds now, on a person's records, or on those named",
		Example: `  counterfoil hold place smith-2026 --data ./trail --as person:lena --matter "Smith v. Acme" --query system=refund-agent
  counterfoil hold place jones-2026 --data ./trail --as person:lena --matter "Jones" --subject '"customer:12345"'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			in.Name = args[0]
			if subject != "" {
				in.Subject = person(subject)
			}
			if review != "" {
				if in.Review, err = time.Parse(time.DateOnly, review); err != nil {
					return usagef("--review %q is not a date like 2027-01-31", review)
				}
			}
			return c.call(cmd.Context(), func(a *caller) error {
				r, err := ask[custody.Request](cmd.Context(), a, "POST", c.at("holds"), in)
				if err != nil {
					return err
				}
				if !c.json {
					fmt.Fprintf(c.out, "%s held, until somebody releases them; review by %s\n", plural(r.Count, "record"), r.Until.Format(time.DateOnly))
				}
				return c.printRequest(r, "counterfoil hold approve ID, by a second person")
			})
		},
	}
	f := cmd.Flags()
	f.StringToStringVar(&in.Query, "query", nil, "filter of a list, such as system=refund-agent (may be repeated)")
	f.StringVar(&subject, "subject", "", "a person, as the records have it in /subject")
	f.StringArrayVar(&in.Records, "record", nil, "id of a record (may be repeated)")
	f.StringVar(&in.Matter, "matter", "", "the matter; it is kept private (required)")
	f.StringVar(&in.Reason, "reason", "", "why; it is kept private")
	f.StringVar(&review, "review", "", "date by which it must be looked at again (default: in six months)")
	return cmd
}

// person is the JSON value of a person: what was given, or it as a text.
func person(s string) json.RawMessage {
	if json.Valid([]byte(s)) {
		return json.RawMessage(s)
	}
	b, err := json.Marshal(s)
	if err != nil {
		return nil
	}
	return b
}

func (c *cli) holdListCmd() *cobra.Command {
	return &cobra.Command{Use: "list", Short: "List the holds", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return c.call(cmd.Context(), func(a *caller) error {
			l, err := ask[items[custody.Hold]](cmd.Context(), a, "GET", c.at("holds"), nil)
			if err != nil || c.json {
				return orPrint(c, err, l)
			}
			if len(l.Items) == 0 {
				_, err := fmt.Fprintln(c.out, "there are no holds")
				return err
			}
			w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "NAME\tSTATUS\tHELD\tPLACED\tBY\tAPPROVED BY\tRELEASE BY\tREVIEW BY")
			for _, h := range l.Items {
				late := ""
				if h.Overdue {
					late = " overdue"
				}
				status, review := h.Status, h.Until.Format(time.DateOnly)
				if status == custody.StatusReleased { // it holds until then
					status, review = "ends "+review, "-"
				}
				fmt.Fprintf(w, "%s\t%s%s\t%s\t%s\t%s\t%s\t%s\t%s\n", h.Name, status, late, thousands(h.Held), h.Created.Format(time.DateOnly), h.Requester, h.Approver, h.Executor, review)
			}
			return w.Flush()
		})
	}}
}

// orPrint prints v as JSON unless there is an error.
func orPrint(c *cli, err error, v any) error {
	if err != nil {
		return err
	}
	return c.print(v)
}

func (c *cli) holdCheckCmd() *cobra.Command {
	return &cobra.Command{Use: "check", Short: "Look for held records of which values are gone: there must be none", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return c.call(cmd.Context(), func(a *caller) error {
			l, err := ask[items[custody.Conflict]](cmd.Context(), a, "GET", c.at("holds", "conflicts"), nil)
			if err != nil {
				return err
			}
			if c.json {
				err = c.print(l)
			} else if len(l.Items) == 0 {
				_, err = fmt.Fprintln(c.out, "nothing that is held was disposed of")
			}
			for _, f := range l.Items {
				if !c.json {
					what := "was disposed of"
					if f.What == "copy" {
						what = "has no copy in the vault that opens its seals"
					}
					fmt.Fprintf(c.out, "%s: record %s (index %d) %s\n", f.Hold, f.ID, f.Index, what)
				}
			}
			if err == nil && len(l.Items) > 0 {
				return errWrong
			}
			return err
		})
	}}
}

func (c *cli) retentionCmd() *cobra.Command {
	var defaults bool
	show := &cobra.Command{Use: "show", Short: "Show the retention classes in force", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		if defaults {
			_, err := c.out.Write(custody.DefaultPolicyText())
			return err
		}
		return c.call(cmd.Context(), func(a *caller) error {
			p, err := ask[struct {
				Digest string `json:"digest"`
				custody.Policy
			}](cmd.Context(), a, "GET", c.at("retention"), nil)
			if err != nil || c.json {
				return orPrint(c, err, p)
			}
			w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "CLASS\tMIN\tMAX\tFROM\tERASURE\tFOR")
			for _, k := range p.Classes {
				low, _ := k.Min.MarshalText() // they do not fail
				high, _ := k.Max.MarshalText()
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", k.Name, low, high, k.Trigger, k.Erasure, k.About)
			}
			fmt.Fprintf(w, "\ndigest %s\n", p.Digest)
			return w.Flush()
		})
	}}
	show.Flags().BoolVar(&defaults, "default", false, "print the file that comes with the program")
	run := &cobra.Command{Use: "run", Short: "Expire now what is past the maximum of its class", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return c.call(cmd.Context(), func(a *caller) error {
			r, err := ask[custody.Run](cmd.Context(), a, "POST", c.at("retention", "run"), struct{}{})
			if err != nil || c.json {
				return orPrint(c, err, r)
			}
			fmt.Fprintf(c.out, "expired %s as a whole (%s), and the values of %s one by one\n", plural(r.Months, "month"), plural(r.Rows, "row"), plural(r.Records, "record"))
			for _, f := range r.Refusals {
				fmt.Fprintf(c.out, "kept: %s under the legal hold %s\n", plural(f.Records, "record"), f.Hold)
			}
			for _, k := range r.Unknown {
				fmt.Fprintf(c.out, "kept: the class %s is not in the file any more\n", k)
			}
			return nil
		})
	}}
	return group("retention", "How long private values are kept, and the job that expires them",
		`Each record with private values belongs to a retention class, by the file
retention.yaml in the data folder. What is past the maximum of its class expires:
a whole month of a class loses its key, or single values their rows. A server
runs the job every day; each run, and each change of the file, is a record.`,
		`  counterfoil retention show --data ./trail
  counterfoil retention run --data ./trail --as person:rosa`, show, run)
}
