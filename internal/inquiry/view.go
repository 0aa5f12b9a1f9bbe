// SPDX-License-Identifier: Apache-2.0

package inquiry

import (
	"cmp"
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
	shards []*ledger.Ledger
	sizes  []int64
	within *ledger.Bounds
	basis  api.Basis
}

// look fixes the moment that a question is answered for. All reads of the
// answer go through the view.
func (i *Inquirer) look(ctx context.Context, within *ledger.Bounds) (*view, error) {
	v := &view{shards: i.cfg.Ledger.Shards(), within: within}
	last := len(v.shards) - 1
	for n, l := range v.shards {
		signed, size, err := l.Newest(ctx)
		if err != nil {
			return nil, fmt.Errorf("look at log %s: %w", l.Origin(), err)
		}
		v.sizes = append(v.sizes, size)
		if n == last {
			v.basis.Origin, v.basis.Size, v.basis.Checkpoint = l.Origin(), size, string(signed)
			break
		}
		end, err := l.End(ctx)
		if err != nil {
			return nil, fmt.Errorf("look at log %s: %w", l.Origin(), err)
		}
		v.basis.Earlier = append(v.basis.Earlier, api.EarlierLog{Origin: l.Origin(), Size: size, Dropped: end != nil && !end.Dropped.IsZero()})
	}
	v.basis.Complete = fmt.Sprintf("complete with respect to the %d leaves of %s", v.basis.Size, v.basis.Origin)
	if len(v.basis.Earlier) > 0 {
		v.basis.Complete += " and the earlier logs that are named, as far as they were not dropped"
	}
	if within != nil {
		v.basis.Systems = slices.Clone(within.Systems)
		v.basis.Complete += " that are of a system that you may see; acts on versions that any system may use are not among them"
	}
	v.basis.Complete += "; what no source sent is not counted"
	return v, nil
}

// each calls fn with every record that matches and stands at from or behind, in
// the order of the log. It sets the query's bounds and order itself.
func (v *view) each(ctx context.Context, q ledger.Query, from spot, fn func(spot, []byte) error) error {
	q.Ascending, q.Within, q.Limit = true, v.within, pageSize
	fn = live(&q, fn)
	for n := from.shard; n < len(v.shards); n++ {
		q.Start, q.Before = 0, v.sizes[n]
		if n == from.shard {
			q.Start = from.index
		}
		if q.Before == 0 { // to a query it would be no bound
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

// production is the environment of a record that names none: the lookup table
// has none for it either.
const production = "production"

// elsewhere are the other environments.
var elsewhere = []string{"shadow", "test", "staging"}

// live takes the environment out of a query for production, and leaves it to the
// records.
func live(q *ledger.Query, fn func(spot, []byte) error) func(spot, []byte) error {
	if q.Env != production {
		return fn
	}
	q.Env = ""
	return func(at spot, leaf []byte) error {
		if !isEnv(leaf, production) {
			return nil
		}
		return fn(at, leaf)
	}
}

// among calls fn with every record that matches and has one of the ids, each
// log in its order.
func (v *view) among(ctx context.Context, q ledger.Query, ids []string, fn func(spot, []byte) error) error {
	q.Within = v.within
	fn = live(&q, fn)
	for some := range slices.Chunk(ids, idsEach) {
		for n, l := range v.shards {
			if q.Before = v.sizes[n]; q.Before == 0 {
				continue
			}
			entries, err := l.Among(ctx, q, some)
			if err != nil {
				return err
			}
			for _, e := range entries {
				if err := fn(spot{n, e.Index}, e.Statement); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// count says how many records match, in all logs.
func (v *view) count(ctx context.Context, q ledger.Query) (total int64, err error) {
	if q.Env == production { // all but those that name another
		q.Env = ""
		total, err = v.count(ctx, q)
		for _, q.Env = range elsewhere {
			some, wrong := v.count(ctx, q)
			total, err = total-some, cmp.Or(err, wrong)
		}
		return total, err
	}
	q.Within = v.within
	for n, l := range v.shards {
		if q.Before = v.sizes[n]; q.Before == 0 {
			continue
		}
		some, err := l.Count(ctx, q)
		if err != nil {
			return 0, err
		}
		total += some
	}
	return total, nil
}

// place says where a record stands, as an answer does.
func (v *view) place(at spot, s *statement) api.Place {
	p := api.Place{ID: string(s.ID), Index: at.index, Time: s.Time.Time}
	if at.shard < len(v.shards)-1 {
		p.Log = v.shards[at.shard].Origin()
	}
	return p
}
