// SPDX-License-Identifier: Apache-2.0

package custody

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// maxTargets is how many records one tombstone names: its statement must stay
// under 64 KiB.
const maxTargets = 1000

// Grounds of erasure, and of its refusal.
const (
	GroundSubject   = "data_subject"
	GroundOrder     = "order"
	GroundRetention = "retention"

	GroundHold      = "legal_hold"          // GDPR Art. 17(3)(e)
	GroundStatutory = "statutory_retention" // GDPR Art. 17(3)(b)
)

// ErasureSpec asks for the erasure of all private values about persons, each as
// the JSON value of /subject, or of the named records.
type ErasureSpec struct {
	Subjects []json.RawMessage `json:"subjects,omitempty"`
	Records  []string          `json:"records,omitempty"`
	Ground   string            `json:"ground"` // data_subject or order
	Ticket   string            `json:"ticket"`
	Reason   string            `json:"reason,omitempty"`
}

// Refusal says how many records were kept, and why.
type Refusal struct {
	Ground  string `json:"ground"`
	Hold    string `json:"hold,omitempty"`
	Records int64  `json:"records"`
}

// Outcome is what an erasure did.
type Outcome struct {
	Request    string    `json:"request"`
	Records    int64     `json:"records"` // of which values were erased
	Values     int64     `json:"values"`
	Keys       int64     `json:"keys_destroyed"`
	Refusals   []Refusal `json:"refusals"`
	Tombstones []string  `json:"tombstones"`
	Backups    time.Time `json:"backups_gone_by"`
	Absent     bool      `json:"verified_absent"`
}

// AskErasure asks for an erasure. Nothing is erased until another person has
// approved it and a third has executed it.
func (c *Custodian) AskErasure(ctx context.Context, by By, spec ErasureSpec) (Request, error) {
	if spec.Ground == "" {
		spec.Ground = GroundSubject
	}
	switch {
	case spec.Ground != GroundSubject && spec.Ground != GroundOrder:
		return Request{}, fault(ledger.Invalid, "use data_subject or order", "%q is not a ground of erasure", spec.Ground)
	case spec.Ticket == "":
		return Request{}, fault(ledger.Invalid, "name the case with a ticket", "an erasure needs a case")
	case len(spec.Subjects)+len(spec.Records) == 0:
		return Request{}, fault(ledger.Invalid, "name a person or records", "an erasure of nothing")
	}
	for i, s := range spec.Subjects {
		canonical, err := record.Canonicalize(s)
		if err != nil {
			return Request{}, fault(ledger.Invalid, "write it as the records have it in /subject, in JSON", "person %d can not be read: %v", i, err)
		}
		spec.Subjects[i] = canonical
	}
	r, err := c.newRequest(KindErasure, StatusRequested, by)
	if err != nil {
		return r, err
	}
	r.Purpose, r.Ticket, r.Count = spec.Ground, spec.Ticket, int64(len(spec.Subjects)+len(spec.Records))
	if err := c.put(&r, spec); err != nil {
		return r, err
	}
	return r, c.erasure(ctx, by, &r, map[string]any{"reason": spec.Reason}, func(ctx context.Context, tx *db.Tx) error { return insertRequest(ctx, tx, &r) })
}

// erasure writes an erasure record about the state of a request.
func (c *Custodian) erasure(ctx context.Context, by By, r *Request, members map[string]any, also func(context.Context, *db.Tx) error) error {
	maps.Copy(members, map[string]any{"ground": r.Purpose, "status": r.Status, "request": r.ID, "ticket": r.Ticket,
		"requester": r.Requester, "approver": r.Approver, "executor": r.Executor})
	maps.DeleteFunc(members, func(_ string, v any) bool { return v == "" })
	_, err := c.write(ctx, by, []entry{{record.Erasure, map[string]any{"erasure": members}}}, func(ctx context.Context, tx *db.Tx, _ []int64) error { return also(ctx, tx) })
	return err
}

// ApproveErasure approves an erasure, or refuses it with a reason.
func (c *Custodian) ApproveErasure(ctx context.Context, by By, id string, approve bool, reason string) (Request, error) {
	r, err := c.request(ctx, KindErasure, id)
	if err != nil {
		return r, err
	}
	if r.Requester == by.Actor {
		return r, errSame("who asks for an erasure does not approve it")
	}
	r.Status, r.Approver, r.Changed = StatusApproved, by.Actor, c.cfg.Now().UTC()
	if !approve {
		if strings.TrimSpace(reason) == "" {
			return r, fault(ledger.Invalid, "say why, for example the legal ground", "a refusal needs a reason")
		}
		r.Status, r.sealed = StatusRefused, []byte{}
	}
	return r, c.erasure(ctx, by, &r, map[string]any{"reason": reason}, func(ctx context.Context, tx *db.Tx) error { return moveRequest(ctx, tx, &r, StatusRequested) })
}

// plan is what an erasure will do: the records to erase by index, and what is
// refused.
type plan struct {
	targets  []ledger.Target
	values   int64
	refusals map[Refusal]int64 // of the request at hand, with Records 0
	persons  [][]byte          // of the request at hand: of whom nothing is kept
}

// ExecuteErasures executes approved erasures together, so that a tombstone does
// not tell which records are one person's. What a hold or a statutory minimum
// protects is kept, and said to be. It can be repeated after a failure: what is
// erased stays so.
func (c *Custodian) ExecuteErasures(ctx context.Context, by By, ids []string) ([]Outcome, error) {
	if len(ids) == 0 {
		return nil, fault(ledger.Invalid, "counterfoil erasure list --status approved shows them", "name the requests to execute")
	}
	p := &plan{}
	requests := make([]Request, len(ids))
	for i, id := range ids {
		r, err := c.request(ctx, KindErasure, id)
		if err != nil {
			return nil, err
		}
		switch {
		case r.Status != StatusApproved:
			return nil, fault(ledger.Conflict, "only what was approved is executed", "erasure %s is %s", r.ID, r.Status)
		case r.Requester == by.Actor || r.Approver == by.Actor:
			return nil, errSame("who asked for an erasure, or approved it, does not execute it")
		}
		requests[i] = r
	}
	out := make([]Outcome, len(ids))
	persons := make([][][]byte, len(ids))
	for i := range requests {
		before, values := len(p.targets), p.values
		p.refusals, p.persons = map[Refusal]int64{}, nil
		if err := c.planRequest(ctx, &requests[i], p); err != nil {
			return nil, err
		}
		persons[i] = p.persons
		out[i] = Outcome{Request: requests[i].ID, Records: int64(len(p.targets) - before), Values: p.values - values,
			Refusals: listRefusals(p.refusals), Backups: c.cfg.Now().Add(c.cfg.Backups).UTC().Truncate(time.Second)}
	}
	ground := requests[0].Purpose
	if slices.ContainsFunc(requests, func(r Request) bool { return r.Purpose != ground }) {
		ground = GroundSubject // executed together: the requests have their own
	}
	tombstones, err := c.dispose(ctx, by, ground, p.targets)
	if e, ok := errors.AsType[*ledger.Error](err); ok && e.Code == ledger.Held {
		return nil, fault(ledger.Conflict, "execute it again: what is held is kept and said to be", "a legal hold was placed meanwhile")
	}
	if err != nil {
		return nil, err
	}
	for i := range requests {
		out[i].Tombstones = tombstones
		if err := c.complete(ctx, by, &requests[i], persons[i], &out[i]); err != nil {
			return nil, err
		}
	}
	return out, c.l.Purge(ctx)
}

func listRefusals(m map[Refusal]int64) []Refusal {
	out := []Refusal{}
	for r, n := range m {
		r.Records = n
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b Refusal) int { return strings.Compare(a.Ground+a.Hold, b.Ground+b.Hold) })
	return out
}

// planRequest adds what one request asks for.
func (c *Custodian) planRequest(ctx context.Context, r *Request, p *plan) error {
	var spec ErasureSpec
	if err := c.private(r, &spec); err != nil {
		return err
	}
	seen := map[int64]bool{}
	for _, t := range p.targets {
		seen[t.Index] = true
	}
	for _, s := range spec.Subjects {
		kept := sum(p.refusals)
		set, err := c.related(ctx, s)
		if err == nil {
			err = c.planRecords(ctx, set, p, seen, r.Purpose)
		}
		if err != nil {
			return err
		}
		if sum(p.refusals) == kept {
			p.persons = append(p.persons, c.l.SubjectMAC(s))
		}
	}
	for _, id := range spec.Records {
		e, err := c.l.Get(ctx, id)
		if err == nil {
			err = c.planRecords(ctx, []int64{e.Index}, p, seen, r.Purpose)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *Custodian) related(ctx context.Context, subject []byte) (set []int64, err error) {
	canonical, err := record.Canonicalize(subject)
	if err != nil {
		return nil, fault(ledger.Invalid, "write it as the records have it in /subject, in JSON: a text with its quotation marks", "the person can not be read: %v", err)
	}
	err = c.l.DB().Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		set, err = c.l.Related(ctx, tx, c.l.SubjectMAC(canonical))
		return err
	})
	return set, ledger.Storage("find records of a person", err)
}

// planRecords sorts records into what is erased and what is kept, and why.
func (c *Custodian) planRecords(ctx context.Context, indexes []int64, p *plan, seen map[int64]bool, ground string) error {
	return ledger.Storage("plan erasure", c.l.DB().Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		left, err := ledger.EvidenceOf(ctx, tx, indexes)
		if err != nil {
			return err
		}
		at := make([]int64, len(left))
		for i, e := range left {
			at[i] = e.Index
		}
		entries, err := ledger.FindEntries(ctx, tx, at)
		if err != nil {
			return err
		}
		for i, e := range entries {
			if seen[e.Index] {
				continue
			}
			seen[e.Index] = true
			if err := c.planRecord(e, left[i], p, ground); err != nil {
				return err
			}
		}
		return nil
	}))
}

func (c *Custodian) planRecord(e ledger.Entry, left ledger.Evidence, p *plan, ground string) error {
	st, err := record.ParseStatement(e.Statement)
	if err != nil {
		return err
	}
	switch class := c.cfg.Policy.class(left.Class); {
	case len(left.Holds) > 0:
		p.refusals[Refusal{Ground: GroundHold, Hold: left.Holds[0]}]++
	case ground == GroundSubject && class != nil && class.Erasure == "refuse" && c.cfg.Now().Before(class.Min.after(st.Fields().Recorded)):
		p.refusals[Refusal{Ground: GroundStatutory}]++
	default:
		p.targets = append(p.targets, ledger.Target{Index: e.Index, ID: st.ID()})
		p.values += int64(len(st.Seals()))
	}
	return nil
}

// dispose erases targets, a tombstone for each step of them, in the order of
// their ids. A hold that was placed since the plan makes it fail.
func (c *Custodian) dispose(ctx context.Context, by By, ground string, targets []ledger.Target) ([]string, error) {
	slices.SortFunc(targets, func(a, b ledger.Target) int { return strings.Compare(a.ID, b.ID) })
	tombstones := []string{}
	for some := range slices.Chunk(targets, c.cfg.Step) {
		named := make([]map[string]any, len(some))
		for i, t := range some {
			named[i] = map[string]any{"id": t.ID}
			if len(t.Pointers) > 0 {
				named[i]["pointers"] = t.Pointers
			}
		}
		members := map[string]any{"ground": ground, "status": "executed", "executor": by.Actor, "records": len(some), "targets": named}
		ids, err := c.write(ctx, by, []entry{{record.Erasure, map[string]any{"erasure": members}}}, func(ctx context.Context, tx *db.Tx, places []int64) error {
			return c.l.EraseValues(ctx, tx, places[0], some)
		})
		if err != nil {
			return tombstones, fmt.Errorf("erase: %w", err)
		}
		tombstones = append(tombstones, ids...)
	}
	return tombstones, nil
}

func sum(m map[Refusal]int64) (n int64) {
	for _, k := range m {
		n += k
	}
	return n
}

// complete destroys the keys of the persons of whom nothing is kept, ends the
// request, and looks whether what was erased is absent.
func (c *Custodian) complete(ctx context.Context, by By, r *Request, persons [][]byte, out *Outcome) error {
	keys, err := c.l.CountSubjects(ctx, persons)
	if err != nil {
		return err
	}
	r.Status, r.Executor, r.Changed, r.sealed = StatusCompleted, by.Actor, c.cfg.Now().UTC(), []byte{}
	members := map[string]any{"count": out.Values, "records": out.Records, "keys": keys, "backups": stamp(out.Backups)}
	if len(out.Refusals) > 0 {
		members["refusals"] = out.Refusals
	}
	err = c.erasure(ctx, by, r, members, func(ctx context.Context, tx *db.Tx) error {
		out.Keys = 0
		for _, m := range persons {
			gone, err := ledger.DestroySubject(ctx, tx, m)
			if err != nil {
				return err
			}
			if gone {
				out.Keys++
			}
		}
		if out.Keys != keys {
			return fault(ledger.Conflict, "execute it again: it goes on where it stopped", "a record of the person came in meanwhile")
		}
		return moveRequest(ctx, tx, r, StatusApproved)
	})
	if err != nil {
		return err
	}
	left, err := c.l.CountSubjects(ctx, persons)
	out.Absent = err == nil && left == 0
	return err
}
