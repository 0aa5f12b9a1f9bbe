// SPDX-License-Identifier: Apache-2.0

// Package tlog turns leaf hashes into a Merkle tree in C2SP tiles, and tiles
// into proofs.
//
//	leaf hashes ──Tree.Append──▶ Growth: changed tiles, root, inclusion paths
//	stored tiles ──Path, Consistency, RootAt──▶ proofs for any size up to theirs
//
// The tree is that of RFC 6962; the tiles are those of c2sp.org/tlog-tiles,
// 256 hashes wide and 8 levels of the tree high. The package does no I/O: it is
// handed tiles and hands out tiles. Hash functions are golang.org/x/mod's.
//
// # Invariants
//
//   - A Tree never changes. Append returns another one, so a commit that fails
//     costs nothing but the new value.
//   - A full tile never changes. The last tile of a level only grows, so a tile
//     stored for a larger tree serves every smaller one by its first hashes.
//
// Nothing here is signed and nobody is trusted: a caller that gets tiles from
// somewhere else checks the root.
package tlog

import (
	"fmt"

	sumdb "golang.org/x/mod/sumdb/tlog"
)

// Hash is a node or leaf hash.
type Hash = sumdb.Hash

// Width is the number of hashes in a full tile, and Height the levels of the
// tree that it spans.
const (
	Width  = 256
	Height = 8
)

// pyramid is a tile with the hashes above its own: rows[0] are the tile's, and
// rows[h] the roots of its complete subtrees of height h.
type pyramid struct {
	rows [Height + 1][]Hash
}

func (p *pyramid) push(h Hash) {
	p.rows[0] = append(p.rows[0], h)
	for r := 0; r < Height && len(p.rows[r])%2 == 0; r++ {
		k := len(p.rows[r])
		p.rows[r+1] = append(p.rows[r+1], sumdb.NodeHash(p.rows[r][k-2], p.rows[r][k-1]))
	}
}

func (p *pyramid) full() bool { return len(p.rows[0]) == Width }

// clone copies the rows with room to grow.
func (p *pyramid) clone() *pyramid {
	c := new(pyramid)
	for r := range p.rows {
		c.rows[r] = append(make([]Hash, 0, Width>>r), p.rows[r]...)
	}
	return c
}

// bytes is the tile as it is stored and served.
func (p *pyramid) bytes() []byte {
	b := make([]byte, 0, len(p.rows[0])*sumdb.HashSize)
	for i := range p.rows[0] {
		b = append(b, p.rows[0][i][:]...)
	}
	return b
}

func parsePyramid(b []byte) (*pyramid, error) {
	if len(b)%sumdb.HashSize != 0 || len(b) > Width*sumdb.HashSize {
		return nil, fmt.Errorf("tile of %d bytes", len(b))
	}
	p := new(pyramid)
	for r := range p.rows {
		p.rows[r] = make([]Hash, 0, Width>>r)
	}
	for ; len(b) > 0; b = b[sumdb.HashSize:] {
		p.push(Hash(b[:sumdb.HashSize]))
	}
	return p, nil
}

// Tree is the right edge of a tree: its size and the last, partial tile of each
// level. It is immutable and safe for concurrent use.
type Tree struct {
	size int64
	edge []*pyramid // by level; never full
}

// New returns the empty tree.
func New() *Tree { return &Tree{} }

// Load restores the tree of a size from its stored tiles. read is asked for the
// partial tile of each level and may return more hashes than width. Nothing is
// authenticated: compare Root with what was signed.
func Load(size int64, read TileReader) (*Tree, error) {
	if size < 0 {
		return nil, fmt.Errorf("load tree: negative size %d", size)
	}
	t := &Tree{size: size}
	for level, count := 0, size; count > 0; level, count = level+1, count/Width {
		var tile []byte
		if width := int(count % Width); width > 0 {
			var err error
			if tile, err = read(level, count/Width, width); err != nil {
				return nil, fmt.Errorf("load tile %d/%d: %w", level, count/Width, err)
			}
			if len(tile) < width*sumdb.HashSize {
				return nil, fmt.Errorf("load tile %d/%d: %d bytes, want %d hashes", level, count/Width, len(tile), width)
			}
			tile = tile[:width*sumdb.HashSize]
		}
		p, err := parsePyramid(tile)
		if err != nil {
			return nil, fmt.Errorf("load tile %d/%d: %w", level, count/Width, err)
		}
		t.edge = append(t.edge, p)
	}
	return t, nil
}

// Size is the number of leaves.
func (t *Tree) Size() int64 { return t.size }

// Root is the root hash; that of the empty tree is SHA-256 of nothing.
func (t *Tree) Root() Hash {
	if t.size == 0 {
		return emptyRoot()
	}
	return rightRoot(0, t.size, t.subtree)
}

func emptyRoot() Hash {
	h, err := sumdb.TreeHash(0, nil)
	if err != nil {
		panic(err) // the empty tree reads nothing
	}
	return h
}

// subtree looks up a complete subtree of the right edge.
func (t *Tree) subtree(height int, k int64) Hash {
	level, row, at := place(height, k)
	return t.edge[level].rows[row][at&(Width>>row-1)]
}

// place says where the root of the k-th complete subtree of a height is kept:
// the tile's level, the row in its pyramid, and the position at that row
// counted from the first tile of the level.
func place(height int, k int64) (level, row int, at int64) {
	return height / Height, height % Height, k
}

// rightRoot is the root over the leaves from to to, when from is a multiple of
// a power of two that is at least to-from: the frontier, folded from the right.
func rightRoot(from, to int64, subtree func(height int, k int64) Hash) Hash {
	var root Hash
	first := true
	for height := 0; to > from; height++ {
		if (to-from)>>height&1 == 0 {
			continue
		}
		to -= 1 << height
		h := subtree(height, to>>height)
		if first {
			root, first = h, false
		} else {
			root = sumdb.NodeHash(h, root)
		}
	}
	return root
}

// Tile is one stored tile: level, number within the level, and its hashes.
type Tile struct {
	Level  int
	N      int64
	Hashes []byte
}

// Growth is what Append did. It is immutable and safe for concurrent use.
type Growth struct {
	// From and To are the sizes before and after.
	From, To int64
	// Root is the root of size To.
	Root Hash
	// Tiles are all that changed, level by level, partial ones included.
	Tiles []Tile

	levels []grown
}

// grown are the tiles of one level, from the one that was partial before on.
type grown struct {
	first int64
	tiles []*pyramid
}

// Append returns the tree with more leaves, and what changed. The cost is about
// one hash for each leaf and a copy of the partial tiles.
func (t *Tree) Append(leaves []Hash) (*Tree, *Growth) {
	g := &Growth{From: t.size, To: t.size + int64(len(leaves))}
	next := &Tree{size: g.To}
	pushed := leaves
	for level := 0; len(pushed) > 0 || level < len(t.edge); level++ {
		count := t.size >> (Height * level)
		lv := grown{first: count / Width}
		p := new(pyramid)
		if level < len(t.edge) {
			p = t.edge[level]
		}
		if len(pushed) > 0 {
			p = p.clone()
		}
		lv.tiles = append(lv.tiles, p)
		var up []Hash
		for _, h := range pushed {
			if p.full() {
				p = new(pyramid).clone()
				lv.tiles = append(lv.tiles, p)
			}
			p.push(h)
			if p.full() {
				up = append(up, p.rows[Height][0])
			}
		}
		if len(pushed) > 0 {
			for i, tile := range lv.tiles {
				g.Tiles = append(g.Tiles, Tile{Level: level, N: lv.first + int64(i), Hashes: tile.bytes()})
			}
		}
		if p.full() {
			p = new(pyramid)
		}
		next.edge = append(next.edge, p)
		g.levels = append(g.levels, lv)
		pushed = up
	}
	g.Root = next.Root()
	return next, g
}

func (g *Growth) subtree(height int, k int64) Hash {
	level, row, at := place(height, k)
	per := int64(Width >> row)
	lv := g.levels[level]
	return lv.tiles[at/per-lv.first].rows[row][at%per]
}

// Path is the inclusion proof, in the tree of size To, of a leaf that this
// growth added. It computes at most the hashes of the right edge.
func (g *Growth) Path(index int64) (sumdb.RecordProof, error) {
	if index < g.From || index >= g.To {
		return nil, fmt.Errorf("leaf %d is not one of %d to %d", index, g.From, g.To-1)
	}
	path := make(sumdb.RecordProof, 0, 24)
	for height := 0; int64(1)<<height < g.To; height++ {
		a := index >> height
		switch {
		case a&1 == 1:
			path = append(path, g.subtree(height, a-1))
		case (a+2)<<height <= g.To:
			path = append(path, g.subtree(height, a+1))
		case (a+1)<<height < g.To:
			path = append(path, rightRoot((a+1)<<height, g.To, g.subtree))
		}
	}
	return path, nil
}
