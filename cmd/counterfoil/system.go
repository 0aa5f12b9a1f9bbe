// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/registry"
)

func (c *cli) systemCmd() *cobra.Command {
	sub := append([]*cobra.Command{c.systemDescribeCmd(), c.systemListCmd(), c.systemShowCmd(), c.systemStatusCmd(),
		c.systemStepCmd("suspend NAME", "Suspend a system at once", registry.Suspended),
		c.systemStepCmd("resume NAME", "Resume a system, as another person than who suspended it", registry.InService),
		c.systemStepCmd("retire NAME", "Retire a system for good", registry.Retired)}, c.systemAnswers()...)
	return group("system", "The AI systems and use cases: who answers for them, and whether they are in service",
		`A system is described by a document: who answers for it, what it is for, its risk
class, and how it is governed. Another person puts it into service. One person
suspends it, at once; another one resumes it.`,
		`  counterfoil system describe aria --data ./trail --as person:ann --file aria.yaml
  counterfoil system status aria in_service --data ./trail --as person:bob
  counterfoil system suspend aria --data ./trail --as person:cid --reason "wrong refunds"
  counterfoil system list --data ./trail`,
		sub...)
}

func (c *cli) printSystem(y registry.System) error {
	if c.json {
		return c.print(y)
	}
	_, err := fmt.Fprintf(c.out, "%s %s: %s (risk %s, description %s)\n", y.Kind, y.Name, y.Status, y.Risk, y.Version)
	if y.Pending != nil && err == nil {
		_, err = fmt.Fprintf(c.out, "next: counterfoil system status %s in_service --description %s, by another person than %s\n", y.Name, y.Pending.Version, y.Pending.Author)
	}
	return err
}

func (c *cli) systemDescribeCmd() *cobra.Command {
	in := api.Describe{}
	var file string
	cmd := &cobra.Command{
		Use: "describe NAME", Short: "Describe a system or use case, or describe it anew",
		Example: `  counterfoil system describe aria --data ./trail --as person:ann --file aria.yaml`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := c.text(file)
			if err != nil {
				return err
			}
			in.Name, in.Description = args[0], text
			return c.call(cmd.Context(), func(a *caller) error {
				y, err := ask[registry.System](cmd.Context(), a, "POST", c.at("systems"), in)
				if err != nil {
					return err
				}
				return c.printSystem(y)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&file, "file", "-", "the description as YAML or JSON; - is standard input")
	f.StringVar(&in.Kind, "kind", "system", "system or use_case")
	f.StringVar(&in.Reason, "reason", "", "why; it is kept private")
	return cmd
}

func (c *cli) systemListCmd() *cobra.Command {
	return &cobra.Command{Use: "list", Short: "List the systems and use cases", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return c.call(cmd.Context(), func(a *caller) error {
			l, err := ask[items[registry.System]](cmd.Context(), a, "GET", c.at("systems"), nil)
			if err != nil || c.json {
				return orPrint(c, err, l)
			}
			if len(l.Items) == 0 {
				_, err := fmt.Fprintln(c.out, "no system is described; counterfoil system describe does it")
				return err
			}
			w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "NAME\tKIND\tSTATUS\tSINCE\tRISK\tMODE\tOWNER\tTEAM")
			for _, y := range l.Items {
				d := y.Description
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", y.Name, y.Kind, y.Status, y.Since.Format(time.DateOnly), y.Risk, d.Mode, clean(d.Owner.Person), clean(d.Owner.Team))
			}
			return w.Flush()
		})
	}}
}

func (c *cli) systemShowCmd() *cobra.Command {
	return &cobra.Command{Use: "show NAME", Short: "Show a system with its description", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		return c.call(cmd.Context(), func(a *caller) error {
			y, err := ask[registry.System](cmd.Context(), a, "GET", c.at("systems", args[0]), nil)
			if err != nil || c.json {
				return orPrint(c, err, y)
			}
			d := y.Description
			fmt.Fprintf(c.out, "%s %s: %s since %s, by %s\n", y.Kind, y.Name, y.Status, y.Since.Format(time.RFC3339), y.By)
			fmt.Fprintf(c.out, "risk %s, mode %s, %s when the guard is away\n", y.Risk, d.Mode, d.OnGuardFailure)
			if !y.Described {
				_, err := fmt.Fprintln(c.out, "its description was erased: it is governed most strictly")
				return err
			}
			fmt.Fprintf(c.out, "owner %s (%s), as %s\npurpose: %s\n", clean(d.Owner.Person), clean(d.Owner.Team), d.Role, clean(d.Purpose))
			_, err = fmt.Fprintf(c.out, "description %s by %s, %s\n", y.Version, y.Author, y.Digest)
			return err
		})
	}}
}

func (c *cli) systemStatusCmd() *cobra.Command {
	in := api.SystemStatus{}
	cmd := &cobra.Command{
		Use: "status NAME STATUS", Short: "Put a system into service, suspend or retire it, or confirm its new description",
		Example: `  counterfoil system status aria in_service --data ./trail --as person:bob`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			in.Status = args[1]
			return c.setStatus(cmd, args[0], in)
		},
	}
	cmd.Flags().StringVar(&in.Description, "description", "", "number of the waiting description that it confirms")
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why; it is kept private")
	return cmd
}

func (c *cli) systemStepCmd(use, short, status string) *cobra.Command {
	in := api.SystemStatus{Status: status}
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		return c.setStatus(cmd, args[0], in)
	}}
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why; it is kept private")
	return cmd
}

func (c *cli) setStatus(cmd *cobra.Command, name string, in api.SystemStatus) error {
	return c.call(cmd.Context(), func(a *caller) error {
		y, err := ask[registry.System](cmd.Context(), a, "POST", c.at("systems", name, "status"), in)
		if err != nil {
			return err
		}
		return c.printSystem(y)
	})
}
