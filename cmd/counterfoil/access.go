// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/access"
)

func (c *cli) accessCmd() *cobra.Command {
	return group("access", "Who may do what, and who did",
		`Roles, what they may do, and what was read. Whoever runs these commands on the data
folder itself is on the machine and is believed who they are (--as); everybody
else comes through a server and proves it.`,
		`  counterfoil access matrix
  counterfoil access grant person:7f3k2m9q4x1z reviewer --data ./trail --system refund-agent
  counterfoil access key create voicebot source --data ./trail
  counterfoil access log --subject customer:12345 --data ./trail --purpose audit`,
		c.matrixCmd(), c.accessLogCmd(), c.meCmd(), c.grantCmd("grant", "Give an actor a role", "grants"), c.grantCmd("revoke", "Take a role from an actor", "grants/revoke"),
		c.grantsCmd(), c.apiKeyCmd(), c.sessionsCmd())
}

// scopeFlags are the flags of a grant.
func (c *cli) scopeFlags(cmd *cobra.Command, s *api.Scope) {
	cmd.Flags().StringVar(&s.System, "system", "", "only for this system (default: any)")
	cmd.Flags().StringVar(&s.Purpose, "for", "", "only for this purpose (default: any)")
}

func (c *cli) meCmd() *cobra.Command {
	return &cobra.Command{Use: "me", Short: "Show who you are, and what you may", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return c.call(cmd.Context(), func(a *caller) error {
			me, err := ask[access.Actor](cmd.Context(), a, "GET", "/v1/access/me", nil)
			if err != nil || c.json {
				return orPrint(c, err, me)
			}
			fmt.Fprintf(c.out, "%s (%s)\n", me.ID, me.Kind)
			for _, g := range me.Grants {
				fmt.Fprintf(c.out, "  %s in ledger %s, system %s, purpose %s\n", g.Role, g.Ledger, g.System, g.Purpose)
			}
			return nil
		})
	}}
}

func (c *cli) grantCmd(use, short, path string) *cobra.Command {
	var in api.GrantRequest
	cmd := &cobra.Command{Use: use + " ACTOR ROLE", Short: short + ", in the ledger of --ledger (a star: in any)",
		Example: "  counterfoil access " + use + " person:7f3k2m9q4x1z reviewer --data ./trail --system refund-agent",
		Args:    cobra.ExactArgs(2), RunE: func(cmd *cobra.Command, args []string) error {
			in.Actor, in.Role, in.Ledger = args[0], args[1], c.ledger
			return c.call(cmd.Context(), func(a *caller) error {
				g, err := ask[access.Given](cmd.Context(), a, "POST", "/v1/access/"+path, in)
				if err != nil || c.json {
					return orPrint(c, err, g)
				}
				_, err = fmt.Fprintf(c.out, "%s: %s %s in ledger %s, system %s, purpose %s\n", g.Actor, use, g.Role, g.Ledger, g.System, g.Purpose)
				return err
			})
		}}
	c.scopeFlags(cmd, &in.Scope)
	return cmd
}

func (c *cli) grantsCmd() *cobra.Command {
	return &cobra.Command{Use: "grants", Short: "List the grants that were given by hand", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return c.call(cmd.Context(), func(a *caller) error {
			l, err := ask[items[access.Given]](cmd.Context(), a, "GET", "/v1/access/grants", nil)
			if err != nil || c.json {
				return orPrint(c, err, l)
			}
			if len(l.Items) == 0 {
				_, err := fmt.Fprintln(c.out, "there are none; claims of identity providers may grant roles as well (docs/operations.md)")
				return err
			}
			w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "ACTOR\tROLE\tLEDGER\tSYSTEM\tPURPOSE\tBY\tSINCE")
			for _, g := range l.Items {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", g.Actor, g.Role, g.Ledger, g.System, g.Purpose, g.By, g.At.Format(time.DateOnly))
			}
			return w.Flush()
		})
	}}
}

// madeKey is a new API key.
type madeKey struct {
	Secret string        `json:"secret"`
	Key    access.APIKey `json:"key"`
}

func (c *cli) apiKeyCmd() *cobra.Command {
	var days, overlap int
	var in api.KeyRequest
	var scope api.Scope
	show := func(a *caller, ctx context.Context, path string, body any) error {
		k, err := ask[madeKey](ctx, a, "POST", path, body)
		if err != nil || c.json {
			return orPrint(c, err, k)
		}
		_, err = fmt.Fprintf(c.out, "%s\n\nThis is %s (id %s), good until %s. It is shown this once; keep it where secrets\nare kept. Programs send it as Authorization: Bearer …\n", k.Secret, k.Key.Actor, k.Key.ID, k.Key.Expires.Format(time.DateOnly))
		return err
	}
	create := &cobra.Command{Use: "create NAME ROLE…", Short: "Make an API key; it is shown once",
		Example: `  counterfoil access key create voicebot source --data ./trail --system refund-agent --days 90`,
		Args:    cobra.MinimumNArgs(2), RunE: func(cmd *cobra.Command, args []string) error {
			in.Name, in.Days, in.Grants = args[0], days, nil
			for _, role := range args[1:] {
				scope.Role, scope.Ledger = role, c.ledger
				in.Grants = append(in.Grants, scope)
			}
			return c.call(cmd.Context(), func(a *caller) error { return show(a, cmd.Context(), "/v1/access/keys", in) })
		}}
	create.Flags().IntVar(&days, "days", 90, "for how many days, at most 366")
	c.scopeFlags(create, &scope)
	rotate := &cobra.Command{Use: "rotate ID", Short: "Make the successor of an API key", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		return c.call(cmd.Context(), func(a *caller) error {
			return show(a, cmd.Context(), "/v1/access/keys/"+url.PathEscape(args[0])+"/rotate", api.KeyRotation{Days: days, OverlapHours: overlap})
		})
	}}
	rotate.Flags().IntVar(&days, "days", 90, "for how many days, at most 366")
	rotate.Flags().IntVar(&overlap, "overlap", 24, "hours that the old key goes on")
	revoke := &cobra.Command{Use: "revoke ID", Short: "End an API key at once", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		return c.call(cmd.Context(), func(a *caller) error {
			_, err := a.raw(cmd.Context(), "POST", "/v1/access/keys/"+url.PathEscape(args[0])+"/revoke", struct{}{})
			if err == nil && !c.json {
				_, err = fmt.Fprintf(c.out, "%s is revoked\n", args[0])
			}
			return err
		})
	}}
	return group("key", "API keys of programs", "An API key is shown once, stored as a hash, ends after at most a year and can be\nrevoked at once.",
		`  counterfoil access key create voicebot source --data ./trail
  counterfoil access key list --data ./trail`, create, rotate, revoke, c.apiKeysCmd())
}

func (c *cli) apiKeysCmd() *cobra.Command {
	return &cobra.Command{Use: "list", Short: "List the API keys", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return c.call(cmd.Context(), func(a *caller) error {
			l, err := ask[items[access.APIKey]](cmd.Context(), a, "GET", "/v1/access/keys", nil)
			if err != nil || c.json {
				return orPrint(c, err, l)
			}
			if len(l.Items) == 0 {
				_, err := fmt.Fprintln(c.out, "there are none")
				return err
			}
			w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "ID\tACTOR\tROLES\tEXPIRES\tLAST USED")
			for _, k := range l.Items {
				var roles []string
				for _, g := range k.Grants {
					roles = append(roles, string(g.Role)+"@"+g.Ledger)
				}
				end, used := k.Expires.Format(time.DateOnly), "never"
				if !k.Revoked.IsZero() {
					end = "revoked"
				}
				if !k.Used.IsZero() {
					used = k.Used.Format(time.DateTime)
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", k.ID, k.Actor, strings.Join(roles, " "), end, used)
			}
			return w.Flush()
		})
	}}
}

func (c *cli) sessionsCmd() *cobra.Command {
	return &cobra.Command{Use: "logout ACTOR", Short: "End all sessions of a person", Example: `  counterfoil access logout person:7f3k2m9q4x1z --data ./trail`,
		Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
			return c.call(cmd.Context(), func(a *caller) error {
				out, err := ask[map[string]int](cmd.Context(), a, "POST", "/v1/access/sessions/end", api.ActorRequest{Actor: args[0]})
				if err != nil || c.json {
					return orPrint(c, err, out)
				}
				_, err = fmt.Fprintf(c.out, "%s ended\n", plural(int64(out["done"]), "session"))
				return err
			})
		}}
}

func (c *cli) matrixCmd() *cobra.Command {
	return &cobra.Command{Use: "matrix", Short: "Print the one table of who may do what", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
		if c.json {
			return c.print(access.Matrix())
		}
		w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
		fmt.Fprint(w, "ACTION")
		for _, r := range access.Roles() {
			fmt.Fprintf(w, "\t%s", r)
		}
		fmt.Fprintln(w)
		for _, row := range access.Matrix() {
			fmt.Fprint(w, row.Action)
			for _, r := range access.Roles() {
				cell := "-"
				if cond, ok := row.Allow[r]; ok {
					cell = string(cond)
				}
				fmt.Fprintf(w, "\t%s", cell)
			}
			fmt.Fprintln(w)
		}
		fmt.Fprint(w, `
yes      nothing more than the role
purpose  a stated purpose, which the grant covers
ticket   a purpose and the case it is for
warrant  a purpose and a warrant that a second person approved
held     a purpose, and only for records under a legal hold
`)
		for _, row := range access.Matrix() {
			if row.Rule != "" {
				fmt.Fprintf(w, "\n%s: %s (%s)", row.Action, row.About, row.Rule)
			}
		}
		fmt.Fprintln(w)
		return w.Flush()
	}}
}

func (c *cli) accessLogCmd() *cobra.Command {
	var in api.SubjectRequest
	var subject string
	cmd := &cobra.Command{Use: "log --subject PERSON", Short: "List every access to a person's records, this question included",
		Example: `  counterfoil access log --subject customer:12345 --data ./trail --as person:piet --purpose audit --ticket a-7`,
		Args:    cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			if subject == "" {
				return usagef("--subject is required; all accesses are listed by counterfoil list --type access")
			}
			in.Subject = person(subject)
			return c.call(cmd.Context(), func(a *caller) error {
				p, err := ask[api.Page](cmd.Context(), a, "POST", c.at("subjects", "accesses"), in)
				if err != nil || c.json {
					return orPrint(c, err, p)
				}
				return c.printAccesses(p)
			})
		}}
	cmd.Flags().StringVar(&subject, "subject", "", "the person, as the records have it in /subject")
	cmd.Flags().StringVar(&in.Purpose, "purpose", "audit", "what for")
	cmd.Flags().StringVar(&in.Ticket, "ticket", "", "the case")
	return cmd
}

func (c *cli) printAccesses(p api.Page) error {
	w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "TIME\tWHO\tROLE\tDID\tRECORD\tPURPOSE\tTICKET\tWARRANT\tRESULT\tFIELDS")
	for _, e := range p.Records {
		var doc struct {
			Time, About string
			Access      struct {
				Act, Actor, Role, Purpose, Ticket, Warrant, Result string
				Pointers                                           []string
			}
		}
		if err := json.Unmarshal(e.Statement, &doc); err != nil {
			return err
		}
		a := doc.Access
		fmt.Fprintf(w, "%.19s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\n", doc.Time, a.Actor, a.Role, a.Act, doc.About, a.Purpose, a.Ticket, a.Warrant, a.Result, len(a.Pointers))
	}
	return w.Flush()
}
