// SPDX-License-Identifier: Apache-2.0

package custody

import (
	"context"
	"encoding/json"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// copied is what a copy of held evidence is before it is sealed: enough to prove
// the record, and to open its values, without the database.
type copied struct {
	Index     int64            `json:"index"`
	Statement json.RawMessage  `json:"statement"`
	Openings  []record.Opening `json:"openings"`
}

func copyName(hold, id string) string { return "holds/" + hold + "/" + id }

// heldRecords runs fn for each record of a hold.
func (c *Custodian) heldRecords(ctx context.Context, hold string, fn func(e ledger.Entry, id string) error) error {
	var indexes []int64
	err := c.l.DB().Read(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		indexes, err = ledger.HeldBy(ctx, tx, hold)
		return err
	})
	if err != nil {
		return ledger.Storage("list held records", err)
	}
	for i := 0; i < len(indexes); i += 400 {
		entries, err := c.l.Find(ctx, indexes[i:min(i+400, len(indexes))])
		if err != nil {
			return err
		}
		for _, e := range entries {
			st, err := record.ParseStatement(e.Statement)
			if err != nil {
				return err
			}
			if err := fn(e, st.ID()); err != nil {
				return err
			}
		}
	}
	return nil
}

// copyHeld puts a sealed copy of each held record's evidence into the vault. It
// can be repeated.
func (c *Custodian) copyHeld(ctx context.Context, r *Request) error {
	if c.cfg.Vault == nil {
		return nil
	}
	return c.heldRecords(ctx, r.Name, func(e ledger.Entry, id string) error {
		openings, err := c.l.Copy(ctx, id)
		if err != nil || len(openings) == 0 {
			return err
		}
		b, err := json.Marshal(copied{e.Index, e.Statement, openings})
		if err != nil {
			return err
		}
		if err := c.cfg.Vault.Put(ctx, copyName(r.Name, id), c.l.SealText("copy "+id, b), r.Until); err != nil {
			return &ledger.Error{Code: ledger.Unavailable, Message: "copy held evidence", Hint: "the hold acts; repeat the approval when the vault answers", Cause: err}
		}
		return nil
	})
}

func (c *Custodian) extendHeld(ctx context.Context, r *Request) error {
	if c.cfg.Vault == nil || r.Status != StatusApproved {
		return nil
	}
	return c.heldRecords(ctx, r.Name, func(_ ledger.Entry, id string) error {
		openings, err := c.l.Copy(ctx, id)
		if err != nil || len(openings) == 0 {
			return err // there was nothing to copy
		}
		return c.cfg.Vault.Extend(ctx, copyName(r.Name, id), r.Until)
	})
}

func (c *Custodian) dropCopies(ctx context.Context, r *Request) error {
	if c.cfg.Vault == nil {
		return nil
	}
	return c.heldRecords(ctx, r.Name, func(_ ledger.Entry, id string) error {
		return c.cfg.Vault.Delete(ctx, copyName(r.Name, id))
	})
}

// checkCopies opens the copy of each record of the approved holds, and holds it
// against the seals in the log.
func (c *Custodian) checkCopies(ctx context.Context) ([]Conflict, error) {
	if c.cfg.Vault == nil {
		return nil, nil
	}
	holds, err := c.Requests(ctx, KindHold, StatusApproved)
	if err != nil {
		return nil, err
	}
	var out []Conflict
	for _, h := range holds {
		err := c.heldRecords(ctx, h.Name, func(e ledger.Entry, id string) error {
			openings, err := c.l.Copy(ctx, id)
			if err != nil || len(openings) == 0 {
				return err
			}
			if !c.copyOpens(ctx, h.Name, e, id) {
				out = append(out, Conflict{Hold: h.Name, Index: e.Index, ID: id, What: "copy"})
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (c *Custodian) copyOpens(ctx context.Context, hold string, e ledger.Entry, id string) bool {
	sealed, err := c.cfg.Vault.Get(ctx, copyName(hold, id))
	if err != nil {
		c.cfg.Logger.Warn("a copy of held evidence can not be read", "hold", hold, "error", err)
		return false
	}
	b, err := c.l.OpenText("copy "+id, sealed)
	if err != nil {
		return false
	}
	var have copied
	if json.Unmarshal(b, &have) != nil {
		return false
	}
	st, err := record.ParseStatement(e.Statement)
	if err != nil {
		return false
	}
	_, err = st.Open(have.Openings)
	return err == nil && len(have.Openings) == len(st.Seals())
}
