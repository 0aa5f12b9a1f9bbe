// SPDX-License-Identifier: Apache-2.0

package record

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
)

// Statement is a record as it stands in the log. It is immutable and safe for
// concurrent use.
type Statement struct {
	bytes  []byte
	fields Fields
	spots  []spot
}

func sum256(b []byte) [sha256.Size]byte { return sha256.Sum256(b) }

// statementTables are the tables with the completion members added at the top.
var statementTables = func() map[*field]*field {
	out := map[*field]*field{}
	for _, f := range defaultRules.types {
		out[f] = object("", f.doc, append(slices.Clone(f.members), completionFields()...)...)
	}
	return out
}()

func statementTable(f *field) *field { return statementTables[f] }

// ParseStatement reads a leaf of the log. raw must be in JCS form, at most
// [MaxStatement] bytes, complete, and every private place must hold a seal. A
// public value may be sealed as well (a ledger can be stricter than the table).
// raw is kept and must not be changed. The error is an [*Error].
func ParseStatement(raw []byte) (*Statement, error) {
	if len(raw) > MaxStatement {
		return nil, problem(CodeStatementTooLarge, "", "", "the statement has %d bytes, the limit is %d", len(raw), MaxStatement)
	}
	canonical := raw
	if !plainlyCanonical(raw) {
		var err error
		if canonical, err = Canonicalize(raw); err != nil {
			return nil, err
		}
		if !bytes.Equal(canonical, raw) {
			return nil, problem(CodeNotCanonical, "", "apply RFC 8785", "the statement is not in canonical form")
		}
	}
	w, err := defaultRules.walk(canonical, true)
	if err != nil {
		return nil, err
	}
	return &Statement{bytes: canonical, fields: w.fields, spots: w.spots}, nil
}

// Bytes returns the leaf. The caller must not change it.
func (s *Statement) Bytes() []byte { return s.bytes }

// ID is the record's id.
func (s *Statement) ID() string { return s.fields.ID }

// Type is the record's type.
func (s *Statement) Type() Type { return Type(s.fields.Type) }

// Fields returns the indexed public values.
func (s *Statement) Fields() Fields { return s.fields }

// LeafHash is the RFC 6962 leaf hash: SHA-256(0x00 ‖ statement).
func (s *Statement) LeafHash() [sha256.Size]byte { return LeafHash(s.bytes) }

// LeafHash is the RFC 6962 leaf hash of a leaf.
func LeafHash(leaf []byte) [sha256.Size]byte {
	var short [2048]byte // most leaves need no memory of their own
	return sha256.Sum256(append(append(short[:0], 0), leaf...))
}

// Seals lists the seals in document order.
func (s *Statement) Seals() []Seal {
	out := make([]Seal, len(s.spots))
	for i, sp := range s.spots {
		out[i] = Seal{Pointer: sp.pointer, Sum: sp.sum}
	}
	return out
}

// Check reports whether o opens the seal at its pointer: nil, or an [*Error]
// with [CodeSealMismatch].
func (s *Statement) Check(o Opening) error {
	for _, sp := range s.spots {
		if sp.pointer == o.Pointer {
			return s.check(sp, o)
		}
	}
	return problem(CodeSealMismatch, o.Pointer, "", "the statement has no seal here")
}

func (s *Statement) check(sp spot, o Opening) error {
	if Sum(s.fields.ID, o.Pointer, o.Salt, o.Value) != sp.sum {
		return problem(CodeSealMismatch, o.Pointer, "", "value and salt do not open the seal")
	}
	return nil
}

// Open returns the statement with the given values put back in place of their
// seals. Every value must open its seal, once; the error is an [*Error].
func (s *Statement) Open(openings []Opening) ([]byte, error) {
	byPointer := make(map[string]Opening, len(openings))
	for _, o := range openings {
		if _, twice := byPointer[o.Pointer]; twice {
			return nil, problem(CodeSealMismatch, o.Pointer, "", "opened twice")
		}
		byPointer[o.Pointer] = o
	}
	b := make([]byte, 0, len(s.bytes))
	at := 0
	for _, sp := range s.spots {
		o, ok := byPointer[sp.pointer]
		if !ok {
			continue
		}
		if err := s.check(sp, o); err != nil {
			return nil, err
		}
		delete(byPointer, sp.pointer)
		b = append(b, s.bytes[at:sp.start]...)
		b = append(b, o.Value...)
		at = sp.end
	}
	for _, p := range slices.Sorted(maps.Keys(byPointer)) {
		return nil, problem(CodeSealMismatch, p, "", "the statement has no seal here")
	}
	return append(b, s.bytes[at:]...), nil
}

// Rebuild puts the original record back together from its statement and all
// of its openings, in JCS form: the statement with the values in place and
// without the members that the server added.
func (s *Statement) Rebuild(openings []Opening) ([]byte, error) {
	full, err := s.Open(openings)
	if err != nil {
		return nil, err
	}
	out := append(make([]byte, 0, len(full)), '{')
	for i := 1; full[i] != '}'; {
		if full[i] == ',' {
			i++
		}
		nameEnd := skip(full, i)
		end := skip(full, nameEnd+1)
		switch string(full[i:nameEnd]) {
		case `"capture"`, `"governed"`, `"principal"`, `"recorded"`, `"retention"`, `"statement"`:
		default:
			out = append(comma(out), full[i:end]...)
		}
		i = end
	}
	return append(out, '}'), nil
}

// String names the statement in messages.
func (s *Statement) String() string { return fmt.Sprintf("%s %s", s.fields.Type, s.fields.ID) }
