// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/counterfoil/counterfoil/internal/demo"
)

const ndjson = "application/x-ndjson"

// sent is what a load has achieved.
type sent struct {
	records, bytes atomic.Int64
}

// send lets n senders post batches until done says so, each with records of its
// own. It returns when the last is answered.
func (b *bench) send(ctx context.Context, r *rig, seed uint64, done func(*sent) bool) (*sent, error) {
	var s sent
	g, ctx := errgroup.WithContext(ctx)
	for i := range b.cfg.Senders {
		g.Go(func() error {
			next, stop := iter.Pull(demo.Load(0, seed+uint64(i)))
			defer stop()
			var body, answer bytes.Buffer
			for !done(&s) {
				body.Reset()
				for range b.cfg.Batch {
					rec, _ := next() // has no end
					body.Write(rec)
					body.WriteByte('\n')
				}
				if err := r.post(ctx, ndjson, body.Bytes(), &answer); err != nil {
					return err
				}
				s.records.Add(int64(b.cfg.Batch))
				s.bytes.Add(int64(body.Len()))
			}
			return nil
		})
	}
	err := g.Wait()
	b.sent += s.bytes.Load()
	return &s, err
}

// batches measures the batch rate, and the memory under it.
func (b *bench) batches(ctx context.Context, r *rig) error {
	resetPeak()
	start := time.Now()
	s, err := b.send(ctx, r, 1, func(*sent) bool {
		b.cfg.Progress("appending batches", int64(time.Since(start)), int64(b.cfg.Duration))
		return time.Since(start) >= b.cfg.Duration
	})
	if err != nil {
		return fmt.Errorf("append batches: %w", err)
	}
	took, n := time.Since(start), s.records.Load()
	of := fmt.Sprintf("%d records of %d bytes in %.0f s, batches of %d over %d connections", n, s.bytes.Load()/n, took.Seconds(), b.cfg.Batch, b.cfg.Senders)
	if err := b.report(AppendBatch, float64(n)/took.Seconds(), "records/s", of); err != nil {
		return err
	}
	peak, what := peakMemory()
	return b.report(RSS, float64(peak)/1e6, "MB", what)
}

// singles measures the latency of one record a request.
func (b *bench) singles(ctx context.Context, r *rig) error {
	took := make([][]time.Duration, b.cfg.Clients)
	start := time.Now()
	duration := min(b.cfg.Duration, 30*time.Second)
	var size atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	for i := range took {
		g.Go(func() error {
			var answer bytes.Buffer
			for rec := range demo.Load(0, 1000+uint64(i)) {
				before := time.Now()
				if before.Sub(start) >= duration {
					break
				}
				if err := r.post(ctx, "application/json", rec, &answer); err != nil {
					return err
				}
				took[i] = append(took[i], time.Since(before))
				size.Add(int64(len(rec)))
				b.cfg.Progress("appending single records", int64(time.Since(start)), int64(duration))
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("append single records: %w", err)
	}
	b.sent += size.Load()
	all := slices.Concat(took...)
	slices.Sort(all)
	of := fmt.Sprintf("%d records in %.0f s (%.0f/s), %d clients", len(all), duration.Seconds(), float64(len(all))/duration.Seconds(), b.cfg.Clients)
	if err := b.report(AppendSingleP50, quantile(all, 0.50), "ms", of); err != nil {
		return err
	}
	return b.report(AppendSingleP99, quantile(all, 0.99), "ms", of)
}

// quantile is that of sorted durations, in milliseconds.
func quantile(sorted []time.Duration, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	i := int(math.Ceil(q*float64(len(sorted)))) - 1
	return float64(sorted[max(i, 0)].Microseconds()) / 1000
}

// fill puts about n records into the ledger.
func (b *bench) fill(ctx context.Context, r *rig, n int64) error {
	_, err := b.send(ctx, r, 1, func(s *sent) bool {
		b.cfg.Progress("filling a ledger", s.records.Load(), n)
		return s.records.Load() >= n
	})
	if err != nil {
		return fmt.Errorf("fill ledger: %w", err)
	}
	return nil
}

// curve measures the rate around each power of ten, while one ledger grows.
func (b *bench) curve(ctx context.Context) error {
	r, err := b.start(ctx)
	if err != nil {
		return err
	}
	size := int64(0)
	grow := func(to int64) (float64, error) {
		start, from := time.Now(), size
		s, err := b.send(ctx, r, uint64(10+from), func(s *sent) bool {
			b.cfg.Progress("growing a ledger", from+s.records.Load(), b.cfg.Curve)
			return from+s.records.Load() >= to
		})
		size += s.records.Load()
		return float64(size-from) / time.Since(start).Seconds(), err
	}
	for at := int64(10_000); err == nil && at <= b.cfg.Curve; at *= 10 {
		for _, step := range []int64{at, 2 * at, 5 * at} {
			if step > b.cfg.Curve || err != nil {
				break
			}
			var rate float64
			stretch := min(max(step/10, int64(2*b.cfg.Batch*b.cfg.Senders)), 100_000) // long enough for every sender
			if _, err = grow(step - stretch); err != nil {
				break
			}
			if rate, err = grow(step); err == nil {
				err = b.tell(Measurement{Name: fmt.Sprintf("append_at_%d", step), Value: rate, Unit: "records/s", Of: "the last stretch before that size"})
			}
		}
	}
	if err = errors.Join(err, r.stop()); err != nil {
		return fmt.Errorf("grow ledger: %w", err)
	}
	stored, err := b.stored(ctx)
	if err != nil {
		return err
	}
	return b.tell(Measurement{Name: StoredRatio, Value: float64(stored) / float64(b.sent), Unit: "×", Of: fmt.Sprintf("%d records", size)})
}
