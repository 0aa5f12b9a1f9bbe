// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/counterfoil/counterfoil/record"
)

// rationale says what was decided and why.
func (c *composer) rationale() {
	if c.failed() {
		return
	}
	day := c.date("date", c.d, "/decision/decided", "/time")
	outcome := c.outcome()
	ok := true
	switch {
	case c.family == route:
		ok = c.say("rationale.route", 2, day, c.word("channel", "channel", c.d, "/interaction/channel"), outcome)
	case c.family == escalate && c.d.text("/decision/outcome") == "not_escalated":
		ok = c.say("rationale.escalate", 2, day, c.clock("time", c.d, "/decision/decided", "/time"), on(c.d.ground("/decision/outcome")))
	case c.family == block:
		ok = c.d.text("/decision/outcome") != "" && c.say("rationale.block", 2, on(c.d.ground("/decision/outcome")))
	case c.family != draft:
		ok = c.say("rationale.other", 2, day, outcome)
	}
	c.need(ok)
	if a := c.d.text("/decision/automation"); c.family != draft {
		if a == "" {
			c.miss("rationale.automation", Absent, c.d.ground("/decision/automation"))
		} else {
			c.say("rationale."+a, 2, on(c.d.ground("/decision/automation")))
		}
	}
	c.reasons()
}

// outcome gives the words for the outcome: recorded ones first.
func (c *composer) outcome() slot {
	if s := c.words("outcome", c.d, "/decision/detail/outcome"); s.lack == "" {
		s.grounds = append(s.grounds, c.d.ground("/decision/outcome"))
		return s
	}
	return c.word("outcome", "outcome", c.d, "/decision/outcome")
}

// failed tells of a person who was asked for before the decision not to pass
// on. That is not explained away.
func (c *composer) failed() bool {
	asked, state := c.d.moment("/interaction/human_requested")
	decided, none := c.d.moment("/decision/decided")
	if none != "" {
		decided = c.d.fields.Time
	}
	if state != "" || asked.After(decided) || c.d.text("/decision/outcome") != "not_escalated" {
		return false
	}
	c.out.Failure = "human_requested"
	c.say("rationale.failure", 2, c.clock("time", c.d, "/interaction/human_requested"), on(c.d.ground("/decision/outcome")))
	return true
}

// reason is one factor in words.
type reason struct {
	slot
	against bool
}

// reasons says the factors that may be said, what would have changed the
// outcome, and how much is kept back.
func (c *composer) reasons() {
	var all []reason
	var withheld []string // the grounds on which factors are kept back
	sound := true         // each has a method, and each that is released has words
	for i := range c.d.count("/factors") {
		at := "/factors/" + strconv.Itoa(i)
		if c.d.text(at+"/method") == "llm_rationale" {
			continue // what a model says of itself is not the reason
		}
		if c.d.text(at+"/method") == "" {
			sound = false
			c.miss("rationale.method", Absent, c.d.ground(at+"/method"))
		}
		r, freed := c.reason(at)
		switch {
		case freed && r.lack == "":
			all = append(all, r)
		case freed:
			sound = false
			c.miss("rationale.reasons", r.lack, r.grounds...)
		default:
			if r.lack != "" { // staff must know why the person is not told
				c.miss("rationale.reasons", r.lack, r.grounds...)
			}
			withheld = append(withheld, c.d.text(at+"/label/ground"))
		}
	}
	if c.d.count("/factors") == 0 {
		_, state := c.d.at("/factors")
		c.miss("rationale.reasons", orAbsent(state), c.d.ground("/factors"))
	}
	key := "rationale.reasons"
	if len(withheld) > 0 {
		key = "rationale.shared"
	}
	c.need(c.sayReasons(key, all, false) && sound)
	c.sayReasons("rationale.against", all, true)
	c.counterfactuals()
	c.withheld(withheld)
}

// reason gives a factor in words, and whether it is released for the audience.
// For the person a factor must be released in the record, or its code must have
// words in the messages: what stands in a label may be meant for others.
func (c *composer) reason(at string) (reason, bool) {
	against := c.d.text(at+"/direction") == "against"
	code := slot{grounds: []Ground{c.d.ground(at + "/code")}}
	release := c.d.text(at + "/label/disclosure")
	label := c.words("", c.d, at+"/label")
	if c.staff() {
		if label.lack != "" {
			code.text = c.d.text(at + "/code")
			label = code
		}
		return reason{label, against}, true
	}
	if release == "subject" {
		label.grounds = append(label.grounds, code.grounds...)
		return reason{label, against}, true
	}
	if w, ok := c.l.word("factor", c.d.text(at+"/code")); ok && release == "" {
		code.text = w
		return reason{code, against}, true
	}
	if release == "" {
		label.lack = NotFreed
		if _, state := c.d.at(at + "/label"); state != "" {
			label.lack = state
		}
		return reason{label, against}, false
	}
	return reason{slot{}, against}, false
}

func (c *composer) sayReasons(key string, all []reason, against bool) bool {
	var texts []string
	s := slot{name: "reasons"}
	for _, r := range all {
		if r.against == against {
			texts, s.grounds = append(texts, r.text), append(s.grounds, r.grounds...)
		}
	}
	if len(texts) == 0 {
		return false
	}
	s.text = strings.Join(texts, "; ")
	return c.say(key, len(texts), s)
}

func (c *composer) counterfactuals() {
	form := other
	if c.family == route || c.family == escalate {
		form = c.family
	}
	for i := range c.d.count("/factors") {
		at := fmt.Sprintf("/factors/%d/label", i)
		if _, state := c.d.at(at + "/counterfactual"); state != "" || c.d.text(at+"/disclosure") != "subject" && !c.staff() {
			continue
		}
		c.say("rationale.counterfactual."+form, 2, c.words("counterfactual", c.d, at+"/counterfactual"))
	}
}

// withheld says how many reasons the person is not told, and why if the record
// has one reason for all of them.
func (c *composer) withheld(grounds []string) {
	n := len(grounds)
	if c.out.Withheld = n; n == 0 {
		return
	}
	count := slot{name: "n", text: c.l.number(float64(n)), grounds: []Ground{c.d.ground("/factors")}}
	slices.Sort(grounds)
	if why, ok := c.l.word("ground", grounds[0]); ok && grounds[0] == grounds[n-1] {
		c.say("rationale.withheld_because", n, count, slot{name: "ground", text: why})
		return
	}
	c.say("rationale.withheld", n, count)
}

// impact says what the decision does to the person.
func (c *composer) impact() {
	if c.family == block {
		held := c.words("held", c.d, "/decision/detail/object")
		if held.lack != "" {
			held = c.word("held", "held", c.d, "/decision/outcome")
		}
		c.need(c.say("impact.block", 2, held, c.date("date", c.d, "/decision/effective", "/decision/decided", "/time")))
	}
	key := "impact.effect"
	if c.family == escalate || c.family == route {
		key = "impact.effect_past" // a wait is over when it is explained
	}
	c.need(c.say(key, 2, c.words("effect", c.d, "/decision/detail/effect")))
	switch c.d.text("/decision/reversible") {
	case "true":
		c.say("impact.reversible", 2, on(c.d.ground("/decision/reversible")))
	case "false":
		c.say("impact.irreversible", 2, on(c.d.ground("/decision/reversible")))
	default:
		c.need(false)
		c.miss("impact.reversible", Absent, c.d.ground("/decision/reversible"))
	}
	if c.family == other {
		c.say("impact.effective", 2, c.date("date", c.d, "/decision/effective"))
	}
	for _, p := range c.ev.follow {
		if p.kind == record.Decision && p.text("/decision/supersedes") == c.d.id {
			c.say("impact.replaced", 2, c.date("date", p, "/decision/decided", "/time"), on(p.ground("/decision/supersedes")))
		}
	}
}
