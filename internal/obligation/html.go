// SPDX-License-Identifier: Apache-2.0

package obligation

import (
	"bytes"
	_ "embed" // the page
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/paper"
)

var (
	//go:embed assets/report.html.tmpl
	pageText string
	//go:embed assets/report.css
	styleSheet string

	pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{"time": showTime, "params": showParams}).Parse(pageText))
)

// page is all that the template is given.
type page struct {
	*api.ObligationReport
	Period   string
	Statuses []statusCount
	Style    template.CSS
	Policy   string
}

type statusCount struct {
	Name               string
	Obligations, Rules int
}

// HTML writes a report as one self-contained page that prints well. It has no
// script, and loads nothing.
func HTML(w io.Writer, o *api.ObligationReport) error {
	p := page{ObligationReport: o, Period: showPeriod(o), Style: template.CSS(styleSheet), Policy: paper.Policy(styleSheet)}
	for _, s := range []string{Pass, Partial, Fail, Attested, NoPopulation, NotApplicable} {
		p.Statuses = append(p.Statuses, statusCount{s, o.Count[s], o.Tally[s]})
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, p); err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	if _, err := b.WriteTo(w); err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	return nil
}

// showPeriod prints the period for a title.
func showPeriod(o *api.ObligationReport) string {
	if o.Quarter != "" {
		return o.Quarter
	}
	return showTime(o.From) + " up to " + showTime(o.To)
}

// showTime prints a time to the second, in UTC, or the day that begins then.
func showTime(v any) string {
	switch t := v.(type) {
	case time.Time:
		if t.Equal(t.Truncate(24 * time.Hour)) {
			return t.UTC().Format(time.DateOnly)
		}
		return t.UTC().Format("2006-01-02 15:04:05 MST")
	case *time.Time:
		return showTime(*t)
	}
	return ""
}

// showParams prints what a rule was evaluated with, sorted.
func showParams(m map[string]any) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		v := fmt.Sprint(m[k])
		if list, ok := m[k].([]any); ok {
			var words []string
			for _, w := range list {
				words = append(words, fmt.Sprint(w))
			}
			v = strings.Join(words, ", ")
		}
		if v != "" {
			out = append(out, k+": "+v)
		}
	}
	return strings.Join(out, "; ")
}
