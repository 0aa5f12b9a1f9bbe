// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/api"
)

// stamp is how answers print a time: to the second, in UTC.
const stamp = "2006-01-02 15:04:05"

// span are the flags --from and --to.
type span struct{ from, to string }

func (s *span) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.from, "from", "", "at or after this time, or this day (UTC)")
	cmd.Flags().StringVar(&s.to, "to", "", "before this time, or to the end of this day (UTC)")
}

// set puts the times into the query of a URL.
func (s *span) set(q url.Values) error {
	for _, v := range []struct {
		name, text string
		days       int
	}{{"from", s.from, 0}, {"to", s.to, 1}} {
		if v.text == "" {
			continue
		}
		if day, err := time.Parse(time.DateOnly, v.text); err == nil {
			q.Set(v.name, day.AddDate(0, 0, v.days).Format(time.RFC3339))
			continue
		}
		at, err := time.Parse(time.RFC3339Nano, v.text)
		if err != nil {
			return &usageError{&hinted{fmt.Errorf("--%s %q is not a time", v.name, v.text), "write it like 2026-03-03T09:12:44Z, or 2026-03-03"}}
		}
		q.Set(v.name, at.Format(time.RFC3339Nano))
	}
	return nil
}

// answer asks a question and prints what there is to it.
func answer[T any](c *cli, cmd *cobra.Command, question string, q url.Values, show func(*T) error) error {
	return c.call(cmd.Context(), func(a *caller) error {
		path := c.at("answers", question)
		if len(q) > 0 {
			path += "?" + q.Encode()
		}
		out, err := ask[T](cmd.Context(), a, "GET", path, nil)
		if err != nil {
			return err
		}
		return show(&out)
	})
}

// rests prints what an answer rests on.
func (c *cli) rests(b *api.Basis) error {
	for _, l := range b.Earlier {
		if l.Dropped {
			fmt.Fprintf(c.out, "\nthe leaves of the earlier log %s were dropped, and are not counted\n", l.Origin)
		}
	}
	_, err := fmt.Fprintf(c.out, "\n%s\n", b.Complete)
	return err
}

func (c *cli) table() *tabwriter.Writer { return tabwriter.NewWriter(c.out, 0, 8, 2, ' ', 0) }

func (c *cli) decisionsCmd() *cobra.Command {
	var act, model string
	var versions []string
	var when span
	q := url.Values{}
	cmd := &cobra.Command{
		Use: "decisions", Short: "Which decisions people overrode, and who approved the versions they were made with",
		Long: `Lists what people did about the decisions that match, and counts both. With
--with-approvals it also shows the acts on the versions that are named, or on all
that the decisions name, and whether the digest that each decision was bound to
is one that somebody other than the author approved.`,
		Example: `  counterfoil decisions --data ./trail --model refund-model@3 --from 2026-03-01 --to 2026-03-31 --human-action override --with-approvals
  counterfoil decisions --data ./trail --system refund-agent --human-action any --version policy=returns@5 --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, f := range []string{"system", "env", "outcome"} {
				if v := cmd.Flag(f).Value.String(); v != "" {
					q.Set(f, v)
				}
			}
			if model != "" {
				versions = append(versions, "model="+model)
			}
			for _, v := range versions {
				kind, name, _ := strings.Cut(v, "=")
				if !slices.Contains([]string{"model", "prompt", "policy", "config"}, kind) || name == "" || q.Has(kind) {
					return usagef("--version %q: use model, prompt, policy or config, each once, like policy=returns@5", v)
				}
				q.Set(kind, name)
			}
			q.Set("act", act)
			if with, _ := cmd.Flags().GetBool("with-approvals"); with {
				q.Set("approvals", "true")
			}
			if err := when.set(q); err != nil {
				return err
			}
			return answer(c, cmd, "overrides", q, c.printOverrides)
		},
	}
	f := cmd.Flags()
	f.StringVar(&model, "model", "", "version of the model that the decision names")
	f.StringArrayVar(&versions, "version", nil, "kind=name@version that the decision names (may be repeated)")
	f.String("system", "", "AI system")
	f.String("env", "", "environment")
	f.String("outcome", "", "outcome code of the decision")
	f.StringVar(&act, "human-action", "override", "approve, edit, override, reject, escalate, stop or any")
	f.Bool("with-approvals", false, "show who approved the versions")
	when.flags(cmd)
	return cmd
}

func (c *cli) printOverrides(o *api.Overrides) error {
	if c.json {
		return c.print(o)
	}
	what := o.Act
	if what == "any" {
		what = "act of a person"
	}
	fmt.Fprintf(c.out, "%s on %s, of %s that match\n", plural(o.Acts, what), plural(o.Touched, "decision"), plural(o.Decisions, "decision"))
	if o.Astray > 0 {
		fmt.Fprintf(c.out, "%s in the log about nothing in it\n", plural(o.Astray, what))
	}
	if len(o.Items) > 0 {
		w := c.table()
		fmt.Fprintln(w, "\nDECIDED\tDECISION\tOUTCOME\tACT\tBEFORE\tAFTER\tREVIEWER\tREASON CODE\tDWELL")
		for _, h := range o.Items {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", h.Decision.Time.UTC().Format(stamp), h.Decision.ID, dash(h.Outcome), h.Act,
				dash(h.Before), dash(h.After), h.Reviewer, dash(h.ReasonCode), dwell(h.Dwell))
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	if o.More {
		fmt.Fprintln(c.out, "the list is cut; bound it with --from and --to")
	}
	for i := range o.Versions {
		if err := c.printApproval(&o.Versions[i]); err != nil {
			return err
		}
	}
	return c.rests(&o.Basis)
}

func (c *cli) printApproval(v *api.VersionApproval) error {
	fmt.Fprintf(c.out, "\n%s %s: %s bound to an approved digest, %d to another, %d to none\n", v.Kind, v.Version, plural(v.Same, "decision"), v.Other, v.Unbound)
	if len(v.Acts) == 0 {
		_, err := fmt.Fprintln(c.out, "  the register has no act on it")
		return err
	}
	return c.printActs(v.Acts)
}

func (c *cli) printActs(acts []api.RegistryAct) error {
	w := c.table()
	for _, a := range acts {
		more := a.Digest
		if a.Status != "" {
			more = a.Status
		}
		if a.Environment != "" {
			more = strings.TrimSpace("to " + a.Environment + " " + more)
		}
		if a.Signed {
			more += " signed"
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\t%s\n", a.Time.UTC().Format(stamp), a.Act, a.By, a.ID, more)
	}
	return w.Flush()
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func dwell(ms *int64) string {
	if ms == nil {
		return "-"
	}
	return strconv.FormatFloat(float64(*ms)/1000, 'f', 1, 64) + "s"
}

// follow prints findings or notices in a row.
func follow(w io.Writer, what string, all []api.FollowUp) {
	for _, f := range all {
		fmt.Fprintf(w, "  %s %s: %s %s %s\n", what, f.ID, f.Code, dash(f.Status), f.Time.UTC().Format(stamp))
	}
}
