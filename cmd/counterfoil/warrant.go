// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/custody"
)

func (c *cli) warrantCmd() *cobra.Command {
	var in api.WarrantRequest
	request := &cobra.Command{Use: "request", Short: "Ask to open private values of records, or of a system",
		Example: `  counterfoil warrant request --data ./trail --as person:anna --purpose audit --ticket a-7 --record refund-0001`,
		Args:    cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			return c.call(cmd.Context(), func(a *caller) error {
				r, err := ask[custody.Request](cmd.Context(), a, "POST", c.at("warrants"), in)
				if err != nil {
					return err
				}
				return c.printRequest(r, "counterfoil warrant approve ID, by a second person")
			})
		}}
	f := request.Flags()
	f.StringVar(&in.Purpose, "purpose", "", "what for (required)")
	f.StringVar(&in.Ticket, "ticket", "", "the case (required)")
	f.StringArrayVar(&in.Records, "record", nil, "id of a record (may be repeated)")
	f.StringVar(&in.System, "system", "", "all records of this system, instead of --record")
	f.BoolVar(&in.Identity, "identity", false, "also who the person is")
	f.IntVar(&in.Days, "days", 7, "for how many days")
	f.StringVar(&in.Reason, "reason", "", "why; it is kept private")
	var reason string
	why := func(cmd *cobra.Command) { cmd.Flags().StringVar(&reason, "reason", "", "why; it is kept private") }
	verdict := func(approve bool) func([]string) (string, any) {
		return func(args []string) (string, any) {
			return c.at("warrants", args[0], "verdict"), api.Verdict{Approve: approve, Reason: reason}
		}
	}
	return group("warrant", "Leave to open private values, which a second person gives",
		`Auditors, and whoever wants to know who the person is, open private values under
a warrant: for a purpose, a case, a scope and some days. Each read under it is an
access record that names it.`,
		`  counterfoil warrant request --data ./trail --as person:anna --purpose audit --ticket a-7 --record refund-0001
  counterfoil warrant approve w-0192f3a4 --data ./trail --as person:piet
  counterfoil get refund-0001 --data ./trail --as person:anna --disclose all --purpose audit --warrant w-0192f3a4`,
		request, c.step("approve ID", "Approve a warrant, as a second person", "", verdict(true), why),
		c.step("refuse ID", "Refuse a warrant", "", verdict(false), why), c.requestsCmd(custody.KindWarrant))
}

func (c *cli) glassCmd() *cobra.Command {
	var in api.GlassRequest
	smash := &cobra.Command{Use: "break", Short: "Open private values at once, for an hour; an alarm is raised",
		Example: `  counterfoil glass break --server https://audit.example.com --purpose incident --ticket i-1 --reason "the agent sends wrong refunds"`,
		Args:    cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			return c.call(cmd.Context(), func(a *caller) error {
				r, err := ask[custody.Request](cmd.Context(), a, "POST", c.at("glass"), in)
				if err != nil {
					return err
				}
				if !c.json {
					fmt.Fprintf(c.out, "open until %s; the alarm was raised\n", r.Until.Format(time.RFC3339))
				}
				return c.printRequest(r, "counterfoil get RECORD --disclose all --purpose "+r.Purpose+" --warrant ID")
			})
		}}
	f := smash.Flags()
	f.StringVar(&in.Purpose, "purpose", "", "what for (required)")
	f.StringVar(&in.Ticket, "ticket", "", "the case (required)")
	f.StringVar(&in.Reason, "reason", "", "why it can not wait (required)")
	f.StringVar(&in.System, "system", "", "only this system")
	var reason string
	review := c.step("review ID", "Say that it was right, or was not, as a second person", "", func(args []string) (string, any) {
		return c.at("glass", args[0], "review"), api.Review{Reason: reason}
	}, func(cmd *cobra.Command) {
		cmd.Flags().StringVar(&reason, "reason", "", "what you found; it is kept private")
	})
	return group("glass", "Break the glass: open private values in an emergency, with alarm and review",
		`When there is no time for a warrant. It opens what the caller may list, but not who
the person is, for an hour; it raises an alarm, and stays an open finding until a
second person has reviewed it.`,
		`  counterfoil glass break --data ./trail --as person:olga --purpose incident --ticket i-1 --reason "wrong refunds"
  counterfoil glass review g-0192f3a4 --data ./trail --as person:piet --reason "it was right"`,
		smash, review, c.requestsCmd(custody.KindGlass))
}
