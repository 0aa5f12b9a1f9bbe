// SPDX-License-Identifier: Apache-2.0

package tlog_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	sumdb "golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/counterfoil/counterfoil/internal/tlog"
)

// store is a strict model of where tiles live: a full tile never changes, a
// partial one only grows.
type store struct {
	t     testing.TB
	tiles map[string][]byte
}

func newStore(t testing.TB) *store { return &store{t: t, tiles: map[string][]byte{}} }

func key(level int, n int64) string { return fmt.Sprintf("%d/%d", level, n) }

func (s *store) put(tiles []tlog.Tile) {
	for _, tile := range tiles {
		old := s.tiles[key(tile.Level, tile.N)]
		if len(tile.Hashes) <= len(old) || string(tile.Hashes[:len(old)]) != string(old) {
			s.t.Fatalf("tile %d/%d changed or did not grow", tile.Level, tile.N)
		}
		s.tiles[key(tile.Level, tile.N)] = tile.Hashes
	}
}

func (s *store) read(level int, n int64, width int) ([]byte, error) {
	b := s.tiles[key(level, n)]
	if len(b) < width*sumdb.HashSize {
		return nil, fmt.Errorf("no tile %d/%d of width %d", level, n, width)
	}
	return b, nil
}

// oracle is x/mod's own tree.
type oracle struct{ hashes []sumdb.Hash }

func (o *oracle) ReadHashes(indexes []int64) ([]sumdb.Hash, error) {
	out := make([]sumdb.Hash, len(indexes))
	for i, x := range indexes {
		out[i] = o.hashes[x]
	}
	return out, nil
}

func (o *oracle) add(t testing.TB, n int64, leaf sumdb.Hash) {
	h, err := sumdb.StoredHashesForRecordHash(n, leaf, o)
	if err != nil {
		t.Fatal(err)
	}
	o.hashes = append(o.hashes, h...)
}

func leaf(n int64) sumdb.Hash {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n))
	return sumdb.RecordHash(b[:])
}

// world is a tree, its stored tiles and the oracle, grown together.
type world struct {
	t      testing.TB
	tree   *tlog.Tree
	store  *store
	oracle oracle
}

func (w *world) grow(n int) *tlog.Growth {
	var leaves []sumdb.Hash
	for i := range int64(n) {
		h := leaf(w.tree.Size() + i)
		leaves = append(leaves, h)
		w.oracle.add(w.t, w.tree.Size()+i, h)
	}
	tree, g := w.tree.Append(leaves)
	w.tree = tree
	w.store.put(g.Tiles)
	root, err := sumdb.TreeHash(tree.Size(), &w.oracle)
	if err != nil {
		w.t.Fatal(err)
	}
	if tree.Root() != root || g.Root != root {
		w.t.Fatalf("root of %d differs from x/mod's", tree.Size())
	}
	return g
}

func (w *world) checkPath(g *tlog.Growth, i int64) {
	p, err := g.Path(i)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := sumdb.CheckRecord(p, g.To, g.Root, i, leaf(i)); err != nil {
		w.t.Fatalf("path of %d in %d: %v", i, g.To, err)
	}
}

// TestEverySize grows leaf by leaf through three tile edges and proves every
// new leaf, some old ones, and every consistency.
func TestEverySize(t *testing.T) {
	t.Parallel()
	w := &world{t: t, tree: tlog.New(), store: newStore(t)}
	var roots []sumdb.Hash
	for size := int64(1); size <= 600; size++ {
		g := w.grow(1)
		roots = append(roots, g.Root)
		w.checkPath(g, size-1)
		for _, i := range []int64{0, size / 2, size - 1} {
			p, err := tlog.Path(i, size, w.store.read)
			if err != nil {
				t.Fatal(err)
			}
			if err := sumdb.CheckRecord(p, size, g.Root, i, leaf(i)); err != nil {
				t.Fatal(err)
			}
		}
		older := max(1, size*2/3)
		p, err := tlog.Consistency(older, size, w.store.read)
		if err != nil {
			t.Fatal(err)
		}
		if err := sumdb.CheckTree(p, size, g.Root, older, roots[older-1]); err != nil {
			t.Fatal(err)
		}
		if h, err := tlog.RootAt(older, w.store.read); err != nil || h != roots[older-1] {
			t.Fatalf("root at %d: %v, %v", older, h, err)
		}
	}
}

// TestAnyBatches grows by any sequence of batches; after each, the tree loaded
// from the stored tiles is the same tree and all that is new is provable.
func TestAnyBatches(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := &world{t: t, tree: tlog.New(), store: newStore(t)}
		for range rapid.IntRange(1, 6).Draw(rt, "batches") {
			n := rapid.OneOf(rapid.IntRange(1, 3), rapid.IntRange(200, 600), rapid.Just(256), rapid.IntRange(1, 3000)).Draw(rt, "n")
			before := w.tree
			g := w.grow(n)
			if before.Size() != g.From {
				rt.Fatal("append changed the old tree")
			}
			for _, i := range []int64{g.From, g.To - 1, (g.From + g.To) / 2, g.From + int64(rapid.IntRange(0, n-1).Draw(rt, "i"))} {
				w.checkPath(g, i)
			}
			loaded, err := tlog.Load(w.tree.Size(), w.store.read)
			if err != nil {
				rt.Fatal(err)
			}
			if loaded.Root() != w.tree.Root() {
				rt.Fatalf("loaded tree of %d has another root", w.tree.Size())
			}
			w.tree = loaded
		}
	})
}

// TestThreeLevels crosses the edge at which the third level begins.
func TestThreeLevels(t *testing.T) {
	t.Parallel()
	w := &world{t: t, tree: tlog.New(), store: newStore(t)}
	for _, n := range []int{65000, 535, 1, 1, 70, 256} {
		g := w.grow(n)
		for i := g.From; i < g.To; i += max(1, int64(n)/50) {
			w.checkPath(g, i)
		}
		w.checkPath(g, g.To-1)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	w := &world{t: t, tree: tlog.New(), store: newStore(t)}
	g := w.grow(300)
	for _, i := range []int64{-1, 300} {
		if _, err := g.Path(i); err == nil {
			t.Errorf("path of %d", i)
		}
		if _, err := tlog.Path(i, 300, w.store.read); err == nil {
			t.Errorf("path of %d", i)
		}
	}
	if _, err := tlog.Load(301, w.store.read); err == nil {
		t.Error("loaded a tree that is larger than its tiles")
	}
	if _, err := tlog.Load(-1, w.store.read); err == nil {
		t.Error("loaded a negative tree")
	}
	odd := func(int, int64, int) ([]byte, error) { return make([]byte, 33), nil }
	if _, err := tlog.Path(0, 2, odd); err == nil {
		t.Error("read a tile of 33 bytes")
	}
	for _, older := range []int64{0, 301} {
		if _, err := tlog.Consistency(older, 300, w.store.read); err == nil {
			t.Errorf("consistency from %d", older)
		}
	}
	if _, err := tlog.ParseBundle([]byte{0, 9, 1}); err == nil {
		t.Error("parsed a short bundle")
	}
}

// paths are the seeds: one of every form, and what must be refused.
var paths = map[string]bool{
	"checkpoint": true, "tile/0/000": true, "tile/0/000.p/1": true, "tile/0/x001/x234/067": true, "tile/0/x001/x234/067.p/255": true,
	"tile/6/001": true, "tile/7/001": false, "tile/entries/000": true, "tile/entries/x123/456.p/17": true,
	"": false, "/checkpoint": false, "tile/8/000": false, "tile/-1/000": false, "tile/00/000": false, "tile/0/0": false, "tile/0/x000/001": false,
	"tile/0/001/001": false, "tile/0/000.p/0": false, "tile/0/000.p/256": false, "tile/0/000.p/01": false, "tile/0/../000": false,
	"tile/entries/": false, "tile/0/+01": false, "tile/0/x001/x002/x003/x004/x005/x006/007": false,
}

func TestPaths(t *testing.T) {
	t.Parallel()
	for p, ok := range paths {
		if _, err := tlog.ParsePath(p); (err == nil) != ok {
			t.Errorf("%q: %v", p, err)
		}
	}
}

func FuzzParsePath(f *testing.F) {
	for p := range paths {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p string) {
		r, err := tlog.ParsePath(p)
		if err == nil && r.Path() != p {
			t.Fatalf("%q reads as %+v, which is written %q", p, r, r.Path())
		}
	})
}

// BenchmarkCommit appends 500 leaves and proves each.
func BenchmarkCommit(b *testing.B) {
	tree, _ := tlog.New().Append(make([]sumdb.Hash, 1_000_123))
	leaves := make([]sumdb.Hash, 500)
	b.ReportAllocs()
	for b.Loop() {
		_, g := tree.Append(leaves)
		for i := g.From; i < g.To; i++ {
			if _, err := g.Path(i); err != nil {
				b.Fatal(err)
			}
		}
	}
}
