// SPDX-License-Identifier: Apache-2.0

package oversight

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// change looks at a review that is not done, and changes its row.
func (o *Office) change(ctx context.Context, id string, fn func(*Review) (set string, args []any, err error)) (r Review, err error) {
	err = o.l.DB().Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if r, err = o.lock(ctx, tx, id); err != nil {
			return err
		}
		if r.State == "done" {
			return fault(ledger.Conflict, "", "the review of %s is done: %s", id, r.Act)
		}
		set, args, err := fn(&r)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE review SET `+set+` WHERE id = ?`, append(args, id)...); err != nil {
			return fmt.Errorf("change review: %w", err)
		}
		r, err = o.get(ctx, tx, id)
		return err
	})
	return r, ledger.Storage("change review", err)
}

// Claim takes a review for as long as a lease, or takes it again.
func (o *Office) Claim(ctx context.Context, by By, id string) (Review, error) {
	e, err := o.l.Get(ctx, id)
	if err != nil {
		return Review{}, err
	}
	st, err := record.ParseStatement(e.Statement)
	if err != nil {
		return Review{}, fmt.Errorf("read decision: %w", err)
	}
	now := o.cfg.Now()
	return o.change(ctx, id, func(r *Review) (string, []any, error) {
		switch {
		case r.Holder != "" && r.Holder != by.Actor:
			return "", nil, fault(ledger.Conflict, "wait until "+r.Lease.Format("15:04:05")+" UTC, or take another", "%s has it", r.Holder)
		case r.Assignee != "" && r.Assignee != by.Actor:
			return "", nil, fault(ledger.Conflict, "ask who assigns for another", "it is assigned to %s", r.Assignee)
		case st.Fields().Principal == by.Actor || st.Fields().Principal == by.principal() && by.Principal == "":
			return "", nil, fault(ledger.Forbidden, "another person must look at it", "you sent this decision")
		case r.first == by.Actor:
			return "", nil, fault(ledger.Forbidden, "another person must be the second reviewer", "you have reviewed it already")
		}
		return `holder = ?, claimed = ?, lease = ?, shown = '', shown_at = 0`, []any{by.Actor, now.UnixNano(), now.Add(o.cfg.Lease).UnixNano()}, nil
	})
}

// Release gives a review back.
func (o *Office) Release(ctx context.Context, by By, id string) (Review, error) {
	return o.change(ctx, id, func(r *Review) (string, []any, error) {
		return `holder = '', lease = 0`, nil, holds(r, by)
	})
}

// Assign keeps a review for one person; the empty actor frees it.
func (o *Office) Assign(ctx context.Context, id, to string) (Review, error) {
	if to != "" && !record.ValidID(to) {
		return Review{}, fault(ledger.Invalid, "write a pseudonym such as person:lena", "%q is not a code", to)
	}
	return o.change(ctx, id, func(r *Review) (string, []any, error) {
		if r.first == to && to != "" {
			return "", nil, fault(ledger.Forbidden, "another person must be the second reviewer", "%s has reviewed it already", to)
		}
		return `assignee = ?, holder = '', lease = 0`, []any{to}, nil
	})
}

func holds(r *Review, by By) error {
	if r.Holder != by.Actor {
		return fault(ledger.Conflict, "counterfoil review claim "+r.ID, "you do not have it, or your claim has run out")
	}
	return nil
}

// Shown notes what the holder was shown, and when: the clock of looking starts.
// It returns the digest that the act must name.
func (o *Office) Shown(ctx context.Context, by By, id string, what []byte) (string, error) {
	sum := sha256.Sum256(what)
	digest := "sha256:" + hex.EncodeToString(sum[:])
	now := o.cfg.Now()
	_, err := o.change(ctx, id, func(r *Review) (string, []any, error) {
		if r.shown == digest {
			return `shown = shown`, nil, holds(r, by) // the same again: it was seen before
		}
		return `shown = ?, shown_at = ?`, []any{digest, now.UnixNano()}, holds(r, by)
	})
	return digest, err
}
