// SPDX-License-Identifier: Apache-2.0

package obligation_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/ledger/ledgertest"
	"github.com/counterfoil/counterfoil/internal/obligation"
)

// quarter are the production leaves of the first quarter of 2026, found without
// any of what the report uses.
func (r *rig) quarter(terms ...string) []leaf {
	r.t.Helper()
	var out []leaf
	for _, l := range ledgertest.Matching(r.Leaves(), terms...) {
		at, err := time.Parse(time.RFC3339Nano, l.Get("time"))
		must(r.t, err)
		if env := l.Get("env"); (env == "" || env == "production") && at.Year() == 2026 && at.Month() <= 3 {
			out = append(out, l)
		}
	}
	return out
}

// made are its decisions that were made.
func (r *rig) made(terms ...string) []leaf {
	r.t.Helper()
	return r.quarter(append([]string{"type=decision", "decision.status=made"}, terms...)...)
}

// with keeps the leaves of which one of the paths has something.
func with(all []leaf, paths ...string) []leaf {
	return slices.DeleteFunc(all, func(l leaf) bool {
		return !slices.ContainsFunc(paths, func(p string) bool {
			var v any = l.Members
			for name := range strings.SplitSeq(p, ".") {
				m, _ := v.(members)
				v = m[name]
			}
			return v != nil && v != false
		})
	})
}

// TestRecount counts the populations of rules again, from the leaves.
func TestRecount(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	r.seed()
	out := r.report(obligation.Asked{})
	made, reviews := len(r.made()), len(r.quarter("type=oversight"))
	high := len(r.made("system=score")) + len(r.made("system=scored"))
	days := map[string]bool{}
	for _, l := range r.made() {
		days[l.Get("time")[:10]] = true
	}
	steps, messages := len(with(r.made(), "steps")), len(with(r.made(), "outputs"))-2 // two are drafts
	for id, want := range map[string]int{
		"CR-01": len(r.Leaves()), "CR-04": 5, "CR-05": 4, "CR-06": len(days), "CR-07": 3, "CR-08": high, "CR-09": len(r.quarter()), "CR-10": made,
		"CR-11": len(r.quarter("registry.act=version.promote")), "CR-12": made, "CR-13": made, "CR-15": made + reviews,
		"CR-17": len(with(r.made(), "decision.adverse", "decision.significant")), "CR-18": made, "CR-19": 6, "CR-20": reviews,
		"CR-21": len(r.made("decision.automation=meaningful_human")), "CR-22": 2, "CR-23": reviews, "CR-26": 5, "CR-28": steps, "CR-30": messages - len(r.made("decision.automation=assistive")),
		"CR-31": high, "CR-33": messages, "CR-37": len(with(r.made(), "decision.adverse")), "CR-36": len(with(r.made(), "decision.adverse")),
		"CR-38": len(r.quarter("type=explanation", "explanation.audience=subject")), "CR-39": len(r.made("interaction.jurisdiction=US-CA")), "CR-3A": len(with(r.made(), "interaction.human_requested")),
		"CR-40": len(r.quarter("challenge.status=received")) - 1, "CR-41": len(r.quarter("challenge.kind=contest", "challenge.status=received")),
		"CR-44": len(with(r.quarter("type=erasure"), "erasure.month")), "CR-46": len(r.quarter("hold.act=place")), "CR-47": len(r.quarter("erasure.status=requested")), "CR-48": made,
		"CR-49": len(r.quarter("access.act=read")), "CR-61": 2, "CR-62": len(with(r.quarter("type=signal"), "signal.breached")), "CR-64": len(with(r.quarter("finding.status=open"), "finding.due")) - 1,
		"CR-65": len(r.quarter("type=incident")), "CR-67": len(r.made("system=stopped")), "CR-68": steps - 1,
		"CR-74": len(with(r.quarter(), "about")) + len(with(r.made(), "decision.supersedes")),
	} {
		equal(t, id+" population", rule(t, out, id).Population, want)
	}
}

// TestMonotonous adds records that are as they must be, and records that are
// not: the first hide no failure, the second are each found.
func TestMonotonous(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	r.seed()
	failed, n := map[string]int64{}, 0
	note := func() map[string]int64 {
		out := map[string]int64{}
		for _, res := range r.report(obligation.Asked{}).Rules {
			out[res.ID] = res.Failed
		}
		return out
	}
	failed = note()
	rapid.Check(t, func(rt *rapid.T) {
		n++
		id := fmt.Sprintf("more-%d", n)
		broken := ""
		switch rapid.IntRange(0, 5).Draw(rt, "kind") {
		case 0:
			r.decide(id, 30, nil)
		case 1:
			r.decide(id, 30, func(_, d mm, _ gv) { d["automation"] = "assistive"; d["reversible"] = true })
		case 2:
			r.Add("notice", id, 40, mm{"about": "d-good", "notice": mm{"kind": "ai_interaction"}})
		case 3:
			r.Add("signal", id, 40, mm{"system": "refund-agent", "signal": mm{"name": "latency", "value": 1}})
		case 4:
			broken = "CR-12"
			r.decide(id, 30, func(m, _ mm, _ gv) { delete(m, "inputs") })
		case 5:
			broken = "CR-13"
			r.decide(id, 30, func(_, d mm, _ gv) { delete(d, "outcome") })
		}
		now := note()
		for rule, was := range failed {
			want := was
			if rule == broken {
				want++
			}
			if now[rule] != want {
				rt.Errorf("%s: %d failed, now %d", rule, was, now[rule])
			}
		}
		failed = now
	})
}
