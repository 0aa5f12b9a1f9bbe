// SPDX-License-Identifier: Apache-2.0

package search

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

// segmentSize is how many records a stored segment covers.
const segmentSize = 65536

// maxValues is how many different values of a field are indexed. A field that
// has more can not be searched by.
const maxValues = 20000

// Config says what an index works with.
type Config struct {
	// Ledger is what is searched. Required.
	Ledger *ledger.Ledger
	// Now is the clock that spans are counted back from. Default: time.Now.
	Now func() time.Time
	// Whole makes a search wait until all texts are indexed, as a process must that
	// has no [Index.Run] beside it. Default: the answer says how far it is behind.
	Whole bool
	// Every is how often [Index.Run] looks for new records. Default: 1s.
	Every time.Duration
	// Logger receives what only an operator needs to know. Default: none.
	Logger *slog.Logger
}

// Index finds records of one ledger. It is safe for concurrent use.
type Index struct {
	cfg Config
	l   *ledger.Ledger

	filling sync.Mutex   // held by who reads the log into the index
	reader  extractor    // guarded by filling
	part    *segment     // what is known of the last segment; guarded by filling
	loaded  bool         // stored segments were read; guarded by filling
	trails  sync.Mutex   // held by who writes texts
	memory  memory       // of what terms found in texts
	mu      sync.RWMutex // guards all below
	size    int64        // leaves that are known
	bits    map[string]map[string]*roaring.Bitmap
	full    map[string]bool // fields with too many values
	time    []uint32        // of each record, in seconds since epoch
	written []uint32        // when it was recorded
	numbers map[string]*column
}

// epoch is what seconds are counted from: the oldest time that a record can have.
var epoch = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC).Unix()

// column are the numbers of one field, in the order of the log.
type column struct {
	at    []uint32
	value []float64
}

// New makes an index, which knows nothing yet: the first search fills it.
func New(cfg Config) (*Index, error) {
	if cfg.Ledger == nil {
		return nil, errors.New("make search index: Ledger is required")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Every <= 0 {
		cfg.Every = time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Index{cfg: cfg, l: cfg.Ledger, bits: map[string]map[string]*roaring.Bitmap{}, full: map[string]bool{}, numbers: map[string]*column{}, part: newSegment(0)}, nil
}

// Fill brings the index up to the size that the log has now. The first time it
// reads the stored segments, and stores those that are missing: over a ledger of
// millions of records that was never searched, it takes minutes.
func (x *Index) Fill(ctx context.Context) error {
	size, err := x.l.Size(ctx)
	if err != nil {
		return err
	}
	x.mu.RLock()
	known := x.size
	x.mu.RUnlock()
	if known >= size {
		return nil
	}
	x.filling.Lock()
	defer x.filling.Unlock()
	if !x.loaded {
		if err := x.load(ctx); err != nil {
			return err
		}
		x.loaded = true
	}
	for e, err := range x.l.Entries(ctx, x.part.next, size) {
		if err != nil {
			return fmt.Errorf("fill search index: %w", err)
		}
		got, err := x.reader.read(e.Statement)
		if err != nil {
			return fmt.Errorf("fill search index: record at %d: %w", e.Index, err)
		}
		if err := x.finish(ctx); err != nil {
			return err
		}
		x.part.add(e.Index, got)
	}
	if err := x.settle(ctx); err != nil {
		return err
	}
	return x.finish(ctx)
}

// finish stores the segment if it is full, and begins the next.
func (x *Index) finish(ctx context.Context) error {
	if x.part.next-x.part.first < segmentSize {
		return nil
	}
	if err := x.settle(ctx); err != nil {
		return err
	}
	if err := x.store(ctx, x.part); err != nil {
		return err
	}
	x.part = newSegment(x.part.next)
	return nil
}

// settle puts what was read since the last time into the bitmaps.
func (x *Index) settle(ctx context.Context) error {
	s := x.part
	abouts, err := x.places(ctx, s)
	if err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.resolve(s, abouts)
	x.merge(s, s.settled)
	s.settle()
	return nil
}

// merge takes a segment in; from is the first record of it that is new. Callers
// hold mu.
func (x *Index) merge(s *segment, from int64) {
	for field := range s.tooMany {
		x.full[field] = true
	}
	for field, values := range s.fresh {
		have := x.bits[field]
		if have == nil {
			have = map[string]*roaring.Bitmap{}
			x.bits[field] = have
		}
		for v, b := range values {
			switch old := have[v]; {
			case old != nil:
				old.Or(b)
			case len(have) < maxValues:
				have[v] = b.Clone()
			default:
				x.full[field] = true
			}
		}
	}
	x.time = append(x.time, s.time[from-s.first:]...)
	x.written = append(x.written, s.written[from-s.first:]...)
	for f, c := range s.freshNumbers {
		if x.numbers[f] == nil {
			x.numbers[f] = &column{}
		}
		x.numbers[f].at = append(x.numbers[f].at, c.at...)
		x.numbers[f].value = append(x.numbers[f].value, c.value...)
	}
	x.size = s.next
}

// resolve gives records the values of those that are about them. Callers hold mu.
func (x *Index) resolve(s *segment, places map[string]int64) {
	for _, f := range s.follows {
		if at, ok := places[f.about]; ok {
			s.set(f.field, f.value, uint32(at))
		}
	}
	s.follows = nil
}

// places finds the records that others of a segment are about.
func (x *Index) places(ctx context.Context, s *segment) (map[string]int64, error) {
	out, asked := map[string]int64{}, map[string]bool{}
	ids := make([]any, 0, len(s.follows))
	for _, f := range s.follows {
		if !asked[f.about] {
			asked[f.about] = true
			ids = append(ids, f.about)
		}
	}
	err := x.l.DB().Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		for ; len(ids) > 0; ids = ids[min(400, len(ids)):] {
			if err := placesOf(ctx, tx, ids[:min(400, len(ids))], out); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("find records that others are about: %w", err)
	}
	return out, nil
}

func placesOf(ctx context.Context, tx *db.Tx, ids []any, out map[string]int64) error {
	rows, err := tx.Query(ctx, `SELECT id, idx FROM lookup WHERE id IN (`+db.Marks(len(ids))+`)`, ids...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var at int64
		if err := rows.Scan(&id, &at); err != nil {
			return err
		}
		out[id] = at
	}
	return rows.Err()
}
