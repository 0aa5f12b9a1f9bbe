// SPDX-License-Identifier: Apache-2.0

package api

// SampleOrder asks for a sample of the leaves that a query selects.
type SampleOrder struct {
	// Query is which leaves, in the language of searches; empty: all.
	Query string `json:"query,omitempty"`
	Size  int    `json:"size"`
	// Seed is what the auditor made up; empty: the server does.
	Seed string `json:"seed,omitempty"`
}

// Found is a page of what a search found, newest first.
type Found struct {
	Records []Entry `json:"records"`
	// Total is how many records the whole query finds, of Size leaves searched.
	Total int64 `json:"total"`
	Size  int64 `json:"size"`
	// Next is the cursor of the next page; empty at the end.
	Next   string  `json:"next,omitempty"`
	Facets []Facet `json:"facets,omitempty"`
	// Text says which texts were searched, if the query looks into them.
	Text *TextCover `json:"text,omitempty"`
}

// TextCover says which texts were searched.
type TextCover struct {
	// Systems are those of which texts were searched, Missing those that the
	// caller sees and of which none was.
	Systems []string `json:"systems"`
	Missing []string `json:"missing"`
	// Behind is how many records of Systems are not indexed yet.
	Behind int64 `json:"behind"`
}

// TextSetting turns the full text of a system on or off.
type TextSetting struct {
	On     bool   `json:"on"`
	Reason string `json:"reason,omitempty"`
}

// QueryText is a query that is to be saved.
type QueryText struct {
	Query string `json:"query"`
}

// Facet counts the values of a field among all that was found.
type Facet struct {
	Field  string  `json:"field"`
	Values []Count `json:"values"`
	// Others is how many more values there are, Without how many records have
	// none.
	Others  int   `json:"others,omitempty"`
	Without int64 `json:"without,omitempty"`
}

// SearchField is a field that a query can name.
type SearchField struct {
	Name  string   `json:"name"`
	Short []string `json:"short,omitempty"`
	// Kind is word, time, number, key or text; a key is looked up as a whole.
	Kind  string `json:"kind"`
	About string `json:"about,omitempty"`
}

// SearchFields lists them.
type SearchFields struct {
	Fields []SearchField `json:"fields"`
}
