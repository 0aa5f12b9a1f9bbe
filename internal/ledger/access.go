// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/record"
)

// Access is who does what with private evidence, or as an administrator, and
// why: what an access record says. All but Subject, Query and Reason are codes
// and stand in the log in clear.
type Access struct {
	Act     string // read, report, export, break_glass, denied credentials, grant, …
	Actor   string // pseudonymous
	Role    string // that allowed it
	Purpose string
	Ticket  string // the case
	Warrant string // the approval
	Target  string // the actor, key or request that was acted on
	Denied  bool
	Count   int // records or attempts
	Until   time.Time

	About    string   // the record, if it is one
	Pointers []string // of the values
	Subject  []byte   // the affected person as JSON; sealed
	Query    string   // sealed
	Reason   string   // sealed

	Principal string // the authenticated writer; default: Actor
	Capture   string // default: manual
}

// maxPointers bounds how many pointers an access record lists.
const maxPointers = 256

// Record makes the record of an access at a time.
func (a *Access) Record(rules *record.Rules, now time.Time) (*record.Record, error) {
	type fields struct {
		Act      string     `json:"act"`
		Actor    string     `json:"actor"`
		Role     string     `json:"role,omitempty"`
		Purpose  string     `json:"purpose,omitempty"`
		Ticket   string     `json:"ticket,omitempty"`
		Warrant  string     `json:"warrant,omitempty"`
		Target   string     `json:"target,omitempty"`
		Result   string     `json:"result"`
		Count    int        `json:"count,omitempty"`
		Until    *time.Time `json:"until,omitempty"`
		Pointers []string   `json:"pointers,omitempty"`
		Query    string     `json:"query,omitempty"`
		Reason   string     `json:"reason,omitempty"`
	}
	f := fields{Act: a.Act, Actor: a.Actor, Role: a.Role, Purpose: a.Purpose, Ticket: a.Ticket, Warrant: a.Warrant, Target: a.Target,
		Result: "allowed", Count: a.Count, Pointers: a.Pointers, Query: a.Query, Reason: a.Reason}
	if a.Denied {
		f.Result = "denied"
	}
	if !a.Until.IsZero() {
		u := a.Until.UTC().Truncate(time.Second)
		f.Until = &u
	}
	if len(f.Pointers) > maxPointers {
		f.Pointers = f.Pointers[:maxPointers]
	}
	doc := map[string]any{"access": f}
	if a.About != "" {
		doc["about"] = a.About
	}
	if a.Subject != nil {
		doc["subject"] = json.RawMessage(a.Subject)
	}
	return NewRecord(rules, record.Access, now, doc)
}

// NewRecord makes a record of our own: members plus type, a fresh UUIDv7 as id
// unless one is given, and the time.
func NewRecord(rules *record.Rules, t record.Type, now time.Time, members map[string]any) (*record.Record, error) {
	if members["id"] == nil {
		id, err := uuid.NewV7()
		if err != nil {
			return nil, fmt.Errorf("draw id: %w", err)
		}
		members["id"] = id.String()
	}
	members["type"], members["time"] = t, now.UTC().Format(time.RFC3339Nano)
	raw, err := json.Marshal(members)
	if err != nil {
		return nil, fmt.Errorf("write %s record: %w", t, err)
	}
	return rules.Parse(raw)
}

// Note writes access records. When it returns nil they are durable and provable.
func (l *Ledger) Note(ctx context.Context, accesses ...Access) error {
	if len(accesses) == 0 {
		return nil
	}
	b := Batch{Principal: accesses[0].principal(), Capture: accesses[0].capture(), Custody: true}
	for i := range accesses {
		r, err := accesses[i].Record(l.cfg.Rules, l.cfg.Now())
		if err != nil {
			return fmt.Errorf("make access record: %w", err)
		}
		b.Records = append(b.Records, r)
	}
	_, err := l.Append(ctx, b)
	return err
}

func (a *Access) principal() string {
	if a.Principal == "" {
		return a.Actor
	}
	return a.Principal
}

func (a *Access) capture() string {
	if a.Capture == "" {
		return "manual"
	}
	return a.Capture
}

// Disclose opens private values of a record: all of them, or those at the given
// JSON Pointers. Values that were erased are left out when all are asked for,
// and [NotFound] when asked for by name.
//
// The access is written to the log first: the values are returned only when its
// record, which names the pointers, is durable. Nothing else in this package
// returns private values.
func (l *Ledger) Disclose(ctx context.Context, id string, pointers []string, a Access) ([]record.Opening, error) {
	all, err := l.open(ctx, id)
	if err != nil {
		return nil, err
	}
	out := all
	if pointers != nil {
		out = make([]record.Opening, 0, len(pointers))
		for _, p := range pointers {
			i := slices.IndexFunc(all, func(o record.Opening) bool { return o.Pointer == p })
			if i < 0 {
				return nil, fault(NotFound, "counterfoil get "+id+" shows which fields are sealed, and which were erased", "record %s has no private value at %q, or it was erased", id, p)
			}
			out = append(out, all[i])
		}
	}
	a.About, a.Count, a.Pointers = id, 1, nil
	for _, o := range out {
		a.Pointers = append(a.Pointers, o.Pointer)
	}
	if i := slices.IndexFunc(all, func(o record.Opening) bool { return o.Pointer == subjectPointer }); i >= 0 {
		a.Subject = all[i].Value
	}
	if err := l.Note(ctx, a); err != nil {
		return nil, fmt.Errorf("record the access: %w", err)
	}
	return out, nil
}

// open opens all private values of a record that are left.
func (l *Ledger) open(ctx context.Context, id string) ([]record.Opening, error) {
	if l.contentKey == nil {
		return nil, fault(Invalid, "name the folder of the key file with --keys", "private values need the master key")
	}
	var s *sealed
	err := l.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		e, err := get(ctx, tx, id)
		if err == nil {
			s, err = readSealed(ctx, tx, e.Index)
		}
		return err
	})
	if err != nil {
		return nil, storage("read evidence", err)
	}
	return l.openSealed(s, id)
}

func (l *Ledger) openSealed(s *sealed, id string) ([]record.Opening, error) {
	if s.gone() {
		return nil, nil
	}
	key, err := l.key(s)
	if err != nil {
		return nil, err
	}
	all, err := key.Open(id, s.bytes)
	if err != nil {
		return nil, fmt.Errorf("record %s: %w", id, err)
	}
	return all, nil
}

// Subject returns the person whom a record names, as JSON in canonical form, or
// nil. It is for deciding who may act: the caller must not show it.
func (l *Ledger) Subject(ctx context.Context, id string) ([]byte, error) {
	all, err := l.open(ctx, id)
	if e, ok := errors.AsType[*Error](err); ok && e.Code == NotFound || err != nil {
		return nil, err
	}
	for _, o := range all {
		if o.Pointer == subjectPointer {
			return o.Value, nil
		}
	}
	return nil, nil
}
