// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/api"
)

func (c *cli) guardCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "guard [FILE]",
		Short: "Ask whether a decision may be made: allow, deny or require_human",
		Long: `Sends one decision that is about to be made, a record with "status":"requested", to
the guard. The attempt is in the log before the answer. The decision that follows
is a record of its own: it names the attempt in "about" and carries the token of
the answer in "decision.guard", so that acting against the verdict shows.

Exit status: 0 allow, 1 deny or require_human.`,
		Example: `  counterfoil guard --data ./trail attempt.json
  echo '{"type":"decision","id":"a-1","time":"2026-11-23T10:00:00Z","system":"refund-agent","decision":{"kind":"refund","status":"requested"}}' | counterfoil guard --data ./trail`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			raw, err := c.readOne(args)
			if err != nil {
				return err
			}
			return c.call(cmd.Context(), func(a *caller) error {
				ans, err := ask[api.GuardAnswer](cmd.Context(), a, "POST", c.at("guard"), raw)
				if err != nil {
					return err
				}
				return c.printAnswer(ans)
			})
		},
	}
}

// rawJSON is a document that is sent as it is.
type rawJSON []byte

// MarshalJSON implements json.Marshaler.
func (r rawJSON) MarshalJSON() ([]byte, error) { return r, nil }

// readOne reads the one document of a file, or of what is piped in.
func (c *cli) readOne(args []string) (rawJSON, error) {
	in := c.in
	if len(args) == 1 && args[0] != "-" {
		f, err := os.Open(args[0])
		if err != nil {
			return nil, &hinted{err, "name a file with one record, or pipe it in"}
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, 2<<20))
	if err != nil {
		return nil, fmt.Errorf("read record: %w", err)
	}
	if len(strings.TrimSpace(string(b))) == 0 {
		return nil, usagef("there is no record to ask about")
	}
	return b, nil
}

func (c *cli) printAnswer(a api.GuardAnswer) (err error) {
	if c.json {
		err = c.print(a)
	} else {
		err = c.printVerdict(a)
	}
	if err == nil && a.Verdict != api.Allow {
		return errWrong
	}
	return err
}

func (c *cli) printVerdict(a api.GuardAnswer) error {
	fmt.Fprintln(c.out, a.Verdict)
	for _, r := range a.Reasons {
		line := "  " + r.Message
		if r.Message == "" {
			line = "  " + r.Code
		}
		if r.Control != "" {
			line += " (" + r.Control + ", " + r.Severity + ")"
		}
		fmt.Fprintln(c.out, clean(line))
	}
	passed := 0
	for _, k := range a.Controls {
		if k.Result == "pass" {
			passed++
		}
	}
	fmt.Fprintf(c.out, "%d of %s passed; the attempt is record %s at index %d\n", passed, plural(int64(len(a.Controls)), "control"), a.Record.ID, a.Record.Index)
	_, err := fmt.Fprintf(c.out, "token, until %s: %s\n", a.Expires.Local().Format(time.TimeOnly), a.Token)
	if a.Verdict == api.RequireHuman {
		_, err = fmt.Fprintf(c.out, "next: counterfoil review wait %s\n", a.Record.ID)
	}
	return err
}

// controlTestCmd runs a control over what was recorded.
func (c *cli) controlTestCmd() *cobra.Command {
	var in api.Backtest
	var file, since, until string
	cmd := &cobra.Command{
		Use: "test [NAME]", Short: "Run a control, or a draft, over recorded decisions: what would have changed?",
		Long: `Runs a control that is in force, or the draft in a file, over the decisions that
were recorded, and compares it with the one of that name in force. It opens their
private values for that: each page of records is an access record, and nothing of
the values is shown. Decisions of which values were erased are judged by what is left.`,
		Example: `  counterfoil control test refund-limit --data ./trail --since 30d
  counterfoil control test --data ./trail --file refund-limit.yaml --since 2026-01-01 --system refund-agent`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if (len(args) == 1) == (file != "") {
				return usagef("name a control, or a draft with --file")
			}
			if file != "" {
				b, err := os.ReadFile(file)
				if err != nil {
					return &hinted{err, "counterfoil control pack --export DIR writes examples"}
				}
				in.Document = string(b)
			} else {
				in.Name = args[0]
			}
			if in.Since, err = moment(since, time.Now()); err != nil {
				return usagef("--since %v", err)
			}
			if in.Until, err = moment(until, time.Now()); err != nil {
				return usagef("--until %v", err)
			}
			return c.call(cmd.Context(), func(a *caller) error {
				r, err := ask[api.BacktestResult](cmd.Context(), a, "POST", c.at("controls", "backtest"), in)
				if err != nil || c.json {
					return orPrint(c, err, r)
				}
				return c.printBacktest(r)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&file, "file", "", "a draft, instead of a control in force")
	f.StringVar(&in.Against, "against", "", "compare with this control, as NAME or NAME@VERSION (default: the one of the same name in force)")
	f.StringVar(&in.System, "system", "", "decisions of this system only")
	f.StringVar(&in.Env, "env", "", "environment (default: production)")
	f.StringVar(&since, "since", "30d", "from when, as a time, a date, or how long ago: 12h, 30d, 4w")
	f.StringVar(&until, "until", "", "until when")
	f.IntVar(&in.Limit, "limit", 0, "at most so many decisions (default: 100,000)")
	return cmd
}

func (c *cli) printBacktest(r api.BacktestResult) error {
	if r.Decisions == 0 {
		_, err := fmt.Fprintln(c.out, "no decision was recorded in that time")
		return err
	}
	fmt.Fprintf(c.out, "%s over %s, of a log of %s leaves\n", r.Control, plural(int64(r.Decisions), "decision"), thousands(r.Size))
	w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tpass\tfail\terror\tskip\t")
	row := func(name string, m map[string]int) {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t\n", name, m["pass"], m["fail"], m["error"], m["skip"])
	}
	if r.Against != "" {
		row(r.Against, r.Before)
	}
	row(r.Control, r.Results)
	if err := w.Flush(); err != nil {
		return err
	}
	if r.Partial > 0 {
		fmt.Fprintf(c.out, "of %s, values were erased\n", plural(int64(r.Partial), "decision"))
	}
	if r.More {
		fmt.Fprintln(c.out, "the limit was reached: there are more decisions")
	}
	what := "would have been judged otherwise"
	if r.Against == "" {
		what = "would have failed"
	}
	fmt.Fprintf(c.out, "%s %s\n", plural(int64(r.ChangedCount), "decision"), what)
	for _, ch := range r.Changed[:min(len(r.Changed), 20)] {
		before := ""
		if ch.Before != "" {
			before = ch.Before + " → "
		}
		fmt.Fprintf(c.out, "  %s  %s%s\n", ch.ID, before, ch.After)
	}
	if r.ChangedCount > 20 {
		fmt.Fprintln(c.out, "  … --json lists up to 100")
	}
	return nil
}

// moment reads a time, a date, or how long ago; empty is no time.
func moment(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	units := map[byte]time.Duration{'m': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}
	if n, err := strconv.Atoi(s[:len(s)-1]); err == nil && n >= 0 && slices.Contains([]byte("mhdw"), s[len(s)-1]) {
		return now.Add(-time.Duration(n) * units[s[len(s)-1]]), nil
	}
	return time.Time{}, fmt.Errorf("%q is not like 2026-11-01, 2026-11-01T14:05Z, 12h or 30d", s)
}
