// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/internal/replay"
	"github.com/counterfoil/counterfoil/verify"
)

func (c *cli) replayCmd() *cobra.Command {
	var with []string
	var why reason
	cmd := &cobra.Command{
		Use:   "replay ID",
		Short: "Run again what was in force when a decision was made",
		Long: `Runs the controls of then, and the models and policies that are registered as
scorecards, on what was recorded of a decision. They must give what was recorded;
what differs is shown. --with runs other versions beside them: what would have
happened. For a scorecard it also shows what would have had to be different for
another outcome; each of these was run, not guessed.

Exit status: 0 the same came out, 1 something differs or nothing could be run.`,
		Example: `  counterfoil replay refund-0001 --data ./trail --purpose audit --ticket a-7
  counterfoil replay refund-0001 --data ./trail --purpose audit --ticket a-7 --with control:refund-limit@4 --with policy:returns@6`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.completeIDs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := why.check([]string{"all"}); err != nil {
				return err
			}
			path := c.at("records", args[0], "replay")
			if len(with) > 0 {
				path += "?" + url.Values{"with": with}.Encode()
			}
			return c.call(cmd.Context(), func(a *caller) error {
				a.because(why)
				r, err := ask[*replay.Result](cmd.Context(), a, "GET", path, nil)
				if err != nil {
					return err
				}
				if c.json {
					err = c.print(r)
				} else {
					err = printReplay(c.out, r)
				}
				if err == nil && !r.Faithful {
					err = errWrong
				}
				return err
			})
		},
	}
	cmd.Flags().StringArrayVar(&with, "with", nil, "also run this version, as kind:name@version (may be repeated)")
	why.flags(cmd)
	return cmd
}

func printReplay(w io.Writer, r *replay.Result) error {
	var b strings.Builder
	verdict := "the same came out"
	if !r.Faithful {
		verdict = "something differs"
		if !ranAny(r) {
			verdict = "nothing could be run again"
		}
	}
	fmt.Fprintf(&b, "decision %s at index %d, recorded %s: %s\n", r.Record, r.Index, r.Recorded.Format("2006-01-02 15:04:05"), verdict)
	for _, c := range r.Controls {
		fmt.Fprintf(&b, "  %-9s control %s: %s\n", c.State, c.Control, said(c.Recorded, c.Result))
		if c.Why != "" {
			fmt.Fprintf(&b, "            %s\n", c.Why)
		}
	}
	for _, s := range r.Scores {
		now := ""
		if s.Result != nil {
			now = fmt.Sprintf("%s (%g)", s.Result.Outcome, s.Result.Score)
		}
		was := s.Recorded.Outcome
		if s.Recorded.Score != nil {
			was = fmt.Sprintf("%s (%g)", was, *s.Recorded.Score)
		}
		fmt.Fprintf(&b, "  %-9s %s %s: %s\n", s.State, s.Kind, s.Version, said(was, now))
		if s.Why != "" {
			fmt.Fprintf(&b, "            %s\n", s.Why)
		}
		if s.Result != nil {
			for _, p := range s.Result.Parts {
				missing := ""
				if p.Missing {
					missing = "  (it was missing)"
				}
				fmt.Fprintf(&b, "            %-20s %+g%s\n", p.Name, p.Points, missing)
			}
			if s.Result.Rule != "" {
				fmt.Fprintf(&b, "            the rule %s decided\n", s.Result.Rule)
			}
		}
		for _, cf := range s.Counterfactuals {
			var changes []string
			for _, ch := range cf.Changes {
				changes = append(changes, ch.Input+ch.Path+" "+ch.To)
			}
			fmt.Fprintf(&b, "            executed: with %s it would have been %s\n", strings.Join(changes, " and "), cf.Outcome)
		}
	}
	if len(r.Gone) > 0 {
		fmt.Fprintf(&b, "  not used, since they were erased or are not for you: %s\n", strings.Join(r.Gone, ", "))
	}
	lines := strings.SplitSeq(strings.TrimSuffix(b.String(), "\n"), "\n")
	for line := range lines {
		if _, err := fmt.Fprintln(w, verify.Visible(line)); err != nil {
			return err
		}
	}
	return nil
}

func ranAny(r *replay.Result) bool {
	for _, c := range r.Controls {
		if c.State == replay.Different {
			return true
		}
	}
	for _, s := range r.Scores {
		if s.State == replay.Different {
			return true
		}
	}
	return false
}

// said compares what was recorded with what came out.
func said(was, now string) string {
	switch {
	case was == "":
		return now
	case now == "":
		return "recorded as " + was
	case was == now:
		return now
	}
	return "recorded as " + was + ", now " + now
}
