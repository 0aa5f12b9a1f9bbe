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
	"github.com/counterfoil/counterfoil/internal/registry"
)

func (c *cli) versionPromoteCmd() *cobra.Command {
	in := api.Promotion{}
	cmd := &cobra.Command{
		Use: "promote KIND NAME@VERSION", Short: "Put a version into force in an environment",
		Example: `  counterfoil version promote prompt reply@2 --env production --data ./trail --as person:ann`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.call(cmd.Context(), func(a *caller) error {
				return c.versionStep(cmd, a, args, "promote", func(v registry.Content) (any, error) {
					in.Digest = v.Digest
					return in, nil
				})
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&in.Environment, "env", "production", "production, shadow, staging or test")
	f.BoolVar(&in.Emergency, "emergency", false, "before it is approved; another person reviews it within five working days")
	f.StringVar(&in.Reason, "reason", "", "why; it is kept private")
	return cmd
}

func (c *cli) versionRollbackCmd() *cobra.Command {
	in := api.Rollback{}
	cmd := &cobra.Command{
		Use: "rollback KIND NAME", Short: "Put back the version that was in force before",
		Example: `  counterfoil version rollback prompt reply --env production --reason "too brief" --data ./trail --as person:ann`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.call(cmd.Context(), func(a *caller) error {
				v, err := ask[registry.Version](cmd.Context(), a, "POST", c.at("versions", args[0], args[1], "rollback"), in)
				if err != nil {
					return err
				}
				return c.printVersion(v)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&in.Environment, "env", "production", "production, shadow, staging or test")
	f.StringVar(&in.Reason, "reason", "", "why; it is kept private (required)")
	return cmd
}

func (c *cli) versionHistoryCmd() *cobra.Command {
	return &cobra.Command{Use: "history KIND NAME", Short: "List every act about the versions of a name", Args: cobra.ExactArgs(2), RunE: func(cmd *cobra.Command, args []string) error {
		return c.call(cmd.Context(), func(a *caller) error {
			l, err := ask[items[registry.Act]](cmd.Context(), a, "GET", c.at("register", "acts")+"?"+url.Values{"kind": {args[0]}, "name": {args[1]}}.Encode(), nil)
			if err != nil || c.json {
				return orPrint(c, err, l)
			}
			if len(l.Items) == 0 {
				_, err := fmt.Fprintf(c.out, "nothing was done with the %s %s\n", clean(args[0]), clean(args[1]))
				return err
			}
			w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "TIME\tACT\tVERSION\tENVIRONMENT\tBY\tSIGNED\tRECORD")
			for _, act := range l.Items {
				signed, word := "", act.Act
				if act.Signature != nil {
					signed = act.Signature.Alg
				}
				if act.Emergency {
					word += " (emergency)"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", act.Time.Format(time.RFC3339), word, act.Version, act.Environment, act.Actor, signed, act.ID)
			}
			return w.Flush()
		})
	}}
}

func (c *cli) versionsCmd() *cobra.Command {
	var system, at, span string
	cmd := &cobra.Command{
		Use: "versions", Short: "Show which versions were in force at a time, who approved them, and what had changed",
		Example: `  counterfoil versions --system aria --at 2026-03-03T09:00:00Z --diff P7D --data ./trail`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q := url.Values{}
			for k, v := range map[string]string{"system": system, "at": at, "diff": span} {
				if v != "" {
					q.Set(k, v)
				}
			}
			return c.call(cmd.Context(), func(a *caller) error {
				m, err := ask[registry.Moment](cmd.Context(), a, "GET", c.at("inforce")+"?"+q.Encode(), nil)
				if err != nil || c.json {
					return orPrint(c, err, m)
				}
				return c.printMoment(&m)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&system, "system", "", "the system (default: all)")
	f.StringVar(&at, "at", "", "the time, such as 2026-03-03T09:00:00Z (default: now)")
	f.StringVar(&span, "diff", "", "also what had changed in the time before, such as P7D")
	return cmd
}

func (c *cli) printMoment(m *registry.Moment) error {
	if len(m.InForce) == 0 {
		fmt.Fprintf(c.out, "nothing was in force at %s\n", m.At.Format(time.RFC3339))
	} else {
		w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "ENVIRONMENT\tKIND\tVERSION\tFROM\tUNTIL\tAUTHOR\tAPPROVED BY\tDIGEST")
		for _, f := range m.InForce {
			until, who := "", make([]string, 0, len(f.Approvals))
			if !f.To.IsZero() {
				until = f.To.Format(time.RFC3339)
			}
			for _, a := range f.Approvals {
				who = append(who, a.Actor)
			}
			fmt.Fprintf(w, "%s\t%s\t%s@%s\t%s\t%s\t%s\t%s\t%s\n", f.Environment, f.Kind, f.Name, f.Interval.Version, f.From.Format(time.RFC3339), until, f.Author, strings.Join(who, ","), f.Digest)
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	if m.Since.IsZero() {
		return nil
	}
	fmt.Fprintf(c.out, "\nsince %s: %s\n", m.Since.Format(time.RFC3339), plural(int64(len(m.Changes)), "change"))
	for _, t := range m.Changes {
		fmt.Fprintf(c.out, "%s %s in %s: %s -> %s\n", t.Kind, t.Name, t.Environment, orNone(t.Before), orNone(t.After))
	}
	return nil
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func (c *cli) rebuildCmd() *cobra.Command {
	var check bool
	cmd := &cobra.Command{
		Use: "rebuild", Short: "Make the register again from the log, or hold it against the log",
		Example: `  counterfoil rebuild --check --data ./trail`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.call(cmd.Context(), func(a *caller) error {
				rep, err := ask[registry.Report](cmd.Context(), a, "POST", c.at("register", "rebuild"), api.Rebuild{Replace: !check})
				if err != nil {
					return err
				}
				if c.json {
					err = c.print(rep)
				} else {
					for _, f := range rep.Findings {
						fmt.Fprintln(c.out, clean(f))
					}
					word := "the register is what the log says"
					if len(rep.Findings) > 0 {
						word = "the register is not what the log says"
					}
					if rep.Replaced {
						word = "the register was made again"
					}
					_, err = fmt.Fprintf(c.out, "%s: %s, %s\n", word, plural(int64(rep.Acts), "act"), plural(int64(rep.Rows), "row"))
				}
				if err == nil && len(rep.Findings) > 0 && !rep.Replaced {
					return errWrong
				}
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "only compare")
	return cmd
}
