// SPDX-License-Identifier: Apache-2.0

// Package proof holds the documents by which a record is proven to somebody
// who trusts nobody here: checkpoints, receipts and trust policies.
//
//	Checkpoint  what a log signs: origin, size, root (c2sp.org/tlog-checkpoint)
//	Receipt     one record: statement, inclusion proof, signed checkpoint,
//	            and perhaps a time stamp and disclosed values
//	Trust       whom a verifier believes: log keys, witnesses and how many of
//	            them, roots of time-stamp authorities
//
// Parsing a document says that it is well formed, never that it is true: what
// it claims is judged by package verify. The one exception is
// [Trust.OpenCheckpoint], which checks signatures.
//
// What it does not do: no I/O, no clock, no private keys at rest.
package proof
