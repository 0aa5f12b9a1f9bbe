// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/internal/inquiry"
)

// askCmd has a command for each of the thirty questions. Those that another
// command answers run it.
func (c *cli) askCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "ask [N]", Short: "Answer one of the thirty questions of auditors, or list them",
		Long: `Without a number it lists the questions, and what answers each. With one it
answers it from the public values of the leaves, or runs the command that does;
without the arguments that such a command needs it says how to ask.

Every answer says over how many leaves it was counted and what it can not show.
docs/questions.md explains the faults.

Exit status 1: something has a fault.`,
		Example: `  counterfoil ask
  counterfoil ask 8 d-1 --data ./trail
  counterfoil ask 13 --system refund-agent --from 2026-01-01 --data ./trail`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("there is no question %q; counterfoil ask lists them", args[0])
			}
			return nil
		},
		RunE: func(*cobra.Command, []string) error { return c.printQuestions() },
	}
	for _, q := range inquiry.Questions() {
		if q.Word != "" {
			cmd.AddCommand(c.questionCmd(q))
		} else {
			cmd.AddCommand(c.otherCmd(q))
		}
	}
	return cmd
}

func (c *cli) printQuestions() error {
	all := inquiry.Questions()
	if c.json {
		return c.print(all)
	}
	for _, q := range all {
		how := q.Command
		if q.Word != "" {
			how = "ask " + strings.TrimSpace(strconv.Itoa(q.N)+" "+strings.ToUpper(q.Needs))
		}
		fmt.Fprintf(c.out, "%2d  %s\n    counterfoil %s\n", q.N, q.Question, how)
	}
	return nil
}

// questionCmd asks the server.
func (c *cli) questionCmd(q inquiry.Question) *cobra.Command {
	var when span
	use, args := strconv.Itoa(q.N), cobra.NoArgs
	if q.Needs != "" {
		use, args = use+" "+strings.ToUpper(q.Needs), cobra.ExactArgs(1)
	}
	cmd := &cobra.Command{Use: use, Aliases: []string{q.Word}, Short: q.Question, Example: "  " + q.Example, Args: args,
		RunE: func(cmd *cobra.Command, args []string) error {
			v := url.Values{}
			for _, f := range []string{"system", "env"} {
				if given := cmd.Flag(f); given != nil && given.Value.String() != "" {
					v.Set(f, given.Value.String())
				}
			}
			switch {
			case q.Needs == "system":
				v.Set("system", args[0])
			case q.Needs != "":
				v.Set("id", args[0])
			}
			if err := when.set(v); err != nil {
				return err
			}
			return answer(c, cmd, q.Word, v, c.printAsked)
		}}
	if q.Needs != "system" && q.Needs != "decision" && q.Needs != "incident" {
		cmd.Flags().String("system", "", "AI system")
	}
	if q.Needs == "" || q.Needs == "system" {
		cmd.Flags().String("env", "", "environment")
		when.flags(cmd)
	}
	return cmd
}

// otherCmd runs the command that answers a question, with all that is behind the
// number.
func (c *cli) otherCmd(q inquiry.Question) *cobra.Command {
	return &cobra.Command{Use: strconv.Itoa(q.N), Short: q.Question, Example: "  " + q.Example, DisableFlagParsing: true,
		Long: "Runs counterfoil " + q.Command + " with the arguments and flags behind the number.",
		RunE: func(cmd *cobra.Command, args []string) error {
			words := strings.Fields(q.Command)
			root := c.root()
			if len(args) == 0 && !q.Bare {
				fmt.Fprintf(c.out, "question %d: %s\nanswered by: counterfoil %s\nfor example: %s\n", q.N, q.Question, q.Command, q.Example)
				return nil
			}
			fmt.Fprintf(c.err, "counterfoil %s\n", strings.Join(append(words, args...), " "))
			root.SetArgs(slices.Concat(words, args))
			root.SetIn(c.in)
			root.SetOut(c.out)
			root.SetErr(c.err)
			return root.ExecuteContext(cmd.Context())
		}}
}
