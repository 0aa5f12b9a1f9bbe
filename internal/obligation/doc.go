// SPDX-License-Identifier: Apache-2.0

// Package obligation reports for which obligations of laws, standards and guides
// the log holds evidence.
//
//	packs (YAML): obligations ─ their rules
//	look (size, checkpoint) ─ facts: acts, notices, reviews, challenges, … of the whole log
//	                        ─ every record of the period ─ rules ─ population, passed, failed
//	                        ─ obligations ─ report: JSON, HTML, OSCAL ─ an access record
//
// A rule is data: its question, its numbers, what it does not show, and how it is
// evaluated. A rule about one decision is an expression, as controls are (package
// control); one over several records is a function here, found by its name.
//
// # Invariants
//
//   - A rule with nothing to test is NO-POPULATION, never PASS. A rule about what
//     records do not hold is ATTESTED, when a person's statement is in the log,
//     or has no population.
//   - Population = passed + failed + those under an exception. Failures are
//     counted all, and listed up to a length.
//   - One more record that is as it must be raises no count of failures, and
//     hides none.
//   - A report rests on public values of one size of the log, and on the
//     signatures of others that were kept. The same size, period, moment and
//     signatures give the same bytes.
//   - Nothing here says that a law is met. The words are: evidence was found.
//
// What it does not do: it does not say which law applies, and opens no private
// value: that a reason was given shows, what it says does not. It can not count
// what no source sent.
package obligation
