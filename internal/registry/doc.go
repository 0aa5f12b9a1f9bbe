// SPDX-License-Identifier: Apache-2.0

// Package registry is the register of a ledger: which AI systems there are, which
// versions of models, prompts, policies, configurations, controls, data sets and
// tools somebody approved, and which of them is in force where and since when.
//
//	system   describe ─ in service (another person) ⇄ suspended ─ retired
//	version  add ─ approve (others, one or two by risk) ─ promote ─ rollback … ─ retire
//	         └ promote in an emergency ─ review by another person within 5 working days
//	key      add (by the person) ─ confirm (another person) ─ retire
//
// Each act is one registry record, appended together with the rows that it
// changes. Who wants to act is held against the rules by a state of the register;
// the transaction refuses the act when that is not the state any more, and then
// the rules decide again. So nothing is decided twice, whoever asks at once.
//
//	act ─ check(state, act) ─ Append ┬ is the register still that state?
//	                                 ├ apply(state, act) → rows
//	                                 └ ledger.SetRegister
//
// # Invariants
//
//   - The tables are a projection: [Registry.Rebuild] makes the same bytes from
//     the public statements of the log alone, over all its shards.
//   - name@version names one content for ever, by its SHA-256.
//   - The author of a version never counts among those who approve it, and nobody
//     counts twice. Who describes a system does not put it into service.
//   - In one place (kind, name, environment) at most one version is in force.
//   - A refused attempt to break these rules is an access record.
//
// Trust: roles are judged by the caller (package access); this room judges only
// that people are different, by their actor ids. An approval that is signed by
// the approver's own key can not be forged by the server: see [SignedText].
//
// What it does not do: it judges no decision and runs no control. It hands a
// [Register] that never changes to those who do.
package registry
