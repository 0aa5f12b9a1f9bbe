// SPDX-License-Identifier: Apache-2.0

// Package search finds records by what stands in clear in their statements.
//
//	statement ─ values of each public field ─ one bitmap a value ─ segments of 65,536 records, stored
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
//   - Nothing private is indexed: seals are skipped.
//   - A query that can not be answered is refused, with the column of the fault;
//     it is never answered in part.
//
// Bitmaps are of package roaring, which is what most search engines use.
package search
