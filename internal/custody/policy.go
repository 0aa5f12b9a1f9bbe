// SPDX-License-Identifier: Apache-2.0

package custody

import (
	_ "embed"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

//go:embed retention.yaml
var defaultPolicy []byte

// Policy are the retention classes, in the order in which they are tried. It is
// immutable and safe for concurrent use.
type Policy struct {
	Classes []Class `yaml:"classes" json:"classes"`

	text   []byte
	byName map[string]*Class
}

// Triggers: from when the time of a class counts.
const (
	Recorded         = "recorded"
	InteractionEnded = "interaction_ended"
	SystemRetired    = "system_retired"
)

// Class is one keep-for rule.
type Class struct {
	Name    string   `yaml:"name" json:"name"`
	About   string   `yaml:"about" json:"about"`
	Match   Match    `yaml:"match" json:"match"`
	Min     Period   `yaml:"min" json:"min"`
	Max     Period   `yaml:"max" json:"max"`
	Trigger string   `yaml:"trigger" json:"trigger"`
	Erasure string   `yaml:"erasure" json:"erasure"` // allow or refuse
	Basis   []string `yaml:"basis" json:"basis"`
}

// Match selects records by public values; every list that is not empty must have
// the record's value.
type Match struct {
	Type        []string `yaml:"type" json:"type,omitempty"`
	System      []string `yaml:"system" json:"system,omitempty"`
	UseCase     []string `yaml:"use_case" json:"use_case,omitempty"`
	Kind        []string `yaml:"kind" json:"kind,omitempty"`
	Outcome     []string `yaml:"outcome" json:"outcome,omitempty"`
	Adverse     []string `yaml:"adverse" json:"adverse,omitempty"`
	Significant []string `yaml:"significant" json:"significant,omitempty"`
}

func (m *Match) covers(f *record.Fields) bool {
	return among(m.Type, f.Type) && among(m.Adverse, f.Adverse) && among(m.System, f.System) && among(m.UseCase, f.UseCase) &&
		among(m.Kind, f.Kind) && among(m.Outcome, f.Outcome) && among(m.Significant, f.Significant)
}

// among says whether a value is allowed; an empty list allows all.
func among(allowed []string, value string) bool {
	return len(allowed) == 0 || slices.Contains(allowed, value)
}

// Period is a span of the calendar, written as ISO 8601 has it: P6M, P2Y1M, P90D.
type Period struct{ Years, Months, Days int }

var period = regexp.MustCompile(`^P(?:(\d{1,3})Y)?(?:(\d{1,3})M)?(?:(\d{1,4})D)?$`)

// UnmarshalText reads a period of years, months and days.
func (p *Period) UnmarshalText(b []byte) error {
	m := period.FindStringSubmatch(string(b))
	if m == nil || len(b) < 3 {
		return fmt.Errorf("%q is not a period like P6M, P2Y or P90D", b)
	}
	for i, into := range []*int{&p.Years, &p.Months, &p.Days} {
		*into, _ = strconv.Atoi(m[i+1]) // digits, or empty: zero
	}
	return nil
}

// MarshalText writes it.
func (p Period) MarshalText() ([]byte, error) {
	b := []byte("P")
	for _, part := range []struct {
		n int
		c byte
	}{{p.Years, 'Y'}, {p.Months, 'M'}, {p.Days, 'D'}} {
		if part.n > 0 {
			b = append(strconv.AppendInt(b, int64(part.n), 10), part.c)
		}
	}
	return b, nil
}

// after is the end of the period that begins at t.
func (p Period) after(t time.Time) time.Time { return t.UTC().AddDate(p.Years, p.Months, p.Days) }

// DefaultPolicy are the classes that come with the program: somebody has to
// review them.
func DefaultPolicy() *Policy {
	p, err := ParsePolicy(defaultPolicy)
	if err != nil {
		panic(err) // it is embedded: programmer error
	}
	return p
}

// DefaultPolicyText is the file of [DefaultPolicy], with its comments.
func DefaultPolicyText() []byte { return slices.Clone(defaultPolicy) }

var className = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)

// ParsePolicy reads a file of retention classes strictly. The error joins all
// faults.
func ParsePolicy(text []byte) (*Policy, error) {
	p := &Policy{text: text, byName: map[string]*Class{}}
	if err := yaml.UnmarshalWithOptions(text, p, yaml.Strict()); err != nil {
		return nil, &ledger.Error{Code: ledger.Invalid, Message: "the retention classes can not be read", Hint: "counterfoil retention show --default prints a file to begin with", Cause: errors.New(yaml.FormatError(err, false, true))}
	}
	var errs []error
	for i := range p.Classes {
		c := &p.Classes[i]
		if p.byName[c.Name] != nil {
			errs = append(errs, fmt.Errorf("class %q stands twice", c.Name))
		}
		p.byName[c.Name] = c
		errs = append(errs, c.check())
	}
	if d := p.byName[ledger.DefaultClass]; d == nil || len(p.Classes) > 0 && p.Classes[len(p.Classes)-1].Name != ledger.DefaultClass {
		errs = append(errs, errors.New("the last class must be default: what no other matches"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, &ledger.Error{Code: ledger.Invalid, Message: "the retention classes are not right", Hint: "counterfoil retention show --default prints a file to begin with", Cause: err}
	}
	return p, nil
}

func (c *Class) check() error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("class %q: "+format, append([]any{c.Name}, args...)...))
	}
	epoch := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	if !className.MatchString(c.Name) {
		bad("use lower-case letters, digits and -")
	}
	if c.Max == (Period{}) || c.Max.after(epoch).Before(c.Min.after(epoch)) {
		bad("max must be given, and not be shorter than min")
	}
	if !slices.Contains([]string{Recorded, InteractionEnded, SystemRetired}, c.Trigger) {
		bad("trigger %q is not recorded, interaction_ended or system_retired", c.Trigger)
	}
	if c.Erasure != "allow" && c.Erasure != "refuse" {
		bad("erasure %q is not allow or refuse", c.Erasure)
	}
	if c.Name == ledger.DefaultClass && !emptyMatch(&c.Match) {
		bad("it takes what no other matches, and has no match of its own")
	}
	return errors.Join(errs...)
}

func emptyMatch(m *Match) bool {
	return len(m.Type)+len(m.System)+len(m.UseCase)+len(m.Kind)+len(m.Outcome)+len(m.Adverse)+len(m.Significant) == 0
}

// Classify gives a record its class: see [ledger.Config.Classify].
func (p *Policy) Classify(f *record.Fields) string {
	for i := range p.Classes {
		if p.Classes[i].Match.covers(f) {
			return p.Classes[i].Name
		}
	}
	return ledger.DefaultClass
}

// class is a class by name, or nil when the file does not have it any more.
func (p *Policy) class(name string) *Class { return p.byName[name] }

// Digest identifies the text of the policy.
func (p *Policy) Digest() string { return digest(p.text) }
