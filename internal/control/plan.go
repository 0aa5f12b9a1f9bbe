// SPDX-License-Identifier: Apache-2.0

package control

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/functions"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// planner makes the steps of one expression.
type planner struct {
	ast    *ast.AST
	calls  map[string]*functions.Overload
	params ref.Val
	locals []string
	no     bool // something is not for us
}

// plan returns nil if the interpreter must run the expression.
func plan(a *ast.AST, calls map[string]*functions.Overload, params ref.Val) step {
	p := &planner{ast: a, calls: calls, params: params}
	s, _ := p.expr(a.Expr())
	if p.no {
		return nil
	}
	return s
}

// overloads are the functions of an environment, by overload and by name.
func overloads(env *cel.Env) (map[string]*functions.Overload, error) {
	out := map[string]*functions.Overload{}
	for name, f := range env.Functions() {
		all, err := f.Bindings()
		if err != nil {
			return nil, fmt.Errorf("bind function %s: %w", name, err)
		}
		for _, o := range all {
			out[o.Operator] = o
		}
	}
	return out, nil
}

func constant(v ref.Val) step { return func(*frame) ref.Val { return v } }

// expr plans one node; fixed is its value if that is the same over all records.
func (p *planner) expr(e ast.Expr) (s step, fixed ref.Val) {
	switch e.Kind() {
	case ast.LiteralKind:
		return constant(e.AsLiteral()), e.AsLiteral()
	case ast.IdentKind:
		return p.ident(e)
	case ast.SelectKind:
		return p.selection(e.AsSelect())
	case ast.CallKind:
		return p.call(e)
	case ast.ListKind:
		return p.list(e.AsList())
	case ast.ComprehensionKind:
		return p.fold(e.AsComprehension()), nil
	}
	p.no = true
	return nil, nil
}

func (p *planner) ident(e ast.Expr) (step, ref.Val) {
	name := e.AsIdent()
	if i := slices.Index(p.locals, name); i >= 0 {
		for j := i + 1; j < len(p.locals); j++ { // the innermost of that name
			if p.locals[j] == name {
				i = j
			}
		}
		return func(f *frame) ref.Val { return f.local[i] }, nil
	}
	switch name {
	case "r":
		return func(f *frame) ref.Val { return f.root }, nil
	case "now":
		return func(f *frame) ref.Val { return f.now }, nil
	case "params":
		return constant(p.params), p.params
	}
	p.no = true
	return nil, nil
}

func (p *planner) selection(e ast.SelectExpr) (step, ref.Val) {
	of, fixed := p.expr(e.Operand())
	name := e.FieldName()
	key := types.String(name)
	test := e.IsTestOnly()
	get := func(v ref.Val) ref.Val {
		found := false
		switch o := v.(type) {
		case *object:
			v = o.member(name)
			found = v != nil
		case traits.Mapper:
			v, found = o.Find(key)
		case traits.Lister:
			return types.NewErr("unsupported index %s in a list", name)
		case *types.Err, *types.Unknown:
			return v
		}
		switch {
		case test:
			return types.Bool(found)
		case !found:
			return types.NewErr("no such key: %s", name)
		}
		return v
	}
	if p.no {
		return nil, nil
	}
	return p.fixed(func(f *frame) ref.Val { return get(of(f)) }, fixed != nil)
}

// fixed evaluates now what needs no record.
func (p *planner) fixed(s step, is bool) (step, ref.Val) {
	if !is || p.no {
		return s, nil
	}
	v := s(&frame{})
	if types.IsUnknownOrError(v) {
		return s, nil
	}
	return constant(v), v
}

func (p *planner) list(e ast.ListExpr) (step, ref.Val) {
	elements := make([]ref.Val, 0, e.Size())
	for _, el := range e.Elements() {
		_, v := p.expr(el)
		if p.no = p.no || v == nil || len(e.OptionalIndices()) > 0; p.no {
			return nil, nil
		}
		elements = append(elements, v)
	}
	l := newList(elements)
	return constant(l), l
}

func (p *planner) call(e ast.Expr) (step, ref.Val) {
	c := e.AsCall()
	exprs := c.Args()
	if c.IsMemberFunction() {
		exprs = append([]ast.Expr{c.Target()}, exprs...)
	}
	args, vals, all := make([]step, len(exprs)), make([]ref.Val, len(exprs)), true
	for i, x := range exprs {
		args[i], vals[i] = p.expr(x)
		all = all && vals[i] != nil
	}
	if p.no {
		return nil, nil
	}
	switch name := c.FunctionName(); {
	case name == operators.LogicalAnd:
		return logic(args, types.False), nil
	case name == operators.LogicalOr:
		return logic(args, types.True), nil
	case name == operators.Conditional:
		return choice(args), nil
	case name == operators.Equals:
		return p.fixed(equal(args, types.True), all)
	case name == operators.NotEquals:
		return p.fixed(equal(args, types.False), all)
	case name == "mentions" && vals[1] != nil:
		return mentionsStep(args[0], phrasesOf(vals[1])), nil
	case name == "personal":
		return personalStep(args[0]), nil
	case strings.HasPrefix(name, "_[") || strings.Contains(name, "?"): // optionals and indexes
		p.no = true
		return nil, nil
	default:
		return p.fixed(p.strict(e, name, args), all)
	}
}

// strict calls a function that wants all its arguments.
func (p *planner) strict(e ast.Expr, name string, args []step) step {
	o := p.calls[name]
	if ids := p.ast.GetOverloadIDs(e.ID()); len(ids) == 1 && p.calls[ids[0]] != nil {
		o = p.calls[ids[0]]
	}
	switch {
	case o == nil:
	case name == operators.NotStrictlyFalse:
		return func(f *frame) ref.Val { return o.Unary(args[0](f)) }
	case o.NonStrict:
	case len(args) == 1 && o.Unary != nil:
		return func(f *frame) ref.Val { return f.unary(o, args[0](f)) }
	case len(args) == 2 && o.Binary != nil:
		return func(f *frame) ref.Val { return f.binary(o, args[0](f), args[1](f)) }
	case o.Function != nil:
		return func(f *frame) ref.Val { return f.any(o, args) }
	}
	p.no = true
	return nil
}

// fold plans all and exists: loops over a list that gather true or false. The
// loops that gather lists or numbers are left to the interpreter.
func (p *planner) fold(e ast.ComprehensionExpr) step {
	over, _ := p.expr(e.IterRange())
	_, start := p.expr(e.AccuInit())
	if _, ok := start.(types.Bool); !ok || e.HasIterVar2() || len(p.locals)+2 > maxLocal {
		p.no = true
		return nil
	}
	at := len(p.locals)
	p.locals = append(p.locals, e.AccuVar(), e.IterVar())
	while, _ := p.expr(e.LoopCondition())
	next, _ := p.expr(e.LoopStep())
	p.locals[at+1] = "" // the result does not see it
	result, _ := p.expr(e.Result())
	p.locals = p.locals[:at]
	return func(f *frame) ref.Val {
		items, bad := itemsOf(over(f))
		if bad != nil {
			return bad
		}
		f.local[at] = start
		for _, item := range items {
			if f.cost++; f.cost > maxCost {
				return types.NewErr("it takes more than %d steps", maxCost)
			}
			f.local[at+1] = item
			if while(f) == types.False {
				break
			}
			f.local[at] = next(f)
		}
		return result(f)
	}
}
