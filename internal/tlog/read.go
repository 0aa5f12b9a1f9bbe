// SPDX-License-Identifier: Apache-2.0

package tlog

import (
	"fmt"

	sumdb "golang.org/x/mod/sumdb/tlog"
)

// TileReader returns the hashes of a stored tile: at least the first width, and
// more if it likes. It is called by one goroutine at a time.
type TileReader func(level int, n int64, width int) ([]byte, error)

// reader serves x/mod's proofs from tiles, each read and hashed once.
type reader struct {
	size  int64
	read  TileReader
	tiles map[[2]int64]*pyramid
}

var _ sumdb.HashReader = (*reader)(nil)

func newReader(size int64, read TileReader) *reader {
	return &reader{size: size, read: read, tiles: map[[2]int64]*pyramid{}}
}

// ReadHashes implements [sumdb.HashReader].
func (r *reader) ReadHashes(indexes []int64) ([]Hash, error) {
	out := make([]Hash, len(indexes))
	for i, index := range indexes {
		height, k := sumdb.SplitStoredHashIndex(index)
		level, row, at := place(height, k)
		per := int64(Width >> row)
		p, err := r.tile(level, at/per)
		if err != nil {
			return nil, err
		}
		if at%per >= int64(len(p.rows[row])) {
			return nil, fmt.Errorf("tile %d/%d is too narrow for a tree of %d", level, at/per, r.size)
		}
		out[i] = p.rows[row][at%per]
	}
	return out, nil
}

func (r *reader) tile(level int, n int64) (*pyramid, error) {
	id := [2]int64{int64(level), n}
	if p := r.tiles[id]; p != nil {
		return p, nil
	}
	width := int(min(Width, r.size>>(Height*level)-n*Width))
	if width <= 0 {
		return nil, fmt.Errorf("tile %d/%d is beyond a tree of %d", level, n, r.size)
	}
	b, err := r.read(level, n, width)
	if err != nil {
		return nil, fmt.Errorf("read tile %d/%d: %w", level, n, err)
	}
	if len(b) < width*sumdb.HashSize {
		return nil, fmt.Errorf("read tile %d/%d: %d bytes, want %d hashes", level, n, len(b), width)
	}
	p, err := parsePyramid(b[:width*sumdb.HashSize])
	if err != nil {
		return nil, fmt.Errorf("read tile %d/%d: %w", level, n, err)
	}
	r.tiles[id] = p
	return p, nil
}

// Path is the inclusion proof of a leaf in the tree of the given size.
func Path(index, size int64, read TileReader) (sumdb.RecordProof, error) {
	if index < 0 || index >= size {
		return nil, fmt.Errorf("prove leaf %d: the tree has %d", index, size)
	}
	p, err := sumdb.ProveRecord(size, index, newReader(size, read))
	if err != nil {
		return nil, fmt.Errorf("prove leaf %d: %w", index, err)
	}
	return p, nil
}

// Consistency is the proof that the tree of size newer extends that of size
// older, both at least 1.
func Consistency(older, newer int64, read TileReader) (sumdb.TreeProof, error) {
	if older < 1 || older > newer {
		return nil, fmt.Errorf("prove consistency: no tree of %d in one of %d", older, newer)
	}
	p, err := sumdb.ProveTree(newer, older, newReader(newer, read))
	if err != nil {
		return nil, fmt.Errorf("prove consistency: %w", err)
	}
	return p, nil
}

// RootAt is the root of the tree of the given size.
func RootAt(size int64, read TileReader) (Hash, error) {
	if size == 0 {
		return emptyRoot(), nil
	}
	h, err := sumdb.TreeHash(size, newReader(size, read))
	if err != nil {
		return Hash{}, fmt.Errorf("hash tree of %d: %w", size, err)
	}
	return h, nil
}
