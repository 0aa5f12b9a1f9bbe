// SPDX-License-Identifier: Apache-2.0

package paper

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// section collects what stands at some pointers of the statement.
func (w *viewer) section(title string, pointers []string) section {
	s := section{Title: title}
	for _, p := range pointers {
		if v, ok := w.statement.at(p); ok {
			w.gather(v, p, p, "", &s.Rows, &s.Items)
		}
	}
	sortRows(s.Rows)
	return s
}

func sortRows(rows []row) {
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(a.rank, b.rank) })
}

// gather collects the rows of v. Objects in lists become items of their own,
// unless items is nil: then their rows stand among the others.
func (w *viewer) gather(v value, pointer, pattern, suffix string, rows *[]row, items *[]item) {
	_, sealed := v.seal()
	switch {
	case sealed || v.isLeaf():
		*rows = append(*rows, w.row(v, pointer, pattern, suffix))
	case v.kind == '{':
		for i, e := range v.elems {
			part := "/" + escape.Replace(v.names[i])
			w.gather(e, pointer+part, pattern+part, "", rows, items)
		}
	case !slices.ContainsFunc(v.elems, func(e value) bool { return !e.isLeaf() }):
		*rows = append(*rows, w.row(v, pointer, pattern, ""))
	default:
		for i, e := range v.elems {
			here := pointer + "/" + strconv.Itoa(i)
			_, sealed := e.seal()
			switch {
			case sealed || e.isLeaf():
				*rows = append(*rows, w.row(e, here, pattern, " "+strconv.Itoa(i+1)))
			case items == nil || e.kind != '{':
				w.gather(e, here, pattern+"/*", "", rows, nil)
			default:
				*items = append(*items, w.item(e, here, pattern, i))
			}
		}
	}
}

// item is one object of a list, titled by the members that name it.
func (w *viewer) item(v value, pointer, pattern string, i int) item {
	out := item{}
	var names []string
	naming := map[string]bool{}
	for _, name := range w.words.Items[pattern] {
		if m, ok := v.member(name); ok && m.kind == '"' {
			names = append(names, w.say(pattern+"/*/"+name, m))
			naming[name] = true
		}
	}
	if len(names) == 0 {
		names = []string{strconv.Itoa(i + 1)}
	}
	out.Title = w.runs(strings.Join(names, " · "))
	for j, e := range v.elems {
		if part := "/" + escape.Replace(v.names[j]); !naming[v.names[j]] {
			w.gather(e, pointer+part, pattern+"/*"+part, "", &out.Rows, nil)
		}
	}
	sortRows(out.Rows)
	return out
}

func (w *viewer) row(v value, pointer, pattern, suffix string) row {
	label, ok := w.label[pattern]
	if !ok {
		label = unescape.Replace(pointer[strings.LastIndexByte(pointer, '/')+1:])
	}
	r := row{Label: w.short(label + suffix), State: "public", Mono: slices.Contains(w.Mono, pattern), rank: w.rank(pattern)}
	if seal, ok := v.seal(); ok {
		w.sealed(&r, seal, pointer)
		return r
	}
	text := w.say(pattern, v)
	r.Tone = w.Tones[pattern][v.text]
	if v.kind == '[' {
		all := make([]string, len(v.elems))
		for i, e := range v.elems {
			all[i] = w.say(pattern, e)
		}
		if text = strings.Join(all, ", "); text == "" {
			text = "none"
		}
	}
	w.fillText(&r, text)
	return r
}

// fillText cuts a text and decides whether it needs a line of its own.
func (w *viewer) fillText(r *row, text string) {
	text, r.More = w.clip(text)
	r.Text = w.runs(text)
	r.Wide = utf8.RuneCountInString(text) > 36 || strings.Contains(text, "\n")
}

// sealed fills the row of a private value.
func (w *viewer) sealed(r *row, seal, pointer string) {
	r.Seal, r.State = seal, "withheld"
	if v, ok := w.opened[pointer]; ok {
		r.State = "disclosed"
		w.fillText(r, v.plain(""))
	} else if tombstone, ok := w.erased[pointer]; ok {
		r.State = "erased"
		r.Tombstone = w.short(tombstone)
	}
	w.count[r.State]++
}

// say puts one public value in words.
func (w *words) say(pattern string, v value) string {
	switch v.kind {
	case 't':
		return "Yes"
	case 'f':
		return "No"
	case '"':
		if said, ok := w.Values[pattern][v.text]; ok {
			return said
		}
		return moment(v.text, ", ", true)
	}
	return v.json()
}
