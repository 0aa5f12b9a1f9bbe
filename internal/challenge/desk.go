// SPDX-License-Identifier: Apache-2.0

package challenge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// Config says what a desk works with.
type Config struct {
	// Ledger is running, with its keys. Required.
	Ledger *ledger.Ledger
	// Regimes are the rules about answers. Default: [DefaultRegimes].
	Regimes *Regimes
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

// Desk keeps the challenges of one ledger. It is safe for concurrent use.
type Desk struct {
	cfg Config
	l   *ledger.Ledger

	mu    sync.Mutex // guards all below
	next  int64      // index that the log is read from
	cases map[string]*Case
	order []string // ids, oldest first
}

// New makes a desk, which knows nothing yet: the first question reads the log.
func New(cfg Config) (*Desk, error) {
	if cfg.Ledger == nil {
		return nil, errors.New("make challenge desk: Ledger is required")
	}
	if cfg.Regimes == nil {
		cfg.Regimes = DefaultRegimes()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Desk{cfg: cfg, l: cfg.Ledger, cases: map[string]*Case{}}, nil
}

// Regimes are the rules in force.
func (d *Desk) Regimes() *Regimes { return d.cfg.Regimes }

// Case is one challenge, as the log has it.
type Case struct {
	ID     string `json:"id"` // of its first record
	Kind   string `json:"kind"`
	Regime string `json:"regime,omitempty"`
	// About is the decision; System and Model are those of it.
	About        string    `json:"about,omitempty"`
	System       string    `json:"system,omitempty"`
	Model        string    `json:"model,omitempty"`
	Status       string    `json:"status"`
	Outcome      string    `json:"outcome,omitempty"`
	Received     time.Time `json:"received"`
	Acknowledged time.Time `json:"acknowledged,omitzero"`
	AckDue       time.Time `json:"acknowledge_due,omitzero"`
	Due          time.Time `json:"due,omitzero"`
	Closed       time.Time `json:"closed,omitzero"`
	Assignee     string    `json:"assignee,omitempty"`
	// Late says what was, or is, not done in time: acknowledge, answer.
	Late  []string `json:"late,omitempty"`
	Steps []Step   `json:"steps"`

	last int64 // index of the newest record
}

// Step is one record of a case.
type Step struct {
	Record string    `json:"record"`
	Index  int64     `json:"index"`
	Time   time.Time `json:"time"`
	Status string    `json:"status"`
	By     string    `json:"by"` // the writer
}

// open says whether somebody has to do something.
func (c *Case) open() bool { return c.Status != "resolved" && c.Status != "withdrawn" }

// body is what a desk needs of a statement.
type body struct {
	Challenge struct {
		Kind     string `json:"kind"`
		Status   string `json:"status"`
		Outcome  string `json:"outcome"`
		Regime   string `json:"regime"`
		Received string `json:"received"`
		Due      string `json:"due"`
		Assignee string `json:"assignee"`
	} `json:"challenge"`
}

// read takes what the log has since the last time. Callers hold mu.
func (d *Desk) read(ctx context.Context) error {
	for {
		p, err := d.l.List(ctx, ledger.Query{Type: string(record.Challenge), Start: d.next, Ascending: true, Limit: 1000})
		if err != nil {
			return err
		}
		for _, e := range p.Entries {
			if err := d.take(ctx, e); err != nil {
				return err
			}
			d.next = e.Index + 1
		}
		if !p.More {
			return nil
		}
	}
}

func (d *Desk) take(ctx context.Context, e ledger.Entry) error {
	st, err := record.ParseStatement(e.Statement)
	if err != nil {
		return fmt.Errorf("read challenge at index %d: %w", e.Index, err)
	}
	var b body
	if err := json.Unmarshal(e.Statement, &b); err != nil {
		return nil // a stricter ledger seals what is needed: the case can not be followed
	}
	f := st.Fields()
	c := d.cases[f.About]
	if c == nil { // it is about a decision, or nothing: a new case
		c = &Case{ID: f.ID, Kind: b.Challenge.Kind, About: f.About, Received: f.Time.UTC()}
		if err := d.describe(ctx, c); err != nil {
			return err
		}
		d.cases[c.ID] = c
		d.order = append(d.order, c.ID)
	}
	set := func(into *string, v string) {
		if v != "" {
			*into = v
		}
	}
	set(&c.Status, b.Challenge.Status)
	set(&c.Outcome, b.Challenge.Outcome)
	set(&c.Regime, b.Challenge.Regime)
	set(&c.Assignee, b.Challenge.Assignee)
	if t, err := time.Parse(time.RFC3339Nano, b.Challenge.Received); err == nil {
		c.Received = t.UTC()
	}
	if t, err := time.Parse(time.RFC3339Nano, b.Challenge.Due); err == nil {
		c.Due = t.UTC()
	}
	if g := d.cfg.Regimes.find(c.Regime); g != nil {
		c.AckDue = g.Acknowledge.after(c.Received)
		if c.Due.IsZero() {
			c.Due = g.Answer.after(c.Received)
		}
	}
	switch c.Status {
	case "resolved", "withdrawn":
		c.Closed = f.Time.UTC()
		fallthrough
	case "acknowledged", "assigned":
		if c.Acknowledged.IsZero() {
			c.Acknowledged = f.Time.UTC()
		}
	}
	c.Steps = append(c.Steps, Step{Record: f.ID, Index: e.Index, Time: f.Time.UTC(), Status: b.Challenge.Status, By: f.Principal})
	c.last = e.Index
	return nil
}

// describe looks up the decision of a case.
func (d *Desk) describe(ctx context.Context, c *Case) error {
	if c.About == "" {
		return nil
	}
	e, err := d.l.Get(ctx, c.About)
	if le, ok := errors.AsType[*ledger.Error](err); ok && le.Code == ledger.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	st, err := record.ParseStatement(e.Statement)
	if err == nil {
		c.System, c.Model = st.Fields().System, st.Fields().Model
	}
	return err
}

// copy is the case for others, with what is late now.
func (c *Case) copy(now time.Time) Case {
	out := *c
	out.Steps = slices.Clone(c.Steps)
	out.Late = nil
	late := func(what string, due, done time.Time) {
		if done.IsZero() {
			done = now
		}
		if !due.IsZero() && done.After(due) {
			out.Late = append(out.Late, what)
		}
	}
	late("acknowledge", c.AckDue, c.Acknowledged)
	late("answer", c.Due, c.Closed)
	return out
}

// Filter selects cases; the zero value selects all.
type Filter struct {
	Status   string // or "open": all that somebody has to do something about
	Kind     string
	System   string
	Assignee string
	Late     bool
	Within   []string // systems that are seen; nil: all
}

// List lists cases, those that are due first in front.
func (d *Desk) List(ctx context.Context, f Filter) ([]Case, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.read(ctx); err != nil {
		return nil, err
	}
	now := d.cfg.Now()
	out := []Case{}
	for _, id := range d.order {
		c := d.cases[id].copy(now)
		switch {
		case f.Status == "open" && !c.open(), f.Status != "" && f.Status != "open" && c.Status != f.Status:
		case f.Kind != "" && c.Kind != f.Kind, f.System != "" && c.System != f.System, f.Assignee != "" && c.Assignee != f.Assignee:
		case f.Late && len(c.Late) == 0, f.Within != nil && !slices.Contains(f.Within, c.System):
		default:
			out = append(out, c)
		}
	}
	slices.SortStableFunc(out, func(a, b Case) int {
		if a.open() != b.open() {
			if a.open() {
				return -1
			}
			return 1
		}
		return a.Due.Compare(b.Due)
	})
	return out, nil
}

// Get returns a case.
func (d *Desk) Get(ctx context.Context, id string) (Case, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.read(ctx); err != nil {
		return Case{}, err
	}
	c := d.cases[id]
	if c == nil {
		return Case{}, fault(ledger.NotFound, "counterfoil challenge list shows them", "there is no challenge %q", id)
	}
	return c.copy(d.cfg.Now()), nil
}

// Rate is how challenges of decisions of one model version ended.
type Rate struct {
	Model      string  `json:"model"` // empty: the decisions name none
	Challenges int     `json:"challenges"`
	Open       int     `json:"open"`
	Resolved   int     `json:"resolved"`
	Overturned int     `json:"overturned"` // wholly or partly
	Rate       float64 `json:"overturn_rate"`
	Late       int     `json:"late"`
	// MedianDays is how long the resolved ones took, in days.
	MedianDays float64 `json:"median_days"`
}

// Rates counts the cases received in a span of time, by model version of the
// decision.
func (d *Desk) Rates(ctx context.Context, from, to time.Time) ([]Rate, error) {
	all, err := d.List(ctx, Filter{})
	if err != nil {
		return nil, err
	}
	by, took := map[string]*Rate{}, map[string][]float64{}
	for _, c := range all {
		if c.Received.Before(from) || !to.IsZero() && !c.Received.Before(to) {
			continue
		}
		r := by[c.Model]
		if r == nil {
			r = &Rate{Model: c.Model}
			by[c.Model] = r
		}
		r.Challenges++
		if len(c.Late) > 0 {
			r.Late++
		}
		if c.open() {
			r.Open++
		}
		if c.Status != "resolved" {
			continue
		}
		r.Resolved++
		took[c.Model] = append(took[c.Model], c.Closed.Sub(c.Received).Hours()/24)
		if c.Outcome == "overturned" || c.Outcome == "partly" {
			r.Overturned++
		}
	}
	out := make([]Rate, 0, len(by))
	for model, r := range by {
		if days := took[model]; len(days) > 0 {
			slices.Sort(days)
			r.MedianDays = (days[(len(days)-1)/2] + days[len(days)/2]) / 2
			r.Rate = float64(r.Overturned) / float64(r.Resolved)
		}
		out = append(out, *r)
	}
	slices.SortFunc(out, func(a, b Rate) int { return strings.Compare(a.Model, b.Model) })
	return out, nil
}

func fault(code ledger.Code, hint, format string, args ...any) error {
	return &ledger.Error{Code: code, Message: fmt.Sprintf(format, args...), Hint: hint}
}
