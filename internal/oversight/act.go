// SPDX-License-Identifier: Apache-2.0

package oversight

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// Acts of a reviewer.
const (
	Approve  = "approve"
	Edit     = "edit"
	Override = "override"
	Reject   = "reject"
	Escalate = "escalate"
	Stop     = "stop"
)

// Acts lists them.
var Acts = []string{Approve, Edit, Override, Reject, Escalate, Stop}

// Act is what a reviewer does.
type Act struct {
	Act    string
	After  string // the outcome after it; needed to override
	Reason string // a reason code; needed for all but approve
	Note   string // free text, kept private
	Shown  string // the digest of what was shown
	Opened []string
	Dwell  time.Duration // as the client measured it; 0: not
	// Draft and Text are the text before and after an edit; both are kept
	// private, the second in the record.
	Draft, Text string
}

func (o *Office) check(a *Act) error {
	switch {
	case !slices.Contains(Acts, a.Act):
		return fault(ledger.Invalid, "use one of: "+strings.Join(Acts, ", "), "%q is no act", a.Act)
	case a.Act != Approve && !slices.Contains(o.cfg.Reasons, a.Reason):
		return fault(ledger.Invalid, "use one of: "+strings.Join(o.cfg.Reasons, ", "), "to %s needs a reason code", a.Act)
	case a.Act == Override && a.After == "":
		return fault(ledger.Invalid, "say what it is to be", "to override needs the outcome after it")
	case a.Act == Edit && a.Text == "":
		return fault(ledger.Invalid, "send the text as changed", "to edit needs the text")
	}
	return nil
}

// Do records what a reviewer does, and changes the queue with it.
func (o *Office) Do(ctx context.Context, by By, id string, a Act) (Review, error) {
	if err := o.check(&a); err != nil {
		return Review{}, err
	}
	r, err := o.Get(ctx, id)
	if err != nil {
		return r, err
	}
	if r.State == "done" {
		return r, fault(ledger.Conflict, "", "the review of %s is done: %s", id, r.Act)
	}
	if err := holds(&r, by); err != nil {
		return r, err
	}
	if r.shown == "" || a.Shown != r.shown {
		return r, fault(ledger.Conflict, "counterfoil review show "+id+" shows it, and its digest", "you were not shown this, or something else since")
	}
	records, next, err := o.records(ctx, by, &r, a)
	if err != nil {
		return r, err
	}
	_, err = o.l.Append(ctx, ledger.Batch{Records: records, Principal: by.principal(), Capture: "manual", Also: func(ctx context.Context, tx *db.Tx, _ []int64) error {
		res, err := tx.Exec(ctx, `UPDATE review SET rank = ?, first = ?, act = ?, outcome = ?, done = ?, escalated = ?, assignee = '', holder = '', lease = 0, shown = '', shown_at = 0
			WHERE id = ? AND done = 0 AND holder = ? AND rank = ? AND shown = ?`, next.Acted, next.first, next.Act, next.Outcome, flag(next.State == "done"), flag(next.Escalated), id, by.Actor, r.Acted, r.shown)
		if err != nil {
			return fmt.Errorf("change review: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n != 1 {
			return errors.Join(err, fault(ledger.Conflict, "look at it again", "somebody else has just acted on the review of %s", id))
		}
		if next.State == "done" && o.cfg.Hook != nil {
			return o.post(ctx, tx, next)
		}
		return nil
	}})
	if e, ok := errors.AsType[*ledger.RecordError](err); ok {
		err = e.Err
	}
	if err != nil {
		return r, err
	}
	if a.Act == Stop {
		if err := o.cfg.Stop(ctx, by, r.System, "stopped in the review of "+id); err != nil {
			return *next, fmt.Errorf("the act is recorded, but the system could not be suspended: %w", err)
		}
	}
	return *next, nil
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// records are the record of the act, and findings that follow; next is the
// review after it.
func (o *Office) records(ctx context.Context, by By, r *Review, a Act) ([]*record.Record, *Review, error) {
	now := o.cfg.Now()
	before, err := o.outcome(ctx, r.ID)
	if err != nil {
		return nil, nil, err
	}
	if a.Act == Override && a.After == before {
		return nil, nil, fault(ledger.Invalid, "approve it, if it stands", "the outcome is %s already", before)
	}
	dwell := now.Sub(r.shownAt)
	if a.Dwell > 0 {
		dwell = min(dwell, a.Dwell)
	}
	after := a.After
	if after == "" && (a.Act == Approve || a.Act == Edit) {
		after = before
	}
	body := map[string]any{"act": a.Act, "actor": by.Actor, "shown": a.Shown, "dwell_ms": dwell.Milliseconds(), "rank": r.Acted + 1, "claimed": r.claimed.Format(time.RFC3339)}
	for name, v := range map[string]string{"role": by.Role, "team": by.Team, "before": before, "after": after, "reason_code": a.Reason, "reason": a.Note, "text": a.Text} {
		if v != "" {
			body[name] = v
		}
	}
	if len(a.Opened) > 0 {
		body["opened"] = a.Opened
	}
	if a.Act == Edit && a.Draft != "" {
		body["edit_ratio"] = editRatio(a.Draft, a.Text)
	}
	act, err := ledger.NewRecord(o.l.Rules(), record.Oversight, now, map[string]any{"about": r.ID, "system": r.System, "env": r.Env, "oversight": body})
	if err != nil {
		return nil, nil, err
	}
	out := []*record.Record{act}
	if floor := o.cfg.Floor(r.System); a.Act == Approve && dwell < floor {
		f, err := o.finding("quick_approval", "medium", act.ID(), r.System, "")
		if err != nil {
			return nil, nil, err
		}
		out = append(out, f)
	}
	return out, r.next(by, a, after), nil
}

// next is the review after an act.
func (r *Review) next(by By, a Act, after string) *Review {
	n := *r
	n.Act, n.Outcome, n.Acted, n.Holder, n.Assignee, n.State = a.Act, after, r.Acted+1, "", "", "waiting"
	switch {
	case a.Act == Escalate:
		n.Escalated, n.Acted, n.first = true, 0, ""
	case a.Act == Stop:
		n.State = "done"
	case n.Acted < r.Reviewers:
		n.first = by.Actor
	case r.Reviewers > 1 && (a.Act != r.Act || after != r.Outcome): // they do not agree
		n.Escalated, n.Acted, n.first = true, 0, ""
	default:
		n.State = "done"
	}
	return &n
}

// outcome is that of the decision that is reviewed; empty for an attempt.
func (o *Office) outcome(ctx context.Context, id string) (string, error) {
	e, err := o.l.Get(ctx, id)
	if err != nil {
		return "", err
	}
	st, err := record.ParseStatement(e.Statement)
	if err != nil {
		return "", fmt.Errorf("read decision: %w", err)
	}
	return st.Fields().Outcome, nil
}

func (o *Office) finding(code, severity, about, system, id string) (*record.Record, error) {
	now := o.cfg.Now()
	doc := map[string]any{"finding": map[string]any{"code": code, "status": "open", "severity": severity, "due": now.AddDate(0, 0, 14).UTC().Format(time.RFC3339)}}
	for name, v := range map[string]string{"about": about, "system": system, "id": id} {
		if v != "" {
			doc[name] = v
		}
	}
	return ledger.NewRecord(o.l.Rules(), record.Finding, now, doc)
}

// maxWords bounds what an edit ratio is computed over.
const maxWords = 3000

// editRatio is the share of words that were changed: the edit distance over
// words, by the longer text; 0: unchanged, 1: rewritten. It is rounded to
// thousandths.
func editRatio(before, after string) float64 {
	a, b := strings.Fields(before), strings.Fields(after)
	a, b = a[:min(len(a), maxWords)], b[:min(len(b), maxWords)]
	if len(a) == 0 && len(b) == 0 {
		return 0
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		diag := row[0]
		row[0] = i + 1
		for j := range b {
			cost := diag
			if a[i] != b[j] {
				cost++
			}
			diag = row[j+1]
			row[j+1] = min(cost, row[j]+1, diag+1)
		}
	}
	return float64(row[len(b)]*1000/max(len(a), len(b))) / 1000
}

// Sweep escalates reviews that are overdue, once each, with a finding; it returns
// how many.
func (o *Office) Sweep(ctx context.Context) (int, error) {
	late, err := o.List(ctx, Filter{Overdue: true, MaxItems: 500})
	if err != nil {
		return 0, err
	}
	n := 0
	for _, r := range late {
		if r.Escalated {
			continue
		}
		f, err := o.finding("review_overdue", "high", r.ID, r.System, "")
		if err != nil {
			return n, err
		}
		_, err = o.l.Append(ctx, ledger.Batch{Records: []*record.Record{f}, Principal: "counterfoil:oversight", Capture: "manual", Also: func(ctx context.Context, tx *db.Tx, _ []int64) error {
			res, err := tx.Exec(ctx, `UPDATE review SET escalated = 1 WHERE id = ? AND done = 0 AND escalated = 0`, r.ID)
			if err != nil {
				return fmt.Errorf("escalate review: %w", err)
			}
			if changed, err := res.RowsAffected(); err != nil || changed != 1 {
				return errors.Join(err, errSwept)
			}
			return nil
		}})
		switch {
		case errors.Is(err, errSwept):
		case err != nil:
			return n, err
		default:
			n++
		}
	}
	return n, nil
}

// errSwept is that another node, or a reviewer, was faster.
var errSwept = &ledger.Error{Code: ledger.Conflict, Message: "the review was changed meanwhile"}
