// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/internal/control"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// Verdicts.
const (
	Allow        = "allow"
	Deny         = "deny"
	RequireHuman = "require_human"
)

// CodeNotApproved is the code of the refusal of a decision under a version that
// is not approved, by a system in strict mode.
const CodeNotApproved = "not_approved"

// judge is a [ledger.Judge] by one state of the register.
type judge struct {
	guard  *Guard
	reg    Register
	courts map[string]*court // by environment
}

// Register implements [ledger.Judge].
func (j *judge) Register() int64 { return j.reg.Size() }

// Judge implements [ledger.Judge].
func (j *judge) Judge(ctx context.Context, h ledger.Hearing) (*ledger.Judgement, error) {
	if j.reg.Size() == 0 {
		return nil, nil
	}
	c := &trial{judge: j, hearing: h, input: control.NewInput(h.Record, h.Recorded), fields: h.Record.Fields(), governed: &record.Governed{Register: j.reg.Size(), System: "unknown"}}
	if c.env = c.fields.Env; c.env == "" {
		c.env = "production"
	}
	known := false
	if c.system, known = j.reg.System(c.fields.System); !known {
		return &ledger.Judgement{Governed: c.governed}, nil
	}
	c.governed.System = c.system.State
	c.judgeSystem()
	if err := c.judgeVersions(); err != nil {
		return nil, err
	}
	c.judgeModels()
	c.runControls(ctx)
	if !h.Before {
		c.judgeToken()
	}
	return c.judgement()
}

// trial is the judging of one decision.
type trial struct {
	judge    *judge
	hearing  ledger.Hearing
	input    *control.Input
	fields   record.Fields
	env      string
	system   System
	governed *record.Governed
	byPerson bool // a person has decided: the token says so
	found    []found
	why      []string // what demands a person
}

// found is a finding to be.
type found struct {
	code, severity, control, version, owner string
}

// raise makes the verdict at least as strict.
func (c *trial) raise(verdict string) {
	rank := []string{"", Allow, RequireHuman, Deny}
	if slices.Index(rank, verdict) > slices.Index(rank, c.governed.Verdict) {
		c.governed.Verdict = verdict
	}
}

// find notes what is wrong with a decision. Before the act nothing has happened
// yet: the verdict is what follows.
func (c *trial) find(f found) {
	if f.owner == "" {
		f.owner = c.system.Team
	}
	if !c.hearing.Before {
		c.found = append(c.found, f)
	}
}

func (c *trial) judgeSystem() {
	switch c.system.State {
	case "suspended", "retired":
		c.raise(Deny)
		c.find(found{code: "system_" + c.system.State, severity: "critical"})
	case "draft":
		if c.env == "production" {
			c.raise(Deny)
			c.find(found{code: "system_draft", severity: "high"})
		}
	}
}

// judgeVersions resolves what the decision names. Names that a ledger keeps
// private do not get into the statement by this way.
func (c *trial) judgeVersions() error {
	var refused record.Error
	for _, n := range c.hearing.Record.Versions() {
		if c.hearing.Record.Value(n.Pointer) != nil {
			continue
		}
		v := record.GovernedVersion{Version: n.Version, Kind: n.Kind}
		v.Digest, v.State = c.judge.reg.Resolve(n.Kind, n.Version, c.env)
		c.governed.Versions = append(c.governed.Versions, v)
		if v.State == "approved" {
			continue
		}
		if c.system.Strict {
			c.raise(Deny)
			refused.Problems = append(refused.Problems, record.Problem{Code: CodeNotApproved, Pointer: n.Pointer,
				Detail: "the register has this version as " + v.State + " in the environment " + c.env,
				Hint:   "counterfoil version history " + n.Kind + " NAME shows what is approved, and for which environment"})
		}
		c.find(found{code: "version_" + v.State, severity: "high", version: n.Version})
	}
	if len(refused.Problems) == 0 || c.hearing.Before {
		return nil
	}
	c.judge.guard.noteRefused(refusal{system: c.fields.System, env: c.env, owner: c.system.Team, version: c.firstBad()})
	return &refused
}

// firstBad is the first version that is not approved.
func (c *trial) firstBad() string {
	for _, v := range c.governed.Versions {
		if v.State != "approved" {
			return v.Version
		}
	}
	return ""
}

// judgeModels compares the models that were asked with those that answered. A
// name that goes on, as gpt-4o-2024-08-06 of gpt-4o, is the same model.
func (c *trial) judgeModels() {
	for _, s := range c.input.Pairs("steps", "request_model", "response_model") {
		asked, answered := s[0], s[1]
		if asked != "" && answered != "" && answered != asked && !strings.HasPrefix(answered, asked+"-") {
			c.find(found{code: "model_mismatch", severity: "medium"})
			return
		}
	}
}

// runControls runs those in force. What failed is a finding, and decides.
func (c *trial) runControls(ctx context.Context) {
	court := c.judge.courts[c.env]
	set := court.after
	if c.hearing.Before {
		set = court.before
	}
	for _, version := range court.broken {
		c.sentence(version, "error", "high", "flag", "")
	}
	results := set.Run(ctx, c.input)
	c.governed.Controls = slices.Grow(c.governed.Controls, len(results))
	for _, r := range results {
		c.sentence(r.Version, r.Result, r.Control.Severity, r.Control.Action, r.Control.Owner)
	}
}

func (c *trial) sentence(version, result, severity, action, owner string) {
	if result != "fail" && result != "error" { // what would have followed stands in the control
		c.governed.Controls = append(c.governed.Controls, record.GovernedControl{Control: version, Result: result})
		return
	}
	c.governed.Controls = append(c.governed.Controls, record.GovernedControl{Control: version, Result: result, Severity: severity, Action: action})
	code := "control_failed"
	if result == "error" {
		code = "control_error"
	}
	c.find(found{code: code, severity: severity, control: version, owner: owner})
	switch action {
	case Deny:
		c.raise(Deny)
	case RequireHuman:
		c.raise(RequireHuman)
		c.why = append(c.why, version)
	}
}

// dues are how long the owner of a finding has.
var dues = map[string]time.Duration{"critical": 24 * time.Hour, "high": 3 * 24 * time.Hour, "medium": 14 * 24 * time.Hour, "low": 30 * 24 * time.Hour}

func (c *trial) judgement() (*ledger.Judgement, error) {
	out := &ledger.Judgement{Governed: c.governed}
	if c.hearing.Before {
		c.raise(Allow)
	}
	for _, f := range c.found {
		r, err := c.judge.guard.finding(f, c.hearing.Record.ID(), c.fields.System, c.env, c.hearing.Recorded)
		if err != nil {
			return nil, err
		}
		out.Findings = append(out.Findings, r)
	}
	if enqueue := c.judge.guard.cfg.Enqueue; enqueue != nil && c.governed.Verdict == RequireHuman && !c.byPerson {
		out.Also = func(ctx context.Context, tx *db.Tx, index int64) error { return enqueue(ctx, tx, c.review(index)) }
	}
	return out, nil
}

func (c *trial) review(index int64) Review {
	wait := c.system.Reaction
	if wait <= 0 {
		wait = 24 * time.Hour
	}
	return Review{ID: c.hearing.Record.ID(), Index: index, System: c.fields.System, Kind: c.fields.Kind, Risk: c.system.Risk, Env: c.env,
		Why: c.why, Due: c.hearing.Recorded.Add(wait), Second: c.system.Second}
}

// finding makes the record of a finding; about may be empty.
func (g *Guard) finding(f found, about, system, env string, now time.Time) (*record.Record, error) {
	body := map[string]any{"code": f.code, "status": "open", "severity": f.severity, "due": now.Add(dues[f.severity]).UTC().Format(time.RFC3339)}
	for name, v := range map[string]string{"owner": f.owner, "control": f.control, "version": f.version} {
		if v != "" {
			body[name] = v
		}
	}
	doc := map[string]any{"system": system, "env": env, "finding": body}
	if about != "" {
		doc["about"] = about
	}
	r, err := ledger.NewRecord(record.Default(), record.Finding, now, doc)
	if err != nil {
		return nil, fmt.Errorf("make finding: %w", err)
	}
	return r, nil
}
