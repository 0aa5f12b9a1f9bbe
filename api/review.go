// SPDX-License-Identifier: Apache-2.0

package api

import "encoding/json"

// ReviewAct is what a reviewer does with a decision that needs a person.
type ReviewAct struct {
	Act    string `json:"act"` // approve, edit, override, reject, escalate or stop
	After  string `json:"after,omitempty"`
	Reason string `json:"reason,omitempty"` // a reason code
	Note   string `json:"note,omitempty"`   // kept private
	// Shown is the digest of what was shown.
	Shown  string   `json:"shown"`
	Opened []string `json:"opened,omitempty"`
	// DwellMS is how long it was looked at, as the client measured it.
	DwellMS int64  `json:"dwell_ms,omitempty"`
	Draft   string `json:"draft,omitempty"`
	Text    string `json:"text,omitempty"`
	Team    string `json:"team,omitempty"`
}

// ShownReview is what a reviewer is shown.
type ShownReview struct {
	// Shown is the digest of Record, which the act must name.
	Shown  string          `json:"shown"`
	Record json.RawMessage `json:"record"`
}
