// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/app"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// tableRows is how many records a table shows unless --limit says otherwise.
const tableRows = 50

func (c *cli) listCmd() *cobra.Command {
	var q ledger.Query
	var from, to, order string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List records by their public values",
		Long: `Lists records: as a table the newest 50, with --json all of them, oldest first,
one statement a line. Filters match exactly; --policy matches any one of a
record's policies.`,
		Example: `  counterfoil list --data ./trail
  counterfoil list --data ./trail --json --system refund-agent --outcome denied
  counterfoil list --data ./trail --from 2026-03-01T00:00:00Z --type oversight`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, t := range []struct {
				text string
				into *time.Time
				flag string
			}{{from, &q.From, "from"}, {to, &q.To, "to"}} {
				if t.text == "" {
					continue
				}
				v, err := time.Parse(time.RFC3339Nano, t.text)
				if err != nil {
					return &usageError{&hinted{fmt.Errorf("--%s %q is not a time", t.flag, t.text), "write it like 2026-03-03T09:12:44Z"}}
				}
				*t.into = v
			}
			switch order {
			case "":
				q.Ascending = c.json
			case "oldest", "newest":
				q.Ascending = order == "oldest"
			default:
				return usagef("--order %q: use oldest or newest", order)
			}
			if q.Limit < 0 {
				return usagef("--limit %d: use a positive number, or 0 for all", q.Limit)
			}
			if c.server != "" {
				return c.call(cmd.Context(), func(a *caller) error { return c.list(cmd, overServer(c, a), q) })
			}
			return c.read(cmd.Context(), func(o *app.Opened) error { return c.list(cmd, fromLedger(o), q) })
		},
	}
	f := cmd.Flags()
	for _, t := range []struct {
		name, help string
		into       *string
	}{
		{"type", "record type", &q.Type}, {"system", "AI system", &q.System}, {"use-case", "use case", &q.UseCase}, {"env", "environment", &q.Env},
		{"kind", "kind of decision or act", &q.Kind}, {"status", "status", &q.Status}, {"outcome", "outcome code", &q.Outcome},
		{"adverse", "true or false", &q.Adverse}, {"significant", "yes, no or unknown", &q.Significant}, {"automation", "degree of automation", &q.Automation},
		{"interaction", "interaction id", &q.Interaction}, {"journey", "journey id", &q.Journey}, {"channel", "channel", &q.Channel},
		{"source", "source id", &q.Source}, {"about", "id of the record that is followed up", &q.About}, {"model", "model version", &q.Model},
		{"prompt", "prompt version", &q.Prompt}, {"policy", "policy version", &q.Policy}, {"config-version", "configuration version", &q.Config},
		{"principal", "who wrote it", &q.Principal}, {"capture", "door it came through", &q.Capture},
	} {
		f.StringVar(t.into, t.name, "", t.help)
	}
	f.StringVar(&from, "from", "", "at or after this time of the record")
	f.StringVar(&to, "to", "", "before this time of the record")
	f.StringVar(&order, "order", "", "oldest or newest first")
	f.IntVar(&q.Limit, "limit", 0, "how many (0: all with --json, 50 in a table)")
	return cmd
}

// pager reads the page of a query that follows the last one.
type pager func(ctx context.Context, q ledger.Query) (entries []ledger.Entry, more bool, err error)

func fromLedger(o *app.Opened) pager {
	var cursor int64
	return func(ctx context.Context, q ledger.Query) ([]ledger.Entry, bool, error) {
		if q.Ascending {
			q.Start = cursor
		} else {
			q.Before = cursor
		}
		p, err := o.Ledger.List(ctx, q)
		cursor = p.Cursor
		return p.Entries, p.More, err
	}
}

func overServer(c *cli, a *caller) pager {
	cursor := ""
	return func(ctx context.Context, q ledger.Query) ([]ledger.Entry, bool, error) {
		values := url.Values{"limit": {strconv.Itoa(q.Limit)}, "order": {"newest"}}
		if q.Ascending {
			values.Set("order", "oldest")
		}
		for name, v := range map[string]string{"type": q.Type, "system": q.System, "use_case": q.UseCase, "env": q.Env, "kind": q.Kind, "status": q.Status,
			"outcome": q.Outcome, "adverse": q.Adverse, "significant": q.Significant, "automation": q.Automation, "interaction": q.Interaction,
			"journey": q.Journey, "channel": q.Channel, "source": q.Source, "about": q.About, "model": q.Model, "prompt": q.Prompt, "policy": q.Policy,
			"config": q.Config, "principal": q.Principal, "capture": q.Capture, "cursor": cursor} {
			if v != "" {
				values.Set(name, v)
			}
		}
		for name, t := range map[string]time.Time{"from": q.From, "to": q.To} {
			if !t.IsZero() {
				values.Set(name, t.Format(time.RFC3339Nano))
			}
		}
		p, err := ask[api.Page](ctx, a, "GET", c.at("records")+"?"+values.Encode(), nil)
		cursor = p.Next
		entries := make([]ledger.Entry, len(p.Records))
		for i, e := range p.Records {
			entries[i] = ledger.Entry{Index: e.Index, Statement: e.Statement}
		}
		return entries, p.Next != "", err
	}
}

// list pages through the matches and writes them as they come.
func (c *cli) list(cmd *cobra.Command, next pager, q ledger.Query) error {
	left := q.Limit
	if left == 0 && !c.json {
		left = tableRows
	}
	all := left == 0
	table := tabwriter.NewWriter(c.out, 0, 8, 2, ' ', 0)
	shown := 0
	for {
		q.Limit = 500
		if !all {
			q.Limit = min(500, left)
		}
		entries, more, err := next(cmd.Context(), q)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := c.listOne(table, e, shown == 0); err != nil {
				return err
			}
			shown++
		}
		left -= len(entries)
		if !more || !all && left <= 0 {
			return c.listEnd(table, shown, more)
		}
	}
}

func (c *cli) listOne(w io.Writer, e ledger.Entry, first bool) error {
	if c.json {
		_, err := c.out.Write(append(e.Statement, '\n'))
		return err
	}
	st, err := record.ParseStatement(e.Statement)
	if err != nil {
		return fmt.Errorf("index %d: %w", e.Index, err)
	}
	if first {
		fmt.Fprintln(w, "INDEX\tTIME\tTYPE\tSYSTEM\tKIND\tOUTCOME\tID")
	}
	f := st.Fields()
	outcome := f.Outcome
	if outcome == "" {
		outcome = f.Status
	}
	_, err = fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", e.Index, f.Time.UTC().Format("2006-01-02 15:04:05"), f.Type, f.System, f.Kind, outcome, f.ID)
	return err
}

func (c *cli) listEnd(table *tabwriter.Writer, shown int, more bool) error {
	if err := table.Flush(); err != nil || c.json {
		return err
	}
	switch {
	case shown == 0:
		fmt.Fprintln(c.err, "no record matches")
	case more:
		fmt.Fprintf(c.err, "the first %d are shown; --limit 0 --json lists all\n", shown)
	}
	return nil
}
