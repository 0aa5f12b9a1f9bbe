// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"encoding/binary"

	"github.com/counterfoil/counterfoil/internal/db"
)

// filter is a Bloom filter over the persons that have a key: it says of a new
// one, without a question to the database, that there is none. Its keys are
// keyed hashes, and so need no hashing of their own. When it is fuller than it
// was made for it errs more often, and more questions are asked; nothing else
// comes of it.
type filter struct {
	bits []uint64
	mask uint32
}

// newFilter makes one for some times as many persons as there are.
func newFilter(persons int64) *filter {
	size := int64(1) << 22 // bits: half a megabyte, good for 400,000
	for size < 32*persons && size < 1<<31 {
		size *= 2
	}
	return &filter{bits: make([]uint64, size/64), mask: uint32(size - 1)}
}

func (f *filter) add(m mac) {
	for i := 0; i < macSize; i += 4 {
		b := binary.LittleEndian.Uint32(m[i:]) & f.mask
		f.bits[b/64] |= 1 << (b % 64)
	}
}

// has says whether a person may have a key; false is certain, as far as this
// node knows.
func (f *filter) has(m mac) bool {
	for i := 0; i < macSize; i += 4 {
		b := binary.LittleEndian.Uint32(m[i:]) & f.mask
		if f.bits[b/64]&(1<<(b%64)) == 0 {
			return false
		}
	}
	return true
}

// learnSubjects fills the filter. Until it has, every person that is not
// remembered is asked for.
func (l *Ledger) learnSubjects(ctx context.Context) error {
	var f *filter
	err := l.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		var n int64
		if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM subject`).Scan(&n); err != nil {
			return err
		}
		f = newFilter(n)
		rows, err := tx.Query(ctx, `SELECT mac FROM subject`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var m []byte
			if err := rows.Scan(&m); err != nil {
				return err
			}
			if len(m) == macSize {
				f.add(mac(m))
			}
		}
		return rows.Err()
	})
	if err != nil {
		return storage("learn persons", err)
	}
	l.subjects.mu.Lock()
	defer l.subjects.mu.Unlock()
	for m := range l.subjects.keys { // drawn meanwhile
		f.add(m)
	}
	l.subjects.filter = f
	return nil
}
