// SPDX-License-Identifier: Apache-2.0

package control

import (
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/counterfoil/counterfoil/record"
)

// Input is a record that controls are run on. It is decoded once, when the first
// needs it, and safe for concurrent use.
type Input struct {
	// Partial says that values of the record were erased: a control that misses
	// something is skipped then.
	Partial bool

	text   []byte // canonical
	fields record.Fields
	now    time.Time
	once   sync.Once
	root   map[string]any
	err    error
}

// NewInput makes the input of a record; now is what expressions see as now.
func NewInput(r *record.Record, now time.Time) *Input {
	return &Input{text: r.Canonical(), fields: r.Fields(), now: now}
}

// NewLeafInput makes the input of a statement: private values are seals, so that
// expressions see that they are there, and not what they are.
func NewLeafInput(s *record.Statement, now time.Time) *Input {
	return &Input{text: s.Bytes(), fields: s.Fields(), now: now}
}

// values decodes the record into maps, with times and whole numbers as the types
// that expressions were checked with.
func (in *Input) values() (map[string]any, error) {
	in.once.Do(func() {
		var v any
		if in.err = json.Unmarshal(in.text, &v); in.err == nil {
			in.root, _ = v.(map[string]any) // a record is an object
			convert(schema.shapes[rootName], in.root)
		}
	})
	return in.root, in.err
}

// convert goes through the public members of an object.
func convert(s *shape, object map[string]any) {
	for _, name := range s.times {
		if text, ok := object[name].(string); ok {
			if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
				object[name] = t
			}
		}
	}
	for _, name := range s.whole {
		if n, ok := object[name].(float64); ok {
			object[name] = int64(n)
		}
	}
	for name, child := range s.shapes {
		switch v := object[name].(type) {
		case map[string]any:
			convert(child, v)
		case []any:
			for _, e := range v {
				if m, ok := e.(map[string]any); ok {
					convert(child, m)
				}
			}
		}
	}
}
