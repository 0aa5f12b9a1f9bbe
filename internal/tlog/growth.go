// SPDX-License-Identifier: Apache-2.0

package tlog

import (
	"fmt"
	"math/bits"

	sumdb "golang.org/x/mod/sumdb/tlog"
)

// Growth is what Append did. It is immutable, safe for concurrent use, and
// needs neither the tree nor storage. It keeps 16 KiB for each tile in Tiles
// and for each level.
type Growth struct {
	// From and To are the sizes before and after.
	From, To int64
	// Root is the root of size To.
	Root Hash
	// Tiles are all that changed, level by level and by number, each with all
	// its hashes. All but the last of a level are full.
	Tiles []Tile

	levels []grown
	fold   []Hash // of the tree of size To
}

// grown are the tiles of one level, from the one that was partial before on.
type grown struct {
	first int64 // number of the first
	tiles []*nodes
}

// push puts hashes behind those of the level's partial tile, which may be nil
// and is not changed. It returns the partial tile that is left, nil if there is
// none, and the hashes over the tiles that became full.
func (lv *grown) push(last *nodes, hashes []Hash) (left *nodes, up []Hash) {
	if last != nil {
		if len(hashes) > 0 {
			copied := *last
			last = &copied
		}
		lv.tiles = append(lv.tiles, last)
	}
	for _, h := range hashes {
		if last == nil {
			last = new(nodes)
			lv.tiles = append(lv.tiles, last)
		}
		last.push(h)
		if last.full() {
			up = append(up, *last.at(Height, 0))
			last = nil
		}
	}
	return last, up
}

// Path is the inclusion proof, in the tree of size To, of the leaf at an index
// from From up to To. It looks hashes up and computes none.
func (g *Growth) Path(index int64) (sumdb.RecordProof, error) {
	if index < g.From || index >= g.To {
		return nil, fmt.Errorf("prove leaf %d: it is not one of the new leaves from %d up to %d", index, g.From, g.To)
	}
	heights := bits.Len64(uint64(g.To - 1))
	path := make(sumdb.RecordProof, 0, heights)
	for h := range heights {
		// The tree has complete subtrees of height h up to number To>>h, and
		// behind them perhaps a smaller rest.
		switch k, complete := index>>h^1, g.To>>h; {
		case k < complete:
			row := h % Height
			lv := &g.levels[h/Height]
			per := int64(Width >> row)
			path = append(path, *lv.tiles[k/per-lv.first].at(row, int(k%per)))
		case k == complete && g.To&(1<<h-1) != 0:
			path = append(path, g.fold[h])
		}
	}
	return path, nil
}
