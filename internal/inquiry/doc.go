// SPDX-License-Identifier: Apache-2.0

// Package inquiry answers questions of auditors from the log, each in one call:
//
//	Overrides   which decisions did people override, and who approved the versions they were made with
//	Unapproved  which changes went live without approval before, or by their author's own
//	Suspension  was a system suspended, when, by whom, and did it decide anything after that
//	Drift       which models answered in place of those that were asked for, and since when
//	Ask         one of the others of the thirty that [Questions] lists, by its word
//
// Each reads leaves, by the filters of the lookup table, up to the size that the
// log had when the question came, and counts:
//
//	question ─ look (size, checkpoint) ─ walk the records that match ─ count ─ answer with its basis
//
// # Invariants
//
//   - An answer is made of public values of statements only: whoever has the
//     leaves can count again, and must get the same numbers. It uses no table of
//     any other room, and writes nothing.
//   - All of an answer is about one size of the log, which the answer names. What
//     is appended meanwhile is not in it.
//   - Lists are cut at a length and say so. Counts never are.
//   - Nobody learns of records that they may not list. An answer says which
//     systems it is limited to.
//
// What it does not do: it does not judge whether the log has everything. What no
// source sent can not be counted, and an answer with an empty population is no
// good news; the answer has both numbers, and its basis says so. It opens no
// private value: that a reason was given shows, what it says does not. A value
// that a ledger keeps private though others have it in clear counts as absent.
package inquiry
