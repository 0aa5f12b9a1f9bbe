// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/oversight"
)

func (c *cli) reviewCmd() *cobra.Command {
	acts := map[string]string{
		oversight.Approve: "Let a decision stand, or go ahead", oversight.Edit: "Change the text, and let it go ahead", oversight.Override: "Decide otherwise",
		oversight.Reject: "Refuse it", oversight.Escalate: "Pass it on", oversight.Stop: "Refuse it, and suspend the system",
	}
	sub := []*cobra.Command{c.reviewListCmd(), c.reviewClaimCmd(), c.reviewShowCmd(), c.reviewAssignCmd(), c.reviewWaitCmd(), c.reviewReportCmd(), c.reviewWeakCmd()}
	for _, name := range oversight.Acts {
		sub = append(sub, c.reviewActCmd(name, acts[name]))
	}
	return group("review", "Decisions that need a person: the queue, and what people do",
		`A reviewer claims a decision, is shown it, and acts on what was shown. Each act is a
record: who, in which role, what was shown (as a digest), how long it was looked at,
what changed, and why. Nobody reviews what they sent.`,
		`  counterfoil review list --data ./trail
  counterfoil review claim a-1 --data ./trail --as person:ann
  counterfoil review show a-1 --data ./trail --as person:ann
  counterfoil review override a-1 --shown sha256:… --after approved --reason unfair --data ./trail --as person:ann
  counterfoil review report --month 2026-05 --data ./trail`,
		sub...)
}

func (c *cli) printReview(r oversight.Review) error {
	if c.json {
		return c.print(r)
	}
	line := fmt.Sprintf("review of %s: %s", r.ID, r.State)
	if r.Act != "" {
		line += ", " + r.Act
	}
	if r.Outcome != "" {
		line += " → " + r.Outcome
	}
	if r.Escalated && r.State != "done" {
		line += ", escalated"
	}
	if r.State != "done" && r.Reviewers > 1 {
		line += fmt.Sprintf(", %d of %d reviewers", r.Acted, r.Reviewers)
	}
	_, err := fmt.Fprintln(c.out, line)
	if r.Token != "" {
		_, err = fmt.Fprintln(c.out, "token:", r.Token)
	}
	return err
}

func (c *cli) reviewListCmd() *cobra.Command {
	var state, system string
	var overdue bool
	cmd := &cobra.Command{Use: "list", Short: "List what needs a person, the most urgent first", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		v := url.Values{}
		for name, s := range map[string]string{"state": state, "system": system} {
			if s != "" {
				v.Set(name, s)
			}
		}
		if overdue {
			v.Set("overdue", "true")
		}
		return c.call(cmd.Context(), func(a *caller) error {
			l, err := ask[items[oversight.Review]](cmd.Context(), a, "GET", c.at("reviews")+"?"+v.Encode(), nil)
			if err != nil || c.json {
				return orPrint(c, err, l)
			}
			if len(l.Items) == 0 {
				_, err := fmt.Fprintln(c.out, "nothing needs a person")
				return err
			}
			w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "DUE\tSTATE\tHOLDER\tSYSTEM\tKIND\tWHY\tID")
			for _, r := range l.Items {
				due := r.Due.Format(time.DateTime)
				if r.Overdue {
					due += " overdue"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", due, r.State, r.Holder, r.System, r.Kind, strings.Join(r.Why, ","), r.ID)
			}
			return w.Flush()
		})
	}}
	f := cmd.Flags()
	f.StringVar(&state, "state", "", "waiting, claimed, done or all (default: all that is not done)")
	f.StringVar(&system, "system", "", "of this system")
	f.BoolVar(&overdue, "overdue", false, "only what is overdue")
	return cmd
}

func (c *cli) reviewClaimCmd() *cobra.Command {
	var release bool
	cmd := &cobra.Command{Use: "claim ID", Short: "Take a decision for 15 minutes, or give it back", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		verb := "claim"
		if release {
			verb = "release"
		}
		return c.call(cmd.Context(), func(a *caller) error {
			r, err := ask[oversight.Review](cmd.Context(), a, "POST", c.at("reviews", args[0], verb), struct{}{})
			if err != nil {
				return err
			}
			return c.printReview(r)
		})
	}}
	cmd.Flags().BoolVar(&release, "release", false, "give it back")
	return cmd
}

func (c *cli) reviewAssignCmd() *cobra.Command {
	var to string
	cmd := &cobra.Command{Use: "assign ID", Short: "Keep a decision for one person, or free it", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		return c.call(cmd.Context(), func(a *caller) error {
			r, err := ask[oversight.Review](cmd.Context(), a, "POST", c.at("reviews", args[0], "assign"), api.Assignment{To: to})
			if err != nil {
				return err
			}
			return c.printReview(r)
		})
	}}
	cmd.Flags().StringVar(&to, "to", "", "who, as a pseudonym; empty frees it")
	return cmd
}

func (c *cli) reviewShowCmd() *cobra.Command {
	return &cobra.Command{Use: "show ID", Short: "Show a decision that you have claimed: the clock of looking starts", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		return c.call(cmd.Context(), func(a *caller) error {
			s, err := ask[api.ShownReview](cmd.Context(), a, "POST", c.at("reviews", args[0], "show"), struct{}{})
			if err != nil || c.json {
				return orPrint(c, err, s)
			}
			var pretty bytes.Buffer
			if err := json.Indent(&pretty, s.Record, "", "  "); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.out, "%s\nshown: %s\n", pretty.String(), s.Shown)
			return err
		})
	}}
}

func (c *cli) reviewActCmd(name, short string) *cobra.Command {
	in := api.ReviewAct{Act: name}
	cmd := &cobra.Command{Use: name + " ID", Short: short, Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		return c.call(cmd.Context(), func(a *caller) error {
			r, err := ask[oversight.Review](cmd.Context(), a, "POST", c.at("reviews", args[0], "acts"), in)
			if err != nil {
				return err
			}
			return c.printReview(r)
		})
	}}
	f := cmd.Flags()
	f.StringVar(&in.Shown, "shown", "", "the digest of what you were shown (required)")
	f.StringVar(&in.Team, "team", "", "your team")
	f.StringSliceVar(&in.Opened, "opened", nil, "what you opened, such as inputs or the order")
	f.StringVar(&in.Note, "note", "", "in your words; they are kept private")
	f.StringVar(&in.Reason, "reason", "", "reason code: "+strings.Join(oversight.DefaultReasons, ", "))
	switch name {
	case oversight.Override:
		f.StringVar(&in.After, "after", "", "the outcome that it is to be")
	case oversight.Edit:
		f.StringVar(&in.Draft, "draft", "", "the text before")
		f.StringVar(&in.Text, "text", "", "the text as changed")
	}
	return cmd
}

func (c *cli) reviewWaitCmd() *cobra.Command {
	var limit time.Duration
	cmd := &cobra.Command{Use: "wait ID", Short: "Wait until a person has decided; exit status 1 if it may not go ahead", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		return c.call(cmd.Context(), func(a *caller) error {
			r, err := ask[oversight.Review](cmd.Context(), a, "GET", c.at("reviews", args[0], "outcome")+"?wait="+limit.String(), nil)
			if err != nil {
				return err
			}
			if err := c.printReview(r); err != nil {
				return err
			}
			if r.Token == "" {
				return errWrong
			}
			return nil
		})
	}}
	cmd.Flags().DurationVar(&limit, "for", 30*time.Second, "how long, at most a minute")
	return cmd
}

func (c *cli) reviewReportCmd() *cobra.Command {
	var month string
	cmd := &cobra.Command{Use: "report", Short: "Show how teams reviewed in a month; a team that looks like a rubber stamp is a finding", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		if month == "" {
			month = time.Now().UTC().Format("2006-01")
		}
		return c.call(cmd.Context(), func(a *caller) error {
			s, err := ask[oversight.Stamps](cmd.Context(), a, "POST", c.at("oversight", "stamps"), map[string]string{"month": month})
			if err != nil || c.json {
				return orPrint(c, err, s)
			}
			if len(s.Groups) == 0 {
				_, err := fmt.Fprintf(c.out, "nobody acted in %s\n", s.Month)
				return err
			}
			w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "TEAM\tACTS\tCHANGED\tMEDIAN LOOK\tUNDER 10 S\tPER DAY\tSUSPECT")
			for _, g := range s.Groups {
				team := g.Team
				if team == "" {
					team = "(none named)"
				}
				if g.Suppressed {
					fmt.Fprintf(w, "%s\t%d\tfewer than %d: no figures\n", team, g.Acts, oversight.MinGroup)
					continue
				}
				fmt.Fprintf(w, "%s\t%d\t%.1f %%\t%.1f s\t%.0f %%\t%.1f\t%s\n", team, g.Acts, 100*g.ChangeRate, g.MedianDwell, 100*g.QuickShare, g.PerDay, g.Finding)
			}
			return w.Flush()
		})
	}}
	cmd.Flags().StringVar(&month, "month", "", "as 2026-05 (default: this month)")
	return cmd
}

func (c *cli) reviewWeakCmd() *cobra.Command {
	var from, to string
	cmd := &cobra.Command{Use: "weak", Short: "List decisions labelled as made with a person, of which the acts do not show it", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		v := url.Values{}
		for name, s := range map[string]string{"from": from, "to": to} {
			if s == "" {
				continue
			}
			t, err := moment(s, time.Now())
			if err != nil {
				return usagef("--%s %v", name, err)
			}
			v.Set(name, t.UTC().Format(time.RFC3339))
		}
		return c.call(cmd.Context(), func(a *caller) error {
			o, err := ask[oversight.Involvement](cmd.Context(), a, "GET", c.at("oversight", "weak")+"?"+v.Encode(), nil)
			if err != nil || c.json {
				return orPrint(c, err, o)
			}
			fmt.Fprintf(c.out, "%s labelled as made with a person, among %s; of %d the acts do not show it\n", plural(int64(o.Labelled), "decision"), plural(o.Size, "record"), o.Count)
			for _, w := range o.Weak {
				fmt.Fprintf(c.out, "  %s  %s  %s\n", w.ID, w.System, strings.Join(w.Fails, ", "))
			}
			if o.Count > 0 {
				return errWrong
			}
			return nil
		})
	}}
	cmd.Flags().StringVar(&from, "from", "", "from when, as a date, a time, or how long ago")
	cmd.Flags().StringVar(&to, "to", "", "until when")
	return cmd
}
