// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/counterfoil/counterfoil/record"
)

// auditors says that thresholds, weights and versions are shown, too.
func (c *composer) auditors() bool { return c.out.Audience == Auditor }

// parts says recorded members as they are: name=value. Those that are not there
// are left out; those that are sealed are noted.
func (c *composer) parts(key, number string, p *paper, base string, names ...string) {
	s := slot{name: "parts"}
	var texts []string
	for _, name := range names {
		at := base + "/" + name
		v, state := p.at(at)
		if state == Withheld || state == Erased {
			c.miss(key, state, p.ground(at))
		}
		if state != "" {
			continue
		}
		texts, s.grounds = append(texts, name+"="+plainly(v)), append(s.grounds, p.ground(at))
	}
	if len(texts) == 0 {
		return
	}
	s.text = strings.Join(texts, "; ")
	c.say(key, 2, slot{name: "n", text: number}, s)
}

// plainly writes a recorded value on one line, of bounded length.
func plainly(v any) string {
	if s, ok := v.(string); ok {
		return clean(s)
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil { // it was decoded from JSON
		return ""
	}
	return clean(b.String())
}

// each says a line for each element of a list.
func (c *composer) each(key, list string, names ...string) {
	for i := range c.d.count(list) {
		c.parts(key, strconv.Itoa(i+1), c.d, list+"/"+strconv.Itoa(i), names...)
	}
}

func (c *composer) techRationale() {
	if c.out.Failure != "" {
		c.say("tech.failure", 2, c.clock("time", c.d, "/interaction/human_requested"), on(c.d.ground("/decision/outcome")))
	}
	c.parts("tech.decision", "", c.d, "/decision", "kind", "status", "outcome", "adverse", "significant", "automation", "decided", "reason")
	if c.auditors() {
		c.parts("tech.score", "", c.d, "/decision", "score", "confidence", "threshold")
	}
	names := []string{"code", "direction", "method", "input", "label"}
	if c.auditors() {
		names = append(names, "weight")
	}
	c.each("tech.factor", "/factors", names...)
	for i := range c.d.count("/factors") {
		c.parts("tech.counterfactual", strconv.Itoa(i+1), c.d, fmt.Sprintf("/factors/%d/label", i), "counterfactual")
	}
	c.parts("tech.alternatives", "", c.d, "/decision", "alternatives")
}

func (c *composer) techResponsibility() {
	if c.auditors() {
		c.parts("tech.versions", "", c.d, "/versions", "model", "prompt", "policy", "config", "control", "dataset", "tool")
		c.parts("tech.register", "", c.d, "/governed", "system", "verdict", "register", "versions")
		c.parts("tech.capture", "", c.d, "", "principal", "capture", "recorded")
	}
	for _, p := range c.ev.follow {
		switch p.kind {
		case record.Oversight:
			c.parts("tech.oversight", "", p, "/oversight", "act", "actor", "role", "before", "after", "reason_code", "opened", "dwell_ms", "edit_ratio", "competence", "claimed")
		case record.Notice:
			c.parts("tech.notice", "", p, "/notice", "kind", "template", "locale", "delivered")
		case record.Explanation:
			c.parts("tech.explanation", "", p, "/explanation", "audience", "types", "template", "locale", "delivered")
		case record.Challenge:
			c.parts("tech.challenge", "", p, "/challenge", "kind", "status", "outcome", "regime", "due")
		}
	}
}

func (c *composer) techData() {
	c.each("tech.input", "/inputs", "name", "source", "category", "origin", "as_of", "retrieved", "special", "influenced")
}

func (c *composer) techFairness() { c.signals(true) }

func (c *composer) signals(grouped bool) {
	for _, p := range c.ev.signals {
		if (p.text("/signal/group") != "") == grouped {
			c.parts("tech.signal", "", p, "/signal", "name", "value", "unit", "threshold", "breached", "group", "from", "to")
		}
	}
}

func (c *composer) techSafety() {
	c.each("tech.control", "/controls", "id", "version", "result", "severity", "by", "reason")
	c.each("tech.control", "/governed/controls", "control", "result", "severity", "action")
	if c.auditors() {
		c.each("tech.step", "/steps", "op", "provider", "request_model", "response_model", "tool", "side_effect", "error")
	}
	c.each("tech.output", "/outputs", "name", "kind", "marked_ai", "edit_ratio", "delivered")
	c.signals(false)
	for _, p := range c.ev.follow {
		if p.kind == record.Finding {
			c.parts("tech.finding", "", p, "/finding", "code", "status", "severity", "control", "version")
		}
	}
}

func (c *composer) techImpact() {
	c.parts("tech.effect", "", c.d, "/decision", "effective", "reversible", "supersedes")
}
