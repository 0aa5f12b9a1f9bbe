// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/counterfoil/counterfoil/record"
)

// Tombstone is what an executed erasure record says is gone: values of single
// records, or every value of a retention class that was recorded in a month
// before it.
type Tombstone struct {
	Index        int64 // in the log; set by who reads it
	ID           string
	Class, Month string
	Targets      map[string][]string // record id → pointers; none of them: all
}

// ParseTombstone reads the statement of an erasure record.
func ParseTombstone(statement []byte) (Tombstone, error) {
	var doc struct {
		ID      string
		Erasure struct {
			Class, Month string
			Targets      []struct {
				ID       string
				Pointers []string
			}
		}
	}
	if err := json.Unmarshal(statement, &doc); err != nil {
		return Tombstone{}, fmt.Errorf("read tombstone: %w", err)
	}
	t := Tombstone{ID: doc.ID, Class: doc.Erasure.Class, Month: doc.Erasure.Month, Targets: make(map[string][]string, len(doc.Erasure.Targets))}
	for _, target := range doc.Erasure.Targets {
		if had, twice := t.Targets[target.ID]; twice && (len(had) == 0 || len(target.Pointers) == 0) {
			t.Targets[target.ID] = nil
		} else {
			t.Targets[target.ID] = append(had, target.Pointers...)
		}
	}
	return t, nil
}

// Covers says whether the tombstone accounts for a private value of a record.
// For a class and month, the caller sees that the record stands before it.
func (t *Tombstone) Covers(st *record.Statement, pointer string) bool {
	if pointers, ok := t.Targets[st.ID()]; ok && (len(pointers) == 0 || slices.Contains(pointers, pointer)) {
		return true
	}
	if t.Class == "" || t.Month == "" {
		return false
	}
	f := st.Fields()
	return classOf(&f) == t.Class && Month(f.Recorded) == t.Month
}

// classOf is the retention class of a statement.
func classOf(f *record.Fields) string {
	if f.Retention == "" {
		return DefaultClass
	}
	return f.Retention
}
