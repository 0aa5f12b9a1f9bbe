// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/counterfoil/counterfoil/internal/evidence"
	"github.com/counterfoil/counterfoil/record"
)

// checkEvidence opens every seal of a statement, or says why it can not.
func (a *auditor) checkEvidence(p *page, index int64, r *row, st *record.Statement) {
	seals := st.Seals()
	p.seals += int64(len(seals))
	switch {
	case len(seals) == 0 && r.sealed != nil:
		p.find(EvidenceExtra, 4, index, st.ID(), "there is evidence, but the statement has no seals")
		return
	case len(seals) == 0:
		a.checkContent(p, index, r, st, nil)
		return
	case r.sealed == nil:
		a.checkErased(p, index, r, st, nil)
		return
	case a.cfg.Keys == nil:
		p.unopened += int64(len(seals))
		return
	}
	openings, err := a.open(p, r, st)
	if err != nil {
		p.find(EvidenceChanged, 2, index, st.ID(), "%v", err)
		return
	}
	if a.checkErased(p, index, r, st, openings); len(openings) != len(seals) {
		if _, err := st.Open(openings); err != nil {
			p.find(EvidenceChanged, 2, index, st.ID(), "%v", err)
			return
		}
		p.opened += int64(len(openings))
		return
	}
	if a.checkContent(p, index, r, st, openings) {
		p.opened += int64(len(seals))
	}
}

// checkContent puts the record that was sent back together, and holds the mark
// by which it is recognised against it. It returns false when a value does not
// open its seal.
func (a *auditor) checkContent(p *page, index int64, r *row, st *record.Statement, openings []record.Opening) bool {
	if a.snap.contentKey == nil {
		return true
	}
	original, err := st.Rebuild(openings)
	if err != nil {
		p.find(EvidenceChanged, 2, index, st.ID(), "%v", err)
		return false
	}
	if r.found && !bytes.Equal(a.contentMAC(original), r.content) {
		p.find(LookupChanged, 2, index, st.ID(), "its content mark is not that of the record: sending it again would be refused or taken for another")
	}
	return true
}

// open opens what a row holds: nothing, without an error, where a key was
// destroyed and a tombstone says so.
func (a *auditor) open(p *page, r *row, st *record.Statement) ([]record.Opening, error) {
	if a.snap.badKeys[r.key] {
		return nil, fmt.Errorf("evidence key %d does not open", r.key)
	}
	key := a.snap.keys[r.key]
	if key == nil && a.snap.expired[r.key] {
		return nil, nil
	}
	if key == nil {
		return nil, fmt.Errorf("evidence key %d is gone", r.key)
	}
	if r.subject != nil {
		person, err := a.person(p, r)
		if err != nil {
			return nil, err
		}
		key = key.With(person)
	}
	return key.Open(st.ID(), r.sealed)
}

// person unwraps the key of the person whom a record names.
func (a *auditor) person(p *page, r *row) (*evidence.Key, error) {
	who := string(r.subject)
	if k := p.persons[who]; k != nil {
		return k, nil
	}
	if r.person == nil {
		return nil, errors.New("the key of the person is gone, the values are there")
	}
	secret, err := a.cfg.Keys.Unwrap("subject_key "+a.report.Origin+" "+hex.EncodeToString(r.subject), r.person)
	if err != nil {
		return nil, err
	}
	k, err := evidence.OpenKey(secret)
	if err != nil {
		return nil, err
	}
	p.persons[who] = k
	return k, nil
}

func (a *auditor) contentMAC(canonical []byte) []byte {
	m := hmac.New(sha256.New, a.snap.contentKey)
	m.Write(canonical)
	return m.Sum(nil)[:16]
}
