// SPDX-License-Identifier: Apache-2.0

// Package tlog turns leaf hashes into a Merkle tree in C2SP tiles, and tiles
// into proofs.
//
//	leaf hashes ──Tree.Append──▶ Growth: changed tiles, root, inclusion proofs
//	stored tiles ──Load──▶ the Tree again
//	stored tiles ──Path, Consistency, RootAt──▶ proofs for any size up to theirs
//
// The tree is that of RFC 6962; the tiles are those of c2sp.org/tlog-tiles,
// 256 hashes wide and 8 heights of the tree high; paths and entry bundles are
// of the same document. The hash functions, and the choice of the nodes that a
// proof is made of, are golang.org/x/mod's. The package does no I/O: it is
// handed tiles and hands out tiles.
//
// # Where a hash is
//
// The root of the k-th complete subtree of 2^h leaves lies over level h/8, in
// row h%8 of a tile. Row 0 of a tile is what is stored and served; the seven
// rows above it, and the one hash that goes to the next level, are computed.
// A tree that is being written keeps those rows of its last tiles (16 KiB a
// level), so that neither a new leaf nor its proof hashes anything twice.
//
// # Invariants
//
//   - A Tree never changes. Append returns another one, so a commit that fails
//     costs nothing but the new value.
//   - A full tile never changes. The last tile of a level only grows, so a tile
//     stored for a larger tree serves every smaller one by its first hashes.
//   - A tile holds whole hashes, 1 to 256 of them. Anything else that storage
//     returns is refused before it is hashed.
//   - No tree has more than [MaxSize] leaves, so no index overflows.
//
// # Trust
//
// Nothing here is signed and nobody is trusted: who can write the stored tiles
// can make any tree. A caller that reads tiles compares the root with the one
// that was signed, and gives out only proofs that it would accept itself.
package tlog
