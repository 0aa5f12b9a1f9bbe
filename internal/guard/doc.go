// SPDX-License-Identifier: Apache-2.0

// Package guard judges decisions: by the register of AI systems and versions,
// and by the controls that are in force.
//
//	before the act   POST guard ─ judge ─ attempt recorded ─ verdict and token
//	when recorded    append ─ judge ─ decision, with what was found, and findings
//
// Both go the one way into the log: package ledger asks for the judgement of each
// decision before it seals it, and puts what was found into the statement. The
// guard keeps no state of its own but the compiled controls.
//
// # Invariants
//
//   - A judgement is by one state of the register, which the statement names. If
//     the register changes before the commit, the decision is judged again.
//   - The verdict is answered after the attempt is durable.
//   - A control that errs has failed. A judgement never refuses a record but for
//     the versions of a system in strict mode: what happened is recorded,
//     however bad.
//   - A ledger without a register is not governed, and of a system that is not in
//     the register the statement says just that.
//
// A token vouches for a verdict: the decision that follows carries it, so that
// acting against the verdict, or without one, shows. It is a MAC, so that any
// node knows its own without asking.
//
// The guard trusts the register for approvals (package registry) and the caller
// for who may ask (package server).
package guard
