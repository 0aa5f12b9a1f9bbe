// SPDX-License-Identifier: Apache-2.0

package inquiry

import (
	"slices"
	"time"

	"github.com/counterfoil/counterfoil/api"
)

// minGroup is how many there must be in a group for figures to be shown: of
// fewer, they would be about persons.
const minGroup = 50

// sheet is an answer that is being written.
type sheet struct {
	answer api.Answer
	most   int
}

// figures are there from the start, so that a zero is seen as one.
func (s *sheet) figures(names ...string) {
	for _, name := range names {
		s.add(name, 0)
	}
}

// add adds to a figure.
func (s *sheet) add(name string, n float64) {
	for i := range s.answer.Figures {
		if f := &s.answer.Figures[i]; f.Name == name {
			f.Value += n
			return
		}
	}
	s.answer.Figures = append(s.answer.Figures, api.Figure{Name: name, Value: n})
}

// columns name the values of rows.
func (s *sheet) columns(names ...string) { s.answer.Columns = names }

// put lists a thing. Its faults count though the list is cut.
func (s *sheet) put(where *api.Place, faults []string, values map[string]any) {
	if len(faults) > 0 {
		s.answer.Wrong++
	}
	if faults == nil {
		faults = []string{}
	}
	for _, f := range faults {
		s.add(f, 1)
	}
	if len(s.answer.Rows) == s.most {
		s.answer.More = true
		return
	}
	s.answer.Rows = append(s.answer.Rows, api.AnswerRow{Record: where, Faults: faults, Values: values})
}

// unknown says something that the answer can not show.
func (s *sheet) unknown(what string) { s.answer.Unknown = append(s.answer.Unknown, what) }

// median is the middle of some numbers; of none it is 0.
func median(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	all = slices.Sorted(slices.Values(all))
	return (all[(len(all)-1)/2] + all[len(all)/2]) / 2
}

// word adds a text to the values of a row, if there is one.
func word(values map[string]any, name string, t text) {
	if t != "" {
		values[name] = string(t)
	}
}

// clock adds a time to the values of a row, if it is known.
func clock(values map[string]any, name string, t time.Time) {
	if !t.IsZero() {
		values[name] = t.UTC().Format(time.RFC3339Nano)
	}
}
