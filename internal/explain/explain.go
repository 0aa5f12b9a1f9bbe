// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// Audiences of an explanation.
const (
	Subject  = "subject"
	Reviewer = "reviewer"
	Auditor  = "auditor"
)

// Audiences lists them.
var Audiences = []string{Subject, Reviewer, Auditor}

// The explanation types of the ICO.
const (
	Rationale      = "rationale"
	Responsibility = "responsibility"
	Data           = "data"
	Fairness       = "fairness"
	Safety         = "safety"
	Impact         = "impact"
)

// Config says what explanations are made of.
type Config struct {
	// Ledger is the log. Required.
	Ledger *ledger.Ledger
	// Messages are the languages. Default: those that come with the program.
	Messages *Messages
	// Open gives those of the private values at the pointers that may be opened,
	// and writes the access record first. Default: none are opened.
	Open func(ctx context.Context, st *record.Statement, pointers []string) ([]record.Opening, error)
	// Sees says whether the caller may see a record. Default: all are seen.
	Sees func(ctx context.Context, st *record.Statement) (bool, error)
	// Now tells the time at which a text is delivered. Default: time.Now.
	Now func() time.Time
}

// Explainer makes explanations. It is safe for concurrent use.
type Explainer struct {
	cfg Config
	l   *ledger.Ledger
}

// New makes an explainer.
func New(cfg Config) (*Explainer, error) {
	if cfg.Ledger == nil {
		return nil, errors.New("make explanations: Ledger is required")
	}
	if cfg.Messages == nil {
		cfg.Messages = defaultMessages
	}
	if cfg.Open == nil {
		cfg.Open = func(context.Context, *record.Statement, []string) ([]record.Opening, error) { return nil, nil }
	}
	if cfg.Sees == nil {
		cfg.Sees = func(context.Context, *record.Statement) (bool, error) { return true, nil }
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Explainer{cfg: cfg, l: cfg.Ledger}, nil
}

// Request says what is to be explained, to whom and in which language.
type Request struct {
	Decision string
	Audience string
	Language string
}

// Explanation is a decision explained.
type Explanation struct {
	Decision string `json:"decision"`
	Audience string `json:"audience"`
	Language string `json:"language"`
	// Template is the version of the messages: a digest of the file.
	Template string `json:"template"`
	// Sections are the explanation types, in the order of the use case.
	Sections []Section `json:"sections"`
	// Missing is the evidence for which sentences were left out.
	Missing []Missing `json:"missing"`
	// Withheld is how many recorded reasons the person is not told.
	Withheld int `json:"withheld"`
	// Stops are the types that must be there before this may be delivered, and
	// are not.
	Stops []string `json:"stops,omitempty"`
	// Failure says that this is no decision to be explained but a control that
	// failed: a person was asked for, and the machine went on.
	Failure string `json:"failure,omitempty"`
	// Recorded says that factors, counterfactuals and alternatives are shown as
	// the record has them; nothing was run again.
	Recorded bool `json:"recorded"`

	system string // of the decision
}

// Section is one explanation type.
type Section struct {
	Type      string     `json:"type"`
	Title     string     `json:"title"`
	Sentences []Sentence `json:"sentences"`
	// Incomplete says that evidence that this type requires is missing. Such a
	// section is not shown to the person at all.
	Incomplete bool `json:"incomplete,omitempty"`
}

// Sentence is one sentence with what it stands on.
type Sentence struct {
	Key     string   `json:"key"` // of the message
	Text    string   `json:"text"`
	Grounds []Ground `json:"grounds"`
}

// Ground is a place in a record.
type Ground struct {
	Record  string `json:"record"`
	Pointer string `json:"pointer"`
}

// States of missing evidence.
const (
	Absent   = "absent"    // the record has no such member
	Withheld = "withheld"  // it is private, and was not opened
	Erased   = "erased"    // it was erased
	NoWords  = "no_words"  // there are no words for the code, or not in this language
	NotFreed = "not_freed" // it is not released for the person
	NoSignal = "no_signal" // nothing was measured before the decision
)

// Missing is evidence that a sentence would need.
type Missing struct {
	Type   string `json:"type"`
	Key    string `json:"key"`
	Ground Ground `json:"ground"`
	State  string `json:"state"`
}

// Explain explains a decision.
func (x *Explainer) Explain(ctx context.Context, req Request) (*Explanation, error) {
	lang, err := x.check(req)
	if err != nil {
		return nil, err
	}
	ev, err := x.gather(ctx, req.Decision, req.Audience)
	if err != nil {
		return nil, err
	}
	return compose(ev, lang, req.Audience), nil
}

func (x *Explainer) check(req Request) (*language, error) {
	if !slices.Contains(Audiences, req.Audience) {
		return nil, fault(ledger.Invalid, "use one of: subject, reviewer, auditor", "%q is no audience", req.Audience)
	}
	lang, ok := x.cfg.Messages.byName[req.Language]
	if !ok {
		return nil, fault(ledger.Invalid, "there are: "+x.cfg.Messages.list(), "there are no messages in %q", req.Language)
	}
	return lang, nil
}

func fault(code ledger.Code, hint, format string, args ...any) error {
	return &ledger.Error{Code: code, Message: fmt.Sprintf(format, args...), Hint: hint}
}
