// SPDX-License-Identifier: Apache-2.0

// Package reconstruct puts a decision together again: all that the log holds
// about it, in the order in which it happened.
//
//	record ─ its decision ─ what follows it up ─ what shares its interaction, journey or trace
//	       ─ private values that may be opened ─ each reference resolved ─ story
//
// It reads the log only, and says of each private value whether it is disclosed,
// withheld, or erased and by which tombstone, and of each reference whether what
// it names is there. What is not there is said, not left out.
//
// It decides nothing: who may open values is the caller's business, who gives
// them to it.
package reconstruct
