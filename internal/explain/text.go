// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"unicode"

	pages "github.com/counterfoil/counterfoil/internal/paper"
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

var (
	//go:embed page.html
	pageText string
	//go:embed page.css
	pageStyle string
)

// Policy is the Content-Security-Policy of the pages; they name it too.
var Policy = pages.Policy(pageStyle)

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"place":  func(decision string, g Ground) string { return g.place(decision) },
	"style":  func() template.CSS { return template.CSS(pageStyle) },
	"policy": func() string { return Policy },
}).Parse(pageText))

// Page is the explanation as one HTML page that needs nothing else. The digest
// of what is delivered is that of [Explanation.Text].
func (e *Explanation) Page() ([]byte, error) { return render("explanation", e) }

// Page is the delivered text as one HTML page.
func (d *Delivery) Page() ([]byte, error) { return render("delivery", d) }

func render(name string, v any) ([]byte, error) {
	var b bytes.Buffer
	if err := page.ExecuteTemplate(&b, name, v); err != nil {
		return nil, fmt.Errorf("write page: %w", err)
	}
	return b.Bytes(), nil
}

// Printable is the delivered text for a terminal: exactly as it was, but for
// what a terminal would obey, which no text of ours has.
func (d *Delivery) Printable() string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return '�'
	}, d.Text)
}
