// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/api"
)

func (c *cli) printAsked(a *api.Answer) error {
	err := c.showAsked(a)
	if err == nil && a.Wrong > 0 {
		return errWrong
	}
	return err
}

func (c *cli) showAsked(a *api.Answer) error {
	if c.json {
		return c.print(a)
	}
	fmt.Fprintf(c.out, "%d. %s\n%s looked at; %s with a fault\n", a.Question, a.Asked, thousands(a.Looked), thousands(a.Wrong))
	if a.Looked == 0 {
		fmt.Fprintln(c.out, "there was nothing to look at: that is no good news")
	}
	for _, f := range a.Figures {
		fmt.Fprintf(c.out, "  %-24s %s\n", f.Name, strconv.FormatFloat(f.Value, 'f', -1, 64))
	}
	if err := c.showRows(a); err != nil {
		return err
	}
	for _, u := range a.Unknown {
		fmt.Fprintf(c.out, "\nnot shown: %s", u)
	}
	if len(a.Unknown) > 0 {
		fmt.Fprintln(c.out)
	}
	return c.rests(&a.Basis)
}

// showRows prints the columns that any row has a value for.
func (c *cli) showRows(a *api.Answer) error {
	if len(a.Rows) == 0 {
		return nil
	}
	columns := slices.DeleteFunc(slices.Clone(a.Columns), func(name string) bool {
		return !slices.ContainsFunc(a.Rows, func(r api.AnswerRow) bool { return r.Values[name] != nil })
	})
	w := c.table()
	fmt.Fprintf(w, "\nRECORD\tFAULTS\t%s\n", strings.ToUpper(strings.ReplaceAll(strings.Join(columns, "\t"), "_", " ")))
	for _, r := range a.Rows {
		id := ""
		if r.Record != nil {
			id = r.Record.ID
		}
		cells := []string{dash(id), dash(strings.Join(r.Faults, ","))}
		for _, name := range columns {
			cells = append(cells, dash(cell(r.Values[name])))
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if a.More {
		fmt.Fprintln(c.out, "the list is cut; bound it with --from and --to")
	}
	return nil
}

// cell prints a value of a row.
func cell(v any) string {
	switch v := v.(type) {
	case string:
		if t, err := time.Parse(time.RFC3339Nano, v); err == nil {
			return t.UTC().Format(stamp)
		}
		if strings.HasPrefix(v, "sha256:") && len(v) > 19 {
			return v[:19] + "…"
		}
		return v
	case float64:
		return strconv.FormatFloat(math.Round(1000*v)/1000, 'f', -1, 64)
	case bool:
		return map[bool]string{true: "yes", false: "no"}[v]
	case []any:
		var all []string
		for _, one := range v {
			all = append(all, cell(one))
		}
		return strings.Join(all, " ")
	}
	return ""
}
