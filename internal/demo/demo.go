// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"time"
)

// Days is how many days the records of the enterprise cover.
const Days = 30

// MinRecords is the fewest records that leave room for every planted defect.
const MinRecords = 1000

// Config says which enterprise to make up.
type Config struct {
	// Now is when the month ends; required. Nothing is later.
	Now time.Time
	// Seed chooses customers, texts and events. The zero seed is as good as any.
	Seed uint64
	// Records is about how many records to make, within two in a hundred; 5,000
	// when zero, at least [MinRecords].
	Records int
}

func (c Config) validate() error {
	var errs []error
	if c.Now.IsZero() || c.Now.Year() < 1971 || c.Now.Year() > 2200 {
		errs = append(errs, errors.New("now must be a time between 1971 and 2200"))
	}
	if c.Records < MinRecords || c.Records > 1_000_000 {
		errs = append(errs, fmt.Errorf("records must be from %d to 1000000, not %d", MinRecords, c.Records))
	}
	return errors.Join(errs...)
}

// Item is one record.
type Item struct {
	// JSON is the record as a source sends it.
	JSON []byte
	// Defect is the name of the planted defect that shows in this record, or
	// empty.
	Defect string
}

// Defect is one thing that is wrong on purpose.
type Defect struct {
	// Name is stable and a code, for example source_gap.
	Name string
	// Title is what is wrong, in a few words.
	Title string
	// Explanation says what to look at, and why it matters.
	Explanation string
	// Records are the ids of the records in which it shows, in time order.
	Records []string
}

// Enterprise is a month of records. It is immutable and safe for concurrent use.
type Enterprise struct {
	items     []Item
	defects   []Defect
	highlight string
}

// Generate makes up the enterprise of cfg. It takes about a fifth of a
// second for 5,000 records and holds them in memory.
func Generate(cfg Config) (*Enterprise, error) {
	if cfg.Records == 0 {
		cfg.Records = 5000
	}
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("generate demo: %w", err)
	}
	g := newGenerator(cfg)
	g.registerAll()
	g.slowAfternoon()
	g.episodes()
	g.finish()
	e := &Enterprise{highlight: g.highlight}
	for _, r := range g.recs {
		raw, err := marshal(r.body)
		if err != nil {
			return nil, fmt.Errorf("write demo record %s: %w", r.id, err)
		}
		e.items = append(e.items, Item{JSON: raw, Defect: r.defect})
	}
	e.defects = g.defects()
	return e, nil
}

// Items yields the records in time order.
func (e *Enterprise) Items() iter.Seq[Item] { return slices.Values(e.items) }

// Len is the number of records.
func (e *Enterprise) Len() int { return len(e.items) }

// Defects lists what was planted, in the order in which it happened.
func (e *Enterprise) Defects() []Defect { return slices.Clone(e.defects) }

// Highlight is the id of the record to look at first: a refund that the fraud
// score denied against the customer's interest, and that a person overrode.
func (e *Enterprise) Highlight() string { return e.highlight }

// obj is a JSON object.
type obj = map[string]any

// rec is a record on its way.
type rec struct {
	at     time.Time
	id     string
	source string
	body   obj
	defect string
	skip   int64 // sequence numbers lost before this record
}

// generator is owned by one call of Generate.
type generator struct {
	cfg       Config
	rng       *rand.Rand
	start     time.Time // midnight UTC; the last of the Days is the day of Now
	people    []customer
	library   library
	recs      []*rec
	highlight string
	plans     []plan
	pending   string       // the planted defect that the next record will show
	incident  [2]time.Time // the afternoon when the provider was slow
}

func newGenerator(cfg Config) *generator {
	g := &generator{cfg: cfg, rng: rand.New(rand.NewPCG(cfg.Seed, 0x636f756e746572)), library: newLibrary()}
	day := cfg.Now.UTC().Truncate(24 * time.Hour)
	g.start = day.AddDate(0, 0, 1-Days)
	g.plans = newPlans(g.start)
	g.people = g.populate(max(200, cfg.Records/5))
	slow := 19
	for w := g.at(slow, 0, 0).Weekday(); w == time.Saturday || w == time.Sunday; w = g.at(slow, 0, 0).Weekday() {
		slow++
	}
	g.incident = [2]time.Time{g.at(slow, 13, 5), g.at(slow, 15, 40)}
	return g
}

// at is a moment of the month: day from 0, hour and minute in UTC.
func (g *generator) at(day, hour, minute int) time.Time {
	return g.start.AddDate(0, 0, day).Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute)
}

// add completes a record and keeps it, unless it would be later than now; then
// it returns nil. The source's sequence number is filled in at the end.
func (g *generator) add(kind string, at time.Time, source string, body obj) *rec {
	at = at.UTC().Truncate(time.Millisecond)
	id := g.uuid(at) // drawn in any case, so that Now changes nothing else
	if at.After(g.cfg.Now) {
		return nil
	}
	body["type"], body["id"], body["time"] = kind, id, stamp(at)
	r := &rec{at: at, id: id, source: source, body: body}
	g.recs = append(g.recs, r)
	return r
}

// uuid is a UUIDv7 of a time.
func (g *generator) uuid(at time.Time) string {
	ms := uint64(at.UnixMilli())
	a, b := g.rng.Uint64(), g.rng.Uint64()
	return fmt.Sprintf("%08x-%04x-7%03x-%04x-%012x", ms>>16, ms&0xffff, a&0xfff, 0x8000|a>>48&0x3fff, b&0xffffffffffff)
}

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// minted is an opaque id such as int_4fT9xQ2a.
func (g *generator) minted(prefix string) string {
	b := []byte(prefix)
	for range 8 {
		b = append(b, base62[g.rng.IntN(len(base62))])
	}
	return string(b)
}

// office moves a time into working hours.
func (g *generator) office(at time.Time) time.Time {
	morning := at.UTC().Truncate(24 * time.Hour).Add(7 * time.Hour)
	switch {
	case at.Before(morning):
		return morning.Add(g.between(0, 2*time.Hour))
	case at.Sub(morning) > 11*time.Hour:
		return morning.Add(24*time.Hour + g.between(0, 2*time.Hour))
	}
	return at
}

// chance is true p times in a hundred.
func (g *generator) chance(p int) bool { return g.rng.IntN(100) < p }

// between is a duration from a to b, to the millisecond.
func (g *generator) between(a, b time.Duration) time.Duration {
	return a + time.Duration(g.rng.Int64N(int64((b-a)/time.Millisecond)+1))*time.Millisecond
}

func pick[T any](g *generator, from []T) T { return from[g.rng.IntN(len(from))] }

// round keeps two decimals.
func round(f float64) float64 { return float64(int64(f*100+0.5)) / 100 }

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}
