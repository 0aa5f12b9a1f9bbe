// SPDX-License-Identifier: Apache-2.0

package reconstruct

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
)

// Text writes a story for a terminal. Recorded text is hostile: what a terminal
// would obey is replaced. full shows long values whole.
func (s *Story) Text(w io.Writer, full bool) error {
	p := &printer{w: w}
	if s.Root != "" {
		p.line("decision %s, as the log of %d leaves has it", s.Root, s.Size)
	} else {
		p.line("%s, as the log of %d leaves has it", plural(len(s.Events), "record"), s.Size)
	}
	if len(s.By) > 0 {
		p.line("with what shares its %s", strings.Join(s.By, " and "))
	}
	day := ""
	for i := range s.Events {
		e := &s.Events[i]
		if d := e.Time.Format(time.DateOnly); d != day {
			p.line("\n%s", d)
			day = d
		}
		mark := " "
		if e.Role == "decision" {
			mark = "●"
		}
		who := e.System
		if who != "" {
			who = "  [" + who + "]"
		}
		p.line("%s %s  %-11s %s%s", mark, e.Time.Format("15:04:05"), e.Role, e.Title, who)
		p.line("             record %s at index %d", e.Record, e.Index)
		p.values(e.Values, full)
	}
	if s.More {
		p.line("\n… there are more than %d records", maxEvents)
	}
	p.references(s)
	p.line("\n%d values disclosed, %d withheld, %d erased", s.Count(Disclosed), s.Count(Withheld), s.Count(Erased))
	return p.err
}

type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintln(p.w, visible(fmt.Sprintf(format, args...)))
	}
}

// fold is how much of a value a line shows.
const fold = 100

func (p *printer) values(values []Value, full bool) {
	withheld := 0
	for _, v := range values {
		switch v.State {
		case Disclosed:
			text := string(v.Value)
			if r := []rune(text); len(r) > fold && !full {
				text = string(r[:fold]) + fmt.Sprintf("… (%d bytes)", len(text))
			}
			p.line("             %s = %s", v.Pointer, text)
		case Erased:
			p.line("             %s erased by tombstone %s", v.Pointer, v.Tombstone)
		default:
			withheld++
		}
	}
	if withheld > 0 {
		p.line("             %s withheld", plural(withheld, "value"))
	}
}

func (p *printer) references(s *Story) {
	if len(s.References) == 0 {
		return
	}
	p.line("\nreferences")
	for _, r := range s.References {
		p.line("  %-9s %s%s  %s  %s", r.State, r.Record, r.Pointer, r.Names, r.Detail)
	}
}

// visible replaces what a terminal would obey, but for the line breaks of ours.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return '�'
	}, s)
}
