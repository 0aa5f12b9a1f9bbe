// SPDX-License-Identifier: Apache-2.0

package custody

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// maxHeld bounds the records of one hold.
const maxHeld = 200_000

var holdName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,59}$`)

// HoldSpec is what is to be held: the records that a query finds now, those of a
// person, and those named; and until when it must be looked at again. Matter and
// Reason are kept private.
type HoldSpec struct {
	Name    string          `json:"name"`
	Query   ledger.Query    `json:"-"`
	Scope   string          `json:"scope"` // the query in words, for the record
	Subject json.RawMessage `json:"subject,omitempty"`
	Records []string        `json:"records,omitempty"`
	Matter  string          `json:"matter"`
	Reason  string          `json:"reason,omitempty"`
	Review  time.Time       `json:"review"` // default: six months on
}

// Hold is a hold with what is private of it left out.
type Hold struct {
	Request
	Held int64 `json:"held"` // records that are under it now
}

// PlaceHold freezes the scope to a list of records and holds them at once. It
// waits for another person's approval meanwhile.
func (c *Custodian) PlaceHold(ctx context.Context, by By, spec HoldSpec) (Request, error) {
	if !holdName.MatchString(spec.Name) {
		return Request{}, fault(ledger.Invalid, "use lower-case letters, digits, _ and -", "%q is not the name of a hold", spec.Name)
	}
	if strings.TrimSpace(spec.Matter) == "" {
		return Request{}, fault(ledger.Invalid, "it is kept private", "a hold needs the matter that it is for")
	}
	if old, err := c.request(ctx, KindHold, spec.Name); err == nil && old.Status != StatusLifted && old.Status != StatusRefused {
		return Request{}, fault(ledger.Conflict, "choose another name", "there is a hold %q", spec.Name)
	}
	indexes, ids, err := c.scope(ctx, spec)
	if err != nil {
		return Request{}, err
	}
	r, err := c.newRequest(KindHold, StatusPlaced, by)
	if err != nil {
		return r, err
	}
	r.Name, r.Count, r.Until = spec.Name, int64(len(indexes)), spec.Review.UTC()
	if spec.Review.IsZero() {
		r.Until = r.Created.AddDate(0, 6, 0)
	}
	if err := c.put(&r, spec); err != nil {
		return r, err
	}
	members := map[string]any{"act": "place", "count": r.Count, "query": digest([]byte(spec.Scope)), "ids": digest([]byte(strings.Join(ids, "\n"))), "review": stamp(r.Until),
		"matter": spec.Matter, "scope": spec.Scope, "reason": spec.Reason}
	return r, c.hold(ctx, by, &r, members, func(ctx context.Context, tx *db.Tx) error {
		if err := insertRequest(ctx, tx, &r); err != nil {
			return err
		}
		return ledger.PlaceHold(ctx, tx, r.Name, indexes)
	})
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// hold writes a hold record about a request, with a change of tables.
func (c *Custodian) hold(ctx context.Context, by By, r *Request, members map[string]any, also func(context.Context, *db.Tx) error) error {
	members["name"], members["actor"] = r.Name, by.Actor
	for k, v := range members {
		if v == "" {
			delete(members, k)
		}
	}
	_, err := c.write(ctx, by, []entry{{record.Hold, map[string]any{"hold": members}}}, func(ctx context.Context, tx *db.Tx, _ []int64) error { return also(ctx, tx) })
	return err
}

// scope finds the records of a hold: indexes, and ids sorted.
func (c *Custodian) scope(ctx context.Context, spec HoldSpec) ([]int64, []string, error) {
	found := map[int64]string{}
	if q := spec.Query; q != (ledger.Query{}) {
		for q.Limit, q.Ascending = 1000, true; ; {
			page, err := c.l.List(ctx, q)
			if err != nil {
				return nil, nil, err
			}
			for _, e := range page.Entries {
				found[e.Index] = ""
			}
			if len(found) > maxHeld {
				return nil, nil, fault(ledger.Invalid, "narrow the query, or place several holds", "the scope has more than %d records", maxHeld)
			}
			if !page.More {
				break
			}
			q.Start = page.Cursor
		}
	}
	for _, id := range spec.Records {
		e, err := c.l.Get(ctx, id)
		if err != nil {
			return nil, nil, err
		}
		found[e.Index] = ""
	}
	if spec.Subject != nil {
		set, err := c.related(ctx, spec.Subject)
		if err != nil {
			return nil, nil, err
		}
		for _, n := range set {
			found[n] = ""
		}
	}
	if len(found) == 0 {
		return nil, nil, fault(ledger.Invalid, "widen the query: a hold on nothing would look like one", "the scope has no records")
	}
	indexes := make([]int64, 0, len(found))
	for n := range found {
		indexes = append(indexes, n)
	}
	slices.Sort(indexes)
	ids, err := c.ids(ctx, indexes)
	slices.Sort(ids)
	return indexes, ids, err
}

// ids are the record ids at the indexes.
func (c *Custodian) ids(ctx context.Context, indexes []int64) ([]string, error) {
	entries, err := c.l.Find(ctx, indexes)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(entries))
	for i, e := range entries {
		st, err := record.ParseStatement(e.Statement)
		if err != nil {
			return nil, err
		}
		ids[i] = st.ID()
	}
	return ids, nil
}

// ApproveHold confirms a hold, or lifts it at once by refusing it. Copies of the
// evidence go to the vault, if there is one.
func (c *Custodian) ApproveHold(ctx context.Context, by By, name string, approve bool, reason string) (Request, error) {
	r, err := c.request(ctx, KindHold, name)
	if err != nil {
		return r, err
	}
	if r.Requester == by.Actor {
		return r, errSame("who placed a hold does not approve it")
	}
	act := "approve"
	r.Status, r.Approver, r.Changed = StatusApproved, by.Actor, c.cfg.Now().UTC()
	if !approve {
		act, r.Status = "refuse", StatusRefused
	} else if err := c.copyHeld(ctx, &r); err != nil {
		return r, err
	}
	return r, c.hold(ctx, by, &r, map[string]any{"act": act, "count": r.Count, "reason": reason}, func(ctx context.Context, tx *db.Tx) error {
		if !approve {
			if err := ledger.LiftHold(ctx, tx, r.Name); err != nil {
				return err
			}
		}
		return moveRequest(ctx, tx, &r, StatusPlaced)
	})
}

// ReviewHold keeps a hold until another date.
func (c *Custodian) ReviewHold(ctx context.Context, by By, name string, next time.Time, reason string) (Request, error) {
	r, err := c.request(ctx, KindHold, name)
	if err != nil {
		return r, err
	}
	now := c.cfg.Now().UTC()
	if next.IsZero() {
		next = now.AddDate(0, 6, 0)
	}
	if !next.After(now) {
		return r, fault(ledger.Invalid, "name a date to come", "the next review is in the past")
	}
	from := r.Status
	if from != StatusApproved && from != StatusPlaced {
		return r, fault(ledger.Conflict, "", "hold %s is %s", r.Name, from)
	}
	r.Until, r.Changed = next.UTC(), now
	if err := c.extendHeld(ctx, &r); err != nil {
		return r, err
	}
	return r, c.hold(ctx, by, &r, map[string]any{"act": "review", "review": stamp(r.Until), "count": r.Count, "reason": reason}, func(ctx context.Context, tx *db.Tx) error {
		return moveRequest(ctx, tx, &r, from)
	})
}

// ReleaseHold asks for the end of a hold. It goes on holding until another
// person has approved that, and some days more.
func (c *Custodian) ReleaseHold(ctx context.Context, by By, name, reason string) (Request, error) {
	r, err := c.request(ctx, KindHold, name)
	if err != nil {
		return r, err
	}
	from := r.Status
	if from != StatusApproved && from != StatusPlaced {
		return r, fault(ledger.Conflict, "", "hold %s is %s", r.Name, from)
	}
	r.Status, r.Executor, r.Changed = StatusReleasing, by.Actor, c.cfg.Now().UTC() // who placed it stays on it
	return r, c.hold(ctx, by, &r, map[string]any{"act": "release", "count": r.Count, "reason": reason}, func(ctx context.Context, tx *db.Tx) error {
		return moveRequest(ctx, tx, &r, from)
	})
}

// ApproveRelease ends a hold after the delay, or refuses to.
func (c *Custodian) ApproveRelease(ctx context.Context, by By, name string, approve bool, reason string) (Request, error) {
	r, err := c.request(ctx, KindHold, name)
	if err != nil {
		return r, err
	}
	asked := r.Executor
	if asked == "" { // asked for before who asks was kept apart from who placed it
		asked = r.Requester
	}
	if asked == by.Actor {
		return r, errSame("who asks for a release does not approve it")
	}
	now := c.cfg.Now().UTC()
	act := "approve_release"
	r.Changed = now
	if approve {
		r.Status, r.Until = StatusReleased, now.Add(c.cfg.Lift)
	} else {
		r.Status, r.Executor, act = StatusApproved, "", "refuse_release"
		if r.Approver == "" { // refusing the release approves nothing
			r.Status = StatusPlaced
		}
	}
	return r, c.hold(ctx, by, &r, map[string]any{"act": act, "count": r.Count, "reason": reason}, func(ctx context.Context, tx *db.Tx) error {
		return moveRequest(ctx, tx, &r, StatusReleasing)
	})
}

// liftReleased lifts the holds whose delay is over.
func (c *Custodian) liftReleased(ctx context.Context) error {
	released, err := c.Requests(ctx, KindHold, StatusReleased)
	if err != nil {
		return err
	}
	for _, r := range released {
		if c.cfg.Now().Before(r.Until) {
			continue
		}
		if err := c.dropCopies(ctx, &r); err != nil {
			c.cfg.Logger.Warn("copies of held evidence are still locked", "hold", r.Name, "error", err)
			continue
		}
		r.Status, r.Changed, r.sealed = StatusLifted, c.cfg.Now().UTC(), nil
		r.sealed = []byte{}
		err := c.l.DB().Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			if err := ledger.LiftHold(ctx, tx, r.Name); err != nil {
				return err
			}
			return moveRequest(ctx, tx, &r, StatusReleased)
		})
		if err != nil {
			return ledger.Storage("lift hold", err)
		}
	}
	return nil
}

// Holds lists the holds, newest first, with how many records each holds now.
func (c *Custodian) Holds(ctx context.Context) ([]Hold, error) {
	all, err := c.Requests(ctx, KindHold, "")
	if err != nil {
		return nil, err
	}
	out := make([]Hold, len(all))
	err = c.l.DB().Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		for i, r := range all {
			out[i].Request = r
			if r.Status == StatusLifted || r.Status == StatusRefused {
				continue
			}
			if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM held WHERE hold = ?`, r.Name).Scan(&out[i].Held); err != nil {
				return err
			}
		}
		return nil
	})
	return out, ledger.Storage("count held records", err)
}

// Conflict is a record that is held, or was when it was disposed of.
type Conflict struct {
	Hold  string `json:"hold"`
	Index int64  `json:"index"`
	ID    string `json:"id"`
	What  string `json:"what"` // disposed: values are gone; copy: its copy is missing or does not open
}

// CheckDisposals looks for held records of which values are gone although the
// hold was placed before, and where there is a vault for copies that are missing
// or do not open the seals in the log: there must be none.
func (c *Custodian) CheckDisposals(ctx context.Context) ([]Conflict, error) {
	conflicts := []Conflict{}
	err := c.l.DB().Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		rows, err := tx.Query(ctx, `SELECT h.hold, h.idx, l.id FROM held h JOIN lookup l ON l.idx = h.idx JOIN request r ON r.kind = 'hold' AND r.name = h.hold
			JOIN tombstone t ON t.idx = h.idx JOIN lookup s ON s.idx = t.said WHERE s.recorded > r.created
			UNION SELECT h.hold, h.idx, l.id FROM held h JOIN lookup l ON l.idx = h.idx JOIN evidence e ON e.idx = h.idx JOIN expired x ON x.key = e.key
			ORDER BY 1, 2`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			f := Conflict{What: "disposed"}
			if err := rows.Scan(&f.Hold, &f.Index, &f.ID); err != nil {
				return err
			}
			conflicts = append(conflicts, f)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, ledger.Storage("check disposals", err)
	}
	bad, err := c.checkCopies(ctx)
	return append(conflicts, bad...), err
}
