// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/custody"
)

func (c *cli) subjectCmd() *cobra.Command {
	var in api.SubjectRequest
	report := &cobra.Command{Use: "report PERSON", Short: "Report what is held about a person (GDPR Art. 15)",
		Example: `  counterfoil subject report customer:12345 --data ./trail --as person:piet --purpose access-request --ticket sar-17
  counterfoil subject report customer:12345 --data ./trail --purpose access-request --ticket sar-17 --json > report.json`,
		Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
			in.Subject = person(args[0])
			return c.call(cmd.Context(), func(a *caller) error {
				r, err := ask[custody.Report](cmd.Context(), a, "POST", c.at("subjects", "report"), in)
				if err != nil || c.json {
					return orPrint(c, err, r)
				}
				return c.printReport(&r)
			})
		}}
	report.Flags().StringVar(&in.Purpose, "purpose", "access-request", "what for")
	report.Flags().StringVar(&in.Ticket, "ticket", "", "the case (required)")
	return group("subject", "An affected person: what is held about them, and erasing it",
		`A person is named as the records name them in /subject: customer:12345, or any
JSON value.`,
		`  counterfoil subject report customer:12345 --data ./trail --as person:piet --ticket sar-17
  counterfoil subject erase customer:12345 --data ./trail --as person:piet --ticket erase-9`, report, c.eraseCmd())
}

func (c *cli) printReport(r *custody.Report) error {
	fmt.Fprintf(c.out, "What %s holds about this person, as of %s (%s)\n\n", r.Origin, r.Made.Format(time.RFC3339), plural(r.Size, "record")+" in the log")
	if len(r.Records) == 0 {
		_, err := fmt.Fprintln(c.out, "Nothing.")
		return err
	}
	for _, rec := range r.Records {
		fmt.Fprintf(c.out, "%s  %s  %s", rec.Time.Format(time.DateTime), rec.Type, rec.ID)
		for _, v := range []string{rec.System, rec.Kind, rec.Outcome} {
			if v != "" {
				fmt.Fprintf(c.out, "  %s", v)
			}
		}
		fmt.Fprintf(c.out, "\n  kept until %s (%s)", rec.Until, rec.Retention)
		if rec.Holds > 0 {
			fmt.Fprint(c.out, ", under a legal hold")
		}
		var pretty map[string]any
		if err := json.Unmarshal(rec.Record, &pretty); err != nil {
			return err
		}
		for _, technical := range []string{"statement", "recorded", "principal", "capture", "retention", "type", "id", "time", "system"} {
			delete(pretty, technical)
		}
		b, err := json.MarshalIndent(pretty, "  ", "  ")
		if err != nil {
			return err
		}
		fmt.Fprintf(c.out, "\n  %s\n\n", b)
	}
	fmt.Fprintln(c.out, "Where the data came from")
	for _, s := range r.Sources {
		fmt.Fprintf(c.out, "  %s  %s  %s  (%d times)\n", s.Source, s.Category, s.Origin, s.Count)
	}
	fmt.Fprintf(c.out, "\nWho got it: %s\n\nHow long it is kept\n", r.Recipients)
	for class, why := range r.Basis {
		fmt.Fprintf(c.out, "  %s  %s\n", class, why)
	}
	return nil
}

func (c *cli) eraseCmd() *cobra.Command {
	var in api.ErasureRequest
	cmd := &cobra.Command{Use: "erase PERSON…", Short: "Ask for the erasure of all private values about persons (GDPR Art. 17)",
		Long: `Asks for an erasure. A second person approves it (erasure approve), a third executes
it (erasure execute). What a legal hold or a statutory minimum protects is kept,
and said to be. The log still verifies: erased fields show as erased, by a
tombstone record.`,
		Example: `  counterfoil subject erase customer:12345 --data ./trail --as person:piet --ticket erase-9`,
		Args:    cobra.MinimumNArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
			in.Subjects = nil
			for _, arg := range args {
				in.Subjects = append(in.Subjects, person(arg))
			}
			return c.call(cmd.Context(), func(a *caller) error {
				r, err := ask[custody.Request](cmd.Context(), a, "POST", c.at("erasures"), in)
				if err != nil {
					return err
				}
				return c.printRequest(r, "counterfoil erasure approve ID, by a second person")
			})
		}}
	cmd.Flags().StringVar(&in.Ticket, "ticket", "", "the case (required)")
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why; it is kept private")
	cmd.Flags().StringVar(&in.Ground, "ground", "data_subject", "data_subject, or order of a court or an authority")
	return cmd
}

func (c *cli) erasureCmd() *cobra.Command {
	var reason string
	why := func(cmd *cobra.Command) { cmd.Flags().StringVar(&reason, "reason", "", "why; it is kept private") }
	verdict := func(approve bool) func([]string) (string, any) {
		return func(args []string) (string, any) {
			return c.at("erasures", args[0], "verdict"), api.Verdict{Approve: approve, Reason: reason}
		}
	}
	return group("erasure", "Erasures that were asked for: approve, refuse, execute, list",
		`Executing several together is better than one by one: their tombstones then do
not tell which records were one person's.`,
		`  counterfoil erasure approve e-0192f3a4 --data ./trail --as person:paula
  counterfoil erasure execute e-0192f3a4 --data ./trail --as person:rosa`,
		c.step("approve ID", "Approve an erasure, as a second person", "counterfoil erasure execute ID, by a third person", verdict(true), why),
		c.step("refuse ID", "Refuse an erasure, with the reason", "", verdict(false), why),
		c.executeCmd(), c.requestsCmd(custody.KindErasure))
}

func (c *cli) executeCmd() *cobra.Command {
	return &cobra.Command{Use: "execute ID…", Short: "Execute approved erasures, as a third person, and look whether all is gone", Args: cobra.MinimumNArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		return c.call(cmd.Context(), func(a *caller) error {
			l, err := ask[items[custody.Outcome]](cmd.Context(), a, "POST", c.at("erasures", "execute"), api.Execution{Requests: args})
			if err != nil || c.json {
				return orPrint(c, err, l)
			}
			for _, o := range l.Items {
				fmt.Fprintf(c.out, "%s: %s of %s erased, %s destroyed", o.Request, plural(o.Values, "value"), plural(o.Records, "record"), plural(o.Keys, "key"))
				if o.Absent {
					fmt.Fprint(c.out, ", verified absent")
				}
				fmt.Fprintln(c.out)
				for _, f := range o.Refusals {
					what := f.Ground
					if f.Hold != "" {
						what += " " + f.Hold
					}
					fmt.Fprintf(c.out, "  kept: %s (%s)\n", plural(f.Records, "record"), what)
				}
				fmt.Fprintf(c.out, "  backups that still hold them must be gone by %s\n", o.Backups.Format(time.DateOnly))
			}
			return nil
		})
	}}
}

// requestsCmd lists the requests of a kind.
func (c *cli) requestsCmd(kind string) *cobra.Command {
	var status string
	cmd := &cobra.Command{Use: "list", Short: "List them, newest first", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return c.call(cmd.Context(), func(a *caller) error {
			l, err := ask[items[custody.Request]](cmd.Context(), a, "GET", c.at("requests")+"?kind="+kind+"&status="+url.QueryEscape(status), nil)
			if err != nil || c.json {
				return orPrint(c, err, l)
			}
			if len(l.Items) == 0 {
				_, err := fmt.Fprintln(c.out, "there are none")
				return err
			}
			w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "ID\tSTATUS\tASKED\tBY\tAPPROVED BY\tFOR\tTICKET")
			for _, r := range l.Items {
				late := ""
				if r.Overdue {
					late = " overdue"
				}
				fmt.Fprintf(w, "%s\t%s%s\t%s\t%s\t%s\t%s\t%s\n", r.ID, r.Status, late, r.Created.Format(time.DateTime), r.Requester, r.Approver, r.Purpose, r.Ticket)
			}
			return w.Flush()
		})
	}}
	cmd.Flags().StringVar(&status, "status", "", "only of this status")
	return cmd
}
