// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"strconv"

	"github.com/counterfoil/counterfoil/record"
)

// responsibility says who took part, who answers for it and whom to ask.
func (c *composer) responsibility() {
	c.notices()
	c.human()
	detail := "/decision/detail"
	if c.family != draft {
		c.need(c.say("responsibility.owner", 2, c.words("owner", c.d, detail+"/owner")))
	}
	key := "responsibility.contact"
	if c.family == escalate || c.family == draft || c.family == block {
		key += "_" + c.family
	}
	c.need(c.say(key, 2, c.words("contact", c.d, detail+"/contact")))
	for _, p := range c.ev.follow {
		if p.kind == record.Challenge && p.fields.About == c.d.id && p.text("/challenge/due") != "" && p.text("/challenge/status") == "received" {
			c.say("responsibility.due", 2, c.date("date", p, "/challenge/due"))
		}
	}
}

// notices says when the person was told that a machine answers, and when they
// asked for a person.
func (c *composer) notices() {
	for _, p := range c.ev.follow {
		if p.kind != record.Notice || p.text("/notice/kind") != "ai_interaction" {
			continue
		}
		key := "responsibility.notice"
		if c.d.fields.Channel == "chat" {
			key = "responsibility.notice_chat"
		}
		c.say(key, 2, c.clock("time", p, "/notice/delivered", "/time"), on(p.ground("/notice/kind")))
		break
	}
	asked := c.clock("asked", c.d, "/interaction/human_requested")
	reached := c.clock("reached", c.d, "/interaction/human_connected")
	switch {
	case asked.lack != "":
	case reached.lack != "":
		c.say("responsibility.asked", 2, asked)
	default:
		c.say("responsibility.reached", 2, asked, reached)
	}
}

// human says whether a person took part. It is required.
func (c *composer) human() {
	var acts []*paper
	for _, p := range c.ev.follow {
		if p.kind == record.Oversight && p.fields.About == c.d.id {
			acts = append(acts, p)
		}
	}
	if c.family == draft {
		c.need(c.sent(acts))
		return
	}
	how := c.d.text("/decision/automation")
	switch {
	case how == "":
		c.need(len(acts) > 0)
		c.miss("responsibility.human", Absent, c.d.ground("/decision/automation"))
	case how == "solely_automated" && c.family == block:
		c.say("responsibility.solely_automated", 2, on(c.d.ground("/decision/automation")))
	case how == "meaningful_human":
		c.say("responsibility.human", 2, on(c.d.ground("/decision/automation")))
	}
	for _, p := range acts {
		c.say("responsibility."+p.text("/oversight/act"), 2, c.date("date", p, "/time"), on(p.ground("/oversight/act")))
	}
}

// sent says who sent a reply that a machine had drafted.
func (c *composer) sent(acts []*paper) bool {
	for _, p := range acts {
		key, act := "", p.text("/oversight/act")
		switch act {
		case "edit":
			key = "responsibility.edited"
		case "approve":
			key = "responsibility.unchanged"
		default:
			continue
		}
		ok := c.say(key, 2, c.date("date", c.d, "/outputs/0/delivered"), on(p.ground("/oversight/act")))
		c.say("responsibility.content", 2, on(p.ground("/oversight/act")))
		if act == "edit" {
			c.say("responsibility.ratio", 2, c.ratio(p))
		}
		return ok
	}
	c.miss("responsibility.edited", Absent, c.d.ground("/outputs/0/delivered"))
	return false
}

// ratio is how much of the draft was changed, in percent: of the act, or of what
// was sent.
func (c *composer) ratio(act *paper) slot {
	p, at := act, "/oversight/edit_ratio"
	f, state := p.number(at)
	if state != "" {
		p, at = c.d, "/outputs/0/edit_ratio"
		f, state = p.number(at)
	}
	return slot{name: "percent", text: c.l.number(float64(int(f*100 + 0.5))), grounds: []Ground{p.ground(at)}, lack: state}
}

// fairness says what the last measurement before the decision showed.
func (c *composer) fairness() {
	p := c.newest(true)
	if p == nil {
		c.miss("fairness.within", NoSignal, c.d.ground("/system"))
		return
	}
	key := "fairness.within"
	switch p.text("/signal/breached") {
	case "true":
		key = "fairness.breached"
	case "":
		c.miss(key, Absent, p.ground("/signal/breached"))
		return
	}
	c.say(key, 2, c.word("what", "signal", p, "/signal/name"), c.date("date", p, "/signal/to", "/time"), on(p.ground("/signal/breached"), p.ground("/signal/group")))
}

// newest is the newest signal with, or without, a group that there are words
// for.
func (c *composer) newest(grouped bool) (out *paper) {
	for _, p := range c.ev.signals {
		_, known := c.l.word("signal", p.text("/signal/name"))
		if known && (p.text("/signal/group") != "") == grouped && (out == nil || !p.fields.Time.Before(out.fields.Time)) {
			out = p
		}
	}
	return out
}

// safety says which checks the decision passed, and how good the system was.
func (c *composer) safety() {
	n, failed := 0, 0
	var grounds []Ground
	for _, list := range []string{"/controls", "/governed/controls"} {
		for i := range c.d.count(list) {
			g := c.d.ground(list + "/" + strconv.Itoa(i) + "/result")
			switch c.d.text(g.Pointer) {
			case "skip", "":
				continue
			case "pass":
			default:
				failed++
			}
			n++
			grounds = append(grounds, g)
		}
	}
	count := slot{name: "n", text: c.l.number(float64(n)), grounds: grounds}
	switch {
	case n == 0:
		c.miss("safety.passed", Absent, c.d.ground("/controls"))
	case failed == 0:
		c.say("safety.passed", n, count)
	default:
		c.say("safety.failed", failed, count, slot{name: "failed", text: c.l.number(float64(failed))})
		c.resolved()
	}
	c.need(n > 0)
	p := c.newest(false)
	if p == nil {
		c.miss("safety.metric", NoSignal, c.d.ground("/system"))
		c.need(false)
		return
	}
	c.need(c.say("safety.metric", 2, c.word("what", "signal", p, "/signal/name"), c.date("date", p, "/signal/to", "/time"), c.measured(p)))
}

// resolved says that a person changed a draft that had not passed its checks.
func (c *composer) resolved() {
	for _, p := range c.ev.follow {
		if c.family == draft && p.kind == record.Oversight && p.text("/oversight/act") == "edit" {
			c.say("safety.resolved", 2, on(p.ground("/oversight/act")))
			return
		}
	}
}

// measured writes the value of a signal with its unit; a share is written in
// percent.
func (c *composer) measured(p *paper) slot {
	f, state := p.number("/signal/value")
	s := slot{name: "value", grounds: []Ground{p.ground("/signal/value")}, lack: state}
	unit := p.text("/signal/unit")
	if unit != "" {
		s.grounds = append(s.grounds, p.ground("/signal/unit"))
	}
	if unit == "share" {
		f, unit = f*100, "percent"
	}
	s.text = c.l.number(f)
	if w, ok := c.l.word("unit", unit); ok {
		s.text += " " + w
	}
	return s
}
