// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// plan is one defect: it is planted in the first record that suits from its
// time on.
type plan struct {
	name, title, explanation string
	from                     time.Time
	taken                    bool
	ids                      []string
}

// silentWeekday is when router-2 is silent: a full working day.
const silentWeekday = time.Wednesday

func newPlans(start time.Time) []plan {
	at := func(day, hour int) time.Time { return start.AddDate(0, 0, day).Add(time.Duration(hour) * time.Hour) }
	quiet := at(8, 0)
	for quiet.Weekday() != silentWeekday {
		quiet = quiet.AddDate(0, 0, 1)
	}
	all := []plan{
		{name: "model_mismatch", from: at(3, 10), title: "the provider answered with another model than was asked for",
			explanation: "aria asked for " + ariaModel + ", but the step's response_model is " + draftModel + ". Nobody approved that model for this prompt."},
		{name: "unmarked_output", from: at(5, 14), title: "an output made by AI that is not marked as such",
			explanation: "The reply went to the customer with marked_ai false; all others are marked."},
		{name: "control_error", from: at(7, 9), title: "a control that did not run",
			explanation: "pii-in-reply ended in an error instead of pass or fail, and the reply was sent all the same. An error counts as failed."},
		{name: "silent_day", from: quiet, title: "a source that is silent for a day",
			explanation: "router-2 sent nothing on " + quiet.Format(time.DateOnly) + ", not even the heartbeat that says so, while router-1 went on. Its numbers have no gap: only the silence shows it."},
		{name: "count_mismatch", from: at(10, 0), title: "fewer records than the other side counted",
			explanation: "The mail gateway, which others own, counted 4 more messages on " + at(10, 0).Format(time.DateOnly) + " than draft-assist recorded, and nobody explained it."},
		{name: "unknown_model_version", from: at(12, 11), title: "a decision by a model version that the register does not know",
			explanation: "fraud-score@3.4.0-rc1 was never registered, approved or promoted, yet it denied a refund."},
		{name: "late_notice", from: at(15, 9), title: "a customer who was told nine days late",
			explanation: "The notice about this denied refund was delivered nine days after the decision; all others within an hour. The time to contest had been running."},
		{name: "attempt_without_outcome", from: at(18, 10), title: "an attempt without an outcome",
			explanation: "The fraud score was asked (status requested), and no decision about that attempt follows: made, refused, error, timeout or abandoned. Either it is lost or it was left out."},
		{name: "source_gap", from: at(20, 13), title: "numbers missing from a source",
			explanation: "aria-chat-2 jumps over three sequence numbers before this record. Three records were sent or suppressed and never arrived."},
		{name: "too_quick_approval", from: at(22, 10), title: "an approval after 0.8 seconds",
			explanation: "A refund over the threshold was approved with dwell_ms 800 and one thing opened; nobody reads a case in that time."},
		{name: "adverse_without_reason", from: at(25, 10), title: "an adverse decision without a reason",
			explanation: "This denial has neither factors nor a reason text, and the control that would have found it was skipped. It can not be explained to the customer."},
	}
	slices.SortStableFunc(all, func(a, b plan) int { return a.from.Compare(b.from) })
	return all
}

func (g *generator) plan(name string) *plan {
	for i := range g.plans {
		if g.plans[i].name == name {
			return &g.plans[i]
		}
	}
	panic("demo: no plan " + name)
}

// due reports whether one of the defects is still to be planted at a time.
func (g *generator) due(at time.Time, names ...string) bool {
	for _, n := range names {
		if p := g.plan(n); !p.taken && !at.Before(p.from) {
			return true
		}
	}
	return false
}

// want is due, and takes the defect; the caller gives the record in which it
// shows to planted. Only one is taken at a time.
func (g *generator) want(name string, at time.Time) bool {
	if g.pending != "" || !g.due(at, name) {
		return false
	}
	g.plan(name).taken = true
	g.pending = name
	return true
}

// planted notes the record in which the taken defect shows. A record that is
// later than now does not exist; then the defect is to be planted again.
func (g *generator) planted(r *rec) {
	name := g.pending
	if g.pending = ""; name == "" {
		return
	}
	if r == nil {
		g.plan(name).taken = false
		return
	}
	g.mark(name, r)
}

func (g *generator) mark(name string, records ...*rec) {
	p := g.plan(name)
	p.taken = true
	for _, r := range records {
		r.defect = name
		p.ids = append(p.ids, r.id)
	}
}

func (g *generator) silent(at time.Time) bool {
	return at.Truncate(24 * time.Hour).Equal(g.plan("silent_day").from)
}

// plantLate plants what shows only in the whole: a gap and a silence.
func (g *generator) plantLate() {
	var before, after *rec
	for _, r := range g.recs {
		if r.source == "aria-chat-2" && g.due(r.at, "source_gap") && r.body["type"] == "decision" {
			r.skip = 3
			g.mark("source_gap", r)
		}
		if r.source != "router-2" {
			continue
		}
		if r.at.Before(g.plan("silent_day").from) {
			before = r
		} else if after == nil {
			after = r
		}
	}
	for _, r := range []*rec{before, after} {
		if r != nil {
			g.mark("silent_day", r)
		}
	}
}

func (g *generator) defects() []Defect {
	out := make([]Defect, 0, len(g.plans))
	for _, p := range g.plans {
		out = append(out, Defect{Name: p.name, Title: p.title, Explanation: p.explanation, Records: p.ids})
	}
	return out
}

// String is the defect on one line, for a terminal.
func (d Defect) String() string {
	return fmt.Sprintf("%s: %s (%s)", d.Name, d.Title, strings.Join(d.Records, ", "))
}
