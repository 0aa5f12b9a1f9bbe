// SPDX-License-Identifier: Apache-2.0

package search

import (
	"context"
	"errors"
	"fmt"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// Acts of the access records that say that the texts of a system are searched
// from then on, or no longer.
const (
	ActOn  = "fulltext.on"
	ActOff = "fulltext.off"
)

const (
	statusOn    = "on"
	statusGoing = "going" // its texts are being taken away
)

// TextState is how far the texts of a system are indexed.
type TextState struct {
	System string `json:"system"`
	Status string `json:"status"` // on, or going
	Next   int64  `json:"next"`   // records before it are indexed
	Behind int64  `json:"behind"` // records of the system that are not
}

// By is who acts: pseudonymous codes. Principal is the authenticated writer
// where that is not the actor.
type By struct {
	Actor, Role, Principal string
}

func fault(code ledger.Code, hint, format string, args ...any) error {
	return &ledger.Error{Code: code, Message: fmt.Sprintf(format, args...), Hint: hint}
}

// TurnText turns the full text of a system on or off. It is a record in the log,
// in the transaction that changes the setting: from then on private values of
// the system are opened by the index, without a record for each. Off takes the
// texts away, from the files of the database too, before it returns.
func (x *Index) TurnText(ctx context.Context, by By, system string, on bool, reason string) error {
	if !record.ValidID(system) {
		return fault(ledger.Invalid, "name a system as records do", "%q is not a code", system)
	}
	if err := x.Fill(ctx); err != nil {
		return err
	}
	x.mu.RLock()
	many := x.full["system"]
	x.mu.RUnlock()
	if many {
		return fault(ledger.Conflict, "", "this ledger has more than %d systems, and is not searched by system", maxValues)
	}
	act, query := ActOn, `INSERT INTO fulltext (system, status, next) VALUES (?, 'on', 0)`
	if !on {
		act, query = ActOff, `UPDATE fulltext SET status = 'going', next = 0 WHERE system = ? AND status = 'on'`
	}
	now, err := x.setting(ctx, system)
	switch {
	case err != nil:
		return err
	case now == statusGoing:
		return fault(ledger.Busy, "try again", "the texts of %s are being taken away", system)
	case on == (now == statusOn):
		return fault(ledger.Conflict, "counterfoil search fulltext list shows them", "the full text of %s is %s already", system, map[bool]string{true: "on", false: "off"}[on])
	}
	a := ledger.Access{Act: act, Actor: by.Actor, Role: by.Role, Principal: by.Principal, Target: system, Reason: reason}
	rec, err := a.Record(x.l.Rules(), x.cfg.Now())
	if err != nil {
		return fmt.Errorf("make access record: %w", err)
	}
	b := ledger.Batch{Records: []*record.Record{rec}, Principal: by.principal(), Capture: "manual", Custody: true,
		Also: func(ctx context.Context, tx *db.Tx, _ []int64) error { return moved(ctx, tx, query, system) }}
	if _, err := x.l.Append(ctx, b); err != nil {
		if e, ok := errors.AsType[*ledger.RecordError](err); ok {
			err = e.Err
		}
		if errors.Is(err, errMoved) {
			err = fault(ledger.Busy, "try again", "%v", errMoved)
		}
		return err
	}
	if !on {
		x.trails.Lock()
		defer x.trails.Unlock()
		return x.clear(ctx, system)
	}
	return nil
}

func (b By) principal() string {
	if b.Principal == "" {
		return b.Actor
	}
	return b.Principal
}

func (x *Index) setting(ctx context.Context, system string) (string, error) {
	all, err := x.settings(ctx)
	for _, s := range all {
		if s.System == system {
			return s.Status, err
		}
	}
	return "", err
}

// settings lists the systems of which the full text is on, sorted.
func (x *Index) settings(ctx context.Context) (out []TextState, err error) {
	err = x.l.DB().Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		rows, err := tx.Query(ctx, `SELECT system, status, next FROM fulltext ORDER BY system`)
		if err != nil {
			return err
		}
		defer rows.Close()
		out = []TextState{}
		for rows.Next() {
			var s TextState
			if err := rows.Scan(&s.System, &s.Status, &s.Next); err != nil {
				return err
			}
			out = append(out, s)
		}
		return rows.Err()
	})
	return out, ledger.Storage("read settings of full text", err)
}

// TextStates lists the systems of which the full text is on, and how far their
// texts are indexed.
func (x *Index) TextStates(ctx context.Context) ([]TextState, error) {
	all, err := x.settings(ctx)
	if err != nil || len(all) == 0 {
		return all, err
	}
	if err := x.Fill(ctx); err != nil {
		return nil, err
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	for i := range all {
		if b := x.bits["system"][all[i].System]; b != nil {
			all[i].Behind = int64(b.GetCardinality())
			if all[i].Next > 0 {
				all[i].Behind -= int64(b.Rank(uint32(all[i].Next - 1)))
			}
		}
	}
	return all, nil
}
