// SPDX-License-Identifier: Apache-2.0

package api

// Describe describes an AI system or a use case.
type Describe struct {
	Kind        string `json:"kind,omitempty"` // system (default) or use_case
	Name        string `json:"name"`
	Description string `json:"description"` // as YAML or JSON
	Reason      string `json:"reason,omitempty"`
}

// SystemStatus sets the status of a system.
type SystemStatus struct {
	Status      string `json:"status"`                // in_service, suspended or retired
	Description string `json:"description,omitempty"` // the number of the waiting description that it confirms
	Reason      string `json:"reason,omitempty"`
}

// NewVersion proposes a version.
type NewVersion struct {
	Kind    string `json:"kind"` // model, prompt, policy, config, control, dataset or tool
	Name    string `json:"name"`
	Version string `json:"version"`
	System  string `json:"system,omitempty"` // that it is for; empty: any
	Parent  string `json:"parent,omitempty"`
	Media   string `json:"media,omitempty"`
	Content string `json:"content,omitempty"`
	Ref     string `json:"ref,omitempty"` // where the content is, when it is not sent
	Digest  string `json:"digest,omitempty"`
	Note    string `json:"note,omitempty"` // what changed
}

// ActSignature is made by a person's own key over an act: docs/governance.md has
// the bytes.
type ActSignature struct {
	Alg   string `json:"alg"`
	Key   string `json:"key"`
	Value string `json:"value"`
}

// VersionVerdict is a person's yes or no to a version. Digest is what they looked
// at.
type VersionVerdict struct {
	Approve   bool          `json:"approve"`
	Digest    string        `json:"digest"`
	Reason    string        `json:"reason,omitempty"`
	Signature *ActSignature `json:"signature,omitempty"`
}

// EmergencyReview judges a promotion in an emergency.
type EmergencyReview struct {
	Accept bool   `json:"accept"`
	Reason string `json:"reason,omitempty"`
}

// Promotion puts a version into force.
type Promotion struct {
	Environment string `json:"environment"`
	Digest      string `json:"digest,omitempty"`
	Emergency   bool   `json:"emergency,omitempty"`
	Reason      string `json:"reason,omitempty"`
}

// Rollback puts back the version before.
type Rollback struct {
	Environment string `json:"environment"`
	Reason      string `json:"reason"`
}

// Rebuild makes the register again from the log. Without Replace it only compares.
type Rebuild struct {
	Replace bool `json:"replace,omitempty"`
}

// Fetched is the version in force that a program asked for. It is the same for
// ever under its ETag.
type Fetched struct {
	Kind    string `json:"kind"`
	Name    string `json:"name"`
	Version string `json:"version"`
	Digest  string `json:"digest"`
	Media   string `json:"media,omitempty"`
	Content string `json:"content,omitempty"`
	Ref     string `json:"ref,omitempty"` // where the content is, when it is not here
}
