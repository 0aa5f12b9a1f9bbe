// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/api"
)

// systemAnswers are the questions about one system.
func (c *cli) systemAnswers() []*cobra.Command {
	ask := func(use, short, long, example string, run func(cmd *cobra.Command, q url.Values) error) *cobra.Command {
		return &cobra.Command{Use: use + " NAME", Short: short, Long: long, Example: example, Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error { return run(cmd, url.Values{"system": {args[0]}}) }}
	}
	return []*cobra.Command{
		ask("suspension", "When a system was suspended, by whom, and what it decided then",
			`Shows the acts that changed the status of a system, and for each time in which it
was suspended or retired the decisions that it made: there must be none. A
decision counts by the time that its source gives, whenever it was recorded.

Exit status 1: it made some.`,
			`  counterfoil system suspension refund-agent --data ./trail`,
			func(cmd *cobra.Command, q url.Values) error {
				return answer(c, cmd, "suspension", q, c.printSuspension)
			}),
		ask("drift", "Which models answered in place of those that were asked for",
			`Lists for each model that the system asked for those that answered, as its
decisions and steps have it, since when, how often, and each change.`,
			`  counterfoil system drift refund-agent --data ./trail`,
			func(cmd *cobra.Command, q url.Values) error { return answer(c, cmd, "drift", q, c.printDrift) }),
	}
}

func (c *cli) printSuspension(o *api.Suspension) error {
	err := c.showSuspension(o)
	if err == nil && o.Made > 0 {
		return errWrong
	}
	return err
}

func (c *cli) showSuspension(o *api.Suspension) error {
	if c.json {
		return c.print(o)
	}
	if len(o.Acts) == 0 {
		fmt.Fprintf(c.out, "the log has no act that gives %s a status\n", o.System)
		return c.rests(&o.Basis)
	}
	fmt.Fprintf(c.out, "%s is %s\n", o.System, o.Status)
	if err := c.printActs(o.Acts); err != nil {
		return err
	}
	for i := range o.Periods {
		c.showPeriod(&o.Periods[i])
	}
	if len(o.Periods) == 0 {
		fmt.Fprintln(c.out, "it was never suspended or retired")
	}
	return c.rests(&o.Basis)
}

func (c *cli) showPeriod(p *api.Period) {
	until := "until now"
	if p.Ended != nil {
		until = "until " + p.Ended.Time.UTC().Format(stamp) + " by " + p.Ended.By
	}
	fmt.Fprintf(c.out, "\n%s from %s by %s %s: %s made\n", p.Status, p.Began.Time.UTC().Format(stamp), p.Began.By, until, plural(p.Made, "decision"))
	if !p.Began.Reason {
		fmt.Fprintln(c.out, "  no reason was recorded")
	}
	if p.Attempts+p.Backdated > 0 {
		fmt.Fprintf(c.out, "  beside them %s not carried out, and %s recorded then that say they are older\n", plural(p.Attempts, "attempt"), plural(p.Backdated, "decision"))
	}
	for _, d := range p.Decisions {
		fmt.Fprintf(c.out, "  decision %s: %s in %s, outcome %s, recorded %s\n", d.ID, d.Time.UTC().Format(stamp), d.Env, dash(d.Outcome), d.Recorded.UTC().Format(stamp))
		follow(c.out, "  finding", d.Findings)
	}
	if p.More {
		fmt.Fprintln(c.out, "  the list is cut")
	}
	follow(c.out, "notice", p.Informed)
}

func (c *cli) printDrift(o *api.Drift) error {
	if c.json {
		return c.print(o)
	}
	fmt.Fprintf(c.out, "%s of models in %s of %s; %d do not say which model answered\n", plural(o.Calls, "call"), plural(o.Records, "record"), o.System, o.Silent)
	if len(o.Pairs) > 0 {
		w := c.table()
		fmt.Fprintln(w, "\nPROVIDER\tASKED FOR\tANSWERED\tCALLS\tFIRST\tLAST")
		for _, p := range o.Pairs {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", dash(p.Provider), dash(p.Request), p.Response, thousands(p.Count), p.First.Time.UTC().Format(stamp), p.Last.Time.UTC().Format(stamp))
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	for _, m := range o.Changes {
		fmt.Fprintf(c.out, "%s: %s answered in place of %s since %s, record %s\n", dash(m.Request), m.After, m.Before, m.First.Time.UTC().Format(stamp), m.First.ID)
		if m.Again != nil {
			fmt.Fprintf(c.out, "  %s answered again, last at %s\n", m.Before, m.Again.Time.UTC().Format(stamp))
		}
	}
	follow(c.out, "finding", o.Findings)
	follow(c.out, "notice", o.Notices)
	return c.rests(&o.Basis)
}
