// SPDX-License-Identifier: Apache-2.0

package witness

import (
	"context"
	"fmt"
	"math/bits"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/counterfoil/counterfoil/internal/db"
)

// maxForks bounds how many rows of a kind are kept for one log: anybody who has
// a signed checkpoint can send it with a bad proof.
const maxForks = 1000

// Fork is evidence against a log: two checkpoints that it signed.
type Fork struct {
	Origin string
	// Proven is that they contradict each other, on nobody's word but the
	// log's: two roots for one size; or Proof leads to the root of Offered from
	// another root for Known's size than Known's. Not proven is that Proof did
	// not lead from Known to Offered: that may be the sender's mistake.
	Proven bool
	// Time is when Offered came first.
	Time time.Time
	// Known is what was cosigned, and Offered what was not: signed notes.
	Known, Offered []byte
	// Proof is the consistency proof that came with Offered.
	Proof tlog.TreeProof
}

// contradicts reports whether a proof that failed shows that the new root has a
// prefix, of the known size, with another root than the known one.
func contradicts(o offer, known latest) bool {
	before, after, ok := roots(o.Proof, known.size, o.cp.Size)
	return ok && after == o.cp.Root && before != known.root
}

// roots computes the two roots that a consistency proof is about (RFC 9162,
// section 2.1.4.2). It can not when the smaller tree is complete: then the proof
// starts from that tree's root, which it does not contain.
func roots(p tlog.TreeProof, small, large int64) (before, after tlog.Hash, ok bool) {
	if small <= 0 || small >= large || bits.OnesCount64(uint64(small)) == 1 || len(p) == 0 {
		return before, after, false
	}
	skip := bits.TrailingZeros64(uint64(small)) // (small-1) ends in so many ones
	fn, sn := (small-1)>>skip, (large-1)>>skip
	before, after = p[0], p[0]
	for _, h := range p[1:] {
		if sn == 0 {
			return before, after, false
		}
		if fn&1 == 1 || fn == sn {
			before, after = tlog.NodeHash(h, before), tlog.NodeHash(h, after)
			for fn&1 == 0 && fn != 0 {
				fn, sn = fn>>1, sn>>1
			}
		} else {
			after = tlog.NodeHash(after, h)
		}
		fn, sn = fn>>1, sn>>1
	}
	return before, after, sn == 0
}

// keep stores evidence in the transaction that refuses the checkpoint. It
// returns what is new, or nil.
func (w *Witness) keep(ctx context.Context, tx *db.Tx, o offer, f *Fork) (*Fork, error) {
	if f == nil {
		return nil, nil
	}
	f.Origin, f.Offered, f.Proof, f.Time = o.cp.Origin, o.Note, o.Proof, w.cfg.Now()
	proven := 0
	if f.Proven {
		proven = 1
	}
	var n int
	if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM fork WHERE origin = ? AND proven = ?`, f.Origin, proven).Scan(&n); err != nil || n >= maxForks {
		return nil, err
	}
	packed := []byte{}
	for _, h := range f.Proof {
		packed = append(packed, h[:]...)
	}
	res, err := tx.Exec(ctx, `INSERT INTO fork (origin, proven, size, root, time, known, offered, proof) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (origin, proven, size, root) DO NOTHING`,
		f.Origin, proven, o.cp.Size, o.cp.Root[:], f.Time.UnixNano(), f.Known, f.Offered, packed)
	if err != nil {
		return nil, err
	}
	if added, err := res.RowsAffected(); err != nil || added == 0 {
		return nil, err
	}
	return f, nil
}

// report tells the operator of evidence that was kept.
func (w *Witness) report(o offer, f *Fork) {
	switch {
	case f == nil:
		return
	case f.Proven:
		w.cfg.Logger.Error("log signed two histories", "origin", f.Origin, "size", o.cp.Size, "known", string(f.Known), "offered", string(f.Offered))
	default:
		w.cfg.Logger.Warn("signed checkpoint came with a bad proof", "origin", f.Origin, "size", o.cp.Size)
	}
	w.metrics.forks.WithLabelValues(f.Origin, fmt.Sprint(f.Proven)).Inc()
}

// Forks lists the evidence, proven first, oldest first.
func (w *Witness) Forks(ctx context.Context) ([]Fork, error) {
	var out []Fork
	err := w.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		rows, err := tx.Query(ctx, `SELECT origin, proven, time, known, offered, proof FROM fork ORDER BY proven DESC, time, origin, size`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var f Fork
			var proven, at int64
			var packed []byte
			if err := rows.Scan(&f.Origin, &proven, &at, &f.Known, &f.Offered, &packed); err != nil {
				return err
			}
			f.Proven, f.Time = proven == 1, time.Unix(0, at).UTC()
			for ; len(packed) >= tlog.HashSize; packed = packed[tlog.HashSize:] {
				f.Proof = append(f.Proof, tlog.Hash(packed[:tlog.HashSize]))
			}
			out = append(out, f)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("list forks: %w", err)
	}
	return out, nil
}
