// SPDX-License-Identifier: Apache-2.0

package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// Moments at which a control runs.
const (
	Guard  = "guard"  // before the decision is made
	Record = "record" // when it is recorded
)

// Results of a control.
const (
	Pass  = "pass"
	Fail  = "fail"
	Error = "error" // counts as failed
	Skip  = "skip"  // it does not apply
)

// Document is a control as people write it.
type Document struct {
	Name  string `yaml:"name" json:"name"`
	Title string `yaml:"title" json:"title"`
	// About says, in plain words, what the control is for.
	About    string `yaml:"about" json:"about,omitempty"`
	Owner    string `yaml:"owner" json:"owner"`       // a code: a team or a person's pseudonym
	Severity string `yaml:"severity" json:"severity"` // low, medium, high or critical
	// Moments are when it runs: guard, record or both. Default: record.
	Moments []string `yaml:"moments" json:"moments,omitempty"`
	// Action is what a failure leads to: flag, require_human or deny. Default: flag.
	Action string `yaml:"action" json:"action,omitempty"`
	Scope  Scope  `yaml:"scope" json:"scope,omitzero"`
	// Params are constants that the expressions see as params.
	Params map[string]any `yaml:"params" json:"params,omitempty"`
	// When says whether the control applies; without it, it does.
	When string `yaml:"when" json:"when,omitempty"`
	// Expect must be true.
	Expect string `yaml:"expect" json:"expect"`
	// Message is what people are told when it is not.
	Message string `yaml:"message" json:"message"`
	// Obligations are ids of what it is evidence for.
	Obligations []string `yaml:"obligations" json:"obligations,omitempty"`
	Cases       []Case   `yaml:"cases" json:"cases"`
}

// Scope is which decisions a control is about; an empty list is all.
type Scope struct {
	Systems      []string `yaml:"systems" json:"systems,omitempty"`
	UseCases     []string `yaml:"use_cases" json:"use_cases,omitempty"`
	Kinds        []string `yaml:"kinds" json:"kinds,omitempty"`
	Environments []string `yaml:"environments" json:"environments,omitempty"`
	// Statuses are those of the decision. Default: made when recorded, requested
	// before.
	Statuses []string `yaml:"statuses" json:"statuses,omitempty"`
}

// Case is a test of a control: what it must say of a record.
type Case struct {
	Name   string         `yaml:"name" json:"name"`
	Record map[string]any `yaml:"record" json:"record"`
	// Now is the time of the run. Default: the time of the record.
	Now    string `yaml:"now" json:"now,omitempty"`
	Result string `yaml:"result" json:"result"`
}

// Problem is one fault of a document.
type Problem struct {
	// Where is the member, as a JSON Pointer; of an expression, with line and
	// column behind it.
	Where  string `json:"where"`
	Detail string `json:"detail"`
	Fix    string `json:"hint,omitempty"`
}

// Invalid says what is wrong with a document.
type Invalid struct{ Problems []Problem }

// Error names every problem on one line.
func (e *Invalid) Error() string {
	parts := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		parts[i] = strings.TrimPrefix(p.Where+": "+p.Detail, ": ")
	}
	return strings.Join(parts, "; ")
}

// Hint is the first hint among the problems.
func (e *Invalid) Hint() string {
	for _, p := range e.Problems {
		if p.Fix != "" {
			return p.Fix
		}
	}
	return "counterfoil control pack --export DIR writes examples"
}

func (e *Invalid) add(where, fix, format string, args ...any) {
	e.Problems = append(e.Problems, Problem{where, fmt.Sprintf(format, args...), fix})
}

// maxDocument bounds a document, in bytes.
const maxDocument = 64 << 10

// Parse reads a document strictly, as YAML or JSON. The error is an [*Invalid].
func Parse(text []byte) (*Document, error) {
	bad := &Invalid{}
	if len(text) > maxDocument {
		bad.add("", "split it", "the document has %d bytes, the limit is %d", len(text), maxDocument)
		return nil, bad
	}
	d := &Document{}
	if err := yaml.UnmarshalWithOptions(text, d, yaml.Strict()); err != nil {
		msg := strings.Join(strings.Fields(strings.SplitN(yaml.FormatError(err, false, false), "\n", 2)[0]), " ")
		bad.add("", "members are: name, title, about, owner, severity, moments, action, scope, params, when, expect, message, obligations, cases", "the document can not be read: %s", msg)
		return nil, bad
	}
	d.fill()
	d.check(bad)
	if len(bad.Problems) > 0 {
		return nil, bad
	}
	return d, nil
}

func (d *Document) fill() {
	for k, v := range d.Params {
		d.Params[k] = plain(v)
	}
	if len(d.Moments) == 0 {
		d.Moments = []string{Record}
	}
	if d.Action == "" {
		d.Action = "flag"
	}
}

// plain makes the numbers of YAML those of expressions.
func plain(v any) any {
	switch v := v.(type) {
	case uint64:
		if v <= math.MaxInt64 {
			return int64(v)
		}
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = plain(v[k])
		}
	}
	return v
}

var (
	nameForm       = regexp.MustCompile(`^[a-z][a-z0-9-]{1,63}$`)
	codeForm       = regexp.MustCompile(`^[A-Za-z0-9/_][A-Za-z0-9._:/@+~-]{0,199}$`)
	obligationForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 .,:()/-]{1,79}$`)
)

// words are the fixed values of members.
var words = map[string][]string{
	"severity": {"low", "medium", "high", "critical"}, "action": {"flag", "require_human", "deny"}, "moments": {Guard, Record},
	"environments": {"production", "shadow", "test", "staging"}, "statuses": {"requested", "made", "refused", "error", "timeout", "abandoned"},
	"result": {Pass, Fail, Error, Skip},
}

func (d *Document) check(bad *Invalid) {
	one := func(where, member, v string) {
		if !slices.Contains(words[member], v) {
			bad.add(where, "use one of: "+strings.Join(words[member], ", "), "%q is not a known value", v)
		}
	}
	if !nameForm.MatchString(d.Name) {
		bad.add("/name", "use small letters, digits and -", "%q is not a name", d.Name)
	}
	for where, v := range map[string]string{"/title": d.Title, "/message": d.Message, "/expect": d.Expect} {
		if strings.TrimSpace(v) == "" {
			bad.add(where, "", "it is missing")
		}
	}
	if !codeForm.MatchString(d.Owner) {
		bad.add("/owner", "name a team or a pseudonym, such as payments-team", "%q is not a code", d.Owner)
	}
	one("/severity", "severity", d.Severity)
	one("/action", "action", d.Action)
	for i, m := range d.Moments {
		one(fmt.Sprintf("/moments/%d", i), "moments", m)
	}
	for i, v := range d.Scope.Environments {
		one(fmt.Sprintf("/scope/environments/%d", i), "environments", v)
	}
	for i, v := range d.Scope.Statuses {
		one(fmt.Sprintf("/scope/statuses/%d", i), "statuses", v)
	}
	for i, o := range d.Obligations {
		if !obligationForm.MatchString(o) {
			bad.add(fmt.Sprintf("/obligations/%d", i), "use an id such as GDPR-22", "%q is not an id", o)
		}
	}
	d.checkCases(bad, one)
	slices.SortFunc(bad.Problems, func(a, b Problem) int { return strings.Compare(a.Where, b.Where) })
}

func (d *Document) checkCases(bad *Invalid, one func(where, member, v string)) {
	has := map[string]bool{}
	for i, c := range d.Cases {
		at := fmt.Sprintf("/cases/%d", i)
		one(at+"/result", "result", c.Result)
		has[c.Result] = true
		if c.Name == "" || slices.ContainsFunc(d.Cases[:i], func(o Case) bool { return o.Name == c.Name }) {
			bad.add(at+"/name", "", "a case needs a name of its own")
		}
		if _, err := json.Marshal(c.Record); err != nil || len(c.Record) == 0 {
			bad.add(at+"/record", "give a decision as a source sends it", "the record is missing")
		}
	}
	if !has[Fail] || !has[Pass] && !has[Skip] {
		bad.add("/cases", "show at least one decision that fails, and one that does not", "test cases are missing")
	}
}

// errNoCase is that a case's record is no record.
var errNoCase = errors.New("the record of the case is no record")
