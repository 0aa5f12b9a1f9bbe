// SPDX-License-Identifier: Apache-2.0

package api

import "time"

// Verdicts of the guard.
const (
	Allow        = "allow"
	Deny         = "deny"
	RequireHuman = "require_human"
)

// What a system does when the guard can not be asked.
const (
	FailOpen   = "fail_open"
	FailClosed = "fail_closed"
)

// GuardAnswer says whether a decision that is about to be made may be. The
// attempt is in the log when it is given.
type GuardAnswer struct {
	Verdict string        `json:"verdict"`
	Reasons []GuardReason `json:"reasons"`
	// Controls are those that ran, with their results.
	Controls []GuardControl `json:"controls"`
	// Token vouches for the verdict until Expires. The decision that follows
	// carries it as /decision/guard, and names the attempt in /about.
	Token   string    `json:"token"`
	Expires time.Time `json:"expires"`
	// OnFailure is what the system does when the guard can not be asked next
	// time: fail_open or fail_closed.
	OnFailure string `json:"on_failure,omitempty"`
	// Record is the attempt; for require_human, it is also what is reviewed.
	Record Placed `json:"record"`
	// Checkpoint proves the attempt.
	Checkpoint string `json:"checkpoint"`
	// Away says that nobody was asked: the client decided by OnFailure, and
	// records the gap later. A server never answers it.
	Away bool `json:"away,omitempty"`
}

// GuardReason is one ground of a verdict.
type GuardReason struct {
	Code     string `json:"code"`
	Control  string `json:"control,omitempty"`
	Severity string `json:"severity,omitempty"`
	Message  string `json:"message"`
}

// GuardControl is the result of one control.
type GuardControl struct {
	Control  string `json:"control"`
	Result   string `json:"result"`
	Severity string `json:"severity,omitempty"`
	Action   string `json:"action,omitempty"`
}

// Backtest asks what a control would have said of recorded decisions.
type Backtest struct {
	// Name of a control in the register; or Document, a draft that is not.
	Name     string `json:"name,omitempty"` // name, for what is in force, or name@version
	Document string `json:"document,omitempty"`
	// Against is the control whose results are compared, as name or
	// name@version. Default: the one of that name in force, if there is one.
	Against string    `json:"against,omitempty"`
	System  string    `json:"system,omitempty"`
	Env     string    `json:"env,omitempty"` // default: production
	Since   time.Time `json:"since,omitzero"`
	Until   time.Time `json:"until,omitzero"`
	Limit   int       `json:"limit,omitempty"` // decisions; default 100,000
}

// BacktestResult is what it would have said.
type BacktestResult struct {
	Control   string         `json:"control"`
	Against   string         `json:"against,omitempty"`
	Decisions int            `json:"decisions"`
	Results   map[string]int `json:"results"` // pass, fail, error, skip
	Before    map[string]int `json:"before,omitempty"`
	// Changed lists decisions that would have been judged otherwise, at most 100
	// of all ChangedCount.
	Changed      []Changed `json:"changed"`
	ChangedCount int       `json:"changed_count"`
	// Partial counts decisions of which values were erased.
	Partial int `json:"partial"`
	// More says that the limit ended it.
	More bool  `json:"more,omitempty"`
	Size int64 `json:"size"` // of the log
}

// Changed is a decision that would have been judged otherwise. Before is empty
// when nothing is compared: then those that fail are listed.
type Changed struct {
	ID     string `json:"id"`
	Index  int64  `json:"index"`
	Before string `json:"before,omitempty"`
	After  string `json:"after"`
}
