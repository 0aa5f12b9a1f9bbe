// SPDX-License-Identifier: Apache-2.0

package api

// ExplanationRequest asks that an explanation be delivered: its exact text
// becomes a record, and is the answer.
type ExplanationRequest struct {
	Audience string `json:"audience"` // subject, reviewer or auditor
	Language string `json:"language"`
	Channel  string `json:"channel"` // as interactions have it: email, chat, …
}
