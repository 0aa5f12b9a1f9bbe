// SPDX-License-Identifier: Apache-2.0

// Package token believes what OpenID providers say, once it is proven.
//
//	person:  Flow ─ URL ─▶ browser ─▶ issuer ─▶ browser ─ Flow.Answers ─ Redeem ─▶ subject, claims
//	program: JWT ─ Verify ─▶ claims
//
// # Invariants
//
//   - Only RS256, ES256 and EdDSA count: never none, never a shared secret.
//   - A token counts for the one audience it was asked for, from the one issuer.
//   - An issuer that is away lets nobody in whom it did not vouch for, and keeps
//     nobody from starting: it is asked at first use.
//
// # Trust
//
// The issuer is trusted to know its people, and TLS to reach it.
//
// What it does not do: it knows no actors, roles or databases; that a Flow is
// used once is for the caller to see to.
package token

import "errors"

// ErrAway is that the issuer does not answer; it says nothing about who asks.
var ErrAway = errors.New("the identity provider does not answer")

// Refusal is that a response or token is not what was asked for. Message may be
// shown; Cause is for the operator. Neither holds a credential.
type Refusal struct {
	Message string
	Cause   error
}

// Error is the message with its cause.
func (r *Refusal) Error() string {
	if r.Cause == nil {
		return r.Message
	}
	return r.Message + ": " + r.Cause.Error()
}

// Unwrap returns the cause.
func (r *Refusal) Unwrap() error { return r.Cause }

// refuse makes a Refusal, unless the issuer is away.
func refuse(cause error, message string) error {
	if errors.Is(cause, ErrAway) {
		return cause
	}
	return &Refusal{Message: message, Cause: cause}
}
