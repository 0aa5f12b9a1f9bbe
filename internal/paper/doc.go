// SPDX-License-Identifier: Apache-2.0

// Package paper makes a receipt that a person can read: one HTML file that
// shows what was decided, and checks itself offline in the browser.
//
//	receipt + trust policy ──view──▶ title, sections, rows ──template──▶ HTML
//	                       ──embedded as JSON──▶ verify.js ──▶ ticks, crosses, a verdict
//	                                             view.js ──▶ the same sections, drawn again
//
// The file needs nothing but itself: no network, no fonts, no pictures. Its
// content security policy allows exactly the scripts and the style that are
// embedded, by their hashes.
//
// # Invariants
//
//   - Nothing in a statement is left out of the page. What has no name in the
//     table of words is shown under the name it has in the record.
//   - Recorded text is hostile. It passes html/template here and becomes text
//     nodes there; characters that do not show or that turn the text around
//     become visible badges; very long values are cut with a note.
//   - view.js draws the sections a second time from the receipt that was just
//     checked. If the page said anything else than that, it is not valid: the
//     words on the paper are as much under the check as the bytes below.
//   - Until the check has run, the page says "not checked", and it says so for
//     ever where JavaScript or Ed25519 is missing.
//
// # Who is trusted
//
// Nobody reads a verdict from a page that somebody else made: such a page could
// just print it. So the page shows the fingerprint of the key it trusts, to be
// compared with one that came another way; it takes another trust policy and
// other receipts; and it says how to repeat the check with other tools.
//
// What it does not do: it does not judge a receipt itself (package verify does),
// it refuses no receipt for being wrong, and it does not check the signature of
// a time-stamp authority.
package paper
