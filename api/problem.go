// SPDX-License-Identifier: Apache-2.0

// Package api holds the wire types of Counterfoil's HTTP interface: what is
// sent, what is answered, and the problem documents of RFC 9457 by which a
// request is refused.
//
// The types are plain data with JSON names. They are stable within /v1: members
// are added, never changed or taken away. The server writes them, the client
// reads them, and neither needs the other.
package api

import (
	"fmt"
	"strings"
)

// ProblemType is the media type of a [Problem].
const ProblemType = "application/problem+json"

// Problem is why a request was refused (RFC 9457), with a stable code.
type Problem struct {
	// Type is a URI reference to a description: /problems/<code>.
	Type string `json:"type"`
	// Title is the same for every problem of a code.
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	// Instance is the request id, as the log of the server has it.
	Instance string `json:"instance,omitempty"`
	Code     string `json:"code"`
	// Hint is what to do about it.
	Hint string `json:"hint,omitempty"`
	// Errors are the single faults of a document; at most 20 are listed.
	Errors []Fault `json:"errors,omitempty"`
	// ErrorCount is how many there were, if more than listed.
	ErrorCount int `json:"error_count,omitempty"`
}

// Fault is one fault of a document that was sent.
type Fault struct {
	// Record is the position in the batch, from 0.
	Record int `json:"record"`
	// Pointer is the JSON Pointer from the root of what was sent: of a batch it
	// begins with the record's position.
	Pointer string `json:"pointer"`
	Code    string `json:"code"`
	Detail  string `json:"detail"`
	Hint    string `json:"hint,omitempty"`
}

// Error is the problem on one line.
func (p *Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.Title)
	if p.Detail != "" {
		b.WriteString(": " + p.Detail)
	}
	for i, f := range p.Errors {
		if i == 3 {
			fmt.Fprintf(&b, "; and %d more", max(p.ErrorCount, len(p.Errors))-3)
			break
		}
		fmt.Fprintf(&b, "; %s: %s", f.Pointer, f.Detail)
	}
	return b.String()
}
