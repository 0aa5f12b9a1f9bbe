// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/challenge"
)

func (c *cli) challengeCmd() *cobra.Command {
	var reason, to, outcome string
	why := func(cmd *cobra.Command) {
		cmd.Flags().StringVar(&reason, "reason", "", "why; it is kept private")
	}
	return group("challenge", "What people ask for and complain about, with due dates",
		`Complaints, contests of a decision, requests for a person, requests for data: each is
received, acknowledged, assigned to somebody who took no part in the decision, and
resolved with a reason. Due dates follow the rules of a regime (challenge regimes).`,
		`  counterfoil challenge receive complaint --about 0192f3a4-0001 --regime uk-dpa-164a --text "Why me?" --data ./trail --as person:desk
  counterfoil challenge assign ID --to person:zoe --data ./trail --as person:desk
  counterfoil challenge resolve ID --outcome overturned --reason "the parcel was late" --data ./trail --as person:zoe
  counterfoil challenge list --status open --data ./trail
  counterfoil challenge rates --data ./trail`,
		c.challengeReceiveCmd(), c.challengeListCmd(), c.challengeRatesCmd(), c.regimesCmd(), c.challengeShowCmd(),
		c.caseStep("acknowledge ID", "Note that the person was told that it has come in", func() any { return struct{}{} }, nil),
		c.caseStep("assign ID", "Give it to somebody who took no part in the decision", func() any { return api.Assignment{To: to} }, func(cmd *cobra.Command) {
			cmd.Flags().StringVar(&to, "to", "", "who, as a pseudonym (required)")
		}),
		c.caseStep("extend ID", "Put the answer off, where the regime allows it", func() any { return api.Review{Reason: reason} }, why),
		c.caseStep("resolve ID", "End it, as the one it is assigned to", func() any { return api.Resolution{Outcome: outcome, Reason: reason} }, func(cmd *cobra.Command) {
			why(cmd)
			cmd.Flags().StringVar(&outcome, "outcome", "", "upheld, overturned or partly (required)")
		}),
		c.caseStep("withdraw ID", "End it because the person wants nothing any more", func() any { return api.Review{Reason: reason} }, why))
}

// caseStep is a command that does the next thing with a case.
func (c *cli) caseStep(use, short string, body func() any, flags func(*cobra.Command)) *cobra.Command {
	verb, _, _ := strings.Cut(use, " ")
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		return c.call(cmd.Context(), func(a *caller) error {
			k, err := ask[challenge.Case](cmd.Context(), a, "POST", c.at("challenges", args[0], verb), body())
			if err != nil {
				return err
			}
			return c.printCase(k)
		})
	}}
	if flags != nil {
		flags(cmd)
	}
	return cmd
}

func (c *cli) printCase(k challenge.Case) error {
	if c.json {
		return c.print(k)
	}
	line := fmt.Sprintf("%s %s: %s", k.Kind, k.ID, k.Status)
	if k.Outcome != "" {
		line += ", " + k.Outcome
	}
	if k.Assignee != "" {
		line += ", " + k.Assignee
	}
	_, err := fmt.Fprintln(c.out, line)
	if !k.AckDue.IsZero() && k.Acknowledged.IsZero() {
		_, err = fmt.Fprintf(c.out, "acknowledge by %s\n", k.AckDue.Format(time.DateOnly))
	}
	if !k.Due.IsZero() && k.Closed.IsZero() {
		_, err = fmt.Fprintf(c.out, "answer by %s\n", k.Due.Format(time.DateOnly))
	}
	if len(k.Late) > 0 {
		_, err = fmt.Fprintf(c.out, "late: %s\n", strings.Join(k.Late, ", "))
	}
	return err
}

func (c *cli) challengeReceiveCmd() *cobra.Command {
	var in api.ChallengeRequest
	var subject, received string
	cmd := &cobra.Command{Use: "receive KIND", Short: "Note a complaint, contest, person_request or data_request", Args: cobra.ExactArgs(1), ValidArgs: challenge.Kinds,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			in.Kind = args[0]
			if subject != "" {
				in.Subject = person(subject)
			}
			if received != "" {
				if in.Received, err = time.Parse(time.RFC3339, received); err != nil {
					if in.Received, err = time.Parse(time.DateOnly, received); err != nil {
						return usagef("--received %q is not like 2026-11-01 or 2026-11-01T14:05:00Z", received)
					}
				}
			}
			return c.call(cmd.Context(), func(a *caller) error {
				k, err := ask[challenge.Case](cmd.Context(), a, "POST", c.at("challenges"), in)
				if err != nil {
					return err
				}
				return c.printCase(k)
			})
		}}
	f := cmd.Flags()
	f.StringVar(&in.About, "about", "", "the decision")
	f.StringVar(&in.Regime, "regime", "", "the rules that apply (default: house)")
	f.StringVar(&in.Text, "text", "", "the words; they are kept private")
	f.StringVar(&subject, "subject", "", "the person, as the records have it in /subject")
	f.StringVar(&received, "received", "", "when it came in (default: now)")
	return cmd
}

func (c *cli) challengeShowCmd() *cobra.Command {
	return &cobra.Command{Use: "show ID", Short: "Show a case and its steps", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		return c.call(cmd.Context(), func(a *caller) error {
			k, err := ask[challenge.Case](cmd.Context(), a, "GET", c.at("challenges", args[0]), nil)
			if err != nil || c.json {
				return orPrint(c, err, k)
			}
			if err := c.printCase(k); err != nil {
				return err
			}
			for _, s := range k.Steps {
				fmt.Fprintf(c.out, "  %s  %-12s by %s, record %s at index %d\n", s.Time.Format(time.DateTime), s.Status, s.By, s.Record, s.Index)
			}
			return nil
		})
	}}
}

func (c *cli) challengeListCmd() *cobra.Command {
	var status, kind, system, assignee string
	var late bool
	cmd := &cobra.Command{Use: "list", Short: "List cases, those that are due first in front", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		v := url.Values{}
		for name, s := range map[string]string{"status": status, "kind": kind, "system": system, "assignee": assignee} {
			if s != "" {
				v.Set(name, s)
			}
		}
		if late {
			v.Set("late", "true")
		}
		return c.call(cmd.Context(), func(a *caller) error {
			l, err := ask[items[challenge.Case]](cmd.Context(), a, "GET", c.at("challenges")+"?"+v.Encode(), nil)
			if err != nil || c.json {
				return orPrint(c, err, l)
			}
			if len(l.Items) == 0 {
				_, err := fmt.Fprintln(c.out, "there are no challenges")
				return err
			}
			w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "DUE\tKIND\tSTATUS\tOUTCOME\tASSIGNEE\tSYSTEM\tLATE\tID")
			for _, k := range l.Items {
				due := ""
				if !k.Due.IsZero() {
					due = k.Due.Format(time.DateOnly)
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", due, k.Kind, k.Status, k.Outcome, k.Assignee, k.System, strings.Join(k.Late, ","), k.ID)
			}
			return w.Flush()
		})
	}}
	f := cmd.Flags()
	f.StringVar(&status, "status", "", "received, acknowledged, assigned, resolved, withdrawn, or open for all that is to be done")
	f.StringVar(&kind, "kind", "", "complaint, contest, person_request or data_request")
	f.StringVar(&system, "system", "", "of decisions of this system")
	f.StringVar(&assignee, "assignee", "", "assigned to this person")
	f.BoolVar(&late, "late", false, "only what was, or is, not done in time")
	return cmd
}

func (c *cli) challengeRatesCmd() *cobra.Command {
	var from, to string
	cmd := &cobra.Command{Use: "rates", Short: "Count how challenges ended, by model version of the decision", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		v := url.Values{}
		for name, s := range map[string]string{"from": from, "to": to} {
			if s == "" {
				continue
			}
			t, err := time.Parse(time.DateOnly, s)
			if err != nil {
				return usagef("--%s %q is not a date like 2026-01-31", name, s)
			}
			v.Set(name, t.Format(time.RFC3339))
		}
		return c.call(cmd.Context(), func(a *caller) error {
			l, err := ask[items[challenge.Rate]](cmd.Context(), a, "GET", c.at("challenges", "rates")+"?"+v.Encode(), nil)
			if err != nil || c.json {
				return orPrint(c, err, l)
			}
			if len(l.Items) == 0 {
				_, err := fmt.Fprintln(c.out, "no challenge was received in that time")
				return err
			}
			w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "MODEL\tRECEIVED\tOPEN\tRESOLVED\tOVERTURNED\tRATE\tLATE\tMEDIAN DAYS")
			for _, r := range l.Items {
				model := r.Model
				if model == "" {
					model = "(none named)"
				}
				fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%.0f %%\t%d\t%.1f\n", model, r.Challenges, r.Open, r.Resolved, r.Overturned, 100*r.Rate, r.Late, r.MedianDays)
			}
			return w.Flush()
		})
	}}
	cmd.Flags().StringVar(&from, "from", "", "received from this date on")
	cmd.Flags().StringVar(&to, "to", "", "received before this date")
	return cmd
}

func (c *cli) regimesCmd() *cobra.Command {
	var defaults bool
	cmd := &cobra.Command{Use: "regimes", Short: "Show the rules about answers", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		if defaults {
			_, err := c.out.Write(challenge.DefaultRegimesText())
			return err
		}
		return c.call(cmd.Context(), func(a *caller) error {
			r, err := ask[challenge.Regimes](cmd.Context(), a, "GET", c.at("challenges", "regimes"), nil)
			if err != nil || c.json {
				return orPrint(c, err, r)
			}
			w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "REGIME\tKINDS\tACKNOWLEDGE\tANSWER\tEXTEND\tABOUT")
			for _, g := range r.Regimes {
				about := g.About
				if g.Note != "" {
					about += " (" + g.Note + ")"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", g.Name, strings.Join(g.Kinds, ","), spanText(g.Acknowledge), spanText(g.Answer), spanText(g.Extend), about)
			}
			return w.Flush()
		})
	}}
	cmd.Flags().BoolVar(&defaults, "default", false, "print the file that comes with the program")
	return cmd
}

func spanText(s *challenge.Span) string {
	var parts []string
	if s != nil && s.Months > 0 {
		parts = append(parts, plural(int64(s.Months), "month"))
	}
	if s != nil && s.Days > 0 {
		parts = append(parts, plural(int64(s.Days), "day"))
	}
	return strings.Join(parts, " ")
}
