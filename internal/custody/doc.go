// SPDX-License-Identifier: Apache-2.0

// Package custody keeps the private side of a ledger: what must be kept, what
// must go, and who may open it meanwhile.
//
//	erasure    ask ─ approve (another person) ─ execute (a third) ─ verified absent
//	hold       place (acts at once) ─ approve (another person) ─ review … ─ release ─ approve ─ lifted after a delay
//	warrant    ask ─ approve (another person) ─ opens values until it ends
//	glass      broken (opens values at once, for an hour) ─ alarm ─ reviewed by another person
//	retention  a job: expired months lose their key, expired values their rows
//
// Each step is a record in the log, in the transaction that changes the tables:
// there is no erasure without its tombstone, and no tombstone without the
// erasure.
//
// # Invariants
//
//   - Two people: nobody approves what they asked for, and who executes an
//     erasure neither asked for it nor approved it.
//   - A hold beats every disposal. It is checked in the transaction that
//     disposes, by package ledger, whatever was planned before.
//   - Nothing expires before the minimum of its retention class.
//   - What a request says about a person is sealed, and gone when it is done.
//   - A job that was stopped goes on where it stood; each of its steps is whole.
//
// Trust: roles are judged by the caller (package access); this room judges only
// that people are different. It opens no value for anybody but the subject
// report, which is an access record first.
package custody
