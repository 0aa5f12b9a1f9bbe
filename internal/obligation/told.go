// SPDX-License-Identifier: Apache-2.0

package obligation

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/counterfoil/counterfoil/record"
)

// interactions wants a notice before the first message that a system delivered
// in each interaction. What a system only helps a person to say is not its message.
func interactions(r *run, t *tally) method {
	kinds, outputs := t.words("notices"), t.words("outputs")
	first := map[text]time.Time{}
	m := decisions(func(s *statement) {
		if s.Decision.Automation == "assistive" {
			return // a person speaks
		}
		for _, o := range s.Outputs {
			if s.Interaction.ID != "" && !o.Delivered.IsZero() && slices.Contains(outputs, string(o.Kind)) {
				first[s.Interaction.ID] = earlier(first[s.Interaction.ID], o.Delivered.Time)
			}
		}
	})
	m.end = func(context.Context) error {
		for _, id := range slices.Sorted(maps.Keys(first)) {
			t.test("interaction:"+string(id), slices.ContainsFunc(r.facts.on[link{record.Notice, string(id)}], func(n *statement) bool {
				return n.Notice != nil && slices.Contains(kinds, string(n.Notice.Kind)) && !n.delivered().After(first[id])
			}))
		}
		return nil
	}
	return m
}

// told says whether a person had a notice of one of the kinds by a time.
func (r *run) told(s *statement, kinds []string, by time.Time) bool {
	return slices.ContainsFunc(r.facts.told(s, kinds), func(n *statement) bool { return !n.delivered().After(by) })
}

// highRiskTold wants the person to know, when a decision of a high-risk system
// takes effect.
func highRiskTold(r *run, t *tally) method {
	kinds := t.words("notices")
	return highRisk(r, t, func(s *statement) { t.test(string(s.ID), r.told(s, kinds, s.effective())) })
}

// emotionTold wants the person to know, when emotions are among the inputs.
func emotionTold(r *run, t *tally) method {
	kinds, categories := t.words("notices"), t.words("categories")
	return decisions(func(s *statement) {
		if slices.ContainsFunc(s.Inputs, func(i input) bool { return slices.Contains(categories, string(i.Category)) }) {
			t.test(string(s.ID), r.told(s, kinds, s.decided()))
		}
	})
}

// preUse wants a notice before a significant decision about a person in one of
// the jurisdictions.
func preUse(r *run, t *tally) method {
	kinds, places := t.words("notices"), t.words("jurisdictions")
	return decisions(func(s *statement) {
		if s.Decision.Significant == "yes" && slices.Contains(places, string(s.Interaction.Jurisdiction)) {
			t.test(string(s.ID), r.told(s, kinds, s.decided()))
		}
	})
}

// proactive wants an explanation for the person, without being asked, of a
// decision that was made by a system alone with a significant effect, or that
// was adverse.
func proactive(r *run, t *tally) method {
	return decisions(func(s *statement) {
		d := s.Decision
		if !bool(d.Adverse) && (d.Automation != "solely_automated" || d.Significant != "yes") {
			return
		}
		due := s.effective().Add(t.days("days"))
		given := slices.ContainsFunc(r.explanations(s), func(x *statement) bool { return x.Explained.Audience == "subject" && !x.delivered().After(due) })
		if !given && r.asOf.Before(due) {
			return // it is not due yet
		}
		t.test(string(s.ID), given)
	})
}

// explanations are those of a decision, or of the attempt before it.
func (r *run) explanations(s *statement) []*statement {
	all := slices.Clone(r.facts.about[link{record.Explanation, string(s.ID)}])
	if s.About != "" {
		all = append(all, r.facts.about[link{record.Explanation, string(s.About)}]...)
	}
	return slices.DeleteFunc(all, func(x *statement) bool { return x.Explained == nil })
}

// explainedTypes wants an explanation for a person to say what it explains.
func explainedTypes(_ *run, t *tally) method {
	types := t.words("types")
	return method{see: func(s *statement) {
		if x := s.Explained; x != nil && x.Audience == "subject" && s.production() {
			t.test(string(s.ID), slices.ContainsFunc(x.Types, func(one text) bool { return slices.Contains(types, string(one)) }))
		}
	}}
}
