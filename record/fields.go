// SPDX-License-Identifier: Apache-2.0

package record

import (
	"strconv"
	"time"
)

// Fields are the public values of a record that a ledger indexes. An absent
// value is the empty string, Seq is -1, and times are zero. The time zone of
// Time and Recorded is as written.
type Fields struct {
	ID, Type       string
	Time, Recorded time.Time
	Source         string
	Seq            int64
	System         string
	UseCase        string
	Env            string
	Interaction    string
	Journey        string
	Channel        string
	Kind           string // of the decision, or what the act of another type is
	Status         string
	Outcome        string
	Adverse        string // "", "true" or "false"
	Significant    string
	Automation     string
	About          string
	Model          string
	Prompt         string
	Policy         string // several are joined by commas
	Config         string
	Principal      string
	Capture        string
	Retention      string // retention class; empty in statements of before there were any
}

func (f *Fields) set(s slot, v string) {
	switch s {
	case slotSeq:
		f.Seq, _ = strconv.ParseInt(v, 10, 64)
	case slotPolicy:
		if f.Policy != "" {
			v = f.Policy + "," + v
		}
		f.Policy = v
	default:
		if p := f.text(s); p != nil {
			*p = v
		}
	}
}

func (f *Fields) setTime(s slot, t time.Time) {
	switch s {
	case slotTime:
		f.Time = t
	case slotRecorded:
		f.Recorded = t
	}
}

// text is where the string of a slot is kept.
func (f *Fields) text(s slot) *string {
	switch s {
	case slotID:
		return &f.ID
	case slotType:
		return &f.Type
	case slotSource:
		return &f.Source
	case slotSystem:
		return &f.System
	case slotUseCase:
		return &f.UseCase
	case slotEnv:
		return &f.Env
	case slotInteraction:
		return &f.Interaction
	case slotJourney:
		return &f.Journey
	case slotChannel:
		return &f.Channel
	case slotKind:
		return &f.Kind
	case slotStatus:
		return &f.Status
	case slotOutcome:
		return &f.Outcome
	case slotAdverse:
		return &f.Adverse
	case slotSignificant:
		return &f.Significant
	case slotAutomation:
		return &f.Automation
	case slotAbout:
		return &f.About
	case slotModel:
		return &f.Model
	case slotPrompt:
		return &f.Prompt
	case slotConfig:
		return &f.Config
	case slotPrincipal:
		return &f.Principal
	case slotCapture:
		return &f.Capture
	case slotRetention:
		return &f.Retention
	}
	return nil
}
