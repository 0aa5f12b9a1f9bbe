// SPDX-License-Identifier: Apache-2.0

package custody

import (
	"context"
	"slices"
	"time"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// maxWarrant bounds how long a warrant may open values.
const maxWarrant = 90 * 24 * time.Hour

// WarrantSpec is what a warrant is asked for. Records are the ids it opens; none
// of them: those of System. Identity includes who the person is.
type WarrantSpec struct {
	Purpose  string        `json:"purpose"`
	Ticket   string        `json:"ticket"`
	Records  []string      `json:"records,omitempty"`
	System   string        `json:"system,omitempty"`
	Identity bool          `json:"identity,omitempty"`
	Reason   string        `json:"reason,omitempty"`
	For      time.Duration `json:"-"`
}

// AskWarrant asks for a warrant. It opens nothing until another approves it.
func (c *Custodian) AskWarrant(ctx context.Context, by By, spec WarrantSpec) (Request, error) {
	switch {
	case spec.Purpose == "" || spec.Ticket == "":
		return Request{}, fault(ledger.Invalid, "say what for and for which case", "a warrant needs a purpose and a ticket")
	case len(spec.Records) == 0 && spec.System == "":
		return Request{}, fault(ledger.Invalid, "name records, or a system", "a warrant needs a scope")
	case spec.For <= 0 || spec.For > maxWarrant:
		return Request{}, fault(ledger.Invalid, "ask for up to 90 days", "a warrant ends after a time")
	}
	r, err := c.newRequest(KindWarrant, StatusRequested, by)
	if err != nil {
		return r, err
	}
	r.Purpose, r.Ticket, r.Count, r.Until = spec.Purpose, spec.Ticket, int64(len(spec.Records)), r.Created.Add(spec.For)
	return r, c.enter(ctx, by, &r, spec, ledger.Access{Act: "warrant_request", Reason: spec.Reason})
}

func (c *Custodian) newRequest(kind, status string, by By) (Request, error) {
	id, err := newID(kind)
	now := c.cfg.Now().UTC()
	return Request{ID: id, Kind: kind, Status: status, Requester: by.Actor, Created: now, Changed: now}, err
}

// enter writes a new request with its access record.
func (c *Custodian) enter(ctx context.Context, by By, r *Request, private any, a ledger.Access) error {
	if err := c.put(r, private); err != nil {
		return err
	}
	return c.note(ctx, by, r, a, func(ctx context.Context, tx *db.Tx, _ []int64) error { return insertRequest(ctx, tx, r) })
}

// note writes an access record about a request, and changes tables with it.
func (c *Custodian) note(ctx context.Context, by By, r *Request, a ledger.Access, also func(context.Context, *db.Tx, []int64) error) error {
	a.Actor, a.Role, a.Target, a.Purpose, a.Ticket, a.Count, a.Until = by.Actor, by.Role, r.ID, r.Purpose, r.Ticket, int(r.Count), r.Until
	rec, err := a.Record(c.l.Rules(), c.cfg.Now())
	if err != nil {
		return err
	}
	_, err = c.l.Append(ctx, ledger.Batch{Records: []*record.Record{rec}, Principal: by.principal(), Capture: "manual", Custody: true, Also: also})
	return err
}

// ApproveWarrant lets a warrant act, or refuses it. Nobody decides on their own.
func (c *Custodian) ApproveWarrant(ctx context.Context, by By, id string, approve bool, reason string) (Request, error) {
	r, err := c.request(ctx, KindWarrant, id)
	if err != nil {
		return r, err
	}
	if r.Requester == by.Actor {
		return r, errSame("who asks for a warrant does not approve it")
	}
	act := "warrant_approve"
	r.Status, r.Approver, r.Changed = StatusApproved, by.Actor, c.cfg.Now().UTC()
	if !approve {
		r.Status, act = StatusRefused, "warrant_refuse"
	}
	return r, c.note(ctx, by, &r, ledger.Access{Act: act, Reason: reason}, func(ctx context.Context, tx *db.Tx, _ []int64) error {
		return moveRequest(ctx, tx, &r, StatusRequested)
	})
}

// BreakGlass opens values to the actor at once, for an hour, with an alarm. A
// finding stays open until another person has reviewed it.
func (c *Custodian) BreakGlass(ctx context.Context, by By, spec WarrantSpec) (Request, error) {
	if spec.Purpose == "" || spec.Ticket == "" || spec.Reason == "" {
		return Request{}, fault(ledger.Invalid, "say what for, for which case, and why it can not wait", "breaking the glass needs a purpose, a ticket and a reason")
	}
	r, err := c.newRequest(KindGlass, StatusOpen, by)
	if err != nil {
		return r, err
	}
	r.Purpose, r.Ticket, r.Until = spec.Purpose, spec.Ticket, r.Created.Add(c.cfg.Glass)
	if err := c.put(&r, spec); err != nil {
		return r, err
	}
	entries := []entry{
		{record.Access, map[string]any{"access": map[string]any{"act": "break_glass", "actor": by.Actor, "role": by.Role, "purpose": r.Purpose, "ticket": r.Ticket,
			"target": r.ID, "result": "allowed", "until": stamp(r.Until), "reason": spec.Reason}}},
		{record.Finding, map[string]any{"id": "finding-" + r.ID, "finding": map[string]any{"code": "break_glass", "status": "open", "severity": "high", "due": stamp(r.Created.Add(reviewGlassIn)),
			"text": "values were opened by breaking the glass; somebody else must review it"}}},
	}
	if _, err := c.write(ctx, by, entries, func(ctx context.Context, tx *db.Tx, _ []int64) error { return insertRequest(ctx, tx, &r) }); err != nil {
		return r, err
	}
	c.cfg.Alert(ctx, "the glass was broken by "+by.Actor+" (ticket "+r.Ticket+"), until "+r.Until.Format(time.RFC3339)+"; review request "+r.ID)
	return r, nil
}

// ReviewGlass closes the finding of a broken glass.
func (c *Custodian) ReviewGlass(ctx context.Context, by By, id, reason string) (Request, error) {
	r, err := c.request(ctx, KindGlass, id)
	if err != nil {
		return r, err
	}
	if r.Requester == by.Actor {
		return r, errSame("who broke the glass does not review it")
	}
	r.Status, r.Approver, r.Changed = StatusReviewed, by.Actor, c.cfg.Now().UTC()
	entries := []entry{
		{record.Access, map[string]any{"access": map[string]any{"act": "glass_review", "actor": by.Actor, "role": by.Role, "target": r.ID, "result": "allowed", "reason": reason}}},
		{record.Finding, map[string]any{"about": "finding-" + r.ID, "finding": map[string]any{"code": "break_glass", "status": "resolved", "severity": "high"}}},
	}
	_, err = c.write(ctx, by, entries, func(ctx context.Context, tx *db.Tx, _ []int64) error { return moveRequest(ctx, tx, &r, StatusOpen) })
	return r, err
}

// Opens says whether a warrant, or a broken glass, opens values of a record to
// an actor now; if not, the error says why.
func (c *Custodian) Opens(ctx context.Context, actor, id, recordID, system string, identity bool) (Request, error) {
	kind := KindWarrant
	if len(id) > 0 && id[0] == KindGlass[0] {
		kind = KindGlass
	}
	r, err := c.request(ctx, kind, id)
	if err != nil {
		return r, err
	}
	var spec WarrantSpec
	if err := c.private(&r, &spec); err != nil {
		return r, err
	}
	refuse := func(why string) error {
		return fault(ledger.Forbidden, "ask for a warrant that covers it", "%s %s %s", kind, r.ID, why)
	}
	active := r.Status == StatusApproved || kind == KindGlass && (r.Status == StatusOpen || r.Status == StatusReviewed)
	covers := slices.Contains(spec.Records, recordID) || len(spec.Records) == 0 && (spec.System == system || kind == KindGlass && spec.System == "")
	switch {
	case r.Requester != actor:
		return r, refuse("is somebody else's")
	case !active:
		return r, refuse("is " + r.Status)
	case !c.cfg.Now().Before(r.Until):
		return r, refuse("has ended")
	case !covers:
		return r, refuse("does not cover this record")
	case identity && !spec.Identity:
		return r, refuse("does not cover who the person is")
	}
	return r, nil
}

// stamp writes a time as records have it.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
