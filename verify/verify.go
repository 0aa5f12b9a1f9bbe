// SPDX-License-Identifier: Apache-2.0

// Package verify judges receipts offline. It is what an auditor needs and
// nothing else: no network, no database, no clock, no keys.
//
//	receipt ─ well formed? ─ statement in canonical form? ─ checkpoint signed by
//	the log and by enough witnesses? ─ statement in the tree of that checkpoint?
//	─ disclosed values open their seals? ─ time stamp over that checkpoint?
//
// Every step is reported in plain words, in the order in which a person would
// check it by hand; docs/format.md says how. A result is valid only if every
// step is. What a valid receipt proves: this statement stood at this index of a
// log of this size when the log, and the witnesses, signed. What it does not:
// that the statement is true, or that nothing else was left out.
//
// Whom to believe is the trust policy, which the caller must have from a source
// of its own and not from whoever hands over the receipt.
package verify

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/counterfoil/counterfoil/proof"
	"github.com/counterfoil/counterfoil/record"
)

// State is what has become of one private value.
type State string

// The states of a private value. A verifier of a receipt sees Disclosed,
// Withheld and, as a claim, Erased; Missing is what an audit of a whole ledger
// finds when a value is gone without a tombstone.
const (
	Disclosed State = "disclosed"
	Withheld  State = "withheld"
	Erased    State = "erased"
	Missing   State = "missing"
)

// Field is one private value of the statement.
type Field struct {
	Pointer string `json:"pointer"`
	State   State  `json:"state"`
	// Value is the disclosed value as JSON.
	Value string `json:"value,omitempty"`
	// Tombstone is the record that is claimed to account for an erasure.
	Tombstone string `json:"tombstone,omitempty"`
}

// Step is one check.
type Step struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

// Codes of faults.
const (
	Malformed      = "malformed"
	BadStatement   = "bad_statement"
	BadCheckpoint  = "bad_checkpoint"
	NotIncluded    = "not_included"
	BadDisclosure  = "bad_disclosure"
	BadStamp       = "bad_stamp"
	Contradiction  = "contradiction"
	NothingToCheck = "nothing_to_check"
)

// Fault is why a receipt is not valid, and which promise (DESIGN §1) it breaks.
type Fault struct {
	Code    string `json:"code"`
	Promise int    `json:"promise"`
	Pointer string `json:"pointer,omitempty"`
	Detail  string `json:"detail"`
}

// Result is the judgement of one receipt. When Valid is false, everything but
// Faults and Steps is only what the receipt claims.
type Result struct {
	Valid      bool      `json:"valid"`
	ID         string    `json:"id,omitempty"`
	Type       string    `json:"type,omitempty"`
	Time       time.Time `json:"time,omitzero"`
	Recorded   time.Time `json:"recorded,omitzero"`
	System     string    `json:"system,omitempty"`
	Kind       string    `json:"kind,omitempty"`
	Outcome    string    `json:"outcome,omitempty"`
	Origin     string    `json:"origin,omitempty"`
	Index      int64     `json:"index"`
	Size       int64     `json:"size"`
	Root       string    `json:"root,omitempty"`
	Leaf       string    `json:"leaf,omitempty"`
	Signers    []string  `json:"signers,omitempty"`
	Witnesses  int       `json:"witnesses"`
	Stamped    time.Time `json:"stamped,omitzero"`
	Fields     []Field   `json:"fields,omitempty"`
	Steps      []Step    `json:"steps"`
	Faults     []Fault   `json:"faults,omitempty"`
	statement  []byte
	checkpoint proof.Checkpoint
}

func (r *Result) pass(name, format string, args ...any) {
	r.Steps = append(r.Steps, Step{Name: name, OK: true, Detail: fmt.Sprintf(format, args...)})
}

func (r *Result) fail(name, code string, promise int, pointer, format string, args ...any) {
	f := Fault{Code: code, Promise: promise, Pointer: pointer, Detail: fmt.Sprintf(format, args...)}
	r.Faults = append(r.Faults, f)
	r.Steps = append(r.Steps, Step{Name: name, Detail: f.Detail})
}

// Verifier judges receipts under one trust policy. It remembers the last
// checkpoint that it judged, since receipts come in runs under the same one. It
// is not safe for concurrent use.
type Verifier struct {
	trust *proof.Trust

	note    []byte // the last that was good
	opened  proof.Checkpoint
	signers []string
}

// New makes a verifier.
func New(t *proof.Trust) *Verifier { return &Verifier{trust: t} }

// Receipt judges one receipt file under a policy.
func Receipt(data []byte, t *proof.Trust) Result { return New(t).Receipt(data) }

// Receipt judges one receipt file.
func (v *Verifier) Receipt(data []byte) Result {
	var r Result
	rc, err := proof.ParseReceipt(data)
	if err != nil {
		r.fail("receipt", Malformed, 1, "", "%v", err)
		return r
	}
	r.Index, r.statement = rc.Index, rc.Statement
	r.pass("receipt", "the file is a %s", proof.ReceiptFormat)
	st := v.checkStatement(&r, rc)
	cp, ok := v.checkCheckpoint(&r, rc)
	if ok && st != nil {
		v.checkInclusion(&r, rc, st, cp)
	}
	if st != nil {
		checkFields(&r, rc, st)
	}
	v.checkStamp(&r, rc)
	r.Valid = len(r.Faults) == 0
	return r
}

func (v *Verifier) checkStatement(r *Result, rc *proof.Receipt) *record.Statement {
	st, err := record.ParseStatement(rc.Statement)
	if err != nil {
		r.fail("statement", BadStatement, 1, "", "the statement is not one: %v", err)
		return nil
	}
	f := st.Fields()
	r.ID, r.Type, r.Time, r.Recorded = f.ID, f.Type, f.Time, f.Recorded
	r.System, r.Kind, r.Outcome = f.System, f.Kind, f.Outcome
	r.Leaf = tlog.Hash(st.LeafHash()).String()
	r.pass("statement", "a %s statement, record %s, leaf hash %s", f.Type, f.ID, r.Leaf)
	return st
}

func (v *Verifier) checkCheckpoint(r *Result, rc *proof.Receipt) (proof.Checkpoint, bool) {
	if v.note == nil || !bytes.Equal(v.note, rc.Note) {
		cp, signers, err := v.trust.OpenCheckpoint(rc.Note)
		if err != nil {
			if claimed, cerr := proof.ParseCheckpoint(rc.Note); cerr == nil {
				r.Origin, r.Size = claimed.Origin, claimed.Size
			}
			r.fail("checkpoint", BadCheckpoint, 2, "", "%v", err)
			return cp, false
		}
		v.note, v.opened, v.signers = bytes.Clone(rc.Note), cp, signers
	}
	cp := v.opened
	r.Origin, r.Size, r.Root, r.checkpoint = cp.Origin, cp.Size, cp.Root.String(), cp
	r.Signers = slices.Clone(v.signers)
	known := map[string]bool{} // names, since a witness may have two keys while it changes them
	for _, w := range v.trust.Witnesses() {
		name, _, _ := strings.Cut(w.Key, "+")
		if !known[name] && name != cp.Origin && slices.Contains(v.signers, name) {
			r.Witnesses++
		}
		known[name] = true
	}
	r.pass("checkpoint", "%s signed size %d; %d of %d known witnesses cosigned", cp.Origin, cp.Size, r.Witnesses, len(known))
	return cp, true
}

func (v *Verifier) checkInclusion(r *Result, rc *proof.Receipt, st *record.Statement, cp proof.Checkpoint) {
	if err := tlog.CheckRecord(rc.Path, cp.Size, cp.Root, rc.Index, st.LeafHash()); err != nil {
		r.fail("inclusion", NotIncluded, 1, "", "the statement is not at index %d of the log of size %d", rc.Index, cp.Size)
		return
	}
	r.pass("inclusion", "the statement stands at index %d of %d: %d hashes lead to the signed root", rc.Index, cp.Size, len(rc.Path))
}

// checkFields opens the disclosed values and says of every seal what became of
// its value.
func checkFields(r *Result, rc *proof.Receipt, st *record.Statement) {
	disclosed, erased := map[string]proof.Disclosure{}, map[string]string{}
	bad := 0
	for _, d := range rc.Disclosed {
		_, twice := disclosed[d.Pointer]
		err := st.Check(record.Opening(d))
		if twice || err != nil {
			bad++
			detail := "it is disclosed twice"
			if err != nil {
				detail = strings.TrimPrefix(err.Error(), d.Pointer+": ")
			}
			r.fail("value "+d.Pointer, BadDisclosure, 4, d.Pointer, "%s", detail)
			continue
		}
		disclosed[d.Pointer] = d
	}
	for _, e := range rc.Erased {
		_, twice := erased[e.Pointer]
		if erased[e.Pointer] = e.Tombstone; twice {
			bad++
			r.fail("value "+e.Pointer, BadDisclosure, 4, e.Pointer, "it is said to be erased twice")
		} else if !record.ValidID(e.Tombstone) {
			bad++
			r.fail("value "+e.Pointer, BadDisclosure, 4, e.Pointer, "it is said to be erased, but the tombstone is not the id of a record")
		}
	}
	seals := st.Seals()
	for _, s := range seals {
		f := Field{Pointer: s.Pointer, State: Withheld}
		if d, ok := disclosed[s.Pointer]; ok {
			f.State, f.Value = Disclosed, string(d.Value) // and if said to be erased, that is left over
		} else if t, ok := erased[s.Pointer]; ok {
			f.State, f.Tombstone = Erased, t
			delete(erased, s.Pointer)
		}
		r.Fields = append(r.Fields, f)
	}
	for _, p := range slices.Sorted(maps.Keys(erased)) {
		bad++
		r.fail("value "+p, BadDisclosure, 4, p, "it is said to be erased, but is disclosed or has no seal")
	}
	if bad == 0 {
		r.pass("values", "%d of %d private values are disclosed, and each opens its seal", len(disclosed), len(seals))
	}
}

func (v *Verifier) checkStamp(r *Result, rc *proof.Receipt) {
	if rc.Timestamp == nil {
		return
	}
	if v.trust.Roots() == nil {
		r.pass("time stamp", "there is one, not checked: the trust policy names no time-stamp authority")
		return
	}
	text, err := proof.Text(rc.Note)
	if err == nil {
		r.Stamped, err = proof.CheckStamp(rc.Timestamp, text, v.trust.Roots())
	}
	if err != nil {
		r.Stamped = time.Time{}
		r.fail("time stamp", BadStamp, 2, "", "%v", err)
		return
	}
	r.pass("time stamp", "the checkpoint existed at %s", r.Stamped.Format(time.RFC3339))
}
