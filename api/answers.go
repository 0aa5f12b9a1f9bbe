// SPDX-License-Identifier: Apache-2.0

package api

import "time"

// Basis says over what an answer was counted, so that anybody can count again.
type Basis struct {
	Origin string `json:"origin"`
	// Size is how many leaves the log had; Checkpoint is what it signed then.
	Size       int64  `json:"size"`
	Checkpoint string `json:"checkpoint"`
	// Earlier are the closed logs of the ledger that were counted as well.
	Earlier []EarlierLog `json:"earlier,omitempty"`
	// Systems are those that the caller may see, when not all.
	Systems []string `json:"systems,omitempty"`
	// Complete says with respect to what the answer is complete.
	Complete string `json:"complete"`
}

// EarlierLog is a closed log of a ledger. What was dropped can not be counted.
type EarlierLog struct {
	Origin  string `json:"origin"`
	Size    int64  `json:"size"`
	Dropped bool   `json:"dropped,omitempty"`
}

// Place is where a record stands. Log is named when it is an earlier one.
type Place struct {
	ID    string    `json:"id"`
	Index int64     `json:"index"`
	Log   string    `json:"log,omitempty"`
	Time  time.Time `json:"time"`
}

// BoundVersion is a version that a decision names, as the register had it then.
type BoundVersion struct {
	Kind    string `json:"kind"`
	Version string `json:"version"`
	Digest  string `json:"digest,omitempty"`
	State   string `json:"state,omitempty"`
}

// RegistryAct is an act on the register of systems and versions. Reason and
// Signed say that there is a reason in words, which is sealed, and a signature
// of the approver's own key.
type RegistryAct struct {
	Place
	Recorded    time.Time  `json:"recorded"`
	Act         string     `json:"act"`
	Kind        string     `json:"kind"`
	Version     string     `json:"version"`
	Digest      string     `json:"digest,omitempty"`
	Environment string     `json:"environment,omitempty"`
	Status      string     `json:"status,omitempty"`
	By          string     `json:"by,omitempty"`
	Emergency   bool       `json:"emergency,omitempty"`
	Due         *time.Time `json:"due,omitempty"`
	Reason      bool       `json:"reason"`
	Signed      bool       `json:"signed"`
}

// Overrides are what people did about the decisions that match a question, and
// who approved the versions that these were made with.
type Overrides struct {
	Basis Basis  `json:"basis"`
	Act   string `json:"act"`
	// Decisions is how many match, whatever people did; Touched is about how
	// many of them there is such an act, and Acts how many acts there are.
	Decisions int64 `json:"decisions"`
	Touched   int64 `json:"touched"`
	Acts      int64 `json:"acts"`
	// Astray is how many such acts, of the whole log, are about nothing in it.
	Astray int64 `json:"astray"`
	// Items are the acts, in the order of the log; More says that there are
	// more than are listed.
	Items    []HumanAct        `json:"items"`
	More     bool              `json:"more"`
	Versions []VersionApproval `json:"versions,omitempty"`
}

// HumanAct is one act of a person on a decision.
type HumanAct struct {
	Decision   Place          `json:"decision"`
	System     string         `json:"system,omitempty"`
	Outcome    string         `json:"outcome,omitempty"` // as the decision has it
	Versions   []BoundVersion `json:"versions"`
	Act        string         `json:"act"`
	Record     Place          `json:"record"`
	Before     string         `json:"before,omitempty"`
	After      string         `json:"after,omitempty"`
	Reviewer   string         `json:"reviewer"`
	Role       string         `json:"role,omitempty"`
	Team       string         `json:"team,omitempty"`
	ReasonCode string         `json:"reason_code,omitempty"`
	Reason     bool           `json:"reason"` // there is one in words, sealed
	Dwell      *int64         `json:"dwell_ms,omitempty"`
}

// VersionApproval is who put a version in force, and whether the decisions that
// are listed were bound to what was approved.
type VersionApproval struct {
	Kind    string `json:"kind"`
	Version string `json:"version"`
	// Approved are the digests that somebody other than the author approved.
	Approved []string      `json:"approved"`
	Acts     []RegistryAct `json:"acts"`
	// Same, Other and Unbound count the listed decisions whose digest of the
	// version is an approved one, another one, or not recorded.
	Same    int64 `json:"same"`
	Other   int64 `json:"other"`
	Unbound int64 `json:"unbound"`
}
