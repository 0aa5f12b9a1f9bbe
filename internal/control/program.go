// SPDX-License-Identifier: Apache-2.0

package control

import (
	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/functions"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// program is a checked expression, ready to run. Every decision of a ledger waits
// for its controls, and CEL's interpreter takes four times as long as their
// commit may (docs/performance.md). So what controls are made of nearly always is
// planned here: members and whether they are there, constants, logic, "all" and
// "exists" over lists, and calls. What is called is CEL's own, or ours, as with
// its interpreter; only the way from one to the next is shorter. All else is left
// to the interpreter. A test holds the two against each other.
type program struct {
	plan step        // nil: the interpreter runs it
	slow cel.Program // always there
}

// step gives the value of a part of an expression, or an error as a value.
type step func(f *frame) ref.Val

// frame is what one run of a program sees. It belongs to one goroutine.
type frame struct {
	in    *Input
	root  ref.Val
	now   ref.Val
	local [maxLocal]ref.Val
	cost  int // in about the units of CEL; loops end when it is too much
}

// spend counts a call with its first argument.
func (f *frame) spend(v ref.Val) {
	f.cost++
	if s, ok := v.(types.String); ok {
		f.cost += len(s) / 10
	}
}

const maxLocal = 8 // variables within one another, two for each all or exists

// eval runs the program over a record.
func (p *program) eval(c *Control, in *Input, root ref.Val) ref.Val {
	if p.plan != nil {
		in.frame.in, in.frame.root, in.frame.now, in.frame.cost = in, root, types.Timestamp{Time: in.now}, 0
		return p.plan(&in.frame)
	}
	v, _, err := p.slow.Eval(map[string]any{"r": root, "now": in.now, "params": c.params})
	if err != nil {
		return types.WrapErr(err)
	}
	return v
}

// logic is && or ||: the value decides that ends it, whatever else goes wrong.
func logic(args []step, ends types.Bool) step {
	return func(f *frame) ref.Val {
		var bad ref.Val
		for _, a := range args {
			v := a(f)
			b, ok := v.(types.Bool)
			switch {
			case ok && b == ends:
				return ends
			case !ok && bad == nil:
				bad = types.MaybeNoSuchOverloadErr(v)
			}
		}
		if bad != nil {
			return bad
		}
		return !ends
	}
}

func choice(args []step) step {
	return func(f *frame) ref.Val {
		v := args[0](f)
		switch v {
		case types.True:
			return args[1](f)
		case types.False:
			return args[2](f)
		}
		return types.MaybeNoSuchOverloadErr(v)
	}
}

// equal is == or !=.
func equal(args []step, want types.Bool) step {
	return func(f *frame) ref.Val {
		a, b := args[0](f), args[1](f)
		if types.IsUnknownOrError(a) {
			return a
		}
		if types.IsUnknownOrError(b) {
			return b
		}
		return types.Bool((types.Equal(a, b) == types.True) == bool(want))
	}
}

func (f *frame) unary(o *functions.Overload, v ref.Val) ref.Val {
	f.spend(v)
	if types.IsUnknownOrError(v) {
		return v
	}
	if o.OperandTrait != 0 && !v.Type().HasTrait(o.OperandTrait) {
		return types.MaybeNoSuchOverloadErr(v)
	}
	return o.Unary(v)
}

func (f *frame) binary(o *functions.Overload, a, b ref.Val) ref.Val {
	f.spend(a)
	if types.IsUnknownOrError(a) {
		return a
	}
	if types.IsUnknownOrError(b) {
		return b
	}
	if o.OperandTrait != 0 && !a.Type().HasTrait(o.OperandTrait) {
		return types.MaybeNoSuchOverloadErr(a)
	}
	return o.Binary(a, b)
}

func (f *frame) any(o *functions.Overload, args []step) ref.Val {
	vals := make([]ref.Val, len(args))
	for i, a := range args {
		if vals[i] = a(f); types.IsUnknownOrError(vals[i]) {
			return vals[i]
		}
		f.spend(vals[i])
	}
	if o.OperandTrait != 0 && (len(vals) == 0 || !vals[0].Type().HasTrait(o.OperandTrait)) {
		return types.NewErr("no such overload")
	}
	return o.Function(vals...)
}

// itemsOf is what a loop goes over: elements of a list, or names of an object.
func itemsOf(v ref.Val) (items []ref.Val, bad ref.Val) {
	switch v := v.(type) {
	case *list:
		return v.elements, nil
	case traits.Iterable:
		for it := v.Iterator(); it.HasNext() == types.True; {
			items = append(items, it.Next())
		}
		return items, nil
	}
	return nil, types.ValOrErr(v, "got '%T', expected iterable type", v)
}
