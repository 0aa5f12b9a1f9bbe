// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
)

// Set is the controls of one moment. It is immutable and safe for concurrent use.
type Set struct {
	before bool
	all    []Named
	by     map[string][]int // positions in all, by system; those of no system are under ""
}

// NewSet makes a set of controls for the moment before a decision, or for when
// it is recorded. They run in the order given.
func NewSet(controls []Named, before bool) *Set {
	s := &Set{before: before, all: controls, by: map[string][]int{}}
	for i, c := range controls {
		systems := c.Scope.Systems
		if len(systems) == 0 {
			systems = []string{""}
		}
		for _, name := range systems {
			s.by[name] = append(s.by[name], i)
		}
	}
	return s
}

// Result is what a control said. Reason may hold what stands in the record, and
// is private.
type Result struct {
	Named
	Result string
	Reason string
}

// Run runs the controls that the decision is in the scope of.
func (s *Set) Run(ctx context.Context, in *Input) []Result {
	out := make([]Result, 0, len(s.all))
	everywhere, here := s.by[""], s.by[in.fields.System]
	if in.fields.System == "" { // it is sealed: those of no system are all there are
		here = nil
	}
	for len(everywhere) > 0 || len(here) > 0 {
		var i int
		if len(here) == 0 || len(everywhere) > 0 && everywhere[0] < here[0] {
			i, everywhere = everywhere[0], everywhere[1:]
		} else {
			i, here = here[0], here[1:]
		}
		c := s.all[i]
		if !c.covers(&in.fields, s.before) {
			continue
		}
		r := Result{Named: c}
		if ctx.Err() != nil {
			r.Result, r.Reason = Error, "there was no time left"
		} else {
			r.Result, r.Reason = c.run(in)
		}
		out = append(out, r)
	}
	return out
}

// Message is what a control of the set says when it fails; empty if it is not in
// the set.
func (s *Set) Message(version string) string {
	for _, c := range s.all {
		if c.Version == version {
			return c.Document.Message
		}
	}
	return ""
}

// Len is how many controls there are.
func (s *Set) Len() int { return len(s.all) }

// run evaluates the expressions of a control.
func (c *Control) run(in *Input) (result, reason string) {
	defer func() {
		if p := recover(); p != nil {
			result, reason = Error, fmt.Sprintf("the control failed: %v", p)
		}
	}()
	root := in.value()
	if c.when != nil {
		applies, reason := answer(c.when.eval(c, in, root))
		if reason != "" {
			return in.unknown(reason)
		}
		if !applies {
			return Skip, "it does not apply"
		}
	}
	ok, reason := answer(c.expect.eval(c, in, root))
	switch {
	case reason != "":
		return in.unknown(reason)
	case ok:
		return Pass, ""
	}
	return Fail, c.Document.Message
}

// unknown is the result of a control that could not say.
func (in *Input) unknown(reason string) (string, string) {
	if in.Partial {
		return Skip, "evidence is gone: " + reason
	}
	return Error, reason
}

// answer is what an expression came to; a reason says why there is no answer.
func answer(v ref.Val) (ok bool, reason string) {
	switch v := v.(type) {
	case types.Bool:
		return bool(v), ""
	case *types.Err:
		return false, strings.Join(strings.Fields(v.Error()), " ")
	}
	return false, fmt.Sprintf("the expression gave a %s, not true or false", v.Type().TypeName())
}
