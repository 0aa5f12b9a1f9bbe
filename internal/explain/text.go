// SPDX-License-Identifier: Apache-2.0

package explain

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
)

// Text is the explanation as the audience reads it. For the person it is the
// exact text that is delivered; for others each sentence is followed by the
// places that it stands on, and what is missing is listed.
func (e *Explanation) Text() string {
	var b strings.Builder
	for i, s := range e.Sections {
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString(s.Title + "\n")
		for _, line := range s.Sentences {
			b.WriteString(line.Text + "\n")
			if e.Audience != Subject {
				b.WriteString("    [" + strings.Join(e.places(line.Grounds), " ") + "]\n")
			}
		}
	}
	if e.Audience != Subject {
		for i, m := range e.Missing {
			if i == 0 {
				b.WriteString("\n")
			}
			b.WriteString("- " + m.line(e.Decision) + "\n")
		}
	}
	return b.String()
}

// places writes grounds: without the record if it is the decision itself.
func (e *Explanation) places(grounds []Ground) []string {
	out := make([]string, len(grounds))
	for i, g := range grounds {
		out[i] = g.place(e.Decision)
	}
	return out
}

func (g Ground) place(decision string) string {
	if g.Record == decision {
		return g.Pointer
	}
	return g.Record + g.Pointer
}

// line says what is missing, as it stands in the list for staff.
func (m Missing) line(decision string) string {
	return fmt.Sprintf("%s: %s %s", m.Key, m.Ground.place(decision), m.State)
}

// Notes tells whoever explains to the person what the person is not told, and
// why. It is no part of the text.
func (e *Explanation) Notes(w io.Writer) error {
	var b strings.Builder
	for _, m := range e.Missing {
		b.WriteString("missing: " + m.line(e.Decision) + "\n")
	}
	if len(e.Stops) > 0 {
		fmt.Fprintf(&b, "this can not be delivered: evidence for %s is missing\n", strings.Join(e.Stops, ", "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"place": func(decision string, g Ground) string { return g.place(decision) },
}).Parse(pageText))

// HTML writes the explanation as one page that needs nothing else. The digest
// that is delivered is that of [Explanation.Text].
func (e *Explanation) HTML(w io.Writer) error {
	if err := page.Execute(w, e); err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	return nil
}
