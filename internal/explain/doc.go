// SPDX-License-Identifier: Apache-2.0

// Package explain says why a decision was made, in plain words, from recorded
// evidence only.
//
//	decision ─ what follows it up, its notices, signals of its system ─ private values that may be opened
//	         ─ evidence: members found by JSON Pointer
//	         ─ rules of this room + messages of a language ─ sentences, each with the pointers it stands on
//
// # Invariants
//
//   - A sentence whose evidence is not there is left out, and what was missing
//     is listed. Nothing is guessed, and no model writes a word.
//   - The same records and the same messages give the same bytes. The template
//     version is the digest of the messages.
//   - The person sees no scores, thresholds, weights, versions, names of models
//     or codes, and a reason only if it was released for the person. How many
//     reasons are kept back is said.
//   - Of the other decision of a comparison nothing is opened for the person,
//     and nothing of it is said.
//   - What was delivered is a record with the exact text and its digest; it can
//     be shown again as it was.
//
// It computes no explanations of models: factors, counterfactuals and
// alternatives are shown as recorded, and said to be so. It does not decide who
// may open values: the caller gives them to it.
package explain
