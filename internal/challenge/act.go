// SPDX-License-Identifier: Apache-2.0

package challenge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// By is who acts: pseudonymous codes. Principal is the authenticated writer
// where that is not the actor.
type By struct{ Actor, Principal string }

func (b By) principal() string {
	if b.Principal == "" {
		return b.Actor
	}
	return b.Principal
}

// Challenge is what somebody asks for or complains about.
type Challenge struct {
	Kind   string
	Regime string // default: house
	// About is the decision, if it is about one.
	About    string
	Received time.Time // default: now
	Subject  json.RawMessage
	Text     string // the words, kept private
}

// Receive opens a case.
func (d *Desk) Receive(ctx context.Context, by By, in Challenge) (Case, error) {
	if in.Regime == "" {
		in.Regime = "house"
	}
	g := d.cfg.Regimes.find(in.Regime)
	switch {
	case !slices.Contains(Kinds, in.Kind):
		return Case{}, fault(ledger.Invalid, "use one of: "+strings.Join(Kinds, ", "), "%q is no kind of challenge", in.Kind)
	case g == nil:
		return Case{}, fault(ledger.Invalid, "counterfoil challenge regimes lists them", "there is no regime %q", in.Regime)
	case !slices.Contains(g.Kinds, in.Kind):
		return Case{}, fault(ledger.Invalid, "the regime is for: "+strings.Join(g.Kinds, ", "), "the regime %s has no rules for a %s", in.Regime, in.Kind)
	}
	now := d.cfg.Now()
	if in.Received.IsZero() {
		in.Received = now
	}
	if in.Received.After(now.Add(time.Minute)) {
		return Case{}, fault(ledger.Invalid, "give the time at which it came in", "it was received in the future")
	}
	if in.About != "" {
		if _, err := d.l.Get(ctx, in.About); err != nil {
			return Case{}, err
		}
	}
	doc := map[string]any{"challenge": drop(map[string]any{"kind": in.Kind, "status": "received", "regime": in.Regime,
		"received": in.Received.UTC().Format(time.RFC3339), "due": g.Answer.after(in.Received).Format(time.RFC3339), "text": in.Text})}
	if in.About != "" {
		doc["about"] = in.About
	}
	if in.Subject != nil {
		doc["subject"] = in.Subject
	}
	id, err := d.write(ctx, by, doc, nil)
	if err != nil {
		return Case{}, err
	}
	return d.Get(ctx, id)
}

// drop leaves out what is empty.
func drop(m map[string]any) map[string]any {
	for k, v := range m {
		if v == "" {
			delete(m, k)
		}
	}
	return m
}

// Acknowledge says that the person was told that it has come in.
func (d *Desk) Acknowledge(ctx context.Context, by By, id string) (Case, error) {
	return d.act(ctx, by, id, "acknowledge", func(c *Case) (map[string]any, error) {
		if c.Status != "received" {
			return nil, fault(ledger.Conflict, "counterfoil challenge show "+id+" says what was done", "it was acknowledged already")
		}
		return map[string]any{"status": "acknowledged"}, nil
	})
}

// Assign gives a case to somebody who took no part in the decision.
func (d *Desk) Assign(ctx context.Context, by By, id, to string) (Case, error) {
	if !record.ValidID(to) {
		return Case{}, fault(ledger.Invalid, "write a pseudonym such as person:lena", "%q is not a code", to)
	}
	return d.act(ctx, by, id, "assign", func(c *Case) (map[string]any, error) {
		if err := d.uninvolved(ctx, c, to); err != nil {
			return nil, err
		}
		return map[string]any{"status": "assigned", "assignee": to}, nil
	})
}

// Outcomes of a case.
var Outcomes = []string{"upheld", "overturned", "partly"}

// Resolve ends a case. Who does it is the assignee; overturned says that the
// decision did not stand, upheld that it did.
func (d *Desk) Resolve(ctx context.Context, by By, id, outcome, reason string) (Case, error) {
	if !slices.Contains(Outcomes, outcome) {
		return Case{}, fault(ledger.Invalid, "use one of: "+strings.Join(Outcomes, ", "), "%q is no outcome", outcome)
	}
	if strings.TrimSpace(reason) == "" {
		return Case{}, fault(ledger.Invalid, "say why; it is kept private", "a resolution needs a reason")
	}
	return d.act(ctx, by, id, "resolve", func(c *Case) (map[string]any, error) {
		if c.Assignee == "" {
			return nil, fault(ledger.Conflict, "counterfoil challenge assign "+id+" --to PERSON", "it is assigned to nobody")
		}
		if c.Assignee != by.Actor {
			return nil, fault(ledger.Forbidden, "assign it anew, to whoever resolves it", "it is assigned to %s", c.Assignee)
		}
		if err := d.uninvolved(ctx, c, by.Actor); err != nil {
			return nil, err
		}
		return map[string]any{"status": "resolved", "outcome": outcome, "reason": reason}, nil
	})
}

// Extend puts the answer off, where the regime allows it; the person must be
// told why.
func (d *Desk) Extend(ctx context.Context, by By, id, reason string) (Case, error) {
	if strings.TrimSpace(reason) == "" {
		return Case{}, fault(ledger.Invalid, "say why; it is kept private", "an extension needs a reason")
	}
	return d.act(ctx, by, id, "extend", func(c *Case) (map[string]any, error) {
		g := d.cfg.Regimes.find(c.Regime)
		if g == nil || g.Extend == nil {
			return nil, fault(ledger.Forbidden, "counterfoil challenge regimes shows which allow it", "the regime %q has no extension", c.Regime)
		}
		longest := g.Extend.after(g.Answer.after(c.Received))
		if !c.Due.Before(longest) {
			return nil, fault(ledger.Conflict, "", "it was put off already, to %s", c.Due.Format(time.DateOnly))
		}
		return map[string]any{"status": c.Status, "due": longest.Format(time.RFC3339), "reason": reason}, nil
	})
}

// Withdraw ends a case because the person wants nothing any more.
func (d *Desk) Withdraw(ctx context.Context, by By, id, reason string) (Case, error) {
	return d.act(ctx, by, id, "withdraw", func(*Case) (map[string]any, error) {
		return drop(map[string]any{"status": "withdrawn", "reason": reason}), nil
	})
}

// act writes the next record of a case.
func (d *Desk) act(ctx context.Context, by By, id, what string, next func(*Case) (map[string]any, error)) (Case, error) {
	c, err := d.Get(ctx, id)
	if err != nil {
		return c, err
	}
	if !c.open() {
		return c, fault(ledger.Conflict, "open a new case for what is new", "the challenge %s is %s", id, c.Status)
	}
	fields, err := next(&c)
	if e, ok := errors.AsType[*ledger.Error](err); ok && e.Code == ledger.Forbidden {
		note := d.l.Note(ctx, ledger.Access{Act: "challenge." + what, Actor: by.Actor, Principal: by.principal(), About: id, Denied: true, Count: 1})
		return c, errors.Join(err, note)
	}
	if err != nil {
		return c, err
	}
	fields["kind"] = c.Kind
	if _, err := d.write(ctx, by, map[string]any{"about": id, "challenge": fields}, &c); err != nil {
		return c, err
	}
	return d.Get(ctx, id)
}

// segmentSize is that of the index by what records are about: see the tables of
// package ledger.
const segmentSize = 65536

// write appends a record. If it is the next of a case, it is refused when
// somebody else has written one meanwhile.
func (d *Desk) write(ctx context.Context, by By, doc map[string]any, c *Case) (string, error) {
	r, err := ledger.NewRecord(d.l.Rules(), record.Challenge, d.cfg.Now(), doc)
	if err != nil {
		return "", fmt.Errorf("make challenge record: %w", err)
	}
	b := ledger.Batch{Records: []*record.Record{r}, Principal: by.principal(), Capture: "manual"}
	if c != nil {
		b.Also = func(ctx context.Context, tx *db.Tx, places []int64) error {
			for segment := c.last / segmentSize; segment <= places[0]/segmentSize; segment++ {
				var n int64
				err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM lookup WHERE idx / 65536 = ? AND about = ? AND type = 'challenge' AND idx > ? AND idx < ?`, segment, c.ID, c.last, places[0]).Scan(&n)
				if err != nil {
					return fmt.Errorf("look for other acts: %w", err)
				}
				if n > 0 {
					return fault(ledger.Conflict, "look at it again", "somebody else has just acted on the challenge %s", c.ID)
				}
			}
			return nil
		}
	}
	if _, err := d.l.Append(ctx, b); err != nil {
		if e, ok := errors.AsType[*ledger.RecordError](err); ok {
			err = e.Err
		}
		return "", err
	}
	return r.ID(), nil
}

// uninvolved refuses who took part in the decision: who acted on it or on what
// came before it, and who sent it.
func (d *Desk) uninvolved(ctx context.Context, c *Case, actor string) error {
	id := c.About
	for hops := 0; id != "" && hops < 10; hops++ {
		e, err := d.l.Get(ctx, id)
		if le, ok := errors.AsType[*ledger.Error](err); ok && le.Code == ledger.NotFound {
			return nil
		}
		if err != nil {
			return err
		}
		st, err := record.ParseStatement(e.Statement)
		if err != nil {
			return fmt.Errorf("read decision: %w", err)
		}
		p, err := d.l.List(ctx, ledger.Query{About: id, Type: string(record.Oversight), Limit: 1000})
		if err != nil {
			return err
		}
		part := st.Fields().Principal == actor
		for _, o := range p.Entries {
			var b struct {
				Oversight struct{ Actor string } `json:"oversight"`
			}
			if err := json.Unmarshal(o.Statement, &b); err != nil {
				continue // it is sealed
			}
			part = part || b.Oversight.Actor == actor
		}
		if part {
			return fault(ledger.Forbidden, "name somebody who took no part in it", "%s took part in the decision %s", actor, id)
		}
		id = st.Fields().About
	}
	return nil
}
