// SPDX-License-Identifier: Apache-2.0

package control

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/checker"
	"github.com/google/cel-go/common/functions"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/ext"

	"github.com/counterfoil/counterfoil/record"
)

// Limits of an expression, in the units of CEL: about one for each step.
const (
	maxEstimate = 1_000_000_000_000 // what it could cost at worst, at registration
	maxCost     = 1_000_000         // what it may cost over one record
)

// environment is what expressions are compiled in, and the functions it has.
var environment = sync.OnceValues(func() (*environs, error) {
	opts := []cel.EnvOption{
		cel.CustomTypeProvider(schema),
		cel.Variable("r", cel.ObjectType(rootName)),
		cel.Variable("now", cel.TimestampType),
		cel.Variable("params", cel.MapType(cel.StringType, cel.DynType)),
		cel.OptionalTypes(), cel.CrossTypeNumericComparisons(true), cel.DefaultUTCTimeZone(true), cel.EagerlyValidateDeclarations(true),
		ext.Strings(), ext.Sets(), ext.Math(), ext.Lists(),
		cel.ASTValidators(cel.ValidateDurationLiterals(), cel.ValidateTimestampLiterals(), cel.ValidateRegexLiterals()),
	}
	env, err := cel.NewEnv(append(opts, ownFunctions()...)...)
	if err != nil {
		return nil, err
	}
	calls, err := overloads(env)
	return &environs{env, calls}, err
})

type environs struct {
	*cel.Env
	calls map[string]*functions.Overload
}

// Control is a compiled control. It is immutable and safe for concurrent use.
type Control struct {
	Document
	when, expect *program // when may be nil: it always applies
	params       ref.Val
}

// Named is a control under the name@version that the register has it by.
type Named struct {
	Version string
	*Control
}

// Compile reads a document and compiles its expressions. The error is an
// [*Invalid], with line and column of what is wrong in an expression.
func Compile(text []byte) (*Control, error) {
	d, err := Parse(text)
	if err != nil {
		return nil, err
	}
	c := &Control{Document: *d, params: fromNative(d.Params)}
	bad := &Invalid{}
	if d.When != "" {
		c.when = c.program(bad, "/when", d.When)
	}
	c.expect = c.program(bad, "/expect", d.Expect)
	if len(bad.Problems) > 0 {
		return nil, bad
	}
	return c, nil
}

func (c *Control) program(bad *Invalid, where, text string) *program {
	env, err := environment()
	if err != nil {
		bad.add(where, "", "the environment of expressions can not be made: %v", err)
		return nil
	}
	ast, issues := env.Compile(text)
	if issues != nil && issues.Err() != nil {
		for _, e := range issues.Errors() {
			at := fmt.Sprintf("%s %d:%d", where, e.Location.Line(), e.Location.Column()+1)
			bad.add(at, expressionHint(text, e.Message), "%s", strings.Join(strings.Fields(e.Message), " "))
		}
		return nil
	}
	if ast.OutputType() != types.BoolType && ast.OutputType() != types.DynType {
		bad.add(where, "compare something, for example r.decision.adverse == false", "the expression gives a %s, not true or false", ast.OutputType())
		return nil
	}
	cost, err := env.EstimateCost(ast, sizes{})
	if err == nil && cost.Max > maxEstimate {
		bad.add(where, "look at fewer lists within lists", "the expression could cost %d, the limit is %d", cost.Max, maxEstimate)
		return nil
	}
	p := &program{plan: plan(ast.NativeRep(), env.calls, c.params)}
	if p.slow, err = env.Program(ast, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(maxCost)); err != nil {
		bad.add(where, "", "the expression can not be made a program: %v", err)
		return nil
	}
	return p
}

// expressionHint says how to mend an expression.
func expressionHint(text, message string) string {
	if _, name, ok := strings.Cut(message, "undefined field '"); ok {
		name, _, _ = strings.Cut(name, "'")
		return "did you mean " + nearest(name) + "? counterfoil control schema lists what can be seen"
	}
	if strings.Contains(message, "undeclared reference") {
		return "expressions see r, now and params; counterfoil control schema lists all"
	}
	if strings.Contains(message, "no matching overload") {
		return "compare values of one type; wrap a value of any type, as in string(x), double(x)"
	}
	if strings.Contains(text, "'") && strings.Contains(message, "Syntax error") {
		return "close quotes and parentheses"
	}
	return ""
}

// nearest is the path whose last member looks most like a name.
func nearest(name string) string {
	best, most := "r.decision.outcome", -1
	for _, m := range Schema() {
		last := m.Path[strings.LastIndexByte(m.Path, '.')+1:]
		n := 0
		for n < len(last) && n < len(name) && last[n] == name[n] {
			n++
		}
		if n = 2*n - len(last); n > most {
			best, most = m.Path, n
		}
	}
	return best
}

// sizes tells the estimate how large things are, at worst. It is a
// [checker.CostEstimator].
type sizes struct{}

// EstimateSize implements [checker.CostEstimator].
func (sizes) EstimateSize(n checker.AstNode) *checker.SizeEstimate {
	switch n.Type().Kind() {
	case types.ListKind, types.MapKind:
		return &checker.SizeEstimate{Min: 0, Max: 100}
	case types.DynKind:
		return &checker.SizeEstimate{Min: 0, Max: 200}
	case types.StringKind, types.BytesKind:
		return &checker.SizeEstimate{Min: 0, Max: 4000}
	}
	return nil
}

// EstimateCallCost implements [checker.CostEstimator].
func (sizes) EstimateCallCost(function, _ string, _ *checker.AstNode, _ []checker.AstNode) *checker.CallEstimate {
	switch function {
	case "texts", "mentions", "personal":
		return &checker.CallEstimate{CostEstimate: checker.CostEstimate{Min: 1, Max: 2000}, ResultSize: &checker.SizeEstimate{Min: 0, Max: 200}}
	}
	return nil
}

// At says whether the control runs at a moment.
func (c *Control) At(moment string) bool { return slices.Contains(c.Moments, moment) }

// covers says whether a decision is in scope at a moment.
func (c *Control) covers(f *record.Fields, before bool) bool {
	env := f.Env
	if env == "" {
		env = "production"
	}
	statuses := c.Scope.Statuses
	if len(statuses) == 0 {
		statuses = []string{"made"}
		if before {
			statuses = []string{"requested"}
		}
	}
	return among(c.Scope.Systems, f.System) && among(c.Scope.UseCases, f.UseCase) && among(c.Scope.Kinds, f.Kind) && among(c.Scope.Environments, env) && slices.Contains(statuses, f.Status)
}

func among(allowed []string, v string) bool { return len(allowed) == 0 || slices.Contains(allowed, v) }

// Outcome is what a case came to.
type Outcome struct {
	Case   string `json:"case"`
	Want   string `json:"want"`
	Have   string `json:"have"`
	Reason string `json:"reason,omitempty"`
}

// Holds says whether the case came to what it must.
func (o Outcome) Holds() bool { return o.Want == o.Have }

// Cases runs the test cases of the control. A control may be approved only if
// all hold; see [Check].
func (c *Control) Cases() []Outcome {
	out := make([]Outcome, len(c.Document.Cases))
	for i, k := range c.Document.Cases {
		o := Outcome{Case: k.Name, Want: k.Result}
		in, err := k.input()
		if err != nil {
			o.Have, o.Reason = "no record", err.Error()
		} else {
			o.Have, o.Reason = c.try(in)
		}
		out[i] = o
	}
	return out
}

// try runs the control at the moments it has, and gives what it says when it
// applies.
func (c *Control) try(in *Input) (result, reason string) {
	for _, before := range []bool{false, true} {
		if c.At(map[bool]string{true: Guard, false: Record}[before]) && c.covers(&in.fields, before) {
			return c.run(in)
		}
	}
	return Skip, "out of scope"
}

func (k *Case) input() (*Input, error) {
	raw, err := json.Marshal(k.Record)
	if err != nil {
		return nil, err
	}
	r, err := record.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoCase, err)
	}
	now := r.Fields().Time
	if k.Now != "" {
		if now, err = time.Parse(time.RFC3339, k.Now); err != nil {
			return nil, fmt.Errorf("now: %w", err)
		}
	}
	return NewInput(r, now), nil
}

// Check compiles a document and runs its cases. The error is an [*Invalid].
func Check(text []byte) (*Control, error) {
	c, err := Compile(text)
	if err != nil {
		return nil, err
	}
	bad := &Invalid{}
	for i, o := range c.Cases() {
		if !o.Holds() {
			bad.add(fmt.Sprintf("/cases/%d", i), "mend the expression, or the case", "the case %q should be %s and is %s (%s)", o.Case, o.Want, o.Have, o.Reason)
		}
	}
	if len(bad.Problems) > 0 {
		return nil, bad
	}
	return c, nil
}
