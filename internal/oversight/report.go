// SPDX-License-Identifier: Apache-2.0

package oversight

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// MinGroup is how many acts a group must have for figures to be shown: of fewer,
// they would be about persons.
const MinGroup = 50

// A group of which fewer decisions are changed, and which looks shorter, is
// suspected of rubber-stamping. Both are defaults of ours.
const (
	suspectChange = 0.02
	suspectDwell  = 10 * time.Second
)

// Group is how one team reviewed in a month.
type Group struct {
	Team string `json:"team"` // empty: the acts name none
	// Acts is how many there were. Suppressed says that they are too few for
	// figures.
	Acts       int     `json:"acts"`
	Suppressed bool    `json:"suppressed,omitempty"`
	ChangeRate float64 `json:"change_rate"` // edit, override, reject and stop, of all acts
	// MedianDwell is how long was looked at, in seconds.
	MedianDwell float64 `json:"median_dwell_s"`
	QuickShare  float64 `json:"quick_share"` // looked at for less than 10 seconds
	PerDay      float64 `json:"per_day"`
	Suspect     bool    `json:"suspect,omitempty"`
	Finding     string  `json:"finding,omitempty"` // the record about it
}

// Stamps is the report about a month.
type Stamps struct {
	Month  string  `json:"month"`
	Groups []Group `json:"groups"`
	Size   int64   `json:"size"` // leaves that were counted
}

// act is what a report needs of an oversight record.
type act struct {
	Oversight struct {
		Act        string   `json:"act"`
		Actor      string   `json:"actor"`
		Role       string   `json:"role"`
		Team       string   `json:"team"`
		Before     string   `json:"before"`
		After      string   `json:"after"`
		Reason     string   `json:"reason_code"`
		Dwell      *int64   `json:"dwell_ms"`
		Opened     []string `json:"opened"`
		Shown      string   `json:"shown"`
		Rank       int      `json:"rank"`
		Competence string   `json:"competence"`
	} `json:"oversight"`
}

// each walks the records that a query selects, oldest first.
func (o *Office) each(ctx context.Context, q ledger.Query, fn func(*record.Statement, []byte) error) error {
	q.Ascending, q.Limit = true, 1000
	for {
		p, err := o.l.List(ctx, q)
		if err != nil {
			return err
		}
		for _, e := range p.Entries {
			st, err := record.ParseStatement(e.Statement)
			if err != nil {
				return fmt.Errorf("read record at index %d: %w", e.Index, err)
			}
			if err := fn(st, e.Statement); err != nil {
				return err
			}
		}
		if !p.More {
			return nil
		}
		q.Start = p.Cursor
	}
}

// Stamps counts the acts of a month (2026-05) by team, from the public values of
// the log. For each suspect group it writes a finding, once.
func (o *Office) Stamps(ctx context.Context, month string) (*Stamps, error) {
	from, err := time.Parse("2006-01", month)
	if err != nil {
		return nil, fault(ledger.Invalid, "write it like 2026-05", "%q is not a month", month)
	}
	to := from.AddDate(0, 1, 0)
	out := &Stamps{Month: month, Groups: []Group{}}
	if out.Size, err = o.l.Size(ctx); err != nil {
		return nil, err
	}
	groups, dwells := map[string]*Group{}, map[string][]float64{}
	err = o.each(ctx, ledger.Query{Type: string(record.Oversight), From: from, To: to, Before: max(out.Size, 1)}, func(_ *record.Statement, raw []byte) error {
		var a act
		if json.Unmarshal(raw, &a) != nil {
			return nil // a stricter ledger seals it
		}
		g := groups[a.Oversight.Team]
		if g == nil {
			g = &Group{Team: a.Oversight.Team}
			groups[g.Team] = g
		}
		g.Acts++
		if slices.Contains([]string{Edit, Override, Reject, Stop}, a.Oversight.Act) {
			g.ChangeRate++
		}
		if a.Oversight.Dwell != nil {
			seconds := float64(*a.Oversight.Dwell) / 1000
			dwells[g.Team] = append(dwells[g.Team], seconds)
			if seconds < suspectDwell.Seconds() {
				g.QuickShare++
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	days := to.Sub(from).Hours() / 24
	for team, g := range groups {
		g.figures(dwells[team], days)
		if g.Suspect {
			if g.Finding, err = o.suspect(ctx, month, team); err != nil {
				return nil, err
			}
		}
		out.Groups = append(out.Groups, *g)
	}
	slices.SortFunc(out.Groups, func(a, b Group) int { return strings.Compare(a.Team, b.Team) })
	return out, nil
}

// figures turns counts into rates, or takes them away.
func (g *Group) figures(dwell []float64, days float64) {
	if g.Acts < MinGroup {
		*g = Group{Team: g.Team, Acts: g.Acts, Suppressed: true}
		return
	}
	n := float64(g.Acts)
	g.ChangeRate /= n
	g.PerDay = n / days
	if len(dwell) > 0 {
		slices.Sort(dwell)
		g.MedianDwell = (dwell[(len(dwell)-1)/2] + dwell[len(dwell)/2]) / 2
		g.QuickShare /= float64(len(dwell))
	}
	g.Suspect = g.ChangeRate < suspectChange && len(dwell) > 0 && g.MedianDwell < suspectDwell.Seconds()
}

// suspect writes the finding about a group, if it is not there.
func (o *Office) suspect(ctx context.Context, month, team string) (string, error) {
	id := "rubber-stamp:" + month + ":" + strings.Map(func(r rune) rune {
		if r == '/' || r == '@' || r == '+' {
			return '-'
		}
		return r
	}, team)
	if _, err := o.l.Get(ctx, id); err == nil {
		return id, nil
	}
	f, err := o.finding("rubber_stamp", "high", "", "", id)
	if err != nil {
		return "", err
	}
	_, err = o.l.Append(ctx, ledger.Batch{Records: []*record.Record{f}, Principal: "counterfoil:oversight", Capture: "manual"})
	var e *ledger.Error
	if errors.As(err, &e) && e.Code == ledger.Conflict {
		err = nil // another was faster
	}
	return id, err
}

// Weak is a decision that is labelled as made with a person, of which the acts
// do not show it.
type Weak struct {
	ID     string `json:"id"`
	System string `json:"system"`
	// Fails lists what is missing: nobody (no act), timing (after it took
	// effect), shown (what was looked at), evidence (nothing was opened), dwell
	// (not measured, or under the floor).
	Fails []string `json:"fails"`
}

// Involvement is what the acts show about decisions labelled meaningful_human.
type Involvement struct {
	Labelled int    `json:"labelled"`
	Weak     []Weak `json:"weak"` // at most 1,000
	Count    int    `json:"weak_count"`
	Size     int64  `json:"size"`
}

// maxWeak is how many are listed.
const maxWeak = 1000

// Weak tests the decisions of a span of time that are labelled meaningful_human.
func (o *Office) Weak(ctx context.Context, from, to time.Time, within []string) (*Involvement, error) {
	out := &Involvement{Weak: []Weak{}}
	var err error
	if out.Size, err = o.l.Size(ctx); err != nil {
		return nil, err
	}
	err = o.each(ctx, ledger.Query{Type: string(record.Decision), Automation: "meaningful_human", From: from, To: to, Before: max(out.Size, 1)}, func(st *record.Statement, raw []byte) error {
		f := st.Fields()
		if within != nil && !slices.Contains(within, f.System) {
			return nil
		}
		out.Labelled++
		fails, err := o.test(ctx, &f, raw)
		if err == nil && len(fails) > 0 {
			if out.Count++; len(out.Weak) < maxWeak {
				out.Weak = append(out.Weak, Weak{f.ID, f.System, fails})
			}
		}
		return err
	})
	return out, err
}

// test looks for the best act on a decision, or on the attempt before it: one
// that passes is enough.
func (o *Office) test(ctx context.Context, f *record.Fields, raw []byte) ([]string, error) {
	var d struct {
		Decision struct{ Effective string } `json:"decision"`
	}
	if err := json.Unmarshal(raw, &d); err != nil {
		return nil, nil
	}
	effective, _ := time.Parse(time.RFC3339Nano, d.Decision.Effective) // the zero time: not said
	best := []string{"nobody"}
	for _, id := range []string{f.ID, f.About} {
		if id == "" {
			continue
		}
		err := o.each(ctx, ledger.Query{Type: string(record.Oversight), About: id}, func(st *record.Statement, raw []byte) error {
			var a act
			if json.Unmarshal(raw, &a) != nil {
				return nil
			}
			fails := []string{}
			if !effective.IsZero() && st.Fields().Time.After(effective) {
				fails = append(fails, "timing")
			}
			if a.Oversight.Shown == "" {
				fails = append(fails, "shown")
			}
			if len(a.Oversight.Opened) == 0 {
				fails = append(fails, "evidence")
			}
			if a.Oversight.Dwell == nil || *a.Oversight.Dwell == 0 || time.Duration(*a.Oversight.Dwell)*time.Millisecond < o.cfg.Floor(f.System) {
				fails = append(fails, "dwell")
			}
			if best[0] == "nobody" || len(fails) < len(best) {
				best = append(fails, "")[:len(fails):len(fails)]
				if len(best) == 0 {
					best = []string{""}
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if best[0] == "" {
		return nil, nil
	}
	return best, nil
}
