// SPDX-License-Identifier: Apache-2.0

package api

import "time"

// Changes are the changes of versions that went live in another way than by
// approval first.
type Changes struct {
	Basis Basis `json:"basis"`
	// Proposed, Approvals and Promotions are how many acts were looked at.
	Proposed   int64 `json:"proposed"`
	Approvals  int64 `json:"approvals"`
	Promotions int64 `json:"promotions"`
	// Decisions is how many judged decisions were looked at for versions that
	// were in use without approval.
	Decisions   int64          `json:"decisions"`
	Items       []ChangeDefect `json:"items"`
	Emergencies []Emergency    `json:"emergencies"`
	// Refused are attempts that the register did not let happen, because of who
	// tried: an author's own approval, a second vote.
	Refused []RefusedAttempt `json:"refused"`
	Used    []UsedVersion    `json:"used"`
}

// The codes of a [ChangeDefect].
const (
	// DefectUnapproved: promoted with fewer approvals before it than it needs.
	DefectUnapproved = "promoted_unapproved"
	// DefectRefused: promoted after somebody had refused it.
	DefectRefused = "promoted_refused"
	// DefectUnproposed: promoted though nobody had proposed it.
	DefectUnproposed = "promoted_unproposed"
	// DefectOther: another digest was promoted than the one that was proposed.
	DefectOther = "promoted_other_digest"
	// DefectAuthor: approved by who proposed it.
	DefectAuthor = "approved_by_author"
	// DefectOwnEmergency: promoted in an emergency by who proposed it.
	DefectOwnEmergency = "emergency_by_author"
	// DefectOtherApproved: another digest was approved than was proposed.
	DefectOtherApproved = "approved_other_digest"
)

// ChangeDefect is one act that is not as it should be.
type ChangeDefect struct {
	Code   string      `json:"code"`
	Act    RegistryAct `json:"act"`
	Author string      `json:"author,omitempty"`
	// Need and Have are how many approvals the promotion needed, and had before
	// it; Late are those that came after.
	Need int           `json:"need,omitempty"`
	Have int           `json:"have,omitempty"`
	Late []RegistryAct `json:"late,omitempty"`
}

// Emergency is a promotion in an emergency, and its review. State is open,
// overdue, done, done_late, own (reviewed by who promoted or proposed it) or
// undated. The status of the review says whether it accepted or rejected.
type Emergency struct {
	Act    RegistryAct  `json:"act"`
	Author string       `json:"author,omitempty"`
	State  string       `json:"state"`
	Review *RegistryAct `json:"review,omitempty"`
}

// RefusedAttempt is an act on the register that was refused.
type RefusedAttempt struct {
	Place
	Act     string `json:"act"`
	By      string `json:"by"`
	Version string `json:"version,omitempty"`
}

// UsedVersion is a version that decisions were made with while the register had
// it in another state than approved.
type UsedVersion struct {
	BoundVersion
	Env   string `json:"env"`
	Count int64  `json:"count"`
	First Place  `json:"first"`
	Last  Place  `json:"last"`
}

// Suspension is when a system was suspended or retired, and what it did then.
type Suspension struct {
	Basis  Basis  `json:"basis"`
	System string `json:"system"`
	// Status is what the last act gave it; empty: there is none.
	Status  string        `json:"status,omitempty"`
	Acts    []RegistryAct `json:"acts"`
	Periods []Period      `json:"periods"`
	// Made is how many decisions were made in all periods: it must be 0.
	Made int64 `json:"made"`
}

// Period is a time in which a system must not decide: from an act to the one
// that ends it, or to now.
type Period struct {
	Status string       `json:"status"`
	Began  RegistryAct  `json:"began"`
	Ended  *RegistryAct `json:"ended,omitempty"`
	// Made is how many decisions were made in it. Attempts were not carried
	// out: refused, abandoned, failed, or only asked for. Backdated were
	// recorded in it and were made before, as their source says.
	Made      int64            `json:"made"`
	Attempts  int64            `json:"attempts"`
	Backdated int64            `json:"backdated"`
	Decisions []LateDecision   `json:"decisions"`
	More      bool             `json:"more"`
	Informed  []FollowUp       `json:"informed"` // notices about the act
	ByEnv     map[string]int64 `json:"by_env,omitempty"`
}

// LateDecision is a decision that was made when there should be none. Findings
// are what the log has about it.
type LateDecision struct {
	Place
	Recorded time.Time  `json:"recorded"`
	Env      string     `json:"env"`
	Outcome  string     `json:"outcome,omitempty"`
	Findings []FollowUp `json:"findings"`
}

// FollowUp is a finding or a notice.
type FollowUp struct {
	Place
	About    string `json:"about,omitempty"`
	Code     string `json:"code"`
	Status   string `json:"status,omitempty"`
	Severity string `json:"severity,omitempty"`
}

// Drift is which models answered for a system, in place of which it asked for.
type Drift struct {
	Basis  Basis  `json:"basis"`
	System string `json:"system"`
	// Records is how many decisions and steps were looked at; Calls is how many
	// calls of a model they hold, and Silent how many of these do not say which
	// model answered.
	Records int64         `json:"records"`
	Calls   int64         `json:"calls"`
	Silent  int64         `json:"silent"`
	Pairs   []ModelPair   `json:"pairs"`
	Changes []ModelChange `json:"changes"`
	// Findings are those of the codes model_mismatch and model_changed, Notices
	// those of the kind model_change.
	Findings []FollowUp `json:"findings"`
	Notices  []FollowUp `json:"notices"`
}

// ModelPair is a model that was asked for, and the one that answered.
type ModelPair struct {
	Provider string `json:"provider,omitempty"`
	Request  string `json:"request_model"`
	Response string `json:"response_model"`
	Count    int64  `json:"count"`
	First    Place  `json:"first"`
	Last     Place  `json:"last"`
	Differs  bool   `json:"differs"`
}

// ModelChange is the first answer of a model other than the one that had
// answered the same request before.
type ModelChange struct {
	Provider string `json:"provider,omitempty"`
	Request  string `json:"request_model"`
	Before   string `json:"before"`
	After    string `json:"after"`
	First    Place  `json:"first"`
	// Again is when the model of before answered last, if that was later.
	Again *Place `json:"again,omitempty"`
}
