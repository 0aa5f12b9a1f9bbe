// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"

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
  counterfoil access log --subject customer:12345 --data ./trail --purpose audit`,
		c.matrixCmd(), c.accessLogCmd())
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
