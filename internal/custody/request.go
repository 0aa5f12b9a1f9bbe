// SPDX-License-Identifier: Apache-2.0

package custody

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

// Kinds of requests.
const (
	KindErasure = "erasure"
	KindHold    = "hold"
	KindWarrant = "warrant"
	KindGlass   = "glass"
	KindPack    = "pack"
)

// Statuses of requests.
const (
	StatusRequested = "requested" // of an erasure or a warrant: waits for approval
	StatusPlaced    = "placed"    // of a hold: acts, and waits for approval
	StatusSeconded  = "seconded"  // of a pack: approved by one, waits for another
	StatusApproved  = "approved"
	StatusRefused   = "refused"
	StatusReleasing = "releasing" // of a hold: the release waits for approval
	StatusReleased  = "released"  // of a hold: lifted when Until has come
	StatusLifted    = "lifted"    // of a hold: holds nothing any more
	StatusCompleted = "completed" // of an erasure
	StatusOpen      = "open"      // of a broken glass: waits for review
	StatusReviewed  = "reviewed"  // of a broken glass
)

// Request is one matter that needs two people.
type Request struct {
	ID        string    `json:"id"`
	Kind      string    `json:"kind"`
	Name      string    `json:"name,omitempty"` // of a hold
	Status    string    `json:"status"`
	Requester string    `json:"requester"`
	Approver  string    `json:"approver,omitempty"`
	Executor  string    `json:"executor,omitempty"` // of a hold: who asked for its release; of a pack: who approved it second
	Purpose   string    `json:"purpose,omitempty"`  // of an erasure: its ground
	Ticket    string    `json:"ticket,omitempty"`
	Created   time.Time `json:"created"`
	Changed   time.Time `json:"changed"`
	Until     time.Time `json:"until,omitzero"` // when what was granted ends, or must be looked at again
	Count     int64     `json:"count"`          // records or persons in scope; of a pack: the index of its last approval
	Overdue   bool      `json:"overdue,omitempty"`

	sealed []byte
}

// newID is a short, time-ordered id that a person can read out.
func newID(kind string) (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("draw id: %w", err)
	}
	hex := strings.ReplaceAll(id.String(), "-", "")
	return kind[:1] + "-" + hex[2:12] + hex[22:], nil
}

// put seals what is private of a request.
func (c *Custodian) put(r *Request, private any) error {
	b, err := json.Marshal(private)
	if err != nil {
		return fmt.Errorf("write request: %w", err)
	}
	r.sealed = c.l.SealText("request "+r.ID, b)
	return nil
}

// private opens what is private of a request.
func (c *Custodian) private(r *Request, into any) error {
	if len(r.sealed) == 0 {
		return fault(ledger.NotFound, "", "what request %s was about is gone", r.ID)
	}
	b, err := c.l.OpenText("request "+r.ID, r.sealed)
	if err != nil {
		return fmt.Errorf("open request %s: %w", r.ID, err)
	}
	return json.Unmarshal(b, into)
}

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func when(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

func insertRequest(ctx context.Context, tx *db.Tx, r *Request) error {
	_, err := tx.Exec(ctx, `INSERT INTO request (id, kind, name, status, requester, approver, executor, purpose, ticket, created, changed, until, count, sealed)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, r.ID, r.Kind, r.Name, r.Status, r.Requester, r.Approver, r.Executor, r.Purpose, r.Ticket,
		nanos(r.Created), nanos(r.Changed), nanos(r.Until), r.Count, r.sealed)
	if err != nil {
		return fmt.Errorf("write request: %w", err)
	}
	return nil
}

// moveRequest changes a request that must still have a status: another's step
// in between makes it fail.
func moveRequest(ctx context.Context, tx *db.Tx, r *Request, from string) error {
	res, err := tx.Exec(ctx, `UPDATE request SET status = ?, requester = ?, approver = ?, executor = ?, changed = ?, until = ?, count = ?, sealed = ? WHERE id = ? AND status = ?`,
		r.Status, r.Requester, r.Approver, r.Executor, nanos(r.Changed), nanos(r.Until), r.Count, r.sealed, r.ID, from)
	if err != nil {
		return fmt.Errorf("write request: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, fault(ledger.Conflict, "look at it again and repeat", "request %s was changed meanwhile", r.ID))
	}
	return nil
}

const requestColumns = `SELECT id, kind, name, status, requester, approver, executor, purpose, ticket, created, changed, until, count, sealed FROM request `

// Requests lists requests, newest first; empty kind and status: all of them.
func (c *Custodian) Requests(ctx context.Context, kind, status string) ([]Request, error) {
	out := []Request{}
	err := c.l.DB().Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		rows, err := tx.Query(ctx, requestColumns+`WHERE (? = '' OR kind = ?) AND (? = '' OR status = ?) ORDER BY created DESC, id`, kind, kind, status, status)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			r, err := c.scan(rows.Scan)
			if err != nil {
				return err
			}
			out = append(out, r)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, ledger.Storage("list requests", err)
	}
	return out, nil
}

// request reads one by its id, or a hold by its name.
func (c *Custodian) request(ctx context.Context, kind, id string) (Request, error) {
	var r Request
	err := c.l.DB().Read(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		r, err = c.scan(tx.QueryRow(ctx, requestColumns+`WHERE kind = ? AND (id = ? OR name = ?) ORDER BY created DESC LIMIT 1`, kind, id, id).Scan)
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return r, fault(ledger.NotFound, "the list of requests shows their ids", "there is no %s %q", kind, id)
	}
	return r, ledger.Storage("read request", err)
}

func (c *Custodian) scan(scan func(...any) error) (Request, error) {
	var r Request
	var approver, executor, purpose, ticket sql.NullString
	var created, changed, until int64
	err := scan(&r.ID, &r.Kind, &r.Name, &r.Status, &r.Requester, &approver, &executor, &purpose, &ticket, &created, &changed, &until, &r.Count, &r.sealed)
	r.Approver, r.Executor, r.Purpose, r.Ticket = approver.String, executor.String, purpose.String, ticket.String
	r.Created, r.Changed, r.Until = when(created), when(changed), when(until)
	r.Overdue = c.overdue(&r)
	return r, err
}

// Times within which somebody must have looked at something.
const (
	approveHoldIn = 2 * 24 * time.Hour
	reviewGlassIn = 2 * 24 * time.Hour
	eraseIn       = 30 * 24 * time.Hour // GDPR Art. 12(3): one month
)

func (c *Custodian) overdue(r *Request) bool {
	now := c.cfg.Now()
	switch {
	case r.Kind == KindHold && r.Status == StatusPlaced:
		return now.After(r.Created.Add(approveHoldIn))
	case r.Kind == KindHold && r.Status == StatusApproved:
		return now.After(r.Until)
	case r.Kind == KindGlass && r.Status == StatusOpen:
		return now.After(r.Created.Add(reviewGlassIn))
	case r.Kind == KindErasure && (r.Status == StatusRequested || r.Status == StatusApproved):
		return now.After(r.Created.Add(eraseIn))
	}
	return false
}
