// SPDX-License-Identifier: Apache-2.0

package search

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/counterfoil/counterfoil/internal/db"
)

// segment is what is known of up to segmentSize records in a row. all is what
// will be stored, fresh what the index has not taken yet.
type segment struct {
	first, next, settled int64
	all, fresh           map[string]map[string]*roaring.Bitmap
	time, written        []uint32
	numbers              map[string]*column
	freshNumbers         map[string]*column
	follows              []follow
	tooMany              map[string]bool // fields of which nothing is stored
}

// follow is a value that a record has because another is about it.
type follow struct{ about, field, value string }

func newSegment(first int64) *segment {
	return &segment{first: first, next: first, settled: first, all: map[string]map[string]*roaring.Bitmap{}, fresh: map[string]map[string]*roaring.Bitmap{},
		numbers: map[string]*column{}, freshNumbers: map[string]*column{}, tooMany: map[string]bool{}}
}

func set(in map[string]map[string]*roaring.Bitmap, field, value string, at uint32) {
	values := in[field]
	if values == nil {
		values = map[string]*roaring.Bitmap{}
		in[field] = values
	}
	b := values[value]
	if b == nil {
		b = roaring.New()
		values[value] = b
	}
	b.Add(at)
}

func (s *segment) set(field, value string, at uint32) {
	set(s.all, field, value, at)
	set(s.fresh, field, value, at)
}

func (s *segment) add(index int64, e *extracted) {
	at := uint32(index)
	for _, p := range e.values {
		s.set(p.field, p.value, at)
	}
	s.time = append(s.time, uint32(e.time-epoch))
	s.written = append(s.written, uint32(e.recorded-epoch))
	for _, n := range e.numbers {
		for _, cols := range []map[string]*column{s.numbers, s.freshNumbers} {
			if cols[n.field] == nil {
				cols[n.field] = &column{}
			}
			cols[n.field].at = append(cols[n.field].at, at)
			cols[n.field].value = append(cols[n.field].value, n.value)
		}
	}
	for _, f := range e.follow {
		if e.about != "" {
			s.follows = append(s.follows, follow{e.about, f.field, f.value})
		}
	}
	s.next = index + 1
}

// settle notes that the index has taken everything.
func (s *segment) settle() {
	s.settled = s.next
	clear(s.fresh)
	clear(s.freshNumbers)
}

// Names of the rows that are no values of fields.
const (
	rowTimes   = "#time"
	rowNumbers = "#number"
)

// store writes a full segment. Another node may have done so: it has the same.
func (x *Index) store(ctx context.Context, s *segment) error {
	var rows [][]any
	number := s.first / segmentSize
	for field, values := range s.all {
		if len(values) > maxValues {
			rows = append(rows, []any{number, field, "", []byte{}})
			continue
		}
		for v, b := range values {
			b.RunOptimize()
			raw, err := b.ToBytes()
			if err != nil {
				return fmt.Errorf("store search segment: %w", err)
			}
			rows = append(rows, []any{number, field, v, raw})
		}
	}
	times := make([]byte, 0, 8*len(s.time))
	for i := range s.time {
		times = binary.LittleEndian.AppendUint32(times, s.time[i])
		times = binary.LittleEndian.AppendUint32(times, s.written[i])
	}
	rows = append(rows, []any{number, rowTimes, "", times})
	for f, c := range s.numbers {
		raw := make([]byte, 0, 12*len(c.at))
		for i := range c.at {
			raw = binary.LittleEndian.AppendUint32(raw, c.at[i])
			raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(c.value[i]))
		}
		rows = append(rows, []any{number, rowNumbers, f, raw})
	}
	err := x.l.DB().Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM facet WHERE segment = ?`, number); err != nil {
			return err
		}
		return tx.Insert(ctx, "facet", []string{"segment", "field", "value", "bits"}, rows)
	})
	if err != nil {
		return fmt.Errorf("store search segment: %w", err)
	}
	return nil
}

// load reads the stored segments, as far as they are without a gap.
func (x *Index) load(ctx context.Context) error {
	for number := int64(0); ; number++ {
		s := newSegment(number * segmentSize)
		err := x.l.DB().Read(ctx, func(ctx context.Context, tx *db.Tx) error {
			rows, err := tx.Query(ctx, `SELECT field, value, bits FROM facet WHERE segment = ?`, number)
			if err != nil {
				return err
			}
			defer rows.Close()
			return s.read(rows)
		})
		if err != nil {
			return fmt.Errorf("load search segment %d: %w", number, err)
		}
		if len(s.time) != segmentSize {
			x.part = newSegment(number * segmentSize)
			return nil
		}
		s.next = s.first + segmentSize
		x.mu.Lock()
		x.merge(s, s.first)
		x.mu.Unlock()
	}
}

func (s *segment) read(rows *sql.Rows) error {
	for rows.Next() {
		var field, value string
		var raw []byte
		if err := rows.Scan(&field, &value, &raw); err != nil {
			return err
		}
		switch field {
		case rowTimes:
			for i := 0; i+8 <= len(raw); i += 8 {
				s.time = append(s.time, binary.LittleEndian.Uint32(raw[i:]))
				s.written = append(s.written, binary.LittleEndian.Uint32(raw[i+4:]))
			}
		case rowNumbers:
			c := &column{}
			for i := 0; i+12 <= len(raw); i += 12 {
				c.at = append(c.at, binary.LittleEndian.Uint32(raw[i:]))
				c.value = append(c.value, math.Float64frombits(binary.LittleEndian.Uint64(raw[i+4:])))
			}
			s.freshNumbers[value] = c
		default:
			if len(raw) == 0 {
				s.tooMany[field] = true
				continue
			}
			b := roaring.New()
			if _, err := b.ReadFrom(bytes.NewReader(raw)); err != nil {
				return err
			}
			if s.fresh[field] == nil {
				s.fresh[field] = map[string]*roaring.Bitmap{}
			}
			s.fresh[field][value] = b
		}
	}
	return rows.Err()
}
