// SPDX-License-Identifier: Apache-2.0

package api

// Scope is a role in a ledger, for a system and a purpose; those two are any when
// they are empty. A star stands for any.
type Scope struct {
	Role    string `json:"role"`
	Ledger  string `json:"ledger"`
	System  string `json:"system,omitempty"`
	Purpose string `json:"purpose,omitempty"`
}

// GrantRequest gives a role to an actor, or takes it away.
type GrantRequest struct {
	Actor string `json:"actor"`
	Scope
}

// KeyRequest asks for an API key; Days is for how long (default: 90, at most 366).
type KeyRequest struct {
	Name   string  `json:"name"`
	Grants []Scope `json:"grants"`
	Days   int     `json:"days,omitempty"`
}

// KeyRotation asks for the successor of an API key; the old one goes on for the
// overlap.
type KeyRotation struct {
	Days         int `json:"days,omitempty"`
	OverlapHours int `json:"overlap_hours,omitempty"`
}

// ActorRequest names an actor.
type ActorRequest struct {
	Actor string `json:"actor"`
}
