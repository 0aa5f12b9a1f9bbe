// SPDX-License-Identifier: Apache-2.0

package api

import (
	"encoding/json"
	"time"
)

// Verdict is a second person's answer to a request.
type Verdict struct {
	Approve bool   `json:"approve"`
	Reason  string `json:"reason,omitempty"`
}

// PackOrder asks for an evidence pack, which two others approve.
type PackOrder struct {
	Purpose   string `json:"purpose"`
	Ticket    string `json:"ticket"`
	Recipient string `json:"recipient,omitempty"`
	// Query is which records, in the language of searches; empty: all.
	Query string `json:"query,omitempty"`
	// Profile is which private values are disclosed: one of GET …/packs/profiles.
	Profile string `json:"profile"`
	// Alone leaves out what is about the records found.
	Alone bool `json:"alone,omitempty"`
	// NoLeaves leaves out the leaves of the log, and with them the proof that
	// nothing else matches.
	NoLeaves bool   `json:"no_leaves,omitempty"`
	Reason   string `json:"reason,omitempty"`
}

// WarrantRequest asks to open private values: of the named records, or of a
// system; Days is for how long. Identity includes who the person is.
type WarrantRequest struct {
	Purpose  string   `json:"purpose"`
	Ticket   string   `json:"ticket"`
	Records  []string `json:"records,omitempty"`
	System   string   `json:"system,omitempty"`
	Identity bool     `json:"identity,omitempty"`
	Reason   string   `json:"reason,omitempty"`
	Days     int      `json:"days,omitempty"` // default: 7
}

// GlassRequest breaks the glass: private values are open at once, for an hour.
type GlassRequest struct {
	Purpose string   `json:"purpose"`
	Ticket  string   `json:"ticket"`
	Reason  string   `json:"reason"`
	Records []string `json:"records,omitempty"` // default: all that the caller may list
	System  string   `json:"system,omitempty"`
}

// Review is what a second person says of a broken glass.
type Review struct {
	Reason string `json:"reason"`
}

// SubjectRequest asks about a person, named by the JSON value of /subject.
type SubjectRequest struct {
	Subject json.RawMessage `json:"subject"`
	Purpose string          `json:"purpose"`
	Ticket  string          `json:"ticket"`
}

// ErasureRequest asks for the erasure of all private values about persons, each
// named by the JSON value of /subject, or of records.
type ErasureRequest struct {
	Subjects []json.RawMessage `json:"subjects,omitempty"`
	Records  []string          `json:"records,omitempty"`
	Ground   string            `json:"ground,omitempty"` // data_subject (default) or order
	Ticket   string            `json:"ticket"`
	Reason   string            `json:"reason,omitempty"`
}

// Execution names the approved erasures to execute together.
type Execution struct {
	Requests []string `json:"requests"`
}

// HoldRequest places a legal hold on what the parameters of a list find now, on
// the records of a person, and on those named.
type HoldRequest struct {
	Name    string            `json:"name"`
	Query   map[string]string `json:"query,omitempty"`
	Subject json.RawMessage   `json:"subject,omitempty"`
	Records []string          `json:"records,omitempty"`
	Matter  string            `json:"matter"`
	Reason  string            `json:"reason,omitempty"`
	Review  time.Time         `json:"review,omitzero"` // default: six months on
}

// HoldReview keeps a hold until another date.
type HoldReview struct {
	Next   time.Time `json:"next,omitzero"` // default: six months on
	Reason string    `json:"reason,omitempty"`
}

// LogKey is the answer to a change of the log's keys: the key that came or went,
// and all that there were, oldest first.
type LogKey struct {
	VerifierKey string   `json:"verifier_key"`
	Known       []string `json:"known"`
}

// MasterRotation asks for a new master key.
type MasterRotation struct {
	KMS string `json:"kms,omitempty"` // URL of the KMS key that wraps it; default: as before
}

// MasterRotated says how many keys were wrapped anew.
type MasterRotated struct {
	Keys int `json:"keys"`
}
