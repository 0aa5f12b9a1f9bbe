// SPDX-License-Identifier: Apache-2.0

// Package door is where people come in: the handlers and the small pages of
// signing in and out.
//
//	GET  /auth/                     who am I, and what may I be here; sign-in buttons
//	GET  /auth/login/{issuer}       ─▶ identity provider ─▶ GET /auth/callback/{issuer} ─▶ session
//	GET  /auth/bootstrap            a form for the one-time token
//	POST /auth/bootstrap            ─▶ session of the first administrator
//	POST /auth/logout               ends this session
//	POST /auth/logout-everywhere    ends all of one's sessions
//
// # Invariants
//
//   - Nothing that changes state answers to GET, but the callback, which only
//     finishes what this browser began; and no POST from another site is taken
//     (http.CrossOriginProtection).
//   - A page has no inline script or style, loads nothing from elsewhere, can not
//     be framed, and is not stored.
//   - Where a sign-in returns to is a path of this server, always.
//   - The one-time token travels behind a # and in a form, never in a query: it
//     is in no log.
//
// What it does not do: it decides nothing and stores nothing; all of that is
// package access.
package door
