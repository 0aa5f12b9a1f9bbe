// SPDX-License-Identifier: Apache-2.0

package control

import (
	"time"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"github.com/counterfoil/counterfoil/record"
)

// Input is a record that controls are run on. It is decoded once, when the first
// needs it, and belongs to one goroutine.
type Input struct {
	// Partial says that values of the record were erased: a control that misses
	// something is skipped then.
	Partial bool

	raw    []byte // canonical
	fields record.Fields
	now    time.Time
	root   ref.Val
	texts  map[string]*text // what was searched
	frame  frame            // of the expression that runs
}

// NewInput makes the input of a record; now is what expressions see as now.
func NewInput(r *record.Record, now time.Time) *Input {
	return &Input{raw: r.Canonical(), fields: r.Fields(), now: now, texts: map[string]*text{}}
}

// NewLeafInput makes the input of a statement: private values are seals, so that
// expressions see that they are there, and not what they are.
func NewLeafInput(s *record.Statement, now time.Time) *Input {
	return &Input{raw: s.Bytes(), fields: s.Fields(), now: now, texts: map[string]*text{}}
}

// value is the record as expressions see it.
func (in *Input) value() ref.Val {
	if in.root == nil {
		in.root = decode(in.raw)
	}
	return in.root
}

// text is a string of the record; several controls search the same.
func (in *Input) text(s string) *text {
	t := in.texts[s]
	if t == nil {
		t = newText(s)
		in.texts[s] = t
	}
	return t
}

// Pairs lists the texts of two members of the objects of a list, where an object
// has both.
func (in *Input) Pairs(members, one, other string) (out [][2]string) {
	root, _ := in.value().(*object) // a record is an object
	l, ok := root.member(members).(*list)
	if !ok {
		return nil
	}
	for _, e := range l.elements {
		if o, ok := e.(*object); ok {
			a, is := o.member(one).(types.String)
			b, too := o.member(other).(types.String)
			if is && too {
				out = append(out, [2]string{string(a), string(b)})
			}
		}
	}
	return out
}
