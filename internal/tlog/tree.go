// SPDX-License-Identifier: Apache-2.0

package tlog

import (
	"crypto/sha256"
	"fmt"
	"math/bits"

	sumdb "golang.org/x/mod/sumdb/tlog"
)

// Hash is the hash of a leaf or of a node.
type Hash = sumdb.Hash

const (
	// Width is the number of hashes in a full tile.
	Width = 256
	// Height is how many heights of the tree a tile spans: 2^Height = Width.
	Height = 8
	// MaxSize is the most leaves that a tree may have.
	MaxSize = 1 << 60
)

// Tile is one tile: its level, its number within the level, and its hashes one
// after the other, 32 bytes each. Its width is len(Hashes)/32.
type Tile struct {
	Level  int
	N      int64
	Hashes []byte
}

// nodes are the hashes of a tile, and above them the roots of the complete
// subtrees over them: row 0 is the tile, row 8 the one hash over a full one.
type nodes struct {
	width int
	hash  [2*Width - 1]Hash // row after row
}

// rowStart is where a row begins in nodes.hash.
func rowStart(row int) int { return 2*Width - 2*Width>>row }

// at is the k-th hash of a row.
func (t *nodes) at(row, k int) *Hash { return &t.hash[rowStart(row)+k] }

// push adds a hash to a tile that is not full, and what it completes.
func (t *nodes) push(h Hash) {
	k := t.width
	*t.at(0, k) = h
	for row := 1; k&1 == 1; row++ {
		h = sumdb.NodeHash(*t.at(row-1, k-1), h)
		k >>= 1
		*t.at(row, k) = h
	}
	t.width++
}

func (t *nodes) full() bool { return t.width == Width }

// bytes is the tile as it is stored and served.
func (t *nodes) bytes() []byte {
	b := make([]byte, t.width*sumdb.HashSize)
	for k := range t.width {
		copy(b[k*sumdb.HashSize:], t.hash[k][:])
	}
	return b
}

// Tree is what it takes to grow a tree: its size and the last tile of each
// level. It is immutable and safe for concurrent use.
type Tree struct {
	size int64
	edge []*nodes // by level: the partial tile, nil where there is none
	fold []Hash   // see foldEdge
}

// New returns the empty tree.
func New() *Tree { return &Tree{} }

// Load restores the tree of a size from storage. It reads the partial tile of
// each level, at most one a level, by read's contract; an error of read comes
// back wrapped. Nothing is authenticated: compare Root with what was signed.
func Load(size int64, read TileReader) (*Tree, error) {
	if size < 0 || size > MaxSize {
		return nil, fmt.Errorf("load tree: no tree has %d leaves", size)
	}
	t := &Tree{size: size}
	for level, count := 0, size; count > 0; level, count = level+1, count/Width {
		var edge *nodes
		if width := int(count % Width); width > 0 {
			b, err := read.tile(level, count/Width, width)
			if err != nil {
				return nil, fmt.Errorf("load tree: %w", err)
			}
			edge = new(nodes)
			for ; len(b) > 0; b = b[sumdb.HashSize:] {
				edge.push(Hash(b[:sumdb.HashSize]))
			}
		}
		t.edge = append(t.edge, edge)
	}
	t.foldEdge()
	return t, nil
}

// Size is the number of leaves.
func (t *Tree) Size() int64 { return t.size }

// Root is the root hash; that of the empty tree is the SHA-256 of nothing.
func (t *Tree) Root() Hash {
	if t.size == 0 {
		return sha256.Sum256(nil)
	}
	return t.fold[len(t.fold)-1]
}

// foldEdge sets fold: fold[h] is the root over the leaves from size rounded
// down to a multiple of 2^h, up to size; unset if these are none. A proof needs
// it where the right neighbour is not complete, and the last one is the root.
func (t *Tree) foldEdge() {
	t.fold = make([]Hash, bits.Len64(uint64(t.size))+1)
	for h := range len(t.fold) - 1 {
		t.fold[h+1] = t.fold[h]
		if t.size>>h&1 == 0 {
			continue
		}
		row := h % Height
		left := *t.edge[h/Height].at(row, int(t.size>>h-1)&(Width>>row-1))
		if t.size&(1<<h-1) == 0 {
			t.fold[h+1] = left
		} else {
			t.fold[h+1] = sumdb.NodeHash(left, t.fold[h])
		}
	}
}

// Append returns the tree with more leaves, and what changed. t stays as it is.
// The cost is one to two hashes a leaf, one for each height, and a copy of the
// partial tiles that grow. The sum of leaves must not exceed [MaxSize].
func (t *Tree) Append(leaves []Hash) (*Tree, *Growth) {
	next := &Tree{size: t.size + int64(len(leaves)), edge: make([]*nodes, 0, len(t.edge)+1)}
	g := &Growth{From: t.size, To: next.size}
	pushed := leaves
	for level := 0; level < len(t.edge) || len(pushed) > 0; level++ {
		lv := grown{first: t.size >> (Height * level) / Width}
		var last *nodes
		if level < len(t.edge) {
			last = t.edge[level]
		}
		var up []Hash
		last, up = lv.push(last, pushed)
		if len(pushed) > 0 {
			for i, tile := range lv.tiles {
				g.Tiles = append(g.Tiles, Tile{Level: level, N: lv.first + int64(i), Hashes: tile.bytes()})
			}
		}
		next.edge = append(next.edge, last)
		g.levels = append(g.levels, lv)
		pushed = up
	}
	next.foldEdge()
	g.fold, g.Root = next.fold, next.Root()
	return next, g
}
