// SPDX-License-Identifier: Apache-2.0

package inquiry

import (
	"context"
	"slices"
	"time"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// How long after somebody knew of a serious incident an authority must: what
// Article 73 of the AI Act allows at most, and less for the worst.
const (
	day       = 24 * time.Hour
	reportAll = 15 * day
	reportDie = 10 * day
	reportBig = 2 * day
)

// event is something about an incident.
type event struct {
	kind  string
	where api.Place
	when  time.Time
	*statement
}

// dossier is what the log has about one incident.
type dossier struct {
	first    *statement // its record
	aware    time.Time
	closed   time.Time
	reported time.Time // zero: no authority was told
	held     bool
	about    []string // decisions that it is about
	ids      []string // its records
	events   []event
}

// file makes the file of an incident: question 26. Its clocks are counted from
// the times of records.
func file(ctx context.Context, a *asking) error {
	a.columns("kind", "code", "severity", "status", "at", "after_h", "by", "aware", "due", "reported", "closed", "limit_h")
	a.figures("events", "decisions_named", "decisions_in_its_time")
	if err := a.root(ctx); err != nil {
		return err
	}
	d, err := a.dossier(ctx)
	if err != nil {
		return err
	}
	a.answer.Looked = 1
	a.clocks(d)
	if err := a.altered(ctx, d); err != nil {
		return err
	}
	for _, e := range earliest(d.events, func(e event) int64 { return e.when.UnixNano() }) {
		a.event(d, e)
	}
	a.add("decisions_named", float64(len(d.about)))
	if d.first.System == "" {
		return nil
	}
	n, err := a.Count(ctx, ledger.Query{Type: string(record.Decision), System: string(d.first.System), From: d.aware, To: d.closed})
	a.add("decisions_in_its_time", float64(n))
	return err
}

// root turns the id of a later record of an incident into that of its first.
func (a *asking) root(ctx context.Context) error {
	for seen := map[string]bool{}; a.ID != "" && !seen[a.ID]; {
		seen[a.ID] = true
		var about text
		err := a.Among(ctx, ledger.Query{Type: string(record.Incident)}, []string{a.ID}, func(at spot, leaf []byte) error {
			s, err := parse(at, leaf)
			if err == nil {
				about = s.About
			}
			return err
		})
		if err != nil || about == "" {
			return err
		}
		err = a.Among(ctx, ledger.Query{Type: string(record.Incident)}, []string{string(about)}, func(spot, []byte) error {
			a.ID = string(about)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// dossier gathers the records of an incident, and those about them.
func (a *asking) dossier(ctx context.Context) (*dossier, error) {
	d := &dossier{}
	err := a.walk(ctx, ledger.Query{Type: string(record.Incident)}, func(at spot, s *statement) error {
		if string(s.ID) != a.ID && string(s.About) != a.ID {
			return nil
		}
		if string(s.ID) == a.ID {
			d.first = s
			if s.About != "" {
				d.about = append(d.about, string(s.About))
			}
		}
		if opened := s.Incident.Opened.Or(s.Time.Time); d.aware.IsZero() || opened.Before(d.aware) {
			d.aware = opened
		}
		if !s.Incident.Closed.IsZero() {
			d.closed = s.Incident.Closed.Time
		}
		d.ids = append(d.ids, string(s.ID))
		d.events = append(d.events, event{"incident", a.place(at, s), s.Time.Time, s})
		return nil
	})
	if err != nil {
		return nil, err
	}
	if d.first == nil {
		return nil, fault(ledger.NotFound, "counterfoil list --type incident lists them", "there is no incident %s", a.ID)
	}
	for _, kind := range []record.Type{record.Notice, record.Hold, record.Finding} {
		err := a.walk(ctx, ledger.Query{Type: string(kind)}, func(at spot, s *statement) error {
			if !slices.Contains(d.ids, string(s.About)) {
				return nil
			}
			when := s.Notice.Delivered.Or(s.Time.Time)
			d.held = d.held || kind == record.Hold
			if kind == record.Notice && hasPart(string(s.Notice.Kind), "authority", "regulator") && (d.reported.IsZero() || when.Before(d.reported)) {
				d.reported = when
			}
			d.events = append(d.events, event{string(kind), a.place(at, s), when, s})
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return d, nil
}

// limit is how long an authority may wait for a report.
func (d *dossier) limit() time.Duration {
	switch code := string(d.first.Incident.Code); {
	case hasPart(code, "widespread", "infrastructure"):
		return reportBig
	case hasPart(code, "death", "fatal"):
		return reportDie
	}
	return reportAll
}

// clocks are in the first row. Only of a serious incident is a report due.
func (a *asking) clocks(d *dossier) {
	limit := d.limit()
	v := map[string]any{"kind": "clocks", "limit_h": limit.Hours()}
	word(v, "code", d.first.Incident.Code)
	word(v, "severity", d.first.Incident.Severity)
	clock(v, "aware", d.aware)
	clock(v, "reported", d.reported)
	clock(v, "closed", d.closed)
	var faults []string
	if s := d.first.Incident.Severity; s == "high" || s == "critical" {
		due := d.aware.Add(limit)
		clock(v, "due", due)
		switch {
		case d.reported.IsZero() && a.now.After(due):
			faults = append(faults, "not_reported")
		case d.reported.After(due):
			faults = append(faults, "reported_late")
		}
		if !d.held {
			faults = append(faults, "no_hold")
		}
	}
	a.put(nil, faults, v)
}

// altered adds the acts on the system behind the start of the incident.
func (a *asking) altered(ctx context.Context, d *dossier) error {
	system := string(d.first.System)
	acts, err := a.acts(ctx, func(r *registry) bool {
		return isSystem(r) && string(r.Name) == system || r.Act == ledger.ActPromote || r.Act == ledger.ActRollback
	})
	if err != nil || system == "" {
		return err
	}
	for _, act := range acts {
		ours := act.name == system && (act.Kind == "system" || act.Kind == "use_case") || act.system == system
		if !ours || act.Time.Before(d.aware) || !d.closed.IsZero() && act.Time.After(d.closed) {
			continue
		}
		s := &statement{}
		s.Registry.Act, s.Registry.Status, s.Registry.Actor = text(act.Act), text(act.Status), text(act.By)
		d.events = append(d.events, event{"change", act.Place, act.Time, s})
	}
	return nil
}

func (a *asking) event(d *dossier, e event) {
	a.add("events", 1)
	v := map[string]any{"kind": e.kind, "after_h": e.when.Sub(d.aware).Hours()}
	clock(v, "at", e.when)
	for _, t := range []text{e.Incident.Code, e.Notice.Kind, e.Finding.Code, e.Hold.Act, e.Registry.Act} {
		word(v, "code", t)
	}
	for _, t := range []text{e.Incident.Status, e.Finding.Status, e.Registry.Status} {
		word(v, "status", t)
	}
	word(v, "by", e.Registry.Actor)
	var faults []string
	// A suspension keeps a system as it is; anything else may spoil the evidence.
	if e.kind == "change" && e.Registry.Status != suspended && (d.reported.IsZero() || e.when.Before(d.reported)) {
		faults = append(faults, "altered_before_report")
	}
	a.put(&e.where, faults, v)
}
