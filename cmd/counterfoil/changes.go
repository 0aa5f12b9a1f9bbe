// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/api"
)

func (c *cli) changesCmd() *cobra.Command {
	var env string
	var unapproved bool
	var when span
	cmd := &cobra.Command{
		Use: "changes", Short: "Which changes of versions went live without approval before, or by their author's own",
		Long: `Lists promotions with fewer approvals before them than the risk of the system
asks for, approvals by authors, and emergencies with the state of their review.
The order of the log decides what was before. It also lists attempts that the
register refused, and versions that decisions were made with while they were not
approved.

Exit status 1: some change went live as it should not have.`,
		Example: `  counterfoil changes --unapproved --data ./trail --env production
  counterfoil changes --unapproved --data ./trail --from 2026-01-01 --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !unapproved {
				return usagef("say which changes: --unapproved")
			}
			q := url.Values{}
			if env != "" {
				q.Set("env", env)
			}
			if err := when.set(q); err != nil {
				return err
			}
			return answer(c, cmd, "unapproved", q, c.printChanges)
		},
	}
	cmd.Flags().BoolVar(&unapproved, "unapproved", false, "those that were not approved as they should be (required)")
	cmd.Flags().StringVar(&env, "env", "", "environment that they went to")
	when.flags(cmd)
	return cmd
}

// defects says what each code means.
var defects = map[string]string{
	api.DefectUnapproved:    "promoted without enough approvals before",
	api.DefectRefused:       "promoted after it had been refused",
	api.DefectUnproposed:    "promoted though nobody had proposed it",
	api.DefectOther:         "promoted with another digest than was proposed",
	api.DefectAuthor:        "approved by its author",
	api.DefectOwnEmergency:  "promoted in an emergency by its author",
	api.DefectOtherApproved: "approved with another digest than was proposed",
}

func (c *cli) printChanges(o *api.Changes) error {
	wrong := len(o.Items) > 0 || len(o.Used) > 0
	for _, e := range o.Emergencies {
		wrong = wrong || e.State != "done" && e.State != "open"
	}
	err := c.showChanges(o)
	if err == nil && wrong {
		return errWrong
	}
	return err
}

func (c *cli) showChanges(o *api.Changes) error {
	if c.json {
		return c.print(o)
	}
	fmt.Fprintf(c.out, "%s, %s and %s looked at; %s judged by the register\n", plural(o.Proposed, "proposal"), plural(o.Approvals, "approval"),
		plural(o.Promotions, "promotion"), plural(o.Decisions, "decision"))
	if o.Promotions == 0 {
		fmt.Fprintln(c.out, "nothing was promoted here: that says nothing about what is in use")
	}
	for i := range o.Items {
		c.showDefect(&o.Items[i])
	}
	for _, e := range o.Emergencies {
		fmt.Fprintf(c.out, "%s %s: emergency promotion to %s by %s at %s, review %s", e.Act.Kind, e.Act.Version, dash(e.Act.Environment), e.Act.By, e.Act.Time.UTC().Format(stamp), e.State)
		if e.Act.Due != nil {
			fmt.Fprintf(c.out, ", due %s", e.Act.Due.UTC().Format(stamp))
		}
		if e.Review != nil {
			fmt.Fprintf(c.out, ", %s by %s at %s", dash(e.Review.Status), e.Review.By, e.Review.Time.UTC().Format(stamp))
		}
		fmt.Fprintln(c.out)
	}
	for _, r := range o.Refused {
		fmt.Fprintf(c.out, "refused to %s: %s of %s at %s, record %s\n", r.By, r.Act, dash(r.Version), r.Time.UTC().Format(stamp), r.ID)
	}
	for _, u := range o.Used {
		fmt.Fprintf(c.out, "%s %s: %s in %s while it was %s, from %s (%s) to %s (%s)\n", u.Kind, u.Version, plural(u.Count, "decision"), u.Env, u.State,
			u.First.Time.UTC().Format(stamp), u.First.ID, u.Last.Time.UTC().Format(stamp), u.Last.ID)
	}
	return c.rests(&o.Basis)
}

func (c *cli) showDefect(d *api.ChangeDefect) {
	fmt.Fprintf(c.out, "%s %s: %s", d.Act.Kind, d.Act.Version, defects[d.Code])
	if d.Need > 0 {
		fmt.Fprintf(c.out, " (%d of %d)", d.Have, d.Need)
	}
	fmt.Fprintf(c.out, "; %s by %s at %s, author %s, record %s\n", d.Act.Act, d.Act.By, d.Act.Time.UTC().Format(stamp), dash(d.Author), d.Act.ID)
	for _, a := range d.Late {
		fmt.Fprintf(c.out, "  approved afterwards by %s at %s, record %s\n", a.By, a.Time.UTC().Format(stamp), a.ID)
	}
}
