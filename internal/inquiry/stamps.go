// SPDX-License-Identifier: Apache-2.0

package inquiry

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// A group is suspected of stamping if it changes fewer decisions than this, and
// looks shorter. The room that watches reviewers has the same numbers.
const (
	fewChanges = 0.02
	shortLook  = 10.0 // seconds
	codeStamps = "rubber_stamp"
)

// stamper is a reviewer or a team.
type stamper struct{ kind, name string }

// habits are how one of them reviews.
type habits struct {
	acts, changed, quick float64
	dwells               []float64
	teams                map[string]bool // of a reviewer; a team has itself
	days                 map[string]bool
}

// stamps says who looks as if they only stamp: question 10.
func stamps(ctx context.Context, a *asking) error {
	a.columns("kind", "name", "acts", "change_rate", "median_dwell_s", "quick_share", "per_day", "finding")
	a.figures("acts", "groups", "suppressed", "rubber_stamp", "no_finding")
	groups, err := a.habits(ctx)
	if err != nil {
		return err
	}
	findings, err := a.stampFindings(ctx)
	if err != nil {
		return err
	}
	names := slices.SortedFunc(maps.Keys(groups), func(x, y stamper) int {
		return cmp.Or(-cmp.Compare(x.kind, y.kind), cmp.Compare(x.name, y.name))
	})
	for _, who := range names {
		h := groups[who]
		a.answer.Looked++
		a.add("groups", 1)
		if h.acts < minGroup {
			a.add("suppressed", 1)
			continue
		}
		middle := median(h.dwells)
		v := map[string]any{"kind": who.kind, "name": who.name, "acts": h.acts, "change_rate": share(h.changed, h.acts),
			"per_day": share(h.acts, float64(len(h.days)))}
		if len(h.dwells) > 0 {
			v["median_dwell_s"], v["quick_share"] = middle, share(h.quick, float64(len(h.dwells)))
		}
		var faults []string
		if share(h.changed, h.acts) < fewChanges && len(h.dwells) > 0 && middle < shortLook {
			faults = append(faults, "rubber_stamp")
			if id := said(findings, who.name, h.teams); id != "" {
				v["finding"] = id
			} else {
				faults = append(faults, "no_finding")
			}
		}
		a.put(nil, faults, v)
	}
	return nil
}

// habits counts the acts of each reviewer and each team.
func (a *asking) habits(ctx context.Context) (map[stamper]*habits, error) {
	groups := map[stamper]*habits{}
	err := a.walk(ctx, a.query(string(record.Oversight)), func(_ spot, s *statement) error {
		r := review{oversight: s.Oversight, when: s.Time.Time}
		a.add("acts", 1)
		for _, who := range []stamper{{"team", string(r.Team)}, {"reviewer", string(r.Actor)}} {
			if who.name == "" {
				continue
			}
			h := groups[who]
			if h == nil {
				h = &habits{teams: map[string]bool{}, days: map[string]bool{}}
				groups[who] = h
			}
			h.see(&r)
		}
		return nil
	})
	return groups, err
}

func (h *habits) see(r *review) {
	h.acts++
	h.teams[string(r.Team)], h.days[r.when.UTC().Format(time.DateOnly)] = true, true
	if r.changes() {
		h.changed++
	}
	if seconds, ok := r.dwell(); ok {
		h.dwells = append(h.dwells, seconds)
		if seconds < shortLook {
			h.quick++
		}
	}
}

// stampFindings are the findings about stamping: the record of each by the group
// that it names, or that its id ends with. One that is older than what is asked
// about is about something else.
func (a *asking) stampFindings(ctx context.Context) (map[string]string, error) {
	out := map[string]string{}
	err := a.walk(ctx, ledger.Query{Type: string(record.Finding), Kind: codeStamps, From: a.From}, func(_ spot, s *statement) error {
		group := string(s.Finding.Group)
		if group == "" {
			group = string(s.ID)[strings.LastIndexByte(string(s.ID), ':')+1:]
		}
		out[group] = string(s.ID)
		return nil
	})
	return out, err
}

// said is the finding about a group, or about a team that a reviewer is of.
func said(findings map[string]string, name string, teams map[string]bool) string {
	plain := func(name string) string { return strings.NewReplacer("/", "-", "@", "-", "+", "-").Replace(name) }
	for _, n := range append([]string{name}, slices.Sorted(maps.Keys(teams))...) {
		if id := cmp.Or(findings[n], findings[plain(n)]); n != "" && id != "" {
			return id
		}
	}
	return ""
}

// share is a part of a whole, in thousandths.
func share(part, whole float64) float64 {
	if whole == 0 {
		return 0
	}
	return math.Round(1000*part/whole) / 1000
}
