// SPDX-License-Identifier: Apache-2.0

// Package search finds records by what stands in clear in their statements, and
// by the words of their private texts where that was turned on.
//
//	statement ─ values of each public field ─ one bitmap a value ─ segments of 65,536 records, stored
//	evidence of a system that is on ─ texts ─ masked ─ words, in the full-text index of the database
//	query ─ parse ─ bitmaps combined ─ page of statements, facets with counts
//
// The index is a derived thing: everything in it can be read off the leaves, and
// it is made anew where it is missing. Segments that are full never change and
// are stored in the database, so that a start reads bitmaps and no statements;
// what follows is read from the log when somebody asks. An answer says how many
// leaves it knows, so that it can be recounted.
//
// # Invariants
//
//   - What a caller may not see is taken away before anything is counted: a facet
//     tells no more than the list.
//   - Nothing private is in the bitmaps: seals are skipped. Texts are indexed only
//     for systems for which an access record says so, and leave the index in the
//     transaction that erases them; none that was read before is written after.
//   - No append waits for texts: they trail, in small transactions, and an answer
//     says how far behind they are and which systems have none.
//   - A query that can not be answered is refused, with the column of the fault;
//     it is never answered in part.
//
// Who may look into which texts is judged by the caller (package server).
//
// Bitmaps are of package roaring, which is what most search engines use.
package search
