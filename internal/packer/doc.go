// SPDX-License-Identifier: Apache-2.0

// Package packer makes evidence packs: what a ledger holds about the records that
// a query selects, in files that somebody checks without us.
//
//	order (approved by two) ─ size of the log ─ leaves ─ selection ─ access record
//	─ statements, proofs, values by profile, tombstones ─ report ─ manifests ─ signature
//
// # Invariants
//
//   - What is in a pack follows from the order, the size of the log, what others
//     have signed of it, and what was not erased since: the same gives the same
//     bytes. No clock is read.
//   - The access record that names the order is durable before a value is opened.
//   - A profile says which values are disclosed; what it does not name is withheld.
//   - A value that is gone is named with the tombstone that accounts for it.
//
// Package pack checks what this one makes, and knows nothing of it.
package packer
