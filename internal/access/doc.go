// SPDX-License-Identifier: Apache-2.0

// Package access knows who asks, and what they may do.
//
//	request ─ Book.Authenticate (API key, workload token, client certificate, session) ─▶ Actor with its grants
//	Book.Begin ─▶ identity provider ─▶ Book.Finish ─▶ session; Book.Bootstrap ─▶ Book.UseBootstrap ─▶ session
//	Actor.May(action, target) ─ the one table (Matrix) ─▶ yes, under which condition, or no
//
// A grant gives an actor one role, in one ledger, for one system and one
// purpose; a star stands for any. What no row of the table allows is denied.
// Some rows carry a condition that the caller must see fulfilled: a stated
// purpose, a ticket, a warrant that a second person approved, a record that is
// under a legal hold.
//
// # Invariants
//
//   - Deny by default: an unknown role, action or scope allows nothing.
//   - An administrator holds no other role, and no row lets one read records.
//   - One request, one credential; a good key is never throttled.
//   - What is taken away ends at once on this node, and within five seconds on
//     every other.
//   - Secrets are stored as hashes only, shown once, and print as [redacted].
//   - Names of people stay in this room's database; everywhere else an actor is
//     a pseudonymous code.
//
// # Trust
//
// Configured issuers are trusted to know their people and programs (see package
// token), the TLS layer to have verified client certificates, the database to
// keep what it is given: who can write it can let anybody in, which is why every
// act is handed to Config.Record first.
//
// What it does not do: it reads no ledger and writes no record; what must be
// recorded is handed to Config.Record, and an act that can not be recorded does
// not happen.
package access
