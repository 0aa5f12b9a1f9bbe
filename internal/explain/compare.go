// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/counterfoil/counterfoil/internal/ledger"
)

// Comparison explains a decision beside another one.
type Comparison struct {
	*Explanation
	// With is the other decision. For the person it is not named.
	With string `json:"with,omitempty"`
}

// compareMembers are the public members that reviewers and auditors see side by
// side.
var compareMembers = []string{"/system", "/decision/kind", "/decision/outcome", "/decision/automation", "/decision/decided", "/interaction/channel"}

// compareScores are shown beside them to auditors.
var compareScores = []string{"/decision/score", "/decision/threshold", "/decision/confidence"}

// Compare explains decision D beside another. For the person of D nothing of the
// other decision is opened, and all that is said of it is how many versions of
// rules the two do not share: why the own one went as it did stands in the own
// record. Reviewers and auditors see both side by side.
func (x *Explainer) Compare(ctx context.Context, req Request, with string) (*Comparison, error) {
	lang, err := x.check(req)
	if err != nil {
		return nil, err
	}
	ev, err := x.gather(ctx, req.Decision, req.Audience)
	if err != nil {
		return nil, err
	}
	if with == "" {
		return nil, fault(ledger.Invalid, "name the other decision: with=ID", "there is nothing to compare with")
	}
	second, st, err := x.root(ctx, with)
	if err != nil {
		return nil, err
	}
	if st.ID() == ev.decision.id {
		return nil, fault(ledger.Invalid, "give two decisions", "a decision is not compared with itself")
	}
	var b *paper
	if req.Audience == Subject {
		b, err = newPaper(st, second.Index, st.Bytes(), sealsOf(st.Seals()))
	} else {
		b, err = x.paper(ctx, st, second, req.Audience)
	}
	if err != nil {
		return nil, err
	}
	out := &Comparison{Explanation: compose(ev, lang, req.Audience)}
	c := &composer{ev: ev, d: ev.decision, l: lang, out: out.Explanation, section: &Section{Type: "compare", Title: lang.Titles["compare"], Sentences: []Sentence{}}}
	if req.Audience == Subject {
		c.beside(b)
	} else {
		out.With = b.id
		c.against(b)
	}
	if c.out.Sections = append(c.out.Sections, *c.section); req.Audience == Subject { // what is said first frames the rest
		n := len(c.out.Sections)
		c.out.Sections = append(c.out.Sections[n-1:n:n], c.out.Sections[:n-1]...)
	}
	return out, nil
}

// beside is what the person is told of the other decision.
func (c *composer) beside(b *paper) {
	own, others := rules(c.d), rules(b)
	c.say("compare.intro", 2)
	if len(own) == 0 || len(others) == 0 {
		c.miss("compare.rules_same", Absent, c.d.ground("/versions"))
		return
	}
	n := 0
	for _, v := range own {
		if !slices.Contains(others, v) {
			n++
		}
	}
	if n == 0 && len(own) == len(others) {
		c.say("compare.rules_same", 2, on(c.d.ground("/versions")))
		return
	}
	n = max(n, len(others)-len(own))
	c.say("compare.rules_other", n, slot{name: "n", text: c.l.number(float64(n)), grounds: []Ground{c.d.ground("/versions")}})
}

// rules lists the versions that a decision names, sorted.
func rules(p *paper) (out []string) {
	v, _ := p.at("/versions")
	m, _ := v.(map[string]any)
	for kind, val := range m {
		switch t := val.(type) {
		case string:
			out = append(out, kind+" "+t)
		case []any:
			for _, one := range t {
				if name, ok := one.(string); ok {
					out = append(out, kind+" "+name)
				}
			}
		}
	}
	slices.Sort(out)
	return out
}

// against says where two decisions differ, for staff.
func (c *composer) against(b *paper) {
	members := compareMembers
	if c.auditors() {
		members = append(slices.Clone(members), compareScores...)
	}
	for _, at := range members {
		one, other := c.recorded("a", c.d, at), c.recorded("b", b, at)
		if one.lack == Absent && other.lack == Absent || one.lack == "" && one.text == other.text {
			continue
		}
		c.say("compare.differs", 2, slot{name: "what", text: at}, one, other)
	}
	if c.auditors() {
		own, others := rules(c.d), rules(b)
		if !slices.Equal(own, others) {
			c.say("compare.differs", 2, slot{name: "what", text: "/versions"},
				slot{name: "a", text: strings.Join(own, ", "), grounds: []Ground{c.d.ground("/versions")}},
				slot{name: "b", text: strings.Join(others, ", "), grounds: []Ground{b.ground("/versions")}})
		}
	}
	c.factors(b)
}

func (c *composer) recorded(name string, p *paper, at string) slot {
	v, state := p.at(at)
	return slot{name: name, text: plainly(v), grounds: []Ground{p.ground(at)}, lack: state}
}

// factors says which factors one has and the other has not.
func (c *composer) factors(b *paper) {
	own, others := codes(c.d), codes(b)
	for _, code := range own {
		g := slot{name: "code", text: code, grounds: []Ground{c.d.ground("/factors")}}
		if slices.Contains(others, code) {
			g.grounds = append(g.grounds, b.ground("/factors"))
			c.say("compare.both", 2, g)
		} else {
			c.say("compare.only", 2, slot{name: "id", text: c.d.id}, g)
		}
	}
	for _, code := range others {
		if !slices.Contains(own, code) {
			c.say("compare.only", 2, slot{name: "id", text: b.id}, slot{name: "code", text: code, grounds: []Ground{b.ground("/factors")}})
		}
	}
}

// codes lists the codes of the factors, each once.
func codes(p *paper) (out []string) {
	for i := range p.count("/factors") {
		if code := p.text(fmt.Sprintf("/factors/%d/code", i)); code != "" {
			out = append(out, code)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
