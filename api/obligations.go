// SPDX-License-Identifier: Apache-2.0

package api

import "time"

// ObligationReport says for which obligations evidence was found in a ledger.
// It is about records: that evidence is there does not say that a law is met.
type ObligationReport struct {
	Format string `json:"format"` // counterfoil/obligations/v1
	// Evaluator is the version of the rules' code.
	Evaluator string `json:"evaluator"`
	Basis     Basis  `json:"basis"`
	// Quarter is the period by its name, when it is a quarter. The records of
	// the period are those with From ≤ time < To.
	Quarter string    `json:"quarter,omitempty"`
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	// AsOf is the moment by which things are overdue: the end of the period, or
	// when the report was made, if that came first.
	AsOf time.Time `json:"as_of"`
	// Limits says in words what a report can not show.
	Limits []string `json:"limits"`
	// Rules are those that the packs name, by their ids.
	Rules []RuleResult       `json:"rules"`
	Packs []ObligationPack   `json:"packs"`
	Count map[string]int     `json:"obligations_by_status"`
	Tally map[string]int     `json:"rules_by_status"`
	Made  *ObligationsRecord `json:"record,omitempty"`
}

// ObligationsRecord is the access record that notes a report: who made it, and
// the digest of its JSON without this member.
type ObligationsRecord struct {
	ID     string `json:"id"`
	Index  int64  `json:"index"`
	Digest string `json:"digest"`
}

// RuleResult is what one rule found.
type RuleResult struct {
	ID       string `json:"id"`
	Kind     string `json:"kind"`
	Name     string `json:"name"`
	Question string `json:"question"`
	Version  string `json:"pack_version"`
	// Status is PASS, PARTIAL, FAIL, NO-POPULATION, NOT-APPLICABLE or ATTESTED.
	Status string `json:"status"`
	// Unit is what is counted. Population is how many there are: Passed, Failed
	// and those under an exception together.
	Unit       string `json:"unit,omitempty"`
	Population int64  `json:"population"`
	Passed     int64  `json:"passed"`
	Failed     int64  `json:"failed"`
	Excepted   int64  `json:"excepted,omitempty"`
	// FailedIDs are the first of those that failed; More says that there are
	// more than are listed. Failed counts all.
	FailedIDs  []string        `json:"failed_ids"`
	More       bool            `json:"more,omitempty"`
	Exceptions []RuleException `json:"exceptions"`
	Attested   []Attestation   `json:"attested,omitempty"`
	// Params are the numbers and words that the rule was evaluated with, and
	// Tolerance the share of the population that may fail before it is FAIL.
	Params    map[string]any `json:"params,omitempty"`
	Tolerance float64        `json:"tolerance"`
	// Reason says why the status is what it is, where a count does not.
	Reason string `json:"reason,omitempty"`
	// ShowsNot is what the result does not show.
	ShowsNot string `json:"shows_not"`
}

// RuleException is a failure that somebody accepted, in a finding record.
type RuleException struct {
	ID      string     `json:"id"`      // what failed
	Finding string     `json:"finding"` // the record that accepts it
	By      string     `json:"by"`      // owner
	Writer  string     `json:"writer"`  // who was authenticated
	Until   *time.Time `json:"until,omitempty"`
}

// Attestation is a statement of a person about what records do not hold.
type Attestation struct {
	Place
	By     string     `json:"by"`
	Writer string     `json:"writer"`
	Digest string     `json:"digest,omitempty"` // of the document
	Until  *time.Time `json:"until,omitempty"`
}

// ObligationPack is the obligations of one law, standard or guide.
type ObligationPack struct {
	Name        string             `json:"name"`
	Title       string             `json:"title"`
	Version     string             `json:"version"`
	Digest      string             `json:"digest"` // of the file of the pack
	Note        string             `json:"note"`
	Obligations []ObligationResult `json:"obligations"`
}

// ObligationResult is one obligation, with what its rules came to.
type ObligationResult struct {
	ID     string `json:"id"`
	Text   string `json:"text"`
	Source string `json:"source"`
	// Applies are the dates from which it applies, each with its source; where
	// they are contested there is more than one. InForce says that one of them
	// is not behind the moment of the report, or that none is given.
	Applies  []AppliesFrom `json:"applies_from,omitempty"`
	InForce  bool          `json:"in_force"`
	Evidence string        `json:"evidence"`
	Rules    []string      `json:"rules"`
	Status   string        `json:"status"`
	Summary  string        `json:"summary"`
}

// AppliesFrom is a date from which an obligation applies.
type AppliesFrom struct {
	From   string `json:"from"` // 2027-12-02
	Source string `json:"source"`
	Note   string `json:"note,omitempty"`
}

// ObligationsRequest asks for a report that is noted in the log. Without a
// quarter, and from and to, it is about the quarter before.
type ObligationsRequest struct {
	Packs    []string  `json:"packs,omitempty"`
	Quarter  string    `json:"quarter,omitempty"`
	From     time.Time `json:"from,omitzero"`
	To       time.Time `json:"to,omitzero"`
	FailOnly bool      `json:"fail_only,omitempty"`
}
