// SPDX-License-Identifier: Apache-2.0

// Package control compiles and runs controls: rules about a decision, written in
// CEL, with an owner, a severity and what follows when they fail.
//
//	document (YAML) ─ parse strictly ─ check types against the record table ─ bound its cost ─ program
//	record ─ decoded once ─ every program whose scope it is in ─ pass, fail, error or skip
//
// It is pure: no clock but what it is given, no network, no database, no state
// between two runs.
//
// # Invariants
//
//   - An expression that names a field which no record has does not compile.
//   - A control that errs, runs over its cost limit or finds a value missing has
//     the result error, which counts as failed. The one exception: over a record
//     of which values were erased, it is skipped, since nobody can say any more.
//   - The same document and the same record give the same result.
//
// What it does not do: fetch anything, remember anything, change the record.
package control
