// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"context"
	"database/sql"
	"slices"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/leaf"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// tombstones is what executed erasure records account for.
type tombstones struct {
	records map[string][]ledger.Tombstone  // by record id
	months  map[[2]string]ledger.Tombstone // by class and month: the newest
}

func newTombstones() tombstones {
	return tombstones{map[string][]ledger.Tombstone{}, map[[2]string]ledger.Tombstone{}}
}

// read collects the erasure records from index from up to, not including, to.
func (t *tombstones) read(ctx context.Context, tx *db.Tx, from, to int64) error {
	query := `SELECT e.idx, e.statement FROM lookup l JOIN entry e ON e.idx = l.idx
		WHERE l.type = 'erasure' AND l.status = 'executed' AND l.idx >= ? AND l.idx < ? ORDER BY l.idx`
	return each(ctx, tx, query, []any{from, to}, func(rows *sql.Rows) error {
		var index int64
		var stored []byte
		if err := rows.Scan(&index, &stored); err != nil {
			return err
		}
		b, err := leaf.Unpack(stored)
		if err != nil {
			return nil // the leaf itself is found malformed
		}
		tomb, err := ledger.ParseTombstone(b)
		if err != nil {
			return nil // the leaf itself is found malformed
		}
		tomb.Index = index
		for id := range tomb.Targets {
			t.records[id] = append(t.records[id], tomb)
		}
		if tomb.Class != "" && tomb.Month != "" {
			t.months[[2]string{tomb.Class, tomb.Month}] = tomb
		}
		return nil
	})
}

// accounts reports whether a tombstone accounts for a private value of the
// record at an index.
func (t *tombstones) accounts(st *record.Statement, index int64, pointer string) bool {
	if slices.ContainsFunc(t.records[st.ID()], func(x ledger.Tombstone) bool { return x.Covers(st, pointer) }) {
		return true
	}
	if len(t.months) == 0 {
		return false
	}
	f := st.Fields()
	class := f.Retention
	if class == "" {
		class = ledger.DefaultClass
	}
	x, ok := t.months[[2]string{class, ledger.Month(f.Recorded)}]
	return ok && x.Index > index
}

// accounts asks what the snapshot knew, and what was erased while the audit ran.
func (a *auditor) accounts(p *page, st *record.Statement, index int64, pointer string) bool {
	return a.snap.tombstones.accounts(st, index, pointer) || p.late.accounts(st, index, pointer)
}

// checkErased accepts a missing value only where a tombstone accounts for it,
// and finds what is said to be erased but is still there.
func (a *auditor) checkErased(p *page, index int64, r *row, st *record.Statement, have []record.Opening) {
	missing := 0
	first := ""
	erased := int64(0)
	for _, s := range st.Seals() {
		there := slices.ContainsFunc(have, func(o record.Opening) bool { return o.Pointer == s.Pointer })
		accounted := a.accounts(p, st, index, s.Pointer)
		switch {
		case there && accounted:
			p.find(ErasureUndone, 4, index, st.ID(), "the private value at %s is said to be erased, but is there", s.Pointer)
		case accounted:
			erased++
		case !there:
			if missing++; first == "" {
				first = s.Pointer
			}
		}
	}
	p.erased += erased
	if missing > 0 {
		p.find(EvidenceMissing, 2, index, st.ID(), "%d of %d private values are gone without a tombstone, the first at %s", missing, len(st.Seals()), first)
	} else if swept := r.sealed == nil || len(have) > 0; erased > 0 && swept && r.found && len(r.content) > 0 {
		p.find(ErasureUndone, 4, index, st.ID(), "values of it were erased, but its content mark is there: guesses could be held against it")
	}
}
