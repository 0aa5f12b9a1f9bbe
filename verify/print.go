// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
)

// Print writes a result for a person: the verdict first, then what was proven,
// then every step. Recorded text is shown with control and format characters
// made visible.
func Print(w io.Writer, name string, r Result) error {
	var b strings.Builder
	if r.Valid {
		fmt.Fprintf(&b, "VALID      %s\n", Visible(name))
	} else {
		fmt.Fprintf(&b, "NOT VALID  %s\n", Visible(name))
		for _, f := range r.Faults {
			where := f.Pointer
			if r.ID != "" {
				where = strings.TrimSpace("record " + r.ID + " " + where)
			}
			if where != "" {
				where += ": "
			}
			fmt.Fprintf(&b, "  broken     promise %d, %s: %s\n", f.Promise, f.Code, Visible(where+f.Detail))
		}
	}
	if r.ID != "" {
		fmt.Fprintf(&b, "  record     %s\n", r.ID)
		fmt.Fprintf(&b, "  what       %s\n", strings.Join(nonEmpty(r.Type, r.System, r.Kind, r.Outcome), " · "))
		fmt.Fprintf(&b, "  when       %s, recorded %s\n", r.Time.UTC().Format(time.RFC3339Nano), r.Recorded.UTC().Format(time.RFC3339Nano))
	}
	if r.Origin != "" {
		fmt.Fprintf(&b, "  log        %s, index %d of %d\n", Visible(r.Origin), r.Index, r.Size)
	}
	for _, s := range r.Steps {
		mark := "ok "
		if !s.OK {
			mark = "NO "
		}
		fmt.Fprintf(&b, "  %s %-10s %s\n", mark, Visible(s.Name), Visible(s.Detail))
	}
	for _, f := range r.Fields {
		line := string(f.State)
		switch f.State {
		case Disclosed:
			line += "  " + clip(f.Value)
		case Erased:
			line += "  by tombstone " + f.Tombstone + " (a claim of the receipt)"
		}
		fmt.Fprintf(&b, "  %-30s %s\n", f.Pointer, Visible(line))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func nonEmpty(parts ...string) []string {
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return out
}

func clip(s string) string {
	if r := []rune(s); len(r) > 200 {
		return string(r[:199]) + "…"
	}
	return s
}

// Visible replaces control and format characters and line separators, which
// could change how a terminal or a page shows the text around them, by their
// code points.
func Visible(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) || r == unicode.ReplacementChar {
			fmt.Fprintf(&b, "<U+%04X>", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}
