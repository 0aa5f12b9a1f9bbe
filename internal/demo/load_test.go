// SPDX-License-Identifier: Apache-2.0

package demo_test

import (
	"bytes"
	"compress/flate"
	"testing"

	"github.com/counterfoil/counterfoil/internal/demo"
	"github.com/counterfoil/counterfoil/record"
)

// TestLoad checks each promise about the records of the bench.
func TestLoad(t *testing.T) {
	t.Parallel()
	const n = 3000
	ids, last, size, i := map[string]bool{}, "", 0, 0
	var all bytes.Buffer
	for raw := range demo.Load(n, 5) {
		i++
		r, err := record.Parse(raw)
		if err != nil {
			t.Fatalf("%v\n%s", err, raw)
		}
		if len(r.Private()) != demo.LoadValues {
			t.Fatalf("%d private values: %v", len(r.Private()), r.Private())
		}
		if id := r.ID(); ids[id] || id <= last || id[14] != '7' || len(id) != 36 {
			t.Fatalf("id %s after %s", id, last)
		}
		ids[r.ID()], last = true, r.ID()
		if f := r.Fields(); f.Seq != int64(i) || f.Source != "load-5" || f.Time.UnixMilli() != 1767225600000+int64(i)-1 {
			t.Fatalf("fields %+v of record %d", f, i)
		}
		size += len(raw)
		all.Write(raw)
	}
	if i != n {
		t.Errorf("%d records, want %d", i, n)
	}
	if avg := size / n; avg < 1950 || avg > 2150 {
		t.Errorf("%d bytes on average", avg)
	}
	var packed bytes.Buffer
	w, _ := flate.NewWriter(&packed, flate.BestCompression)
	if _, err := w.Write(all.Bytes()); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if ratio := float64(size) / float64(packed.Len()); ratio > 7 {
		t.Errorf("compresses %.1f times: the texts are too much alike", ratio)
	} else {
		t.Logf("%d bytes on average, compresses %.1f times", size/n, ratio)
	}
}

// TestLoadSeeds makes sure that the same seed gives the same bytes, another seed
// other ids, and that a loop may stop.
func TestLoadSeeds(t *testing.T) {
	t.Parallel()
	first := func(seed uint64, n int) (out [][]byte) {
		for raw := range demo.Load(0, seed) {
			if out = append(out, raw); len(out) == n {
				break
			}
		}
		return out
	}
	a, b, c := first(1, 100), first(1, 100), first(2, 100)
	for i := range a {
		if !bytes.Equal(a[i], b[i]) || bytes.Equal(a[i], c[i]) {
			t.Fatalf("record %d", i)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	b.ReportAllocs()
	n := 0
	for raw := range demo.Load(b.N, 1) {
		n += len(raw)
	}
	b.SetBytes(int64(n / b.N))
}

func BenchmarkGenerate(b *testing.B) {
	for b.Loop() {
		if _, err := demo.Generate(demo.Config{Now: now, Seed: 1}); err != nil {
			b.Fatal(err)
		}
	}
}
