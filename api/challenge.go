// SPDX-License-Identifier: Apache-2.0

package api

import (
	"encoding/json"
	"time"
)

// ChallengeRequest is what somebody asks for or complains about.
type ChallengeRequest struct {
	Kind     string          `json:"kind"` // complaint, contest, person_request or data_request
	Regime   string          `json:"regime,omitempty"`
	About    string          `json:"about,omitempty"` // the decision
	Received time.Time       `json:"received,omitzero"`
	Subject  json.RawMessage `json:"subject,omitempty"`
	Text     string          `json:"text,omitempty"`
}

// Assignment gives a case to somebody.
type Assignment struct {
	To string `json:"to"`
}

// Resolution ends a case.
type Resolution struct {
	Outcome string `json:"outcome"` // upheld, overturned or partly
	Reason  string `json:"reason"`
}
