// SPDX-License-Identifier: Apache-2.0

package tlog

import (
	"fmt"

	sumdb "golang.org/x/mod/sumdb/tlog"
)

// TileReader reads the n-th tile of a level from storage, as 32 bytes a hash.
//
// It MUST return whole hashes, at least width of them and at most [Width], and
// MAY return more than width: storage keeps the newest state of each tile, and
// the first width hashes of it are the tile of the smaller tree that is asked
// about. Any other length is refused. The caller does not change the bytes, and
// they must not change until the function that was given the reader returns.
// It is called by one goroutine at a time, at most once for a tile.
type TileReader func(level int, n int64, width int) ([]byte, error)

// tile reads exactly width hashes of a tile, or returns an error.
func (read TileReader) tile(level int, n int64, width int) ([]byte, error) {
	b, err := read(level, n, width)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read tile %d/%d: %w", level, n, err)
	case len(b)%sumdb.HashSize != 0 || len(b) > Width*sumdb.HashSize:
		return nil, fmt.Errorf("read tile %d/%d: %d bytes are not a tile", level, n, len(b))
	case len(b) < width*sumdb.HashSize:
		return nil, fmt.Errorf("read tile %d/%d: it has %d hashes, the tree needs %d", level, n, len(b)/sumdb.HashSize, width)
	}
	return b[: width*sumdb.HashSize : width*sumdb.HashSize], nil
}

// hashes gives x/mod the nodes of one tree out of its tiles, each of which is
// read once. The nodes of a proof lie beside, never above, one another: so no
// hash is computed twice, and none is kept.
type hashes struct {
	size  int64
	read  TileReader
	tiles []Tile
}

var _ sumdb.HashReader = (*hashes)(nil)

// ReadHashes implements [sumdb.HashReader] for complete subtrees of the tree.
func (r *hashes) ReadHashes(indexes []int64) ([]Hash, error) {
	out := make([]Hash, len(indexes))
	for i, index := range indexes {
		h, k := sumdb.SplitStoredHashIndex(index)
		level, row := h/Height, h%Height
		tile, err := r.tile(level, k>>(Height-row))
		if err != nil {
			return nil, err
		}
		span := sumdb.HashSize << row
		at := int(k&(Width>>row-1)) * span
		out[i] = rootOver(tile[at : at+span])
	}
	return out, nil
}

func (r *hashes) tile(level int, n int64) ([]byte, error) {
	for i := range r.tiles {
		if t := &r.tiles[i]; t.Level == level && t.N == n {
			return t.Hashes, nil
		}
	}
	width := int(min(Width, r.size>>(Height*level)-n*Width))
	b, err := r.read.tile(level, n, width)
	if err != nil {
		return nil, err
	}
	r.tiles = append(r.tiles, Tile{Level: level, N: n, Hashes: b})
	return b, nil
}

// rootOver is the root over 2^r hashes.
func rootOver(b []byte) Hash {
	if len(b) == sumdb.HashSize {
		return Hash(b)
	}
	return sumdb.NodeHash(rootOver(b[:len(b)/2]), rootOver(b[len(b)/2:]))
}

// Path is the inclusion proof of the leaf at index in the tree of a size, which
// may be smaller than what is stored. It reads at most two tiles a level, less
// one: three up to 65,536 leaves, five up to 16,777,216.
func Path(index, size int64, read TileReader) (sumdb.RecordProof, error) {
	if index < 0 || index >= size || size > MaxSize {
		return nil, fmt.Errorf("prove leaf %d: the tree has %d", index, size)
	}
	p, err := sumdb.ProveRecord(size, index, &hashes{size: size, read: read})
	if err != nil {
		return nil, fmt.Errorf("prove leaf %d: %w", index, err)
	}
	return p, nil
}

// Consistency is the proof that the tree of size newer begins with the tree of
// size older, which is at least 1: every tree begins with the empty one, and
// there is no proof of that. It reads at most two tiles a level.
func Consistency(older, newer int64, read TileReader) (sumdb.TreeProof, error) {
	if older < 1 || older > newer || newer > MaxSize {
		return nil, fmt.Errorf("prove consistency: no tree of %d leaves begins with one of %d", newer, older)
	}
	p, err := sumdb.ProveTree(newer, older, &hashes{size: newer, read: read})
	if err != nil {
		return nil, fmt.Errorf("prove consistency: %w", err)
	}
	return p, nil
}

// RootAt is the root of the tree of a size, which may be smaller than what is
// stored. It reads at most one tile a level.
func RootAt(size int64, read TileReader) (Hash, error) {
	if size < 0 || size > MaxSize {
		return Hash{}, fmt.Errorf("hash tree: no tree has %d leaves", size)
	}
	h, err := sumdb.TreeHash(size, &hashes{size: size, read: read})
	if err != nil {
		return Hash{}, fmt.Errorf("hash tree of %d: %w", size, err)
	}
	return h, nil
}
