// SPDX-License-Identifier: Apache-2.0

package obligation

import (
	"context"
	"fmt"
	"slices"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

// How many records one query reads, and how many ids it is asked for.
const (
	pageSize = 1000
	idsEach  = 500
)

// spot is where a record stands in a ledger that may have several logs, oldest
// first. Spots are in the order in which the records were appended.
type spot struct {
	shard int
	index int64
}

func (s spot) before(o spot) bool {
	return s.shard < o.shard || s.shard == o.shard && s.index < o.index
}

// view is a ledger as it was at one moment: every log with its size.
type view struct {
	shards  []*ledger.Ledger
	sizes   []int64
	dropped []bool
	signed  [][]byte
	within  *ledger.Bounds
	basis   api.Basis
}

// look fixes the size that a report is about. All its reads go through the view.
func look(ctx context.Context, l *ledger.Ledger, within *ledger.Bounds) (*view, error) {
	v := &view{shards: l.Shards(), within: within}
	last := len(v.shards) - 1
	for n, l := range v.shards {
		signed, size, err := l.Newest(ctx)
		if err != nil {
			return nil, fmt.Errorf("look at log %s: %w", l.Origin(), err)
		}
		v.sizes, v.signed, v.dropped = append(v.sizes, size), append(v.signed, signed), append(v.dropped, false)
		if n == last {
			v.basis.Origin, v.basis.Size, v.basis.Checkpoint = l.Origin(), size, string(signed)
			break
		}
		end, err := l.End(ctx)
		if err != nil {
			return nil, fmt.Errorf("look at log %s: %w", l.Origin(), err)
		}
		v.dropped[n] = end != nil && !end.Dropped.IsZero()
		v.basis.Earlier = append(v.basis.Earlier, api.EarlierLog{Origin: l.Origin(), Size: size, Dropped: v.dropped[n]})
	}
	v.basis.Complete = fmt.Sprintf("complete with respect to the %d leaves of %s", v.basis.Size, v.basis.Origin)
	if len(v.basis.Earlier) > 0 {
		v.basis.Complete += " and the earlier logs that are named, as far as they were not dropped"
	}
	if within != nil {
		v.basis.Systems = slices.Clone(within.Systems)
		v.basis.Complete += " that are of a system that you may see; records that name no system are not among them, and what they would show counts as missing"
	}
	v.basis.Complete += "; what no source sent is not counted"
	return v, nil
}

// each calls fn with every record that matches, in the order of the log. It sets
// the query's bounds and order itself.
func (v *view) each(ctx context.Context, q ledger.Query, fn func(spot, []byte) error) error {
	q.Ascending, q.Within, q.Limit = true, v.within, pageSize
	for n := range v.shards {
		if q.Start, q.Before = 0, v.sizes[n]; q.Before == 0 { // to a query it would be no bound
			continue
		}
		for more := true; more; {
			p, err := v.shards[n].List(ctx, q)
			if err != nil {
				return err
			}
			for _, e := range p.Entries {
				if err := fn(spot{n, e.Index}, e.Statement); err != nil {
					return err
				}
			}
			q.Start, more = p.Cursor, p.More
		}
	}
	return nil
}

// have says which of the ids are those of records, whoever may see them: that
// something is there is no secret to who has the reference to it.
func (v *view) have(ctx context.Context, ids []string) (map[string]bool, error) {
	out := map[string]bool{}
	for some := range slices.Chunk(ids, idsEach) {
		for n, l := range v.shards {
			if v.sizes[n] == 0 {
				continue
			}
			entries, err := l.Among(ctx, ledger.Query{Before: v.sizes[n]}, some)
			if err != nil {
				return nil, err
			}
			for _, e := range entries {
				s, err := parse(spot{n, e.Index}, e.Statement)
				if err != nil {
					return nil, err
				}
				out[string(s.ID)] = true
			}
		}
	}
	return out, nil
}

// place says where a record stands.
func (v *view) place(s *statement) api.Place {
	p := api.Place{ID: string(s.ID), Index: s.at.index, Time: s.Time.UTC()}
	if s.at.shard < len(v.shards)-1 {
		p.Log = v.shards[s.at.shard].Origin()
	}
	return p
}
