// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/goccy/go-yaml"
)

// How a system is governed. See [Description].
const (
	Monitor    = "monitor"
	Strict     = "strict"
	FailOpen   = "fail_open"
	FailClosed = "fail_closed"
)

// Description says what a system is, who answers for it, and how it is governed.
// It is written as YAML or JSON and kept private in the log, but for its risk.
type Description struct {
	Owner           Owner    `json:"owner"`
	Role            string   `json:"role"` // provider or deployer
	Purpose         string   `json:"purpose"`
	Risk            string   `json:"risk"` // minimal, limited, high, prohibited or unknown
	Jurisdictions   []string `json:"jurisdictions,omitempty"`
	Retention       string   `json:"retention,omitempty"`        // class of its records
	ReactionTime    Span     `json:"reaction_time,omitzero"`     // within which a review begins
	DwellFloor      Span     `json:"dwell_floor,omitzero"`       // below which a review looks like a rubber stamp
	Points          []string `json:"points,omitempty"`           // where it is instrumented
	Mode            string   `json:"mode,omitempty"`             // monitor (default) or strict
	OnGuardFailure  string   `json:"on_guard_failure,omitempty"` // fail_closed (default) or fail_open
	SecondReviewer  bool     `json:"second_reviewer,omitempty"`
	SignedApprovals bool     `json:"signed_approvals,omitempty"` // by the approvers' own keys
}

// Owner is who answers for a system.
type Owner struct {
	Person string `json:"person"`
	Team   string `json:"team"`
}

// ParseDescription reads a description strictly. Its errors point at the member.
func ParseDescription(text []byte) (*Description, error) {
	raw := bytes.TrimSpace(text)
	if !bytes.HasPrefix(raw, []byte("{")) {
		var err error
		if raw, err = yaml.YAMLToJSON(text); err != nil {
			return nil, invalid("write a mapping, as docs/governance.md shows it", "the description is not YAML: %s", strings.SplitN(err.Error(), "\n", 2)[0])
		}
	}
	d := &Description{}
	if err := json.Unmarshal(raw, d, json.RejectUnknownMembers(true)); err != nil {
		return nil, badDescription(err)
	}
	d.Mode, d.OnGuardFailure = cmp.Or(d.Mode, Monitor), cmp.Or(d.OnGuardFailure, FailClosed)
	for _, f := range []struct{ pointer, value, words string }{
		{"/role", d.Role, "provider deployer"}, {"/risk", d.Risk, "minimal limited high prohibited unknown"},
		{"/mode", d.Mode, Monitor + " " + Strict}, {"/on_guard_failure", d.OnGuardFailure, FailOpen + " " + FailClosed},
	} {
		if !slices.Contains(strings.Fields(f.words), f.value) {
			return nil, invalid("use one of "+strings.ReplaceAll(f.words, " ", ", "), "the description has %q at %s", f.value, f.pointer)
		}
	}
	for _, f := range [][2]string{{"/owner/person", d.Owner.Person}, {"/owner/team", d.Owner.Team}, {"/purpose", d.Purpose}} {
		if strings.TrimSpace(f[1]) == "" {
			return nil, invalid("somebody must answer for the system, and its purpose be known", "the description has nothing at %s", f[0])
		}
	}
	return d, nil
}

func badDescription(err error) error {
	if e, ok := errors.AsType[*json.SemanticError](err); ok {
		what := "a value of the wrong type"
		if errors.Is(err, json.ErrUnknownName) {
			what = "an unknown member"
		}
		return invalid("docs/governance.md lists the members", "the description has %s at %s", what, e.JSONPointer)
	}
	if e, ok := errors.AsType[*jsontext.SyntacticError](err); ok && errors.Is(err, jsontext.ErrDuplicateName) {
		return invalid("", "the description has a member twice at %s", e.JSONPointer)
	}
	return invalid("docs/governance.md shows one", "the description can not be read")
}

// Span is a time span, written as ISO 8601 has it: PT20S, PT4H, P5D.
type Span time.Duration

var span = regexp.MustCompile(`^P(?:(\d{1,4})W)?(?:(\d{1,5})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,7})S)?)?$`)

// ParseSpan reads a span of weeks, days, hours, minutes and seconds.
func ParseSpan(s string) (Span, error) {
	m := span.FindStringSubmatch(s)
	if m == nil || strings.HasSuffix(s, "T") || len(s) < 3 {
		return 0, fmt.Errorf("%q is not a time span like PT20S, PT4H or P7D", s)
	}
	var out time.Duration
	for i, unit := range []time.Duration{7 * 24 * time.Hour, 24 * time.Hour, time.Hour, time.Minute, time.Second} {
		n, _ := strconv.Atoi(m[i+1]) // digits, or empty: zero
		out += time.Duration(n) * unit
	}
	return Span(out), nil
}

// UnmarshalText reads a span.
func (s *Span) UnmarshalText(b []byte) (err error) {
	*s, err = ParseSpan(string(b))
	return err
}

// MarshalText writes it in hours, minutes and seconds, or in days.
func (s Span) MarshalText() ([]byte, error) {
	d := time.Duration(s)
	if d > 0 && d%(24*time.Hour) == 0 {
		return fmt.Appendf(nil, "P%dD", d/(24*time.Hour)), nil
	}
	b := []byte("PT")
	for _, u := range []struct {
		unit time.Duration
		c    byte
	}{{time.Hour, 'H'}, {time.Minute, 'M'}, {time.Second, 'S'}} {
		if n := d / u.unit; n > 0 {
			b = append(strconv.AppendInt(b, int64(n), 10), u.c)
			d -= n * u.unit
		}
	}
	if len(b) == 2 {
		b = append(b, "0S"...)
	}
	return b, nil
}
