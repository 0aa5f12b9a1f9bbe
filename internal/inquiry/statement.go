// SPDX-License-Identifier: Apache-2.0

package inquiry

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/extent"
)

// statement is what answers are made of: some public values of a leaf. Where a
// ledger seals a value that others have in clear, it is absent.
type statement struct {
	ID       text   `json:"id"`
	Time     moment `json:"time"`
	Recorded moment `json:"recorded"`
	System   text   `json:"system"`
	Env      text   `json:"env"`
	UseCase  text   `json:"use_case"`
	About    text   `json:"about"`
	Writer   text   `json:"principal"`
	Source   struct {
		ID  text   `json:"id"`
		Seq number `json:"seq"`
	} `json:"source"`
	Interaction interaction `json:"interaction"`
	Decision    decision    `json:"decision"`
	Inputs      []input     `json:"inputs"`
	Outputs     []output    `json:"outputs"`
	Factors     []factor    `json:"factors"`
	Governed    struct {
		Versions []governedVersion `json:"versions"`
	} `json:"governed"`
	Versions  map[string]json.RawMessage `json:"versions"`
	Oversight oversight                  `json:"oversight"`
	Registry  registry                   `json:"registry"`
	Finding   struct {
		Code     text   `json:"code"`
		Status   text   `json:"status"`
		Severity text   `json:"severity"`
		Group    text   `json:"group"`
		Owner    text   `json:"owner"`
		Due      moment `json:"due"`
	} `json:"finding"`
	Access struct {
		Act    text `json:"act"`
		Actor  text `json:"actor"`
		Target text `json:"target"`
	} `json:"access"`
	Notice struct {
		Kind      text   `json:"kind"`
		Template  text   `json:"template"`
		Locale    text   `json:"locale"`
		Delivered moment `json:"delivered"`
	} `json:"notice"`
	Explanation    explanation    `json:"explanation"`
	Signal         signal         `json:"signal"`
	Heartbeat      heartbeat      `json:"heartbeat"`
	Reconciliation reconciliation `json:"reconciliation"`
	Incident       incident       `json:"incident"`
	Hold           struct {
		Act  text `json:"act"`
		Name text `json:"name"`
	} `json:"hold"`
	Steps []struct {
		Provider text   `json:"provider"`
		Request  text   `json:"request_model"`
		Response text   `json:"response_model"`
		Started  moment `json:"started"`
	} `json:"steps"`
}

type governedVersion struct {
	Kind    text `json:"kind"`
	Version text `json:"version"`
	Digest  text `json:"digest"`
	State   text `json:"state"`
}

type oversight struct {
	Act        text            `json:"act"`
	Actor      text            `json:"actor"`
	Role       text            `json:"role"`
	Team       text            `json:"team"`
	Before     text            `json:"before"`
	After      text            `json:"after"`
	ReasonCode text            `json:"reason_code"`
	Shown      text            `json:"shown"`
	Opened     []text          `json:"opened"`
	Competence text            `json:"competence"`
	EditRatio  number          `json:"edit_ratio"`
	Dwell      json.RawMessage `json:"dwell_ms"`
	Reason     json.RawMessage `json:"reason"`
	Text       json.RawMessage `json:"text"`
}

type registry struct {
	Act         text            `json:"act"`
	Kind        text            `json:"kind"`
	Name        text            `json:"name"`
	Version     text            `json:"version"`
	Digest      text            `json:"digest"`
	Environment text            `json:"environment"`
	Actor       text            `json:"actor"`
	Emergency   json.RawMessage `json:"emergency"`
	Due         moment          `json:"due"`
	Risk        text            `json:"risk"`
	Status      text            `json:"status"`
	Reason      json.RawMessage `json:"reason"`
	Signature   json.RawMessage `json:"signature"`
}

// What a leaf says in clear; a seal reads as nothing.
type (
	text   = extent.Text
	moment = extent.Moment
	number = extent.Number
	truth  = extent.Truth
)

func parse(at spot, leaf []byte) (*statement, error) {
	s := &statement{}
	if err := json.Unmarshal(leaf, s); err != nil {
		return nil, fmt.Errorf("read statement %d: %w", at.Index, err)
	}
	return s, nil
}

// made says whether a decision was made, and not only asked for, refused or lost.
func (s *statement) made() bool { return s.Decision.Status == "made" }

// when is the time at which a decision was made, as its source says.
func (s *statement) when() time.Time {
	if !s.Decision.Decided.IsZero() {
		return s.Decision.Decided.Time
	}
	return s.Time.Time
}

// env is the environment; the format says what none means.
func (s *statement) env() string {
	if s.Env == "" {
		return extent.Production
	}
	return string(s.Env)
}

// bound are the versions that a decision names: as the register had them, if it
// was judged, or else as the source named them.
func (s *statement) bound() []api.BoundVersion {
	out := []api.BoundVersion{}
	for _, v := range s.Governed.Versions {
		out = append(out, api.BoundVersion{Kind: string(v.Kind), Version: string(v.Version), Digest: string(v.Digest), State: string(v.State)})
	}
	if len(out) > 0 {
		return out
	}
	for _, kind := range []string{"config", "control", "dataset", "model", "policy", "prompt", "tool"} {
		raw, ok := s.Versions[kind]
		if !ok {
			continue
		}
		var names []text
		if raw[0] != '[' {
			raw = append(append([]byte{'['}, raw...), ']')
		}
		if json.Unmarshal(raw, &names) != nil {
			continue
		}
		for _, name := range names {
			if name != "" {
				out = append(out, api.BoundVersion{Kind: kind, Version: string(name)})
			}
		}
	}
	return out
}

// full is the name of what an act is about: name@version, or the name alone of
// what has no versions.
func (r *registry) full() string {
	if r.Version == "" || isSystem(r) {
		return string(r.Name)
	}
	return string(r.Name + "@" + r.Version)
}
