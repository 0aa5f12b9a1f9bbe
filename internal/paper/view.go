// SPDX-License-Identifier: Apache-2.0

package paper

import (
	"fmt"
	"strconv"
	"strings"
)

// view is what a person reads of one receipt.
type view struct {
	Kicker, Title, Lead []run
	Legend              string
	Sections            []section
}

// First are the sections beside the verdict, Others those below it.
func (v view) First() []section { return v.Sections[:min(2, len(v.Sections))] }

// Others are the sections that [view.First] leaves.
func (v view) Others() []section { return v.Sections[len(v.First()):] }

type section struct {
	Title string
	Rows  []row
	Items []item
}

type item struct {
	Title []run
	Rows  []row
}

// row is one value of the statement.
type row struct {
	Label     []run
	State     string // public, disclosed, withheld or erased
	Text      []run
	More      string // how many characters were left out
	Seal      string
	Tombstone []run
	Mono      bool
	Wide      bool
	Tone      string // good or bad, for results of controls
	rank      int
}

// Class is the row's CSS class.
func (r row) Class() string {
	c := "row " + r.State
	if r.Mono {
		c += " mono"
	}
	if r.Wide {
		c += " wide"
	}
	if r.Tone != "" {
		c += " " + r.Tone
	}
	return c
}

// CutSeal is the seal with its middle left out.
func (r row) CutSeal() string { return cut(r.Seal) }

// viewer builds the view of one receipt.
type viewer struct {
	*words
	statement value
	opened    map[string]value
	erased    map[string]string
	count     map[string]int // of private values, by state
}

func (w *viewer) view() view {
	v := view{}
	kind, _ := w.public("/type")
	if kind.kind != '"' {
		kind = value{}
	}
	typeName := kind.text
	if name, ok := w.Types[typeName]; ok {
		typeName = name
	}
	title := w.title(kind.text)
	if title == "" {
		typeName, title = "Record", typeName
	}
	v.Kicker, v.Title = w.short(typeName), w.short(title)
	v.Lead = w.short(w.lead())
	known := map[string]bool{}
	for _, s := range w.words.Sections {
		v.add(w.section(s.Title, s.At))
		for _, p := range s.At {
			known[p] = true
		}
	}
	var rest []string
	for _, name := range w.statement.names {
		if p := "/" + escape.Replace(name); !known[p] {
			rest = append(rest, p)
		}
	}
	v.add(w.section(w.Rest, rest))
	v.Legend = w.legend()
	return v
}

// legend explains the glyph of private values, and counts them.
func (w *viewer) legend() string {
	all, parts := 0, []string{}
	for _, p := range [][2]string{{"disclosed", "disclosed here"}, {"withheld", "withheld"}, {"erased", "erased, says the issuer"}} {
		if n := w.count[p[0]]; n > 0 {
			all += n
			parts = append(parts, strconv.Itoa(n)+" "+p[1])
		}
	}
	if all == 0 {
		return ""
	}
	plural := "s"
	if all == 1 {
		plural = ""
	}
	return fmt.Sprintf("%d private value%s: %s. The log holds only their seals.", all, plural, strings.Join(parts, ", "))
}

func (v *view) add(s section) {
	if len(s.Rows)+len(s.Items) > 0 {
		v.Sections = append(v.Sections, s)
	}
}

func (w *words) short(s string) []run {
	text, _ := w.clip(s)
	return w.runs(text)
}

// public is the value at a pointer if it stands there in clear.
func (w *viewer) public(pointer string) (value, bool) {
	v, ok := w.statement.at(pointer)
	return v, ok && v.isLeaf()
}

func (w *viewer) title(kind string) string {
	var parts []string
	for _, group := range w.Titles[kind] {
		for _, p := range group {
			if v, ok := w.public(p); ok {
				parts = append(parts, strings.ReplaceAll(v.text, "_", " "))
				break
			}
		}
	}
	title := aiPattern.ReplaceAllString(strings.Join(parts, ": "), "AI")
	if title != "" && 'a' <= title[0] && title[0] <= 'z' {
		title = string(title[0]-'a'+'A') + title[1:]
	}
	return title
}

// lead puts together the sentences that the public values allow.
func (w *viewer) lead() string {
	var said []string
	for _, s := range w.Lead {
		v, ok := w.public(s.At)
		text, known := s.Words[v.text]
		if !ok || !known {
			continue
		}
		if text, ok = w.fill(text); ok {
			said = append(said, text)
		}
	}
	return strings.Join(said, " ")
}

func (w *viewer) fill(text string) (string, bool) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "{")
		b.WriteString(before)
		if !found {
			return b.String(), true
		}
		pointer, after, _ := strings.Cut(rest, "}")
		v, ok := w.public(pointer)
		if !ok {
			return "", false
		}
		b.WriteString(moment(v.text, " at ", false))
		text = after
	}
}
