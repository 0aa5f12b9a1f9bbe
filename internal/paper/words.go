// SPDX-License-Identifier: Apache-2.0

package paper

import (
	"bytes"
	_ "embed" // the table of words
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

//go:embed assets/words.json
var wordsJSON []byte

// words is the table that view.go and view.js share: what fields are called,
// in which order they stand, and what recorded codes mean in plain words.
type words struct {
	Types    map[string]string            `json:"types"`
	Titles   map[string][][]string        `json:"titles"`
	Lead     []sentence                   `json:"lead"`
	Sections []sectionWords               `json:"sections"`
	Rest     string                       `json:"rest"`
	Items    map[string][]string          `json:"items"`
	Mono     []string                     `json:"mono"`
	Tones    map[string]map[string]string `json:"tones"`
	Labels   [][2]string                  `json:"labels"`
	Values   map[string]map[string]string `json:"values"`
	Controls string                       `json:"controls"`
	Hidden   []string                     `json:"hidden"`
	Longest  int                          `json:"longest"`

	label  map[string]string
	order  map[string]int
	hidden [][2]rune
}

// sentence is said when the value at a pointer is one of its words. {/pointer}
// in it stands for another public value; without that value it is not said.
type sentence struct {
	At    string            `json:"at"`
	Words map[string]string `json:"words"`
}

type sectionWords struct {
	Title string   `json:"title"`
	At    []string `json:"at"`
}

// readWords reads the embedded table.
func readWords() (*words, error) {
	w := &words{label: map[string]string{}, order: map[string]int{}}
	d := json.NewDecoder(bytes.NewReader(wordsJSON))
	d.DisallowUnknownFields()
	if err := d.Decode(w); err != nil {
		return nil, fmt.Errorf("read table of words: %w", err)
	}
	for i, l := range w.Labels {
		w.label[l[0]], w.order[l[0]] = l[1], i
	}
	if n := len(strings.Fields(w.Controls)); n != 32 {
		return nil, fmt.Errorf("read table of words: %d names of control characters", n)
	}
	for _, span := range w.Hidden {
		lo, hi, _ := strings.Cut(span, "-")
		a, err1 := strconv.ParseInt(lo, 16, 32)
		b, err2 := strconv.ParseInt(hi, 16, 32)
		if err1 != nil || err2 != nil {
			return nil, fmt.Errorf("read table of words: bad range %q", span)
		}
		w.hidden = append(w.hidden, [2]rune{rune(a), rune(b)})
	}
	return w, nil
}

// rank is the place of a pattern in the table; unknown patterns come last.
func (w *words) rank(pattern string) int {
	if i, ok := w.order[pattern]; ok {
		return i
	}
	return math.MaxInt
}
