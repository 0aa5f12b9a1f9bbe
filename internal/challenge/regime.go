// SPDX-License-Identifier: Apache-2.0

package challenge

import (
	_ "embed" // the regimes that come with the program
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/counterfoil/counterfoil/internal/ledger"
)

//go:embed regimes.yaml
var defaultRegimes []byte

// Span is how long something may take.
type Span struct {
	Months int `yaml:"months" json:"months,omitempty"`
	Days   int `yaml:"days" json:"days,omitempty"`
}

func (s *Span) after(t time.Time) time.Time {
	if s == nil {
		return time.Time{}
	}
	return t.UTC().AddDate(0, s.Months, s.Days)
}

// Regime is a set of rules about answers.
type Regime struct {
	Name  string   `yaml:"name" json:"name"`
	About string   `yaml:"about" json:"about"`
	Kinds []string `yaml:"kinds" json:"kinds"`
	// Acknowledge is until when the receipt must be confirmed; nil: no rule.
	Acknowledge *Span `yaml:"acknowledge" json:"acknowledge,omitempty"`
	// Answer is until when it must be resolved.
	Answer *Span `yaml:"answer" json:"answer"`
	// Extend is by how much that may be put off; nil: it may not.
	Extend *Span  `yaml:"extend" json:"extend,omitempty"`
	Note   string `yaml:"note" json:"note,omitempty"`
}

// Regimes are the rules in force.
type Regimes struct {
	Regimes []Regime `yaml:"regimes" json:"regimes"`
}

// DefaultRegimes are the rules that come with the program: somebody has to
// review them.
func DefaultRegimes() *Regimes {
	r, err := ParseRegimes(defaultRegimes)
	if err != nil {
		panic(err) // it is embedded: programmer error
	}
	return r
}

// DefaultRegimesText is the file of [DefaultRegimes], with its comments.
func DefaultRegimesText() []byte { return slices.Clone(defaultRegimes) }

// Kinds of challenges.
var Kinds = []string{"complaint", "contest", "person_request", "data_request"}

var regimeName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)

// ParseRegimes reads a file of regimes strictly. The error joins all faults.
func ParseRegimes(text []byte) (*Regimes, error) {
	r := &Regimes{}
	if err := yaml.UnmarshalWithOptions(text, r, yaml.Strict()); err != nil {
		return nil, &ledger.Error{Code: ledger.Invalid, Message: "the regimes can not be read", Hint: "counterfoil challenge regimes --default prints a file to begin with", Cause: errors.New(yaml.FormatError(err, false, true))}
	}
	var errs []error
	for i, g := range r.Regimes {
		fault := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("regime %q: %s", g.Name, fmt.Sprintf(format, args...)))
		}
		if !regimeName.MatchString(g.Name) {
			fault("a name is small letters, digits and -")
		}
		if slices.ContainsFunc(r.Regimes[:i], func(o Regime) bool { return o.Name == g.Name }) {
			fault("it stands twice")
		}
		if g.Answer == nil {
			fault("answer is missing")
		}
		for _, k := range g.Kinds {
			if !slices.Contains(Kinds, k) {
				fault("%q is no kind; use %s", k, strings.Join(Kinds, ", "))
			}
		}
		for _, s := range []*Span{g.Acknowledge, g.Answer, g.Extend} {
			if s != nil && (s.Months < 0 || s.Days < 0 || s.Months+s.Days == 0) {
				fault("a span is months, days or both, and longer than nothing")
			}
		}
	}
	if len(r.Regimes) == 0 {
		errs = append(errs, errors.New("there is no regime"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, &ledger.Error{Code: ledger.Invalid, Message: "the regimes are not right: " + strings.ReplaceAll(err.Error(), "\n", "; "), Hint: "counterfoil challenge regimes --default prints a file to begin with"}
	}
	return r, nil
}

// find is the regime of a name, or nil.
func (r *Regimes) find(name string) *Regime {
	for i := range r.Regimes {
		if r.Regimes[i].Name == name {
			return &r.Regimes[i]
		}
	}
	return nil
}
