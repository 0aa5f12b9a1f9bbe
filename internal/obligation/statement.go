// SPDX-License-Identifier: Apache-2.0

package obligation

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/internal/extent"
)

// What a leaf says in clear; a seal reads as nothing.
type (
	text   = extent.Text
	moment = extent.Moment
	number = extent.Number
	truth  = extent.Truth
	spot   = extent.Spot
)

// statement is what rules are made of: some public values of a leaf. Where a
// ledger seals a value that others have in clear, it is absent.
type statement struct {
	at spot

	Type     text   `json:"type"`
	ID       text   `json:"id"`
	Time     moment `json:"time"`
	Recorded moment `json:"recorded"`
	System   text   `json:"system"`
	Env      text   `json:"env"`
	About    text   `json:"about"`
	Writer   text   `json:"principal"`
	Capture  text   `json:"capture"`
	Source   struct {
		ID  text   `json:"id"`
		Seq number `json:"seq"`
	} `json:"source"`
	Interaction struct {
		ID           text   `json:"id"`
		Jurisdiction text   `json:"jurisdiction"`
		Wanted       moment `json:"human_requested"`
		Connected    moment `json:"human_connected"`
	} `json:"interaction"`

	Decision  *decision       `json:"decision"`
	Governed  *governed       `json:"governed"`
	Versions  *versions       `json:"versions"`
	Inputs    []input         `json:"inputs"`
	Steps     []step          `json:"steps"`
	Outputs   []output        `json:"outputs"`
	Oversight *oversight      `json:"oversight"`
	Registry  *registry       `json:"registry"`
	Finding   *finding        `json:"finding"`
	Notice    *notice         `json:"notice"`
	Explained *explanation    `json:"explanation"`
	Challenge *challengeStep  `json:"challenge"`
	Signal    *signal         `json:"signal"`
	Incident  *incident       `json:"incident"`
	Access    *accessed       `json:"access"`
	Hold      *hold           `json:"hold"`
	Erasure   *erasure        `json:"erasure"`
	Counted   *reconciliation `json:"reconciliation"`
	Heartbeat *heartbeat      `json:"heartbeat"`
}

type decision struct {
	Status      text   `json:"status"`
	Outcome     text   `json:"outcome"`
	Adverse     truth  `json:"adverse"`
	Significant text   `json:"significant"`
	Automation  text   `json:"automation"`
	Decided     moment `json:"decided"`
	Effective   moment `json:"effective"`
	Supersedes  text   `json:"supersedes"`
}

type governed struct {
	Verdict  text `json:"verdict"`
	Versions []struct {
		Kind    text `json:"kind"`
		Version text `json:"version"`
		Digest  text `json:"digest"`
		State   text `json:"state"`
	} `json:"versions"`
	Controls []struct {
		Control text `json:"control"`
		Result  text `json:"result"`
	} `json:"controls"`
}

type versions struct {
	Model  text   `json:"model"`
	Prompt text   `json:"prompt"`
	Config text   `json:"config"`
	Policy []text `json:"policy"`
}

type input struct {
	Category text `json:"category"`
}

type step struct {
	Op       text `json:"op"`
	Request  text `json:"request_model"`
	Response text `json:"response_model"`
}

type output struct {
	Kind      text   `json:"kind"`
	Delivered moment `json:"delivered"`
	Changed   number `json:"edit_ratio"`
}

type oversight struct {
	Act        text   `json:"act"`
	Actor      text   `json:"actor"`
	Before     text   `json:"before"`
	After      text   `json:"after"`
	ReasonCode text   `json:"reason_code"`
	Opened     []text `json:"opened"`
	Dwell      number `json:"dwell_ms"`
	Shown      text   `json:"shown"`
	Competence text   `json:"competence"`
}

type registry struct {
	Act         text   `json:"act"`
	Kind        text   `json:"kind"`
	Name        text   `json:"name"`
	Version     text   `json:"version"`
	Digest      text   `json:"digest"`
	Environment text   `json:"environment"`
	Actor       text   `json:"actor"`
	Emergency   truth  `json:"emergency"`
	Due         moment `json:"due"`
	Risk        text   `json:"risk"`
	Status      text   `json:"status"`
}

type finding struct {
	Code    text   `json:"code"`
	Status  text   `json:"status"`
	Owner   text   `json:"owner"`
	Due     moment `json:"due"`
	Control text   `json:"control"`
	Version text   `json:"version"`
}

type notice struct {
	Kind      text   `json:"kind"`
	Delivered moment `json:"delivered"`
}

type explanation struct {
	Audience  text   `json:"audience"`
	Types     []text `json:"types"`
	Delivered moment `json:"delivered"`
}

type challengeStep struct {
	Kind     text            `json:"kind"`
	Status   text            `json:"status"`
	Outcome  text            `json:"outcome"`
	Received moment          `json:"received"`
	Due      moment          `json:"due"`
	Assignee text            `json:"assignee"`
	Reason   json.RawMessage `json:"reason"`
}

type signal struct {
	Name     text  `json:"name"`
	Breached truth `json:"breached"`
	Group    text  `json:"group"`
}

type incident struct {
	Severity text   `json:"severity"`
	Opened   moment `json:"opened"`
}

type accessed struct {
	Act      text   `json:"act"`
	Actor    text   `json:"actor"`
	Purpose  text   `json:"purpose"`
	Result   text   `json:"result"`
	Pointers []text `json:"pointers"`
}

type hold struct {
	Act   text `json:"act"`
	Name  text `json:"name"`
	Actor text `json:"actor"`
}

type erasure struct {
	Ground    text `json:"ground"`
	Status    text `json:"status"`
	Request   text `json:"request"`
	Requester text `json:"requester"`
	Approver  text `json:"approver"`
	Executor  text `json:"executor"`
	Class     text `json:"class"`
	Month     text `json:"month"`
	Targets   []struct {
		ID text `json:"id"`
	} `json:"targets"`
}

type reconciliation struct {
	Counter text   `json:"counter"`
	Owner   text   `json:"owner"`
	From    moment `json:"from"`
	To      moment `json:"to"`
	Status  text   `json:"status"`
}

type heartbeat struct {
	From moment `json:"from"`
	To   moment `json:"to"`
}

func parse(at spot, leaf []byte) (*statement, error) {
	s := &statement{at: at}
	if err := json.Unmarshal(leaf, s); err != nil {
		return nil, fmt.Errorf("read statement %d: %w", at.Index, err)
	}
	return s, nil
}

// made says whether a decision was made, in production, and not only asked for,
// refused or lost.
func (s *statement) made() bool {
	return s.Decision != nil && s.Decision.Status == "made" && s.production()
}

// production is the environment that rules are about; the format says that it
// is so when nothing is said.
func (s *statement) production() bool { return s.Env == "" || s.Env == "production" }

// decided is the time at which a decision was made, as its source says.
func (s *statement) decided() time.Time { return first(s.Decision.Decided.Time, s.Time.Time) }

// effective is when it took effect on the person.
func (s *statement) effective() time.Time { return first(s.Decision.Effective.Time, s.decided()) }

// delivered is when a notice or an explanation reached the person.
func (s *statement) delivered() time.Time {
	switch {
	case s.Notice != nil:
		return first(s.Notice.Delivered.Time, s.Time.Time)
	case s.Explained != nil:
		return first(s.Explained.Delivered.Time, s.Time.Time)
	}
	return s.Time.Time
}

func first(times ...time.Time) time.Time {
	for _, t := range times {
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

// full is the name of what an act is about: name@version, or the name alone of
// what has no versions.
func (r *registry) full() string {
	if r.Version == "" || r.isSystem() {
		return string(r.Name)
	}
	return string(r.Name + "@" + r.Version)
}

func (r *registry) isSystem() bool { return r.Kind == "system" || r.Kind == "use_case" }

// who did an act of the register.
func (s *statement) who() string {
	if s.Registry != nil && s.Registry.Actor != "" {
		return string(s.Registry.Actor)
	}
	return string(s.Writer)
}

// generates says whether a model of language is called in the steps.
func (s *statement) generates() bool {
	for _, st := range s.Steps {
		if strings.Contains(" chat text_completion generate_content ", " "+string(st.Op)+" ") && st.Op != "" {
			return true
		}
	}
	return false
}
