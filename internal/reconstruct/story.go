// SPDX-License-Identifier: Apache-2.0

package reconstruct

import (
	"encoding/json"
	"time"
)

// Story is a decision, or a journey, put together.
type Story struct {
	// Root is the id of the decision that the story is about; empty for a
	// journey.
	Root string `json:"root,omitempty"`
	// Size is how many leaves the log had: the story is complete with respect to
	// them.
	Size int64 `json:"size"`
	// By is what the records of other decisions have in common with the root:
	// interaction, journey, trace.
	By []string `json:"by,omitempty"`
	// Events are in the order in which they happened.
	Events []Event `json:"events"`
	// References are what records name, each with what became of it.
	References []Reference `json:"references"`
	// More says that there are more records than a story holds.
	More bool `json:"more,omitempty"`
}

// Event is one record of the story.
type Event struct {
	Time     time.Time `json:"time"`
	Recorded time.Time `json:"recorded"`
	Index    int64     `json:"index"`
	Record   string    `json:"record"`
	Type     string    `json:"type"`
	// Role is what it is in the story: decision, attempt, step, oversight,
	// notice, explanation, challenge, finding, access, erasure, hold, before
	// (a decision that the root replaces), after (one that replaces it) or other.
	Role   string `json:"role"`
	System string `json:"system,omitempty"`
	// About is the record that it follows up.
	About string `json:"about,omitempty"`
	// Title says in a few words what happened.
	Title string `json:"title"`
	// Statement is the record as it stands in the log, with the disclosed values
	// back in place.
	Statement json.RawMessage `json:"statement"`
	// Values are its private values.
	Values []Value `json:"values,omitempty"`
}

// States of a private value, and of a reference.
const (
	Disclosed = "disclosed"
	Withheld  = "withheld"
	Erased    = "erased"
	Resolved  = "resolved"
	Missing   = "missing"
	External  = "external" // it names something outside the log, with a digest or without
)

// Value is one private value.
type Value struct {
	Pointer   string          `json:"pointer"`
	State     string          `json:"state"`
	Tombstone string          `json:"tombstone,omitempty"` // the record that says that it was erased
	Value     json.RawMessage `json:"value,omitempty"`
}

// Reference is something that a record names.
type Reference struct {
	Record  string `json:"record"`
	Pointer string `json:"pointer"`
	Names   string `json:"names"`
	State   string `json:"state"`
	// Detail says more: the digest of a version, the index of a record.
	Detail string `json:"detail,omitempty"`
}

// Count is how many values or references are in a state.
func (s *Story) Count(state string) (n int) {
	for _, r := range s.References {
		if r.State == state {
			n++
		}
	}
	for _, e := range s.Events {
		for _, v := range e.Values {
			if v.State == state {
				n++
			}
		}
	}
	return n
}
