// SPDX-License-Identifier: Apache-2.0

package api

// Answer is what the log says to one of the thirty questions of auditors: how
// much was looked at, figures about it, and rows with what is wrong in each.
type Answer struct {
	Basis    Basis  `json:"basis"`
	Question int    `json:"question"`
	Asked    string `json:"asked"`
	// Looked is how many things the question is about, of which Wrong have a
	// fault. Neither is ever cut.
	Looked int64 `json:"looked"`
	Wrong  int64 `json:"wrong"`
	// Figures are counts and rates, in an order of their own.
	Figures []Figure `json:"figures"`
	// Columns name the values of rows, in the order to show them.
	Columns []string    `json:"columns"`
	Rows    []AnswerRow `json:"rows"`
	More    bool        `json:"more"` // there are more rows than are listed
	// Unknown is what the answer can not show.
	Unknown []string `json:"unknown"`
}

// Figure is a count or a rate.
type Figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
}

// AnswerRow is one thing that an answer lists. Record is where it stands, if it is a
// record; Faults are codes of what is wrong with it, and docs/questions.md says
// what each means. Values are texts, numbers, booleans, times and lists of texts.
type AnswerRow struct {
	Record *Place         `json:"record,omitempty"`
	Faults []string       `json:"faults"`
	Values map[string]any `json:"values"`
}
