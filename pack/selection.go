// SPDX-License-Identifier: Apache-2.0

package pack

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Selection says which leaves of a log belong into a pack, by what stands in
// clear in them. It is the query of whoever made the pack, with no names and no
// dates left that somebody would have to look up. One of its members is given;
// none of them, or an empty All, selects every leaf.
type Selection struct {
	All []Selection `json:"all,omitempty"` // each of them
	Any []Selection `json:"any,omitempty"` // at least one
	Not *Selection  `json:"not,omitempty"`
	// Followed selects a leaf if another one is about it (its /about is the /id
	// of this one) that is selected by Followed.
	Followed *Selection `json:"followed,omitempty"`

	// At are paths such as /steps/*/tool; * is every element of a list. @control
	// and @failed are the texts made of controls, see [texts]. A leaf is selected
	// if a text there is one of Is, or begins with one of Begins.
	At     []string `json:"at,omitempty"`
	Is     []string `json:"is,omitempty"`
	Begins []string `json:"begins,omitempty"`
	// Op compares a number there, or a time by whole seconds since 1970.
	Op     string   `json:"op,omitempty"` // = < <= > >=
	Number *float64 `json:"number,omitempty"`
	Second *int64   `json:"second,omitempty"`
}

// ParseSelection reads a selection as JSON.
func ParseSelection(b []byte) (*Selection, error) {
	s := &Selection{}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(s); err != nil {
		return nil, fmt.Errorf("read selection: %w", err)
	}
	return s, s.check(0)
}

// check refuses what has no meaning.
func (s *Selection) check(depth int) error {
	if depth > 60 {
		return errors.New("read selection: it is nested too deeply")
	}
	given := 0
	for _, is := range []bool{s.All != nil, s.Any != nil, s.Not != nil, s.Followed != nil, s.At != nil} {
		if is {
			given++
		}
	}
	tests := s.Is != nil || s.Begins != nil || s.Number != nil || s.Second != nil
	if given > 1 || tests != (s.At != nil) || s.Number != nil && s.Second != nil {
		return errors.New("read selection: a part of it says several things, or nothing, at once")
	}
	if s.Op != "" && !slices.Contains([]string{"=", "<", "<=", ">", ">="}, s.Op) || (s.Op != "") != (s.Number != nil || s.Second != nil) {
		return fmt.Errorf("read selection: %q is no comparison", s.Op)
	}
	for _, sub := range s.parts() {
		if err := sub.check(depth + 1); err != nil {
			return err
		}
	}
	return nil
}

func (s *Selection) parts() []*Selection {
	var out []*Selection
	for i := range s.All {
		out = append(out, &s.All[i])
	}
	for i := range s.Any {
		out = append(out, &s.Any[i])
	}
	for _, p := range []*Selection{s.Not, s.Followed} {
		if p != nil {
			out = append(out, p)
		}
	}
	return out
}

// leaf is what the selection looks at.
type leaf struct {
	doc       map[string]any
	id, about string
	targets   []string // of a tombstone: the records that it says something of
	month     string   // class and month in which the leaf was recorded
	expired   string   // of a tombstone: class and month that it says something of
	target    string   // of an access record
}

func readLeaf(statement []byte) (*leaf, error) {
	l := &leaf{}
	d := json.NewDecoder(bytes.NewReader(statement))
	d.UseNumber()
	if err := d.Decode(&l.doc); err != nil {
		return nil, fmt.Errorf("read leaf: %w", err)
	}
	l.id, _ = l.doc["id"].(string)
	l.about, _ = l.doc["about"].(string)
	l.targets = texts(l.doc, "/erasure/targets/*/id")
	l.target = text(l.doc, "/access/target")
	if class, month := text(l.doc, "/erasure/class"), text(l.doc, "/erasure/month"); class != "" && month != "" {
		l.expired = class + " " + month
	}
	if recorded := text(l.doc, "/recorded"); len(recorded) > 7 {
		class := text(l.doc, "/retention")
		if class == "" {
			class = "default"
		}
		l.month = class + " " + recorded[:7]
	}
	return l, nil
}

// text is the first text at a path, or empty.
func text(doc map[string]any, at string) string {
	if all := texts(doc, at); len(all) > 0 {
		return all[0]
	}
	return ""
}

// Leaves walks the statements of a log from its first leaf on; it can be called
// again.
type Leaves func() iter.Seq2[[]byte, error]

// Wanted is what belongs into a pack: the leaves that Selection selects; if
// Related, whatever is about one of them, and about that, and so on; the
// tombstones of values of all these; and the access records of the request for
// the pack, which have it as their target.
type Wanted struct {
	Selection *Selection
	Related   bool
	Request   string
}

// Select gives the indexes of the leaves that a selection selects, and no others.
func Select(s *Selection, leaves Leaves) ([]int64, error) {
	return choose(Wanted{Selection: s}, false, leaves)
}

// Choose gives the indexes of what is wanted, in order. It walks the leaves once
// or twice.
func Choose(w Wanted, leaves Leaves) ([]int64, error) { return choose(w, true, leaves) }

func choose(w Wanted, join bool, leaves Leaves) ([]int64, error) {
	c := &chooser{followed: map[*Selection]map[string]bool{}, ids: map[string]bool{}, months: map[string]int64{}}
	c.gather(w.Selection)
	if len(c.followed) > 0 {
		err := walk(leaves, func(_ int64, l *leaf) {
			for inner, ids := range c.followed {
				if l.about != "" && c.matches(inner, l) {
					ids[l.about] = true
				}
			}
		})
		if err != nil {
			return nil, err
		}
	}
	var open []link
	err := walk(leaves, func(i int64, l *leaf) {
		switch {
		case c.matches(w.Selection, l):
			c.choose(i, l.id, l.month)
		case w.Request != "" && l.target == w.Request:
			c.chosen = append(c.chosen, i)
		case join && (l.targets != nil || l.expired != ""):
			open = append(open, link{i, l.id, l.month, l.expired, l.targets})
		case w.Related && l.about != "":
			open = append(open, link{i, l.id, l.month, "", []string{l.about}})
		}
	})
	for found := true; found; { // what is about what is about one of them
		found = false
		open = slices.DeleteFunc(open, func(o link) bool {
			if !c.concerns(o) {
				return false
			}
			c.choose(o.index, o.id, o.month)
			found = true
			return true
		})
	}
	slices.Sort(c.chosen)
	return c.chosen, err
}

// link is a leaf that says something of others.
type link struct {
	index              int64
	id, month, expired string
	to                 []string
}

type chooser struct {
	followed map[*Selection]map[string]bool // ids that a leaf selected by it is about
	chosen   []int64
	ids      map[string]bool
	months   map[string]int64 // the first that was chosen of a class and month
}

func (c *chooser) choose(index int64, id, month string) {
	c.chosen, c.ids[id] = append(c.chosen, index), true
	if first, ok := c.months[month]; !ok || index < first {
		c.months[month] = index
	}
}

// concerns says whether a leaf says something of one that was chosen. What a month
// lost is what stood before.
func (c *chooser) concerns(o link) bool {
	if slices.ContainsFunc(o.to, func(id string) bool { return id != "" && c.ids[id] }) {
		return true
	}
	first, ok := c.months[o.expired]
	return ok && o.expired != "" && first < o.index
}

// gather finds the parts that need a walk of their own. Those within one another
// have none: what is about a follow-up is no follow-up of the decision.
func (c *chooser) gather(s *Selection) {
	if s.Followed != nil {
		c.followed[s.Followed] = map[string]bool{}
		return
	}
	for _, p := range s.parts() {
		c.gather(p)
	}
}

func walk(leaves Leaves, f func(int64, *leaf)) error {
	i := int64(0)
	for statement, err := range leaves() {
		if err != nil {
			return err
		}
		l, err := readLeaf(statement)
		if err != nil {
			return fmt.Errorf("leaf %d: %w", i, err)
		}
		f(i, l)
		i++
	}
	return nil
}

func (c *chooser) matches(s *Selection, l *leaf) bool {
	switch {
	case s.Any != nil:
		return slices.ContainsFunc(s.Any, func(p Selection) bool { return c.matches(&p, l) })
	case s.Not != nil:
		return !c.matches(s.Not, l)
	case s.Followed != nil:
		return c.followed[s.Followed][l.id]
	case s.At != nil:
		return slices.ContainsFunc(s.At, func(at string) bool { return slices.ContainsFunc(texts(l.doc, at), s.takes) })
	}
	for i := range s.All {
		if !c.matches(&s.All[i], l) {
			return false
		}
	}
	return true
}

// takes says whether a text is one that is looked for.
func (s *Selection) takes(text string) bool {
	switch {
	case s.Number != nil:
		n, err := strconv.ParseFloat(text, 64)
		return err == nil && compare(s.Op, n, *s.Number)
	case s.Second != nil:
		t, err := time.Parse(time.RFC3339Nano, text)
		return err == nil && compare(s.Op, t.Unix(), *s.Second)
	}
	return slices.Contains(s.Is, text) || slices.ContainsFunc(s.Begins, func(b string) bool { return strings.HasPrefix(text, b) })
}

func compare[T int64 | float64](op string, have, want T) bool {
	switch op {
	case "<":
		return have < want
	case "<=":
		return have <= want
	case ">":
		return have > want
	case ">=":
		return have >= want
	}
	return have == want
}

// texts are the strings, numbers and truth values at a path. @control are the
// texts name and name=result of each control that ran, by whoever ran it, with
// and without the version of the name; @failed are the names of those that failed
// or erred.
func texts(doc map[string]any, at string) []string {
	if at == "@control" || at == "@failed" {
		return controls(doc, at == "@failed")
	}
	var out []string
	for v := range values(doc, strings.Split(strings.TrimPrefix(at, "/"), "/")) {
		switch v := v.(type) {
		case string:
			out = append(out, v)
		case json.Number:
			out = append(out, v.String())
		case bool:
			out = append(out, strconv.FormatBool(v))
		}
	}
	return out
}

func values(at any, path []string) iter.Seq[any] {
	return func(yield func(any) bool) { walkPath(at, path, yield) }
}

func walkPath(at any, path []string, yield func(any) bool) bool {
	if len(path) == 0 {
		return yield(at)
	}
	switch v := at.(type) {
	case map[string]any:
		if next, ok := v[path[0]]; ok {
			return walkPath(next, path[1:], yield)
		}
	case []any:
		if path[0] == "*" {
			for _, e := range v {
				if !walkPath(e, path[1:], yield) {
					return false
				}
			}
		}
	}
	return true
}

func controls(doc map[string]any, failed bool) []string {
	var out []string
	for _, list := range [][]string{{"governed/controls/*", "control"}, {"controls/*", "id"}} {
		for v := range values(doc, strings.Split(list[0], "/")) {
			c, _ := v.(map[string]any)
			name, _ := c[list[1]].(string)
			result, _ := c["result"].(string)
			if name == "" || result == "" || failed && result != "fail" && result != "error" {
				continue
			}
			base, _, versioned := strings.Cut(name, "@")
			names := []string{base}
			if versioned {
				names = append(names, name)
			}
			for _, n := range names {
				out = append(out, n)
				if !failed {
					out = append(out, n+"="+result)
				}
			}
		}
	}
	return out
}
