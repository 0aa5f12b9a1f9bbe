// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"strconv"

	"github.com/counterfoil/counterfoil/record"
)

// lookupColumns are those of the lookup table, in the order of its rows.
var lookupColumns = []string{"idx", "id", "type", "time", "recorded", "source", "seq", "system", "use_case", "env",
	"interaction", "journey", "channel", "kind", "status", "outcome", "adverse", "significant", "automation", "about",
	"model", "prompt", "policy", "config", "principal", "capture", "content"}

// LookupColumns are the columns of [LookupRow].
func LookupColumns() []string { return lookupColumns[:len(lookupColumns)-1] }

// optional are the values from column system to config.
func optional(f *record.Fields) [17]*string {
	return [...]*string{&f.System, &f.UseCase, &f.Env, &f.Interaction, &f.Journey, &f.Channel, &f.Kind, &f.Status, &f.Outcome,
		&f.Adverse, &f.Significant, &f.Automation, &f.About, &f.Model, &f.Prompt, &f.Policy, &f.Config}
}

// LookupRow is the lookup row of a statement, without its last column content,
// in the order of [LookupColumns]. An absent value is nil.
func LookupRow(index int64, f *record.Fields) []any {
	row := make([]any, 0, len(lookupColumns))
	row = append(row, index, f.ID, f.Type, f.Time.UnixNano(), f.Recorded.UnixNano(), null(f.Source))
	if f.Seq < 0 {
		row = append(row, nil)
	} else {
		row = append(row, f.Seq)
	}
	for _, s := range optional(f) {
		row = append(row, null(*s))
	}
	return append(row, f.Principal, f.Capture)
}

func null(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// LookupText is the row of [LookupRow] as one text, for a verifier to compare
// with what is stored: values joined by |, with ~ for an absent one. No public
// value holds a |, and none is ~.
func LookupText(index int64, f *record.Fields) string {
	b := make([]byte, 0, 512)
	b = append(strconv.AppendInt(b, index, 10), '|')
	b = append(append(b, f.ID...), '|')
	b = append(append(b, f.Type...), '|')
	b = append(strconv.AppendInt(b, f.Time.UnixNano(), 10), '|')
	b = append(strconv.AppendInt(b, f.Recorded.UnixNano(), 10), '|')
	b = append(appendValue(b, f.Source), '|')
	if f.Seq < 0 {
		b = append(b, '~')
	} else {
		b = strconv.AppendInt(b, f.Seq, 10)
	}
	for _, s := range optional(f) {
		b = appendValue(append(b, '|'), *s)
	}
	b = append(append(b, '|'), f.Principal...)
	return string(append(append(b, '|'), f.Capture...))
}

func appendValue(b []byte, s string) []byte {
	if s == "" {
		return append(b, '~')
	}
	return append(b, s...)
}
