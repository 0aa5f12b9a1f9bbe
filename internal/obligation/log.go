// SPDX-License-Identifier: Apache-2.0

package obligation

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/internal/extent"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/tlog"
	"github.com/counterfoil/counterfoil/record"
)

// root builds the tree from the leaves of each log again, and holds it against
// the root that the log signed.
func root(r *run, t *tally) method {
	return method{end: func(ctx context.Context) error {
		for _, l := range r.view.Logs {
			if l.Dropped || l.Size == 0 {
				continue
			}
			tree, batch := tlog.New(), make([]tlog.Hash, 0, extent.PageSize)
			for e, err := range l.Entries(ctx, 0, l.Size) {
				if err != nil {
					return fmt.Errorf("read leaves of %s: %w", l.Origin(), err)
				}
				if batch = append(batch, record.LeafHash(e.Statement)); len(batch) == extent.PageSize {
					tree, _ = tree.Append(batch)
					batch = batch[:0]
				}
			}
			tree, _ = tree.Append(batch)
			have := tree.Root()
			t.testMany("log:"+l.Origin(), l.Size, tree.Size() == l.Size && base64.StdEncoding.EncodeToString(have[:]) == signedRoot(l.Signed))
		}
		return nil
	}}
}

// signedRoot is the third line of a checkpoint.
func signedRoot(checkpoint []byte) string {
	lines := strings.SplitN(string(checkpoint), "\n", 4)
	if len(lines) < 4 {
		return ""
	}
	return lines[2]
}

// cosigned wants signatures of witnesses that are fresh.
func cosigned(r *run, t *tally) method { return r.attested(t, false) }

// stamped wants time stamps that are fresh.
func stamped(r *run, t *tally) method { return r.attested(t, true) }

// attested wants enough others to have signed the newest log of late.
func (r *run) attested(t *tally, times bool) method {
	return method{end: func(ctx context.Context) error {
		l := r.view.Logs[len(r.view.Logs)-1]
		if l.Size == 0 {
			return nil
		}
		peers, authorities, err := l.Attested(ctx)
		if err != nil {
			return err
		}
		if times {
			peers = authorities
		}
		fresh := int64(0)
		for _, p := range peers {
			if !p.Time.Before(r.asOf.Add(-t.days("days"))) {
				fresh++
			}
		}
		t.test("log:"+l.Origin(), fresh >= max(1, t.number("peers")))
		return nil
	}}
}

// gaps wants each source's numbers without holes. A number that is missing in
// the period may stand in the log with another time; a hole may be explained by
// a reconciliation.
func gaps(r *run, t *tally) method {
	seen := map[string][]int64{}
	return method{
		see: func(s *statement) {
			if s.Source.ID != "" && s.Source.Seq.OK {
				seen[string(s.Source.ID)] = append(seen[string(s.Source.ID)], s.Source.Seq.Whole())
			}
		},
		end: func(ctx context.Context) error {
			for _, source := range slices.Sorted(maps.Keys(seen)) {
				if err := r.source(ctx, t, source, seen[source]); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// source tests the numbers of one source.
func (r *run) source(ctx context.Context, t *tally, source string, have []int64) error {
	slices.Sort(have)
	have = slices.Compact(have)
	lowest, highest := have[0], have[len(have)-1]
	if int64(len(have)) != highest-lowest+1 {
		err := r.view.Each(ctx, ledger.Query{Source: source}, spot{}, func(at spot, leaf []byte) error {
			s, err := parse(at, leaf)
			if err == nil && s.Source.Seq.OK && s.Source.Seq.Whole() > lowest && s.Source.Seq.Whole() < highest {
				have = append(have, s.Source.Seq.Whole())
			}
			return err
		})
		if err != nil {
			return err
		}
		slices.Sort(have)
		have = slices.Compact(have)
	}
	t.out.Population += int64(len(have))
	t.out.Passed += int64(len(have))
	for n := 1; n < len(have); n++ {
		missing := have[n] - have[n-1] - 1
		if missing > 0 {
			t.testMany(fmt.Sprintf("source:%s:%d-%d", source, have[n-1]+1, have[n]-1), missing, r.explained(source))
		}
	}
	return nil
}

// explained says whether somebody who does not write the records explained a
// difference of the count of a source, in the period.
func (r *run) explained(source string) bool {
	return slices.ContainsFunc(r.facts.of[record.Reconciliation], func(s *statement) bool {
		c := s.Counted
		return c != nil && c.Status == "explained" && string(c.Counter) == source && c.From.Before(r.to) && r.from.Before(c.To.Time)
	})
}

// attempts wants an outcome for each attempt, in time. What is not due yet is
// not tested.
func attempts(r *run, t *tally) method {
	answered := map[text]time.Time{}
	var open []*statement
	wait := time.Duration(t.number("hours")) * time.Hour
	return method{
		see: func(s *statement) {
			switch {
			case s.Decision == nil || !s.production():
			case s.Decision.Status != "requested":
				if s.About != "" {
					answered[s.About] = earlier(answered[s.About], s.Time.Time)
				}
			default:
				open = append(open, s)
			}
		},
		end: func(ctx context.Context) error {
			for _, s := range open {
				at, ok := answered[s.ID]
				if !ok {
					var err error
					if at, err = r.outcome(ctx, string(s.ID)); err != nil {
						return err
					}
				}
				due := s.Time.Add(wait)
				if at.IsZero() && r.asOf.Before(due) {
					continue
				}
				t.test(string(s.ID), !at.IsZero() && !at.After(due))
			}
			return nil
		},
	}
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// outcome is when an attempt had one, by a record outside of the period.
func (r *run) outcome(ctx context.Context, id string) (at time.Time, err error) {
	err = r.view.Each(ctx, ledger.Query{Type: string(record.Decision), About: id}, spot{}, func(sp spot, leaf []byte) error {
		s, err := parse(sp, leaf)
		if err == nil && s.Decision != nil && s.Decision.Status != "requested" {
			at = earlier(at, s.Time.Time)
		}
		return err
	})
	return at, err
}

// reconciled wants each day with decisions inside a count against a counter of
// others, that matched or was explained.
func reconciled(r *run, t *tally) method {
	days := map[time.Time]bool{}
	m := decisions(func(s *statement) { days[s.Time.UTC().Truncate(24*time.Hour)] = true })
	m.end = func(context.Context) error {
		for _, day := range slices.SortedFunc(maps.Keys(days), time.Time.Compare) {
			t.test("day:"+day.Format(time.DateOnly), slices.ContainsFunc(r.facts.of[record.Reconciliation], func(s *statement) bool {
				c := s.Counted
				return c != nil && (c.Status == "matched" || c.Status == "explained") && c.Owner != "" && c.Owner != s.Writer &&
					!c.From.After(day) && !c.To.Before(day.Add(24*time.Hour))
			}))
		}
		return nil
	}
	return m
}

// heartbeats wants every source that sent something to say how much, for each
// day that is over from its first to its last record.
func heartbeats(r *run, t *tally) method {
	first, last := map[string]time.Time{}, map[string]time.Time{}
	return method{
		see: func(s *statement) {
			id, day := string(s.Source.ID), s.Time.UTC().Truncate(24*time.Hour)
			if id == "" || s.Heartbeat != nil {
				return
			}
			first[id] = earlier(first[id], day)
			if day.After(last[id]) {
				last[id] = day
			}
		},
		end: func(context.Context) error {
			beats := map[string][]*statement{}
			for _, s := range r.facts.of[record.Heartbeat] {
				beats[string(s.Source.ID)] = append(beats[string(s.Source.ID)], s)
			}
			for _, id := range slices.Sorted(maps.Keys(first)) {
				for day := first[id]; !day.After(last[id]) && !r.asOf.Before(day.AddDate(0, 0, 1)); day = day.AddDate(0, 0, 1) {
					t.test("source:"+id+":"+day.Format(time.DateOnly), slices.ContainsFunc(beats[id], func(s *statement) bool {
						return s.Heartbeat != nil && s.Heartbeat.From.Before(day.Add(24*time.Hour)) && s.Heartbeat.To.After(day)
					}))
				}
			}
			return nil
		},
	}
}

// capture wants decisions of high-risk systems to come by a door that a person
// does not carry them through.
func capture(r *run, t *tally) method {
	doors := t.words("doors")
	return highRisk(r, t, func(s *statement) { t.test(string(s.ID), slices.Contains(doors, string(s.Capture))) })
}

// clocks wants no record to be of a later time than when it was recorded.
func clocks(_ *run, t *tally) method {
	slack := time.Duration(t.number("milliseconds")) * time.Millisecond
	return method{see: func(s *statement) {
		if s.production() {
			t.test(string(s.ID), !s.Time.After(s.Recorded.Add(slack)))
		}
	}}
}

// references wants what a record follows up or replaces to be there.
func references(r *run, t *tally) method {
	named := map[string][]string{}
	return method{
		see: func(s *statement) {
			if s.production() && s.About != "" {
				named[string(s.ID)] = append(named[string(s.ID)], string(s.About))
			}
			if s.made() && s.Decision.Supersedes != "" {
				named[string(s.ID)] = append(named[string(s.ID)], string(s.Decision.Supersedes))
			}
		},
		end: func(ctx context.Context) error {
			var ids []string
			for _, some := range named {
				ids = append(ids, some...)
			}
			slices.Sort(ids)
			there := map[string]bool{} // whoever may see them: that something is there is no secret to who has the reference
			err := r.view.Whole().Among(ctx, ledger.Query{}, slices.Compact(ids), func(at spot, leaf []byte) error {
				s, err := parse(at, leaf)
				if err == nil {
					there[string(s.ID)] = true
				}
				return err
			})
			if err != nil {
				return err
			}
			for _, id := range slices.Sorted(maps.Keys(named)) {
				t.test(id, !slices.ContainsFunc(named[id], func(ref string) bool { return !there[ref] }))
			}
			return nil
		},
	}
}
