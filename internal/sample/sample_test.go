// SPDX-License-Identifier: Apache-2.0

package sample_test

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/counterfoil/counterfoil/internal/sample"
	"github.com/counterfoil/counterfoil/proof"
)

// leaves are n statements, of which every third is of the system a.
func leaves(n int) func() iter.Seq2[[]byte, error] {
	return func() iter.Seq2[[]byte, error] {
		return func(yield func([]byte, error) bool) {
			for i := range n {
				if !yield(fmt.Appendf(nil, `{"id":"r%d","system":%q}`, i, []string{"a", "b", "c"}[i%3]), nil) {
					return
				}
			}
		}
	}
}

func order(seed string, size int) *sample.Order {
	return &sample.Order{ID: "s", Selection: []byte(`{"at":["/system"],"is":["a"]}`), Size: size, Seed: seed}
}

// TestDraw draws from random logs: what is drawn matches, stands before the order,
// and is as much as was asked for; another seed or another root draws others.
func TestDraw(t *testing.T) {
	t.Parallel()
	same := 0
	rapid.Check(t, func(rt *rapid.T) {
		n, size := rapid.IntRange(0, 300).Draw(rt, "leaves"), rapid.IntRange(1, 40).Draw(rt, "size")
		before := int64(rapid.IntRange(0, n).Draw(rt, "before"))
		cp := proof.Checkpoint{Origin: "example.com/s", Size: before + 1, Root: tlog.RecordHash([]byte(rapid.String().Draw(rt, "root")))}
		draw := func(seed string, cp proof.Checkpoint) []int64 {
			have, population, err := sample.Draw(order(seed, size), cp, before, leaves(n))
			if err != nil {
				rt.Fatal(err)
			}
			if want := (before + 2) / 3; population != want || len(have) != int(min(want, int64(size))) {
				rt.Errorf("%d of %d, want of %d", len(have), population, want)
			}
			for i, x := range have {
				if x%3 != 0 || x >= before || i > 0 && x <= have[i-1] {
					rt.Errorf("drew %v", have)
				}
			}
			return have
		}
		one := draw("x", cp)
		if !slices.Equal(one, draw("x", cp)) {
			rt.Error("the same order draws others")
		}
		other := cp
		other.Root = tlog.RecordHash([]byte("another"))
		if before > 200 && size < 20 && size > 5 && (slices.Equal(one, draw("y", cp)) || slices.Equal(one, draw("x", other))) {
			same++
		}
	})
	if same > 1 {
		t.Errorf("%d times another seed or root drew the same", same)
	}
}

// TestDrawIsFair draws often: no leaf is drawn much more than another.
func TestDrawIsFair(t *testing.T) {
	t.Parallel()
	count := map[int64]int{}
	for i := range 3000 {
		have, _, err := sample.Draw(order(fmt.Sprint(i), 5), proof.Checkpoint{Size: 31}, 30, leaves(30))
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range have {
			count[x]++
		}
	}
	for x := int64(0); x < 30; x += 3 { // 1500 are expected, give or take 27
		if count[x] < 1350 || count[x] > 1650 {
			t.Errorf("leaf %d was drawn %d times of 3000", x, count[x])
		}
	}
}

func TestRepeat(t *testing.T) {
	t.Parallel()
	cp := proof.Checkpoint{Origin: "example.com/s", Size: 101, Root: tlog.RecordHash([]byte("x"))}
	have, population, err := sample.Draw(order("x", 3), cp, 100, leaves(100))
	if err != nil {
		t.Fatal(err)
	}
	sheet := func() *sample.Sheet {
		s := &sample.Sheet{Format: sample.Format, Order: *order("x", 3), Index: 100, Population: population,
			Checkpoint: fmt.Sprintf("%s\n%d\n%s\n\n— example.com/s AAAAAAAA\n", cp.Origin, cp.Size, cp.Root)}
		for _, i := range have {
			s.Drawn = append(s.Drawn, sample.Finding{Index: i})
		}
		return s
	}
	for what, edit := range map[string]func(*sample.Sheet){
		"":                   func(*sample.Sheet) {},
		"gives the leaves":   func(s *sample.Sheet) { s.Drawn[0].Index += 3 },
		"draw gives":         func(s *sample.Sheet) { s.Order.Seed = "y" },
		"to draw from":       func(s *sample.Sheet) { s.Population-- },
		"does not cover the": func(s *sample.Sheet) { s.Index = 101 },
	} {
		s := sheet()
		edit(s)
		differs, err := sample.Repeat(s, leaves(100))
		if err != nil || (differs == "") != (what == "") || !strings.Contains(differs, what) {
			t.Errorf("%q: %q, %v", what, differs, err)
		}
	}
}
