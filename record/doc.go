// SPDX-License-Identifier: Apache-2.0

// Package record defines what an AI accountability record is, which parts of it
// are public, and how it becomes the statement that stands in the log.
//
// A record is the JSON document that a source sends: one decision, one step,
// one act of a person, one notice. A statement is the same document with every
// private value replaced by its seal, a salted hash commitment, and completed
// with what the server saw: when it was recorded, for whom, through which door.
//
//	raw bytes ──Parse──▶ Record ──Seal──▶ Statement (the leaf) + Openings (the evidence)
//	leaf bytes ──ParseStatement──▶ Statement ──Open(openings)──▶ record with values back in place
//
// Which fields exist, and which of them are public, is written down in one
// table (table.go and types.go). The parser, the sealing, the JSON Schema and
// the documentation all read that table, so they can not disagree.
//
// # Invariants
//
//   - What was received is never re-interpreted. Duplicate members, unknown
//     members outside x_…, invalid UTF-8, numbers that are no exact IEEE 754
//     double, nesting deeper than [MaxDepth] and documents over [MaxRecord] are
//     refused with an [*Error] that names the JSON Pointer.
//   - The bytes of a statement are the RFC 8785 (JCS) form, so there is one and
//     only one way to write it down.
//   - A public string is a code without spaces or an enumerated word. Free text
//     is always private; a statement holds nothing that was typed by a person.
//   - Every seal has its own 16 random bytes of salt. Nothing is derived, so a
//     salt can be destroyed alone.
//
// What it does not do: it does no I/O, keeps no keys, knows no database and
// never decides whether a record is true.
package record

// Limits on what is accepted, in bytes and in levels of nesting. The statement
// limit is that of a C2SP tlog-tiles entry bundle, which gives each entry a
// 16-bit length.
const (
	MaxRecord    = 1 << 20
	MaxStatement = 65535
	MaxDepth     = 32
)

// Format is the value of the "statement" member of every statement this version
// writes. Parsers accept every released value for ever.
const Format = "counterfoil/v1"
