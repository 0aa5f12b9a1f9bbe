// SPDX-License-Identifier: Apache-2.0

// Package oversight is the queue of decisions that need a person, and what
// people do with them.
//
//	guard or control demands a person ─ queued, in the commit of the decision
//	claim (a lease) ─ show (what, when) ─ act: approve, edit, override, reject, escalate, stop
//	                                    ─ a second reviewer, where the system wants one
//	outcome ─ whoever waits is answered, whoever gave an address is told
//
// Each act is an oversight record in the log, in the transaction that changes the
// queue. Who has claimed what is in the table only.
//
// # Invariants
//
//   - Nobody reviews what they sent, and the second reviewer is not the first.
//   - Only who holds the lease acts, once, on what they were shown.
//   - How long it was looked at is measured here; what a client says can only
//     make it less.
//   - Two reviewers who do not agree escalate.
//
// The counts of the report are made from public values of the log, so that
// anybody can recount them.
package oversight
