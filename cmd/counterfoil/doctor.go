// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/internal/doctor"
)

func (c *cli) doctorCmd() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look the installation over and say how to fix what is wrong",
		Long: `Looks at disk, keys, database, writer, tree, clock, witnesses, time stamps,
sources and the last verification of every ledger, and says what to do about
what is not right. It changes nothing and may run beside a server.

Exit status: 0 nothing is broken (there may be warnings), 1 something is, 2 usage.`,
		Example: `  counterfoil doctor --data ./trail
  counterfoil doctor --data ./trail --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if c.store.Data == "" && c.store.Database == "" {
				return &usageError{&hinted{fmt.Errorf("no place for ledgers is named"), "name a data folder with --data DIR, or a database with --database postgres://…"}}
			}
			cfg, err := c.config(file)
			if err != nil {
				return err
			}
			return c.doctor(cmd, doctor.Config{Store: c.store, App: cfg, Version: buildVersion()})
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "configuration file of the server (default: counterfoil.yaml in --data)")
	return cmd
}

func (c *cli) doctor(cmd *cobra.Command, cfg doctor.Config) error {
	failed, warned := 0, 0
	var werr error
	err := doctor.Run(cmd.Context(), cfg, func(l doctor.Line) {
		switch l.Status {
		case doctor.Fail:
			failed++
		case doctor.Warn:
			warned++
		}
		if c.json {
			if err := c.print(l); err != nil {
				werr = err
			}
			return
		}
		name := l.Check
		if l.Ledger != "" {
			name = l.Ledger + ": " + l.Check
		}
		fmt.Fprintf(c.out, "%-4s  %-28s %s\n", l.Status, name, l.Detail)
		if l.Fix != "" {
			fmt.Fprintf(c.out, "      %-28s → %s\n", "", l.Fix)
		}
	})
	if err != nil || werr != nil {
		return errors.Join(err, werr)
	}
	if !c.json {
		fmt.Fprintf(c.out, "\n%s, %s\n", plural(int64(failed), "failure"), plural(int64(warned), "warning"))
	}
	if failed > 0 {
		return errWrong
	}
	return nil
}
