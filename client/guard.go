// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/counterfoil/counterfoil/api"
)

// GuardConfig says how to ask before an act.
type GuardConfig struct {
	// OnFailure is what to do when the server can not be asked, until it has said
	// what a system wants: [api.FailClosed] or [api.FailOpen]. Default: closed.
	OnFailure string
	// Patience is how long an answer is waited for. Default: 2 seconds.
	Patience time.Duration
	// Gaps is how many attempts that nobody was asked about are kept in memory
	// until they are recorded. When there are more, Ask answers as if it were
	// closed: nothing goes ahead that could not be recorded. Default: 10,000.
	Gaps int
}

// Guard asks the server whether a decision may be made, and knows what to do
// when it is away. It is safe for concurrent use.
type Guard struct {
	c   *Client
	cfg GuardConfig

	mu      sync.Mutex        // guards all below
	policy  map[string]string // system → what it does on failure
	gaps    map[string][]byte // attempts to record, by id
	sending bool
}

// Guard returns a guard that asks by this client.
func (c *Client) Guard(cfg GuardConfig) (*Guard, error) {
	switch cfg.OnFailure {
	case "":
		cfg.OnFailure = api.FailClosed
	case api.FailClosed, api.FailOpen:
	default:
		return nil, fmt.Errorf("client: OnFailure %q is neither %s nor %s", cfg.OnFailure, api.FailOpen, api.FailClosed)
	}
	if cfg.Patience <= 0 {
		cfg.Patience = 2 * time.Second
	}
	if cfg.Gaps <= 0 {
		cfg.Gaps = 10000
	}
	return &Guard{c: c, cfg: cfg, policy: map[string]string{}, gaps: map[string][]byte{}}, nil
}

// attempt is what the guard must know of a record.
type attempt struct {
	ID     string `json:"id"`
	System string `json:"system"`
}

// Ask asks whether a decision may be made: a record of type decision with the
// status requested. When the server can not be asked, the answer has Away set,
// and its verdict is allow for a system that fails open, deny for another; the
// attempt is recorded when the server is back. An error means that the record is
// wrong, and nothing may go ahead.
func (g *Guard) Ask(ctx context.Context, record []byte) (*api.GuardAnswer, error) {
	var a attempt
	if err := json.Unmarshal(record, &a); err != nil {
		return nil, fmt.Errorf("ask guard: the attempt is no record with an id: %w", err)
	}
	body, err := lines([][]byte{record})
	if err != nil {
		return nil, err
	}
	asking, cancel := context.WithTimeout(ctx, g.cfg.Patience)
	defer cancel()
	var out api.GuardAnswer
	err = g.c.json(asking, http.MethodPost, "/guard", body, &out)
	if err == nil {
		g.mu.Lock()
		if out.OnFailure != "" {
			g.policy[a.System] = out.OnFailure
		}
		g.mu.Unlock()
		_ = g.Flush(ctx) // what is left is sent another time
		return &out, nil
	}
	if p, ok := errors.AsType[*api.Problem](err); ok && p.Status < 500 && p.Status != http.StatusTooManyRequests {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("ask guard: %w", context.Cause(ctx))
	}
	return g.away(a, record)
}

// away decides without the server.
func (g *Guard) away(a attempt, record []byte) (*api.GuardAnswer, error) {
	gap, err := gapRecord(record)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	how := g.cfg.OnFailure
	if p := g.policy[a.System]; p != "" {
		how = p
	}
	out := &api.GuardAnswer{Verdict: api.Deny, OnFailure: how, Away: true, Record: api.Placed{ID: a.ID, Index: -1}, Controls: []api.GuardControl{},
		Reasons: []api.GuardReason{{Code: "guard_away", Severity: "high", Message: "The guard could not be asked; the system is set to " + how + "."}}}
	if _, known := g.gaps[a.ID]; !known && len(g.gaps) >= g.cfg.Gaps {
		out.Reasons = append(out.Reasons, api.GuardReason{Code: "guard_gaps_full", Severity: "high", Message: "Too many attempts wait to be recorded."})
		return out, nil
	}
	g.gaps[a.ID] = gap
	if how == api.FailOpen {
		out.Verdict = api.Allow
	}
	return out, nil
}

// gapRecord notes in an attempt that the guard was not asked.
func gapRecord(record []byte) ([]byte, error) {
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(record, &doc); err != nil {
		return nil, fmt.Errorf("note gap: %w", err)
	}
	var controls []json.RawMessage
	if raw := doc["controls"]; raw != nil {
		if err := json.Unmarshal(raw, &controls); err != nil {
			return nil, fmt.Errorf("note gap: %w", err)
		}
	}
	controls = append(controls, json.RawMessage(`{"id":"guard","result":"error","by":"client"}`))
	var err error
	if doc["controls"], err = json.Marshal(controls); err != nil {
		return nil, fmt.Errorf("note gap: %w", err)
	}
	return json.Marshal(doc)
}

// Gaps lists the attempts that nobody was asked about and that are not recorded
// yet, for a caller that is about to end and wants to keep them.
func (g *Guard) Gaps() [][]byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := make([][]byte, 0, len(g.gaps))
	for _, id := range slices.Sorted(maps.Keys(g.gaps)) {
		out = append(out, g.gaps[id])
	}
	return out
}

// Flush records the attempts that nobody was asked about. Each successful Ask
// does so, too; a caller that ends calls it last.
func (g *Guard) Flush(ctx context.Context) error {
	g.mu.Lock()
	if g.sending || len(g.gaps) == 0 {
		g.mu.Unlock()
		return nil
	}
	g.sending = true
	g.mu.Unlock()
	err := g.flush(ctx)
	g.mu.Lock()
	g.sending = false
	g.mu.Unlock()
	return err
}

func (g *Guard) flush(ctx context.Context) error {
	g.mu.Lock()
	ids := slices.Sorted(maps.Keys(g.gaps))
	ids = ids[:min(len(ids), 500)]
	b := Batch{Partial: true}
	for _, id := range ids {
		b.Records = append(b.Records, g.gaps[id])
	}
	g.mu.Unlock()
	res, err := g.c.Append(ctx, b)
	if err != nil {
		return fmt.Errorf("record gaps: %w", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	var refused []error
	for i, r := range res.Records {
		if r.Status == api.Refused && r.Problem != nil && r.Problem.Status >= 500 {
			continue
		}
		delete(g.gaps, ids[i]) // stored, or never will be
		if r.Status == api.Refused && (r.Problem == nil || r.Problem.Code != "conflict") {
			refused = append(refused, fmt.Errorf("attempt %s was refused: %w", ids[i], r.Problem))
		}
	}
	return errors.Join(refused...)
}
