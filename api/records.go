// SPDX-License-Identifier: Apache-2.0

package api

import (
	"encoding/json"
	"time"
)

// Appended answers a batch: where each record stands, and the checkpoint under
// which every proof holds.
type Appended struct {
	// Checkpoint is a signed note (c2sp.org/tlog-checkpoint).
	Checkpoint string `json:"checkpoint"`
	// Size is the checkpoint's tree size.
	Size    int64    `json:"size"`
	Records []Placed `json:"records"`
}

// Placed is the answer to one record, in the order in which they were sent.
type Placed struct {
	ID string `json:"id,omitempty"`
	// Index is the record's place in the log.
	Index int64 `json:"index"`
	// Status is "created", or "existing" for a record that was sent before; in
	// a partial answer it may be "refused".
	Status string `json:"status"`
	// Proof is the inclusion proof: hashes in standard base64, leaf side first.
	Proof []string `json:"proof,omitempty"`
	// Problem says why the record was refused.
	Problem *Problem `json:"problem,omitempty"`
}

// Statuses of a [Placed].
const (
	Created  = "created"
	Existing = "existing"
	Refused  = "refused"
)

// Entry is one leaf: a statement and its place.
type Entry struct {
	Index     int64           `json:"index"`
	Statement json.RawMessage `json:"statement"`
	// Record is the record with the disclosed values back in place; only when
	// disclosure was asked for.
	Record json.RawMessage `json:"record,omitempty"`
	// Erased lists the private values that are gone for good.
	Erased []Erased `json:"erased,omitempty"`
}

// Erased is a private value that was erased, and the record that says so.
type Erased struct {
	Pointer   string `json:"pointer"`
	Tombstone string `json:"tombstone"`
}

// Page is one page of entries.
type Page struct {
	Records []Entry `json:"records"`
	// Next is the cursor of the next page; empty at the end.
	Next string `json:"next,omitempty"`
}

// Stats are counts over a ledger.
type Stats struct {
	Origin   string        `json:"origin"`
	Size     int64         `json:"size"`
	Stored   int64         `json:"stored_bytes"`
	Last     *time.Time    `json:"last_recorded,omitempty"`
	Types    []Count       `json:"types"`
	Systems  []Count       `json:"systems"`
	Outcomes []Count       `json:"outcomes"`
	Sources  []SourceCount `json:"sources"`
}

// Count is how often a value occurs.
type Count struct {
	Name  string `json:"name"`
	Count int64  `json:"count"`
}

// SourceCount is what one source has sent; Missing numbers between First and
// Last never arrived.
type SourceCount struct {
	Source  string `json:"source"`
	Count   int64  `json:"count"`
	First   int64  `json:"first"`
	Last    int64  `json:"last"`
	Missing int64  `json:"missing"`
}

// Ledgers lists the ledgers of a server.
type Ledgers struct {
	Ledgers []LedgerInfo `json:"ledgers"`
}

// LedgerInfo names one ledger.
type LedgerInfo struct {
	Name        string `json:"name"`
	Origin      string `json:"origin"`
	VerifierKey string `json:"verifier_key"`
}

// Health is the answer of /healthz and /readyz.
type Health struct {
	Status string            `json:"status"` // "ok" or "unready"
	Checks map[string]string `json:"checks,omitempty"`
}
