// SPDX-License-Identifier: Apache-2.0

// Package extent reads a ledger as it was at one moment: all its logs, each up to
// the size that its newest checkpoint signs. Answers and reports are about an
// extent, and name it, so that whoever has the leaves can count again.
//
//	Look ─ logs and sizes ─ Each, Among, Count ─ statements ─ Text, Moment, Number, Truth
//
// # Invariants
//
//   - No read of a view sees a record behind its sizes, whatever is appended
//     meanwhile: two reads of one view are about the same records.
//   - A view of a caller who may see some systems only shows no other records.
//     [View.Whole] lifts that, for what is not shown itself; the caller of it
//     answers for that.
//   - A private value reads as none. What a ledger seals, and others have in
//     clear, is not guessed.
//
// It reads the log, and never values; it does not judge what it reads. A View
// changes nothing after Look, so any number of goroutines may read by it.
package extent
