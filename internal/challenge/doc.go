// SPDX-License-Identifier: Apache-2.0

// Package challenge keeps what people ask for and complain about: complaints,
// contests of a decision, requests for a person, requests for data.
//
//	received ─ acknowledged ─ assigned (to somebody who took no part) ─ resolved, with a reason
//	                                                                 └ withdrawn
//
// Each step is a challenge record in the log; the first is about the decision,
// the others are about the first. There is no table: the state is read off the
// log, so that records which other tools send take part like our own.
//
// # Invariants
//
//   - Who is assigned, and who resolves, took no part in the decision: neither as
//     its reviewer nor in an earlier assignment.
//   - A resolution has an outcome and a reason.
//   - When two people act at once, one of them is told to look again.
//   - Due dates follow the rules of the regime, which are a file; they are shown,
//     and nothing here says that meeting them is to comply.
//
// Trust: roles are judged by the caller (package access).
package challenge
