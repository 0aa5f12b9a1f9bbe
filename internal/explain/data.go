// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"slices"
	"strconv"
	"strings"
)

// data says which data was used.
func (c *composer) data() {
	n := c.d.count("/inputs")
	if n == 0 {
		_, state := c.d.at("/inputs")
		c.miss("data.used", orAbsent(state), c.d.ground("/inputs"))
		c.need(false)
		return
	}
	used, unused := c.categories()
	key := "data.used"
	if c.family == draft || c.family == block {
		key += "_" + c.family
	}
	c.need(c.sayList(key, "categories", used))
	c.need(c.sayList("data.sources", "sources", c.sources("")))
	c.third(n)
	if len(unused) > 0 {
		c.sayList("data.unused", "categories", unused)
	}
	c.special(n)
}

// sayList says a list, each thing once. If one of them can not be said, none is:
// the person would take a part for the whole.
func (c *composer) sayList(key, name string, items []slot) bool {
	s, whole := slot{name: name}, true
	var texts []string
	for _, it := range items {
		if it.lack != "" {
			c.miss(key, it.lack, it.grounds...)
			whole = false
			continue
		}
		s.grounds = append(s.grounds, it.grounds...)
		if !slices.Contains(texts, it.text) {
			texts = append(texts, it.text)
		}
	}
	if len(texts) == 0 || !whole {
		return false
	}
	s.text = c.l.series(texts)
	return c.say(key, len(texts), s)
}

// categories are those of the inputs that were used, and of those that were not.
func (c *composer) categories() (used, unused []slot) {
	for i := range c.d.count("/inputs") {
		at := "/inputs/" + strconv.Itoa(i)
		s := c.word("", "category", c.d, at+"/category")
		if t, state := c.d.moment(at + "/as_of"); state == "" && s.lack == "" {
			s.text = strings.NewReplacer("{category}", s.text, "{date}", c.l.date(t)).Replace(c.l.Sentences["data.as_of"].other)
			s.grounds = append(s.grounds, c.d.ground(at+"/as_of"))
		}
		if c.d.text(at+"/influenced") == "false" {
			unused = append(unused, s)
		} else {
			used = append(used, s)
		}
	}
	return used, unused
}

// sources are those of the inputs that were used, or of one origin only.
func (c *composer) sources(origin string) (out []slot) {
	for i := range c.d.count("/inputs") {
		at := "/inputs/" + strconv.Itoa(i)
		if c.d.text(at+"/influenced") == "false" || origin != "" && c.d.text(at+"/origin") != origin {
			continue
		}
		s := c.word("", "source", c.d, at+"/source")
		if origin != "" {
			s.grounds = append(s.grounds, c.d.ground(at+"/origin"))
		}
		out = append(out, s)
	}
	return out
}

// third says whether data came from another company. That none did is said only
// if the origin of every input is recorded.
func (c *composer) third(n int) {
	if from := c.sources("third_party"); len(from) > 0 {
		c.sayList("data.third", "sources", from)
		return
	}
	c.sayAll("data.third_none", n, "/origin", "")
}

// special says whether specially protected data was used. That none was is said
// only if every input says so; it says nothing about stand-ins for such data.
func (c *composer) special(n int) {
	for i := range n {
		at := "/inputs/" + strconv.Itoa(i)
		if c.d.text(at+"/special") == "true" && c.d.text(at+"/influenced") != "false" {
			c.say("data.special", 2, on(c.d.ground(at+"/special")))
			return
		}
	}
	c.sayAll("data.special_none", n, "/special", "false")
}

// sayAll says a sentence that stands on a member of every input.
func (c *composer) sayAll(key string, n int, member, value string) {
	var grounds []Ground
	for i := range n {
		g := c.d.ground("/inputs/" + strconv.Itoa(i) + member)
		switch v := c.d.text(g.Pointer); {
		case v == "":
			c.miss(key, Absent, g)
			return
		case value != "" && v != value:
			return
		}
		grounds = append(grounds, g)
	}
	c.say(key, 2, on(grounds...))
}
