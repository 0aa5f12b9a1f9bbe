// SPDX-License-Identifier: Apache-2.0

package inquiry

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// soon is how long after a breach a finding about it must come.
const soon = 48 * time.Hour

// observed is a signal, a finding or an act, with what the log says of it.
type observed struct {
	*statement
	where api.Place
}

// monitoring lists what was measured and found about a system, and what was done:
// question 25.
func monitoring(ctx context.Context, a *asking) error {
	a.columns("kind", "code", "at", "value", "threshold", "group", "severity", "status", "owner", "due", "closed", "finding", "after_h", "by")
	a.figures("signals", "breaches", "no_finding", "late_finding", "findings", "open", "overdue", "actions")
	found, closed, err := a.findings(ctx)
	if err != nil {
		return err
	}
	err = a.about(ctx, ledger.Query{Type: string(record.Signal), From: a.From, To: a.To, Env: a.Env}, a.System, func(at spot, leaf []byte) error {
		s, err := parse(at, leaf)
		if err != nil {
			return err
		}
		a.answer.Looked++
		a.add("signals", 1)
		if s.Signal.Breached {
			a.breach(observed{s, a.place(at, s)}, found)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, f := range found {
		if a.covers(f.Time.Time) {
			a.finding(f, closed[string(f.ID)])
		}
	}
	return a.actions(ctx)
}

// findings are those about the system in the order of the log, and the records
// that close them.
func (a *asking) findings(ctx context.Context) (found []observed, closed map[string]time.Time, err error) {
	closed = map[string]time.Time{}
	err = a.about(ctx, ledger.Query{Type: string(record.Finding)}, a.System, func(at spot, leaf []byte) error {
		s, err := parse(at, leaf)
		if err == nil {
			found = append(found, observed{s, a.place(at, s)})
		}
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	ours := map[string]bool{}
	for _, f := range found {
		ours[string(f.ID)] = true
	}
	err = a.walk(ctx, ledger.Query{Type: string(record.Finding)}, func(_ spot, s *statement) error {
		if ours[string(s.About)] && isClosed(s.Finding.Status) {
			closed[string(s.About)] = s.Time.Time
		}
		return nil
	})
	return slices.DeleteFunc(found, func(f observed) bool { return ours[string(f.About)] }), closed, err
}

func isClosed(status text) bool { return status == "resolved" || status == "accepted" }

// breach looks for the finding about a signal that was over its threshold: one
// that is about it, or of the same name and group soon after.
func (a *asking) breach(o observed, found []observed) {
	a.add("breaches", 1)
	s := o.Signal
	v := map[string]any{"kind": "breach"}
	word(v, "code", s.Name)
	word(v, "group", s.Group)
	clock(v, "at", o.Time.Time)
	say(v, "value", s.Value)
	say(v, "threshold", s.Threshold)
	var faults []string
	n := slices.IndexFunc(found, func(f observed) bool {
		same := strings.Contains(string(f.Finding.Code), string(s.Name)) && f.Finding.Group == s.Group
		return f.About == o.ID || f.About == "" && same && !f.Time.Before(o.Time.Time)
	})
	if n < 0 {
		faults = append(faults, "no_finding")
	} else {
		after := found[n].Time.Sub(o.Time.Time)
		v["finding"], v["after_h"] = string(found[n].ID), after.Hours()
		if after > soon {
			faults = append(faults, "late_finding")
		}
	}
	a.put(&o.where, faults, v)
}

func (a *asking) finding(f observed, closed time.Time) {
	a.add("findings", 1)
	v := map[string]any{"kind": "finding"}
	word(v, "code", f.Finding.Code)
	word(v, "severity", f.Finding.Severity)
	word(v, "status", f.Finding.Status)
	word(v, "owner", f.Finding.Owner)
	word(v, "group", f.Finding.Group)
	clock(v, "at", f.Time.Time)
	clock(v, "due", f.Finding.Due.Time)
	clock(v, "closed", closed)
	var faults []string
	if closed.IsZero() && !isClosed(f.Finding.Status) {
		a.add("open", 1)
		if due := f.Finding.Due; !due.IsZero() && a.now.After(due.Time) {
			faults = append(faults, "overdue")
		}
	} else if due := f.Finding.Due; !due.IsZero() && closed.After(due.Time) {
		faults = append(faults, "overdue")
	}
	a.put(&f.where, faults, v)
}

// actions are what people did about the system, and its incidents.
func (a *asking) actions(ctx context.Context) error {
	acts, err := a.acts(ctx, func(r *registry) bool {
		return isSystem(r) && string(r.Name) == a.System || r.Act == ledger.ActPromote || r.Act == ledger.ActRollback
	})
	if err != nil {
		return err
	}
	for _, act := range acts {
		if !isSystem(&registry{Kind: text(act.Kind)}) && act.system != a.System || !a.covers(act.Time) {
			continue
		}
		v := map[string]any{"kind": "action", "code": act.Act, "by": act.By}
		word(v, "status", text(act.Status))
		clock(v, "at", act.Time)
		a.add("actions", 1)
		a.put(&act.Place, nil, v)
	}
	for _, kind := range []record.Type{record.Oversight, record.Incident} {
		err := a.about(ctx, ledger.Query{Type: string(kind), From: a.From, To: a.To, Env: a.Env}, a.System, func(at spot, leaf []byte) error {
			s, err := parse(at, leaf)
			if err != nil || kind == record.Oversight && s.Oversight.Act != "stop" {
				return err
			}
			v := map[string]any{"kind": map[bool]string{true: "action", false: "incident"}[kind == record.Oversight]}
			word(v, "code", cmp.Or(s.Oversight.Act, s.Incident.Code))
			word(v, "severity", s.Incident.Severity)
			word(v, "status", s.Incident.Status)
			word(v, "by", s.Oversight.Actor)
			clock(v, "at", s.Time.Time)
			here := a.place(at, s)
			a.add("actions", 1)
			a.put(&here, nil, v)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
