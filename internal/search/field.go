// SPDX-License-Identifier: Apache-2.0

package search

import (
	"slices"
	"strings"

	"github.com/counterfoil/counterfoil/record"
)

// sort says how values of a field are compared.
type order int

const (
	codes   order = iota // words: equal, or beginning alike
	times                // by the second
	numbers              // by their value
	keys                 // words that nearly every record has of its own: looked up one by one
	free                 // words within private texts
)

// field is what can be searched by.
type field struct {
	name    string // as a query has it
	pattern string // in the statement; empty: made of others
	sort    order
	doc     string
}

// short are the names that people use.
var short = map[string]string{
	"use": "/use_case", "kind": "/decision/kind", "status": "/decision/status", "outcome": "/decision/outcome", "adverse": "/decision/adverse",
	"significant": "/decision/significant", "automation": "/decision/automation", "channel": "/interaction/channel", "interaction": "/interaction/id",
	"journey": "/interaction/journey", "jurisdiction": "/interaction/jurisdiction", "source": "/source/id", "model": "/versions/model", "prompt": "/versions/prompt",
	"policy": "/versions/policy/*", "config": "/versions/config", "tool": "/steps/*/tool", "verdict": "/governed/verdict", "state": "/governed/system",
	"oversight": "/oversight/act", "reviewer": "/oversight/actor", "team": "/oversight/team", "finding": "/finding/code", "severity": "/finding/severity",
	"owner": "/finding/owner", "act": "/registry/act", "purpose": "/access/purpose", "factor": "/factors/*/code",
}

// made are the fields that no record has as such. See [extract].
var made = []field{
	{name: "control", doc: "a control that ran on the decision, as name or name@version, or with its result: refund-limit=fail"},
	{name: "failed", doc: "a control that failed or erred on the decision, as name or name@version"},
	{name: "version", doc: "any version that the record names, as name@version"},
	{name: "role", doc: "the role of the person who acted"},
	{name: "person", doc: "the pseudonym of the person who acted"},
	{name: "reviewed", doc: "a decision on which a person acted: approve, edit, override, reject, escalate, stop"},
	{name: "found", doc: "a record that a finding is about, by the code of the finding"},
	{name: "challenged", doc: "a record that a challenge is about, by its kind"},
	{name: "text", sort: free, doc: "words in a row within private texts, masked, of systems that it is on for: \"refund denied\""},
	{name: "hour", doc: "the hour of the record's time, as 2026-11-23T14"},
}

// unique are patterns of which nearly every record has a value of its own.
var unique = []string{"/id", "/about", "/interaction/id", "/interaction/journey", "/trace", "/steps/*/id", "/decision/guard", "/decision/supersedes",
	"/erasure/targets/*/id", "/erasure/request", "/registry/request", "/registry/signature/value", "/access/target"}

// indexed are the unique ones that the lookup table finds.
var indexed = map[string]string{"/id": "id", "/about": "about", "/interaction/id": "interaction", "/interaction/journey": "journey"}

// fields are what can be searched by, by name; patterns are those that are
// indexed by value, by pattern.
var fields, patterns = build()

func build() (byName, byPattern map[string]*field) {
	byName, byPattern = map[string]*field{}, map[string]*field{}
	for _, row := range append(record.Table(), record.Added()...) {
		f, indexed := newField(row)
		if f == nil {
			continue
		}
		byName[f.name] = f
		if indexed {
			byPattern[f.pattern] = f
		}
	}
	for i := range made {
		byName[made[i].name] = &made[i]
	}
	for name, pattern := range short {
		f := byName[dotted(pattern)]
		if f == nil {
			panic("search: no field " + pattern) // programmer error
		}
		if byName[name] == nil {
			byName[name] = f
		}
	}
	return byName, byPattern
}

func dotted(pattern string) string {
	return strings.ReplaceAll(strings.ReplaceAll(strings.TrimPrefix(pattern, "/"), "/*", ""), "/", ".")
}

// newField is the field of a row of the table, or nil if nothing is to be
// searched by there; byValue says that its values are in the index.
func newField(f record.Field) (out *field, byValue bool) {
	if f.Private {
		return nil, false
	}
	out = &field{name: dotted(f.Pattern), pattern: f.Pattern, doc: f.Doc}
	switch {
	case f.Pattern == "/time" || f.Pattern == "/recorded":
		out.sort = times
		return out, false
	case slices.Contains(unique, f.Pattern):
		if indexed[f.Pattern] == "" {
			return nil, false
		}
		out.sort = keys
		return out, false
	case f.Kind == record.KindDigest || f.Kind == record.KindTime || f.Kind == record.KindID:
		return nil, false // one of its own for each record: nothing to search by
	case f.Kind == record.KindNumber || f.Kind == record.KindInteger:
		if strings.HasPrefix(f.Pattern, "/steps/") || f.Pattern == "/source/seq" {
			return nil, false
		}
		out.sort = numbers
	}
	return out, true
}

func fieldOf(name string) (*field, bool) {
	f, ok := fields[name]
	return f, ok
}

// Named is a field that a query can name.
type Named struct {
	Name  string   `json:"name"`
	Short []string `json:"short,omitempty"`
	Kind  string   `json:"kind"` // word, time, number, key or text
	About string   `json:"about,omitempty"`
}

// Fields lists what a query can name, sorted.
func Fields() []Named {
	by := map[*field]*Named{}
	for name, f := range fields {
		n := by[f]
		if n == nil {
			n = &Named{Name: f.name, Kind: [...]string{"word", "time", "number", "key", "text"}[f.sort], About: f.doc}
			by[f] = n
		}
		if name != f.name {
			n.Short = append(n.Short, name)
		}
	}
	out := make([]Named, 0, len(by))
	for _, n := range by {
		slices.Sort(n.Short)
		out = append(out, *n)
	}
	slices.SortFunc(out, func(a, b Named) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// near is a hint at the field that was meant.
func near(name string) string {
	best, most := "", 0
	for have := range fields {
		n := 0
		for n < len(have) && n < len(name) && have[n] == name[n] {
			n++
		}
		if strings.HasSuffix(have, "."+name) {
			n = len(name) + 1
		}
		if n > most || n == most && n > 0 && have < best {
			best, most = have, n
		}
	}
	if best == "" {
		return "counterfoil search --fields lists them"
	}
	return "did you mean " + best + "? counterfoil search --fields lists all"
}
