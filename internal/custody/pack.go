// SPDX-License-Identifier: Apache-2.0

package custody

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// PackSpec is what an evidence pack is asked for. It is what two people approve:
// the access record of the request holds it, sealed, and its digest in clear.
type PackSpec struct {
	Purpose   string `json:"purpose"`
	Ticket    string `json:"ticket"`
	Recipient string `json:"recipient,omitempty"` // a code: who gets it
	Query     string `json:"query"`
	Profile   string `json:"profile"`   // which private values are disclosed
	Related   bool   `json:"related"`   // also what is about the records found
	Leaves    bool   `json:"leaves"`    // all statements of the log, so that the selection can be run again
	Selection []byte `json:"selection"` // the query as it will be run: names and dates looked up
	Reason    string `json:"reason,omitempty"`
}

// digest is that of the JSON of the specification.
func (s *PackSpec) digest() (text []byte, digest string, err error) {
	b, err := json.Marshal(s)
	sum := sha256.Sum256(b)
	return b, "sha256:" + hex.EncodeToString(sum[:]), err
}

// packFor is how long a pack can be made once it is approved.
const packFor = 30 * 24 * time.Hour

// AskPack asks for an evidence pack. Two others must approve it.
func (c *Custodian) AskPack(ctx context.Context, by By, spec PackSpec) (Request, error) {
	if spec.Purpose == "" || spec.Ticket == "" {
		return Request{}, fault(ledger.Invalid, "say what for and for which case", "a pack needs a purpose and a ticket")
	}
	r, err := c.newRequest(KindPack, StatusRequested, by)
	if err != nil {
		return r, err
	}
	r.Purpose, r.Ticket, r.Until = spec.Purpose, spec.Ticket, r.Created.Add(packFor)
	text, digest, err := spec.digest()
	if err != nil {
		return r, err
	}
	return r, c.enter(ctx, by, &r, spec, ledger.Access{Act: "pack_request", Reason: spec.Reason, Query: string(text), Pointers: []string{digest}})
}

// ApprovePack approves a pack or refuses it. Two people other than who asked
// approve it, the second one last; one is enough to refuse.
func (c *Custodian) ApprovePack(ctx context.Context, by By, id string, approve bool, reason string) (Request, error) {
	r, err := c.request(ctx, KindPack, id)
	if err != nil {
		return r, err
	}
	var spec PackSpec
	if err := c.private(&r, &spec); err != nil {
		return r, err
	}
	_, digest, err := spec.digest()
	if err != nil {
		return r, err
	}
	from := r.Status
	switch {
	case from != StatusRequested && from != StatusSeconded:
		return r, fault(ledger.Conflict, "ask for a pack of its own", "pack %s is %s", r.ID, from)
	case r.Requester == by.Actor:
		return r, errSame("who asks for a pack does not approve it")
	case from == StatusSeconded && r.Approver == by.Actor:
		return r, errSame("the second approval of a pack is another person's")
	}
	act := "pack_approve"
	switch {
	case !approve:
		r.Status, act = StatusRefused, "pack_refuse"
	case from == StatusRequested:
		r.Status, r.Approver = StatusSeconded, by.Actor
	default:
		r.Status, r.Executor = StatusApproved, by.Actor
	}
	r.Changed = c.cfg.Now().UTC()
	return r, c.note(ctx, by, &r, ledger.Access{Act: act, Reason: reason, Pointers: []string{digest}}, func(ctx context.Context, tx *db.Tx, places []int64) error {
		if r.Status == StatusApproved {
			r.Count = places[0] // a pack covers its approvals
		}
		return moveRequest(ctx, tx, &r, from)
	})
}

// Pack returns a pack that may be made: by who asked for it, approved by two
// others, for a time. The Count of the request is the index of the last approval.
func (c *Custodian) Pack(ctx context.Context, by By, id string) (Request, PackSpec, error) {
	r, err := c.request(ctx, KindPack, id)
	if err != nil {
		return r, PackSpec{}, err
	}
	var spec PackSpec
	if err := c.private(&r, &spec); err != nil {
		return r, spec, err
	}
	switch {
	case r.Requester != by.Actor:
		return r, spec, fault(ledger.Forbidden, "who asked for it makes it", "pack %s is somebody else's", r.ID)
	case r.Status == StatusRequested || r.Status == StatusSeconded:
		return r, spec, fault(ledger.Conflict, "counterfoil pack approve "+r.ID+", by two others", "pack %s waits for approval", r.ID)
	case r.Status != StatusApproved:
		return r, spec, fault(ledger.Conflict, "ask for another", "pack %s was %s", r.ID, r.Status)
	case !c.cfg.Now().Before(r.Until):
		return r, spec, fault(ledger.Forbidden, "ask for another", "the approval of pack %s has ended", r.ID)
	}
	return r, spec, nil
}

// NotePack writes down that a pack is made, before any value is opened for it.
func (c *Custodian) NotePack(ctx context.Context, by By, r Request, records int, size int64) error {
	_, err := c.write(ctx, by, []entry{{record.Access, map[string]any{"access": map[string]any{"act": "pack_make", "actor": by.Actor, "role": by.Role, "purpose": r.Purpose,
		"ticket": r.Ticket, "warrant": r.ID, "result": "allowed", "count": records, "query": map[string]any{"size": size}}}}}, nil)
	return err
}
