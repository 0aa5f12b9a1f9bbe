// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/record"
)

// paper is one record, with the values in place that could be opened.
type paper struct {
	id     string
	kind   record.Type
	index  int64
	fields record.Fields
	tree   any
	sealed map[string]string // pointers that were not opened, with their state
}

// evidence is all that a decision is explained from.
type evidence struct {
	decision *paper
	follow   []*paper // oversight, notices, challenges, explanations, later decisions
	signals  []*paper // of the system, up to the decision
}

func newPaper(st *record.Statement, index int64, opened []byte, sealed map[string]string) (*paper, error) {
	p := &paper{id: st.ID(), kind: st.Type(), index: index, fields: st.Fields(), sealed: sealed}
	d := json.NewDecoder(bytes.NewReader(opened))
	d.UseNumber()
	if err := d.Decode(&p.tree); err != nil {
		return nil, fmt.Errorf("read record %s: %w", p.id, err)
	}
	return p, nil
}

// at finds a value by its JSON Pointer. The state is empty if it is there.
func (p *paper) at(pointer string) (any, string) {
	v, seen := p.tree, ""
	for seg := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		seg = strings.NewReplacer("~1", "/", "~0", "~").Replace(seg)
		switch t := v.(type) {
		case map[string]any:
			next, ok := t[seg]
			if !ok {
				return nil, Absent
			}
			v = next
		case []any:
			n, err := strconv.Atoi(seg)
			if err != nil || n < 0 || n >= len(t) {
				return nil, Absent
			}
			v = t[n]
		default:
			return nil, Absent
		}
		seen += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(seg)
		if state := p.sealed[seen]; state != "" {
			return nil, state
		}
	}
	return v, ""
}

// text is a string or a number in clear, or empty.
func (p *paper) text(pointer string) string {
	switch v, _ := p.at(pointer); t := v.(type) {
	case string:
		return t
	case json.Number:
		return t.String()
	case bool:
		return strconv.FormatBool(t)
	}
	return ""
}

func (p *paper) number(pointer string) (float64, string) {
	v, state := p.at(pointer)
	n, ok := v.(json.Number)
	if !ok {
		return 0, orAbsent(state)
	}
	f, err := n.Float64()
	if err != nil {
		return 0, Absent
	}
	return f, ""
}

func (p *paper) moment(pointer string) (time.Time, string) {
	v, state := p.at(pointer)
	s, ok := v.(string)
	if !ok {
		return time.Time{}, orAbsent(state)
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}, Absent
	}
	return t, ""
}

// count is how many elements a list has.
func (p *paper) count(pointer string) int {
	v, _ := p.at(pointer)
	l, _ := v.([]any)
	return len(l)
}

func (p *paper) ground(pointer string) Ground { return Ground{p.id, pointer} }

func orAbsent(state string) string {
	if state == "" {
		return Absent
	}
	return state
}
