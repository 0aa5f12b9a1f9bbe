// SPDX-License-Identifier: Apache-2.0

package obligation

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// bound wants a decision to name the versions that it was made with, and the
// register to have had each as approved for production then.
func bound(_ *run, t *tally) method {
	kinds := t.words("kinds")
	return decisions(func(s *statement) {
		ok := s.Governed != nil && len(s.Governed.Versions) > 0
		for _, kind := range kinds {
			ok = ok && s.names(kind)
		}
		if s.generates() {
			ok = ok && s.names("prompt")
		}
		if s.Governed != nil {
			for _, v := range s.Governed.Versions {
				ok = ok && v.State == "approved" && v.Digest != ""
			}
		}
		t.test(string(s.ID), ok)
	})
}

// names says whether a decision names a version of a kind.
func (s *statement) names(kind string) bool {
	if s.Versions == nil {
		return false
	}
	switch kind {
	case "model":
		return s.Versions.Model != ""
	case "prompt":
		return s.Versions.Prompt != ""
	case "config":
		return s.Versions.Config != ""
	case "policy":
		return len(s.Versions.Policy) > 0
	}
	return false
}

// approved wants every version that goes to production to have been approved
// before, for its content, by enough people who are not its author. The order
// of the log counts. In an emergency a review by another in time is enough.
func approved(r *run, t *tally) method {
	return atEnd(func() {
		for _, s := range r.facts.of[record.Registry] {
			g := s.Registry
			if g == nil || !promotes(g) || g.Environment != "production" || !r.in(s.Time.Time) {
				continue
			}
			history := r.facts.acts[subject{string(g.Kind), g.full()}]
			h := readHistory(history, s)
			needs := 1
			if h.system != "" && r.facts.risk(h.system, s.Recorded.Time) == "high" {
				needs = 2
			}
			switch {
			case h.proposed == nil:
				t.test(string(s.ID), false)
			case bool(g.Emergency) && !h.reviewed && r.asOf.Before(g.Due.Time):
				// its review is not due yet
			case bool(g.Emergency):
				t.test(string(s.ID), h.reviewed)
			default:
				t.test(string(s.ID), len(h.voters) >= needs)
			}
		}
	})
}

func promotes(g *registry) bool {
	return string(g.Act) == ledger.ActPromote || string(g.Act) == ledger.ActRollback
}

// history is what the register says about a version around a promotion.
type history struct {
	proposed *statement
	system   text
	voters   map[string]bool // who approved the content before, and is not the author
	reviewed bool            // an emergency: accepted by another, in time
}

func readHistory(all []*statement, promotion *statement) history {
	h := history{voters: map[string]bool{}}
	for _, s := range all {
		g, before := s.Registry, s.at.Before(promotion.at)
		switch string(g.Act) {
		case ledger.ActAdd:
			if h.proposed == nil && before {
				h.proposed, h.system = s, s.System
			}
		case ledger.ActApprove:
			if before && h.proposed != nil && s.who() != h.proposed.who() && g.Digest == h.proposed.Registry.Digest {
				h.voters[s.who()] = true
			}
		case ledger.ActRefuse:
			if before {
				h.voters = map[string]bool{}
			}
		case ledger.ActReview:
			due := promotion.Registry.Due
			if !before && g.Status == "accepted" && s.who() != promotion.who() && (h.proposed == nil || s.who() != h.proposed.who()) && !due.IsZero() && !s.Time.After(due.Time) {
				h.reviewed = true
			}
		}
	}
	return h
}

// outcomes wants a decision to have an outcome, and a draft the share of it that
// was changed, or an act of a person on it.
func outcomes(r *run, t *tally) method {
	return decisions(func(s *statement) {
		open := slices.ContainsFunc(s.Outputs, func(o output) bool { return o.Kind == "draft" && !o.Changed.OK })
		t.test(string(s.ID), s.Decision.Outcome != "" && (!open || len(r.facts.reviews(s)) > 0))
	})
}

// controlled wants the server to have judged a decision, with no control that
// could not say, and what it forbade or gave to a person not to be done without.
func controlled(r *run, t *tally) method {
	return decisions(func(s *statement) {
		g := s.Governed
		ok := g != nil && len(g.Controls) > 0
		if g != nil {
			for _, c := range g.Controls {
				ok = ok && c.Result != "error"
			}
			if g.Verdict == "deny" || g.Verdict == "require_human" {
				ok = ok && len(r.facts.reviews(s)) > 0
			}
		}
		t.test(string(s.ID), ok)
	})
}

// inventory wants each system that decides to be in the register and in service,
// and each that is in service to decide, or to say by a heartbeat that it did not.
func inventory(r *run, t *tally) method {
	seen := map[string]time.Time{}
	m := decisions(func(s *statement) {
		if s.Recorded.After(seen[string(s.System)]) {
			seen[string(s.System)] = s.Recorded.Time
		}
	})
	m.end = func(context.Context) error {
		for _, name := range slices.Sorted(maps.Keys(seen)) {
			status := r.facts.status(name, seen[name])
			t.test("system:"+name, r.facts.risk(text(name), seen[name]) != "" && status != "" && status != "draft")
		}
		silent := map[string]bool{}
		for k := range r.facts.acts {
			if _, ok := seen[k.name]; k.kind == "system" && !ok && r.facts.status(k.name, r.asOf) == "in_service" {
				silent[k.name] = true
			}
		}
		for _, name := range slices.Sorted(maps.Keys(silent)) {
			t.test("system:"+name, slices.ContainsFunc(r.facts.of[record.Heartbeat], func(s *statement) bool { return string(s.System) == name && r.in(s.Time.Time) }))
		}
		return nil
	}
	return m
}

// models wants the model that was asked to be the one that answered, or a
// finding that says it was not. A name that goes on is the same model.
func models(r *run, t *tally) method {
	codes := t.words("findings")
	return method{see: func(s *statement) {
		asked, same := false, true
		for _, st := range s.Steps {
			if st.Request == "" || st.Response == "" {
				continue
			}
			asked = true
			same = same && (st.Response == st.Request || strings.HasPrefix(string(st.Response), string(st.Request)+"-"))
		}
		if asked && s.production() {
			t.test(string(s.ID), same || r.facts.found(s.ID, codes...))
		}
	}}
}

// suspended wants no decision of a system while it was suspended or retired, by
// the time that its source says.
func suspended(r *run, t *tally) method {
	stops := map[string]bool{}
	for k, all := range r.facts.acts {
		if k.kind == "system" && slices.ContainsFunc(all, func(s *statement) bool { return halted(s.Registry.Status) }) {
			stops[k.name] = true
		}
	}
	return decisions(func(s *statement) {
		if stops[string(s.System)] {
			t.test(string(s.ID), !r.halted(string(s.System), s.decided()))
		}
	})
}

func halted(status text) bool { return status == "suspended" || status == "retired" }

// halted says whether a system must not decide at a time.
func (r *run) halted(system string, at time.Time) bool {
	stopped := false
	for _, s := range r.facts.acts[subject{"system", system}] {
		if string(s.Registry.Act) == ledger.ActStatus && !s.Time.After(at) {
			stopped = halted(s.Registry.Status)
		}
	}
	return stopped
}
