// SPDX-License-Identifier: Apache-2.0

package inquiry

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// origin is what the log has of one source.
type origin struct {
	numbers     []int64 // of all its records, whenever they were made
	times       []time.Time
	first, last int64 // numbers within the time that is asked about; -1: none
	before      int64 // the last number of what is older; -1: none
	after       int64 // the first number of what is newer; -1: none
	records     int64 // within it
	unnumbered  int64
	beats       []beat
}

// beat is a heartbeat: how many records a source says it has sent.
type beat struct {
	heartbeat
	where api.Place
}

// completeness says what is missing as far as the log can know it: question 4.
func completeness(ctx context.Context, a *asking) error {
	a.columns("kind", "source", "counter", "from", "to", "first", "last", "expected", "recorded", "missing", "numbers", "status", "owner")
	a.figures("sources", "gap", "begins_late", "unnumbered", "heartbeats", "heartbeat_differs", "attempts", "no_outcome", "counters", "counter_differs", "unexplained")
	if a.All() {
		if err := a.sources(ctx); err != nil {
			return err
		}
	} else {
		a.unknown("The numbers and heartbeats of sources run over all systems, and you may see some only.")
	}
	if a.System != "" {
		a.unknown("The numbers and heartbeats of sources run over all systems; attempts and counters are those of this one.")
	}
	if err := a.attempts(ctx); err != nil {
		return err
	}
	return a.counters(ctx)
}

// sources holds the numbers that sources gave their records against each other.
func (a *asking) sources(ctx context.Context) error {
	all := map[string]*origin{}
	err := a.skim(ctx, ledger.Query{}, func(at spot, s *heading) error {
		if s.Source.ID == "" {
			return nil
		}
		o := all[string(s.Source.ID)]
		if o == nil {
			o = &origin{first: -1, last: -1, before: -1, after: -1}
			all[string(s.Source.ID)] = o
		}
		o.see(a, at, s)
		return nil
	})
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(all)) {
		a.source(id, all[id])
	}
	return nil
}

func (o *origin) see(a *asking, at spot, s *heading) {
	inside := a.covers(s.Time.Time)
	if seq := s.Source.Seq; seq.OK {
		o.number(seq.Whole(), inside, inside || s.Time.Before(a.From))
	} else if inside {
		o.unnumbered++
	}
	if inside {
		o.records++
	}
	if s.Heartbeat.Count.OK {
		if inside {
			o.beats = append(o.beats, beat{s.Heartbeat, a.head(at, s)})
		}
		return
	}
	o.times = append(o.times, s.Time.Time)
}

// between counts the different numbers from first to last that the log has; the
// numbers are sorted and stand once.
func (o *origin) between(first, last int64) int64 {
	i, _ := slices.BinarySearch(o.numbers, first)
	j, _ := slices.BinarySearch(o.numbers, last+1)
	return int64(j - i)
}

// number adds one: of a record within the time that is asked about, or before or
// behind it.
func (o *origin) number(n int64, inside, early bool) {
	o.numbers = append(o.numbers, n)
	switch {
	case inside:
		if o.first < 0 || n < o.first {
			o.first = n
		}
		o.last = max(o.last, n)
	case early:
		o.before = max(o.before, n)
	case o.after < 0 || n < o.after:
		o.after = n
	}
}

// span are the numbers that must be there: up to those of what is older and
// newer, because nobody can tell on which side of midnight a missing one was.
func (o *origin) span() (first, last int64, ok bool) {
	first, last = o.first, o.last
	if o.before >= 0 && (first < 0 || o.before < first) {
		first = o.before + 1
	}
	if o.after >= 0 && o.after > last {
		last = o.after - 1
	}
	return first, last, first >= 0 && last >= first
}

// source lists what is wrong with a source, or that nothing is.
func (a *asking) source(id string, o *origin) {
	slices.Sort(o.numbers)
	o.numbers = slices.Compact(o.numbers)
	v := map[string]any{"kind": "source", "source": id, "recorded": o.records}
	var faults []string
	if first, last, ok := o.span(); ok {
		missing := last - first + 1 - o.between(first, last)
		v["first"], v["last"], v["expected"], v["missing"] = first, last, last-first+1, missing
		if missing > 0 {
			faults = append(faults, "gap")
			v["numbers"] = o.holes(first, last)
		}
	}
	if len(o.numbers) > 0 && o.numbers[0] > 1 { // of the whole log, whatever is asked
		faults = append(faults, "begins_late")
	}
	if o.unnumbered > 0 {
		faults = append(faults, "unnumbered")
	}
	if o.records == 0 && len(faults) == 0 { // it was not there then
		return
	}
	a.answer.Looked++
	a.add("sources", 1)
	a.put(nil, faults, v)
	slices.SortFunc(o.times, time.Time.Compare)
	for _, b := range o.beats {
		a.beat(id, o, b)
	}
}

// holes are the first ten spans of numbers that are missing.
func (o *origin) holes(first, last int64) []string {
	var out []string
	next := first
	see := func(n int64) {
		switch {
		case n-next == 1:
			out = append(out, strconv.FormatInt(next, 10))
		case n > next:
			out = append(out, fmt.Sprintf("%d-%d", next, n-1))
		}
		next = n + 1
	}
	i, _ := slices.BinarySearch(o.numbers, first)
	for _, n := range o.numbers[i:] {
		if n > last || len(out) == 10 {
			break
		}
		see(n)
	}
	if next <= last && len(out) < 10 {
		see(last + 1)
	}
	return out
}

// beat holds a heartbeat against the records. One with a number counts the
// numbers up to its own, itself among them; one without counts what its source
// made in its time.
func (a *asking) beat(id string, o *origin, b beat) {
	a.add("heartbeats", 1)
	said, have := b.Count.Whole(), int64(0)
	if b.Seq.OK {
		have = o.between(b.Seq.Whole()-said+1, b.Seq.Whole())
	} else {
		i, _ := slices.BinarySearchFunc(o.times, b.From.Time, time.Time.Compare)
		j, _ := slices.BinarySearchFunc(o.times, b.To.Time, time.Time.Compare)
		have = int64(max(j-i, 0))
	}
	if said == have {
		return
	}
	v := map[string]any{"kind": "heartbeat", "source": id, "expected": said, "recorded": have, "missing": said - have}
	clock(v, "from", b.From.Time)
	clock(v, "to", b.To.Time)
	a.put(&b.where, []string{"heartbeat_differs"}, v)
}

// attempts looks for those without an outcome.
func (a *asking) attempts(ctx context.Context) error {
	ended := map[string]bool{}
	err := a.sift(ctx, ledger.Query{Type: string(record.Decision)}, []string{`"about":"`}, func(_ spot, s *statement) error {
		if s.Decision.Status != "requested" && s.About != "" {
			ended[string(s.About)] = true
		}
		return nil
	})
	if err != nil {
		return err
	}
	q := a.query(string(record.Decision))
	q.Status = "requested"
	return a.walk(ctx, q, func(at spot, s *statement) error {
		a.answer.Looked++
		a.add("attempts", 1)
		if ended[string(s.ID)] {
			return nil
		}
		v := map[string]any{"kind": "attempt"}
		word(v, "source", s.Source.ID)
		clock(v, "from", s.Time.Time)
		here := a.place(at, s)
		a.put(&here, []string{"no_outcome"}, v)
		return nil
	})
}

// counters lists the counts of others that differ from those of the records.
func (a *asking) counters(ctx context.Context) error {
	return a.walk(ctx, a.query(string(record.Reconciliation)), func(at spot, s *statement) error {
		r := &s.Reconciliation
		a.answer.Looked++
		a.add("counters", 1)
		var faults []string
		if r.Expected.Value != r.Recorded.Value {
			faults = append(faults, "counter_differs")
		}
		if r.Status == "unexplained" {
			faults = append(faults, "unexplained")
		}
		if len(faults) == 0 {
			return nil
		}
		v := map[string]any{"kind": "counter", "missing": r.Expected.Value - r.Recorded.Value}
		word(v, "counter", r.Counter)
		word(v, "owner", r.Owner)
		word(v, "status", r.Status)
		say(v, "expected", r.Expected)
		say(v, "recorded", r.Recorded)
		clock(v, "from", r.From.Time)
		clock(v, "to", r.To.Time)
		here := a.place(at, s)
		a.put(&here, faults, v)
		return nil
	})
}
