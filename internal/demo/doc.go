// SPDX-License-Identifier: Apache-2.0

// Package demo makes up an enterprise in customer experience and the records its
// AI systems leave in a month, for the demo and for the bench.
//
//	Config{Now, Seed, Records} ──Generate──▶ Enterprise ──Items──▶ records in time order
//	                                           ├─ Defects: what was planted, and where
//	                                           └─ Highlight: the one record to look at first
//
// Four AI systems work there: the virtual agent aria (chat and voice), the
// routing model priority-router, the fraud score fraud-score, which decides on
// refunds, and the reply drafter draft-assist, whose drafts people send. Around
// them stand people who approve, edit and override, a notifier that tells
// customers, a register of versions, and counters that other departments own.
// Customers write in English and German, more on Mondays than on Sundays.
//
// # Invariants
//
//   - The same Config gives the same bytes. Nothing is read from the clock, from
//     the environment or from a global random source.
//   - Every item is a record that package record accepts, with its own id.
//   - A record is about a record that comes before it.
//   - Each source numbers its records from 1 without gaps, except where a gap is
//     planted; each heartbeat tells the numbers given out since the one before.
//   - Reconciliations and signals are counted from the records themselves.
//   - What is wrong is wrong on purpose and stands in Defects, once each.
//   - Nothing is later than Config.Now; what had not happened by then is missing.
//
// # What it does not do
//
// It appends nothing and knows no ledger. All people, orders and texts are made
// up; names are drawn from lists of common names.
//
// [Load] is something else: decisions of about 2 KB with exactly eight private
// values, as fast as they can be made, to load a ledger with.
package demo
