// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"slices"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/record"
)

// Acts of registry records that change the register of systems and versions.
// Nobody can send them: package registry writes them when its rules allow. A
// source may send registry records with acts of its own; they change nothing.
const (
	ActDescribe   = "system.describe"
	ActStatus     = "system.status"
	ActAdd        = "version.add"
	ActApprove    = "version.approve"
	ActRefuse     = "version.refuse"
	ActPromote    = "version.promote"
	ActRollback   = "version.rollback"
	ActRetire     = "version.retire"
	ActReview     = "version.review"
	ActAddKey     = "key.add"
	ActConfirmKey = "key.confirm"
	ActDropKey    = "key.retire"
)

var registerActs = []string{ActDescribe, ActStatus, ActAdd, ActApprove, ActRefuse, ActPromote, ActRollback, ActRetire, ActReview, ActAddKey, ActConfirmKey, ActDropKey}

// ChangesRegister says whether an act of a registry record is one of those.
func ChangesRegister(act string) bool { return slices.Contains(registerActs, act) }

// Shards are the log and those that it goes on from, oldest first.
func (l *Ledger) Shards() []*Ledger {
	out := slices.Clone(l.cfg.Previous)
	slices.Reverse(out)
	return append(out, l)
}

// OpenRegistry opens the private values of a registry record, in this shard or
// an earlier one, without an access record: it is about systems and not about
// persons, and programs fetch it all day. Values that are gone are left out. It
// refuses records of every other type.
func (l *Ledger) OpenRegistry(ctx context.Context, id string) ([]record.Opening, error) {
	for _, shard := range slices.Backward(l.Shards()) {
		out, err := shard.openRegistry(ctx, id)
		if e, ok := err.(*Error); ok && e.Code == NotFound {
			continue
		}
		return out, err
	}
	return nil, fault(NotFound, "", "no registry record %q in this ledger", id)
}

func (l *Ledger) openRegistry(ctx context.Context, id string) ([]record.Opening, error) {
	var s *sealed
	err := l.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		e, err := get(ctx, tx, id)
		if err != nil {
			return err
		}
		st, err := record.ParseStatement(e.Statement)
		if err != nil {
			return err
		}
		if st.Type() != record.Registry {
			return fault(NotFound, "", "record %q is no registry record", id)
		}
		s, err = readSealed(ctx, tx, e.Index)
		return err
	})
	if err != nil {
		return nil, storage("read evidence", err)
	}
	return l.openSealed(s, id)
}
