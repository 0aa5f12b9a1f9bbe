// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// Answer is what the guard says about a decision that is about to be made.
type Answer struct {
	Verdict string // allow, deny or require_human
	Reasons []Reason
	// Governed is what was found, as the statement of the attempt has it.
	Governed *record.Governed
	// Token vouches for the verdict until Expires; the decision that follows
	// carries it as /decision/guard.
	Token   string
	Expires time.Time
	// OnFailure is what the caller does when it can not ask: fail_open or
	// fail_closed.
	OnFailure string
	Receipts  *ledger.Receipts // of the attempt
}

// Reason is one ground of a verdict.
type Reason struct {
	Code     string
	Control  string // name@version; empty: it is not by a control
	Severity string
	Message  string // plain words
}

// Ask judges a decision that is about to be made: a record of type decision,
// with the status requested. The attempt is durable before Ask returns. The same
// attempt asked again gets the same verdict.
func (g *Guard) Ask(ctx context.Context, r *record.Record, principal, capture string) (*Answer, error) {
	f := r.Fields()
	if r.Type() != record.Decision || f.Status != "requested" {
		return nil, &record.Error{Problems: []record.Problem{{Code: record.CodeBadValue, Pointer: "/decision/status",
			Detail: "the guard judges a decision that is not made yet", Hint: `send a decision with "status":"requested"; when it is made, send another under an id of its own, with about and the token`}}}
	}
	if _, known := g.current.Load().reg.System(f.System); !known {
		if err := g.Refresh(ctx); err != nil { // it may have been described just now
			return nil, err
		}
	}
	if _, known := g.current.Load().reg.System(f.System); !known {
		return nil, fault(ledger.NotFound, "counterfoil system describe puts it there", "the system %q is not in the register", f.System)
	}
	res, err := g.cfg.Ledger.Append(ctx, ledger.Batch{Records: []*record.Record{r}, Principal: principal, Capture: capture, Before: true})
	if err != nil {
		return nil, err
	}
	it := res.Items[0]
	if it.Governed == nil { // it was asked before, or in another process
		if it.Governed, err = g.asked(ctx, it.ID); err != nil {
			return nil, err
		}
	}
	j := g.current.Load()
	system, _ := j.reg.System(f.System)
	a := &Answer{Verdict: it.Governed.Verdict, Governed: it.Governed, Expires: g.cfg.Now().Add(g.cfg.Valid).Truncate(time.Second), OnFailure: system.OnFailure, Receipts: res}
	a.Token = g.token(it.ID, marks[a.Verdict], f.System, f.Kind, a.Expires)
	a.Reasons = j.reasons(it.Governed)
	return a, nil
}

// asked reads the verdict of an attempt from the log.
func (g *Guard) asked(ctx context.Context, id string) (*record.Governed, error) {
	e, err := g.cfg.Ledger.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	st, err := record.ParseStatement(e.Statement)
	if err != nil {
		return nil, fmt.Errorf("read attempt: %w", err)
	}
	if gov := st.Governed(); gov != nil && gov.Verdict != "" {
		return gov, nil
	}
	return nil, fault(ledger.Conflict, "ask under an id of its own", "record %s was sent without asking the guard", id)
}

// messages about what is not found by a control.
var messages = map[string]string{
	"draft":     "The system is not in service yet.",
	"suspended": "The system is suspended.",
	"retired":   "The system is retired.",
}

// reasons are the grounds of a verdict, those of failed controls in their words.
func (j *judge) reasons(g *record.Governed) []Reason {
	out := []Reason{}
	if m := messages[g.System]; m != "" && g.Verdict == Deny {
		out = append(out, Reason{Code: "system_" + g.System, Severity: "critical", Message: m})
	}
	for _, v := range g.Versions {
		if v.State != "approved" {
			out = append(out, Reason{Code: "version_" + v.State, Severity: "high", Message: "The " + v.Kind + " " + v.Version + " is not approved for this environment."})
		}
	}
	for _, c := range g.Controls {
		if c.Result != "fail" && c.Result != "error" {
			continue
		}
		r := Reason{Code: "control_failed", Control: c.Control, Severity: c.Severity, Message: j.message(c.Control)}
		if c.Result == "error" {
			r.Code = "control_error"
		}
		out = append(out, r)
	}
	return out
}

// message is what a control says when it fails; empty if it is in force no more.
func (j *judge) message(version string) string {
	for _, c := range j.courts {
		for _, set := range []interface{ Message(string) string }{c.before, c.after} {
			if m := set.Message(version); m != "" {
				return m
			}
		}
	}
	return ""
}

// guardToken is the token that the decision carries.
func (c *trial) guardToken() string {
	var d struct {
		Guard string `json:"guard"`
	}
	raw := c.hearing.Record.Member("decision")
	if raw == nil || !strings.Contains(string(raw), `"guard":"`) || json.Unmarshal(raw, &d) != nil {
		return ""
	}
	return d.Guard
}
