// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"slices"
)

// Families of decisions: they differ in the order of the types, in what must be
// there, and in some words.
const (
	route    = "route"
	escalate = "escalate"
	draft    = "draft"
	block    = "block"
	other    = "other"
)

// orders has, for each family, the types in the order in which they are told,
// and those without which nothing is delivered.
var orders = map[string]struct{ order, must []string }{
	route:    {[]string{Rationale, Data, Fairness, Responsibility, Impact, Safety}, []string{Rationale, Data, Responsibility}},
	escalate: {[]string{Rationale, Responsibility, Impact, Data, Safety, Fairness}, []string{Rationale, Responsibility}},
	draft:    {[]string{Responsibility, Safety, Data, Rationale, Impact, Fairness}, []string{Responsibility, Data}},
	block:    {[]string{Impact, Rationale, Responsibility, Data, Safety, Fairness}, []string{Impact, Rationale, Responsibility, Data}},
	other:    {[]string{Rationale, Impact, Data, Responsibility, Safety, Fairness}, []string{Rationale, Responsibility}},
}

// family tells what sort of decision it is, by its public codes.
func family(d *paper, l *language) string {
	if _, held := l.Words["held"][d.text("/decision/outcome")]; held {
		return block
	}
	switch d.text("/decision/kind") {
	case "route", "routing", "prioritise", "prioritize", "queue":
		return route
	case "escalate", "escalation", "handoff", "hand_over":
		return escalate
	case "draft", "reply", "draft_reply":
		return draft
	case "block", "hold", "freeze":
		return block
	}
	return other
}

// composer puts sentences into sections.
type composer struct {
	ev      *evidence
	d       *paper
	l       *language
	family  string
	out     *Explanation
	section *Section
	lacks   bool // of the section: evidence that the type requires
}

// compose explains a decision. It reads nothing but what it is given: the same
// evidence and messages give the same explanation.
func compose(ev *evidence, l *language, audience string) *Explanation {
	c := &composer{ev: ev, d: ev.decision, l: l, family: family(ev.decision, l)}
	c.out = &Explanation{Decision: ev.decision.id, Audience: audience, Language: l.Language, Template: l.digest,
		Sections: []Section{}, Missing: []Missing{}, Recorded: true, system: ev.decision.fields.System}
	writers := map[string]func(){Rationale: c.rationale, Responsibility: c.responsibility, Data: c.data, Fairness: c.fairness, Safety: c.safety, Impact: c.impact}
	technical := map[string]func(){Rationale: c.techRationale, Responsibility: c.techResponsibility, Data: c.techData, Fairness: c.techFairness, Safety: c.techSafety, Impact: c.techImpact}
	rules := orders[c.family]
	for _, typ := range rules.order {
		c.section, c.lacks = &Section{Type: typ, Title: l.Titles[typ], Sentences: []Sentence{}}, false
		writers[typ]()
		c.section.Incomplete = c.lacks || len(c.section.Sentences) == 0
		if c.section.Incomplete && slices.Contains(rules.must, typ) {
			c.out.Stops = append(c.out.Stops, typ)
		}
		if audience != Subject {
			technical[typ]()
		}
		if len(c.section.Sentences) > 0 && (audience != Subject || !c.section.Incomplete) {
			c.out.Sections = append(c.out.Sections, *c.section)
		}
	}
	if c.out.Failure != "" {
		c.out.Stops = append(c.out.Stops, Rationale)
		slices.Sort(c.out.Stops)
		c.out.Stops = slices.Compact(c.out.Stops)
	}
	return c.out
}

// slot is what goes into a placeholder, and what it stands on.
type slot struct {
	name, text string
	grounds    []Ground
	lack       string // why there is nothing: a state of missing evidence
}

// say adds a sentence, if all its slots have something; otherwise it notes what
// is missing. The number chooses the plural.
func (c *composer) say(key string, n int, slots ...slot) bool {
	values, whole := map[string]string{}, true
	s := Sentence{Key: key, Grounds: []Ground{}}
	for _, sl := range slots {
		if sl.lack != "" {
			c.miss(key, sl.lack, sl.grounds...)
			whole = false
			continue
		}
		values[sl.name] = sl.text
		for _, g := range sl.grounds {
			if !slices.Contains(s.Grounds, g) {
				s.Grounds = append(s.Grounds, g)
			}
		}
	}
	if !whole {
		return false
	}
	s.Text = c.l.fill(key, n, values)
	c.section.Sentences = append(c.section.Sentences, s)
	return true
}

func (c *composer) miss(key, state string, grounds ...Ground) {
	for _, g := range grounds {
		m := Missing{Type: c.section.Type, Key: key, Ground: g, State: state}
		if !slices.Contains(c.out.Missing, m) {
			c.out.Missing = append(c.out.Missing, m)
		}
	}
}

// need notes that the type can not be issued if ok is false.
func (c *composer) need(ok bool) { c.lacks = c.lacks || !ok }

// staff says that codes may be shown where there are no words for them.
func (c *composer) staff() bool { return c.out.Audience != Subject }

// on is a slot without a placeholder: the sentence stands on these, too.
func on(grounds ...Ground) slot { return slot{grounds: grounds} }

// date and clock give the first moment that is there.
func (c *composer) date(name string, p *paper, pointers ...string) slot {
	for _, at := range pointers {
		if t, state := p.moment(at); state == "" {
			return slot{name: name, text: c.l.date(t), grounds: []Ground{p.ground(at)}}
		}
	}
	_, state := p.moment(pointers[0])
	return slot{name: name, grounds: []Ground{p.ground(pointers[0])}, lack: state}
}

func (c *composer) clock(name string, p *paper, pointers ...string) slot {
	for _, at := range pointers {
		if t, state := p.moment(at); state == "" {
			return slot{name: name, text: c.l.clock(t), grounds: []Ground{p.ground(at)}}
		}
	}
	_, state := p.moment(pointers[0])
	return slot{name: name, grounds: []Ground{p.ground(pointers[0])}, lack: state}
}

// word gives the plain words for a code.
func (c *composer) word(name, group string, p *paper, pointer string) slot {
	s := slot{name: name, grounds: []Ground{p.ground(pointer)}}
	v, state := p.at(pointer)
	code, ok := v.(string)
	if !ok {
		s.lack = orAbsent(state)
		return s
	}
	if s.text, ok = c.l.word(group, code); ok {
		return s
	}
	if c.staff() {
		s.text = code
	} else {
		s.lack = NoWords
	}
	return s
}

// words gives a recorded text in the language. It is a string, in the language
// of the interaction, or an object of a string for each language.
func (c *composer) words(name string, p *paper, pointer string) slot {
	s := slot{name: name, grounds: []Ground{p.ground(pointer)}}
	v, state := p.at(pointer)
	switch t := v.(type) {
	case string:
		lang := p.text("/interaction/locale")
		if len(lang) < 2 || lang[:2] != c.l.Language {
			s.lack = NoWords
			if c.staff() {
				s.text, s.lack = clean(t), ""
			}
			return s
		}
		s.text = clean(t)
	case map[string]any:
		text, ok := t[c.l.Language].(string)
		if !ok {
			s.lack = NoWords
			return s
		}
		s.text, s.grounds = clean(text), []Ground{p.ground(pointer + "/" + c.l.Language)}
	default:
		s.lack = orAbsent(state)
	}
	if s.lack == "" && s.text == "" {
		s.lack = Absent
	}
	return s
}
