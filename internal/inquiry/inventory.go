// SPDX-License-Identifier: Apache-2.0

package inquiry

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// inService is the status of a system that may decide.
const inService = "in_service"

// active is what a system decided: in all, and in the time that is asked about.
type active struct {
	first, last *api.Place
	n, within   int64
}

// inventory holds the systems that decide against those in the register:
// question 5. Those that are not in the register come first, then the silent.
func inventory(ctx context.Context, a *asking) error {
	a.columns("system", "status", "risk", "decisions", "first", "last")
	a.figures("systems", "unregistered", "silent", "decisions_without_system")
	seen := map[string]*active{}
	err := a.skim(ctx, ledger.Query{Type: string(record.Decision), System: a.System, Env: a.Env}, func(at spot, s *heading) error {
		if s.System == "" {
			a.add("decisions_without_system", 1)
			return nil
		}
		y := seen[string(s.System)]
		if y == nil {
			y = &active{}
			seen[string(s.System)] = y
		}
		here := a.head(at, s)
		if y.first == nil || here.Time.Before(y.first.Time) {
			y.first = &here
		}
		if y.last == nil || !here.Time.Before(y.last.Time) {
			y.last = &here
		}
		if y.n++; a.covers(here.Time) {
			y.within++
		}
		return nil
	})
	if err != nil {
		return err
	}
	known, err := a.register(ctx)
	if err != nil {
		return err
	}
	names := slices.Collect(maps.Keys(seen))
	for name := range known {
		if seen[name] == nil && (a.System == "" || a.System == name) {
			names = append(names, name)
			seen[name] = &active{}
		}
	}
	order := map[string]int{}
	for _, name := range names {
		switch missing(known[name], seen[name]) {
		case "unregistered":
			order[name] = 0
		case "silent":
			order[name] = 1
		default:
			order[name] = 2
		}
	}
	slices.SortFunc(names, func(x, y string) int { return cmp.Or(cmp.Compare(order[x], order[y]), cmp.Compare(x, y)) })
	for _, name := range names {
		a.system(name, known[name], seen[name])
	}
	return nil
}

// missing says what does not fit between the register and the decisions.
func missing(d *described, y *active) string {
	switch {
	case d == nil && y.within > 0:
		return "unregistered"
	case d != nil && d.status == inService && y.within == 0:
		return "silent"
	}
	return ""
}

func (a *asking) system(name string, d *described, y *active) {
	v := map[string]any{"system": name, "decisions": y.within}
	if d != nil {
		word(v, "status", text(d.status))
		word(v, "risk", text(d.risk))
	}
	if y.n > 0 {
		clock(v, "first", y.first.Time)
		clock(v, "last", y.last.Time)
	}
	a.answer.Looked++
	a.add("systems", 1)
	var faults []string
	if f := missing(d, y); f != "" {
		faults = append(faults, f)
	}
	a.put(y.last, faults, v)
}
