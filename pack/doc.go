// SPDX-License-Identifier: Apache-2.0

// Package pack checks evidence packs: what an auditor or a court gets about many
// records at once, and checks without us.
//
//	BagIt folder or zip ─ every file as the manifests say? ─ manifest signed by the log?
//	─ checkpoint signed by the log and by enough witnesses? ─ all leaves give its root?
//	─ the selection, run again over them, gives just these records?
//	─ each record in the tree, each disclosed value opens its seal, each missing one has its tombstone?
//
// Like package verify it needs no network, no database, no clock and no keys; whom
// to believe is the trust policy, which must come from elsewhere than the pack.
// docs/format.md says how a pack is made and checked, byte by byte, and
// docs/verify.py is a second checker that was written from it.
//
// What a valid pack proves: these records stood in this log at this size, and no
// other record of that log matches the selection. What it does not: that sources
// sent everything to the log, or that what they sent is true.
//
// It makes no packs: that takes a ledger, see internal/packer.
package pack
