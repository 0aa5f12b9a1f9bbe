// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"fmt"

	sumdb "golang.org/x/mod/sumdb/tlog"
)

// tree hashes the leaves, in order, into a tree of its own and holds it against
// what is stored: the hashes above level 0, every signed root, and the
// checkpoint that was seen before. Level 0 is compared where the leaves are
// read. It keeps one hash per height.
type tree struct {
	a     *auditor
	size  int64
	nodes []sumdb.Hash // complete subtrees of the frontier, largest first
	next  int          // of the checkpoints
	seen  *checkpoint  // remembered from before; nil when done with
	good  int64        // size of the last root that matched
	bad   map[tileID]bool
	stop  bool // leaves are missing: nothing more can be compared
}

func newTree(a *auditor, seen *checkpoint) *tree {
	t := &tree{a: a, seen: seen, bad: map[tileID]bool{}}
	t.compare()
	return t
}

// add takes the next leaf hash.
func (t *tree) add(leaf sumdb.Hash) {
	if t.stop {
		return
	}
	t.nodes = append(t.nodes, leaf)
	for height, n := 1, t.size; n&1 == 1; height, n = height+1, n>>1 {
		k := len(t.nodes)
		t.nodes[k-2] = sumdb.NodeHash(t.nodes[k-2], t.nodes[k-1])
		t.nodes = t.nodes[:k-1]
		if height%8 == 0 {
			t.stored(height/8, n>>1, t.nodes[k-2])
		}
	}
	t.size++
	t.compare()
}

// stored compares one hash of a tile above level 0.
func (t *tree) stored(level int, n int64, want sumdb.Hash) {
	id := tileID{level, n / 256}
	at := int(n%256) * sumdb.HashSize
	tile, ok := t.a.snap.tiles[id]
	if t.bad[id] {
		return
	}
	switch {
	case !ok:
		t.bad[id] = true
		t.a.find(Finding{Code: TileMissing, Promise: 2, Index: -1, Detail: fmt.Sprintf("tile %d/%d is missing", id.level, id.n)})
	case len(tile) < at+sumdb.HashSize || sumdb.Hash(tile[at:at+sumdb.HashSize]) != want:
		t.bad[id] = true
		span := int64(1) << (8 * level)
		t.a.find(Finding{Code: TileChanged, Promise: 2, Index: -1,
			Detail: fmt.Sprintf("tile %d/%d: its hash over records %d to %d is not that of the leaves", id.level, id.n, n*span, (n+1)*span-1)})
	}
}

func (t *tree) root() sumdb.Hash {
	if len(t.nodes) == 0 {
		root, err := sumdb.TreeHash(0, nil)
		if err != nil {
			panic(err) // the empty tree reads nothing
		}
		return root
	}
	root := t.nodes[len(t.nodes)-1]
	for i := len(t.nodes) - 2; i >= 0; i-- {
		root = sumdb.NodeHash(t.nodes[i], root)
	}
	return root
}

// compare holds the root against every checkpoint of this size.
func (t *tree) compare() {
	cps := t.a.snap.checkpoints
	for t.next < len(cps) && cps[t.next].size < t.size {
		t.next++
	}
	var root sumdb.Hash
	have := false
	if t.next < len(cps) && cps[t.next].size == t.size {
		root, have = t.root(), true
		switch c := cps[t.next]; {
		case !c.ok:
		case c.root == root:
			t.good = t.size
		default:
			t.a.find(Finding{Code: RootMismatch, Promise: 2, Index: -1, Size: t.size,
				Detail: fmt.Sprintf("the leaves do not have the root that was signed for size %d; the last that matches is %d, so the change lies in records %d to %d",
					t.size, t.good, t.good, t.size-1)})
		}
		t.next++
	}
	if t.seen != nil && t.seen.size == t.size {
		if !have {
			root = t.root()
		}
		if t.seen.root != root {
			t.a.find(Finding{Code: Fork, Promise: 2, Index: -1, Size: t.size,
				Detail: fmt.Sprintf("this is another history: the checkpoint of size %d that was verified here before has another root", t.size)})
		}
		t.seen = nil
	}
}

// finish compares what only the end of the log shows.
func (t *tree) finish() {
	a := t.a
	if t.seen != nil && t.seen.size > a.snap.size {
		a.find(Finding{Code: Rollback, Promise: 2, Index: -1, Size: t.seen.size,
			Detail: fmt.Sprintf("the log has %d records; a checkpoint of %d records was verified here before, so records %d to %d are gone", a.snap.size, t.seen.size, a.snap.size, t.seen.size-1)})
	}
	if !t.stop {
		a.report.Root = t.root().String()
	}
	for id, tile := range a.snap.tiles {
		if id.level == 0 {
			continue
		}
		have := int64(len(tile)/sumdb.HashSize) + id.n*256
		if span := a.snap.size >> (8 * id.level); have > span || len(tile)%sumdb.HashSize != 0 {
			a.find(Finding{Code: TileExtra, Promise: 2, Index: -1, Detail: fmt.Sprintf("tile %d/%d holds more hashes than the log has", id.level, id.n)})
		}
	}
}
