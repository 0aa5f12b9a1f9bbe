// SPDX-License-Identifier: Apache-2.0

package extent

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

// PageSize is how many records one read of a log takes at once.
const PageSize = 1000

// IDsEach is how many ids one read asks for.
const IDsEach = 500

// Spot is where a record stands in a ledger that may have several logs, oldest
// first. Spots are in the order in which the records were appended.
type Spot struct {
	Shard int   // index of the log, 0 being the oldest
	Index int64 // of the leaf
}

// Before says whether s was appended before o.
func (s Spot) Before(o Spot) bool {
	return s.Shard < o.Shard || s.Shard == o.Shard && s.Index < o.Index
}

// Log is one log of a ledger up to a size.
type Log struct {
	*ledger.Ledger
	Size    int64  // in leaves
	Signed  []byte // the checkpoint of that size
	Dropped bool   // whether its leaves were dropped; so far only of logs that ended
}

// View is a ledger as it was at one moment.
type View struct {
	Logs  []Log // oldest first
	Basis api.Basis

	within *ledger.Bounds
}

// Look fixes the sizes of the logs of l. Within is what the caller may see, nil
// for all; unseen is what is said then of the records that the caller does not.
// Errors are those of the database.
func Look(ctx context.Context, l *ledger.Ledger, within *ledger.Bounds, unseen string) (*View, error) {
	v := &View{within: within}
	shards := l.Shards()
	for n, l := range shards {
		signed, size, err := l.Newest(ctx)
		if err != nil {
			return nil, fmt.Errorf("look at log %s: %w", l.Origin(), err)
		}
		log := Log{Ledger: l, Size: size, Signed: signed}
		if n == len(shards)-1 {
			v.Basis.Origin, v.Basis.Size, v.Basis.Checkpoint = l.Origin(), size, string(signed)
		} else {
			end, err := l.End(ctx)
			if err != nil {
				return nil, fmt.Errorf("look at log %s: %w", l.Origin(), err)
			}
			log.Dropped = end != nil && !end.Dropped.IsZero()
			v.Basis.Earlier = append(v.Basis.Earlier, api.EarlierLog{Origin: l.Origin(), Size: size, Dropped: log.Dropped})
		}
		v.Logs = append(v.Logs, log)
	}
	v.Basis.Complete = fmt.Sprintf("complete with respect to the %d leaves of %s", v.Basis.Size, v.Basis.Origin)
	if len(v.Basis.Earlier) > 0 {
		v.Basis.Complete += " and the earlier logs that are named, as far as they were not dropped"
	}
	if within != nil {
		v.Basis.Systems = slices.Clone(within.Systems)
		v.Basis.Complete += " that are of a system that you may see; " + unseen
	}
	v.Basis.Complete += "; what no source sent is not counted"
	return v, nil
}

// Whole is the same extent for who may see all.
func (v *View) Whole() *View {
	all := *v
	all.within = nil
	return &all
}

// All says whether the caller may see all records.
func (v *View) All() bool { return v.within == nil }

// May says whether the caller may see what is about a system; "" is none.
func (v *View) May(system string) bool {
	return v.All() || !v.within.Held && system != "" && slices.Contains(v.within.Systems, system)
}

// Each calls fn with every record that matches and stands at from or behind, in
// the order of the log, until fn fails. It sets the query's bounds and order
// itself.
func (v *View) Each(ctx context.Context, q ledger.Query, from Spot, fn func(Spot, []byte) error) error {
	q.Ascending, q.Within, q.Limit = true, v.within, PageSize
	fn = live(&q, fn)
	for n := from.Shard; n < len(v.Logs); n++ {
		q.Start, q.Before = 0, v.Logs[n].Size
		if n == from.Shard {
			q.Start = from.Index
		}
		if q.Before == 0 { // to a query it would be no bound
			continue
		}
		for more := true; more; {
			p, err := v.Logs[n].List(ctx, q)
			if err != nil {
				return err
			}
			for _, e := range p.Entries {
				if err := fn(Spot{n, e.Index}, e.Statement); err != nil {
					return err
				}
			}
			q.Start, more = p.Cursor, p.More
		}
	}
	return nil
}

// Among calls fn with every record that matches and has one of the ids, each
// log in its order, until fn fails.
func (v *View) Among(ctx context.Context, q ledger.Query, ids []string, fn func(Spot, []byte) error) error {
	q.Within = v.within
	fn = live(&q, fn)
	for some := range slices.Chunk(ids, IDsEach) {
		for n, l := range v.Logs {
			if q.Before = l.Size; q.Before == 0 {
				continue
			}
			entries, err := l.Among(ctx, q, some)
			if err != nil {
				return err
			}
			for _, e := range entries {
				if err := fn(Spot{n, e.Index}, e.Statement); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// Count says how many records match, in all logs.
func (v *View) Count(ctx context.Context, q ledger.Query) (total int64, err error) {
	if q.Env == Production { // all but those that name another
		q.Env = ""
		total, err = v.Count(ctx, q)
		for _, q.Env = range elsewhere {
			some, wrong := v.Count(ctx, q)
			total, err = total-some, cmp.Or(err, wrong)
		}
		return total, err
	}
	q.Within = v.within
	for _, l := range v.Logs {
		if q.Before = l.Size; q.Before == 0 {
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

// Place says where the record stands that has an id and a time, as answers do.
func (v *View) Place(at Spot, id Text, when time.Time) api.Place {
	p := api.Place{ID: string(id), Index: at.Index, Time: when}
	if at.Shard < len(v.Logs)-1 {
		p.Log = v.Logs[at.Shard].Origin()
	}
	return p
}
