// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/client"
)

// guarding is a server with a guard that can be away.
type guarding struct {
	mu       sync.Mutex
	away     bool     // guarded by mu
	policy   string   // guarded by mu
	recorded []string // guarded by mu
	polls    int      // guarded by mu
}

func (g *guarding) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.away {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	switch {
	case strings.HasSuffix(r.URL.Path, "/guard"):
		_ = json.NewEncoder(w).Encode(api.GuardAnswer{Verdict: api.RequireHuman, OnFailure: g.policy, Token: "t", Record: api.Placed{ID: "a", Status: api.Created}})
	case strings.HasSuffix(r.URL.Path, "/records"):
		body, _ := io.ReadAll(r.Body)
		out := api.Appended{}
		for line := range bytes.Lines(body) {
			g.recorded = append(g.recorded, string(bytes.TrimSpace(line)))
			out.Records = append(out.Records, api.Placed{Status: api.Created})
		}
		_ = json.NewEncoder(w).Encode(out)
	case strings.HasSuffix(r.URL.Path, "/outcome"):
		state := "waiting"
		if g.polls++; g.polls > 2 {
			state = "done"
		}
		fmt.Fprintf(w, `{"id":"a","state":%q,"act":"approve","token":"p"}`, state)
	}
}

func (g *guarding) set(away bool, policy string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.away, g.policy = away, policy
}

func attempt(id string) []byte {
	return fmt.Appendf(nil, `{"type":"decision","id":%q,"time":"2026-01-01T00:00:00Z","system":"s","decision":{"kind":"k","status":"requested"}}`, id)
}

// TestGuardAway closes until the server has said that the system is open, and
// records what nobody was asked about when the server is back.
func TestGuardAway(t *testing.T) {
	t.Parallel()
	g := &guarding{away: true}
	srv := httptest.NewServer(g)
	defer srv.Close()
	c, err := client.New(client.Config{URL: srv.URL, Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Guard(client.GuardConfig{OnFailure: "perhaps"}); err == nil {
		t.Error("a policy that is none was taken")
	}
	asks, err := c.Guard(client.GuardConfig{Gaps: 2})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(id string) *api.GuardAnswer {
		t.Helper()
		a, err := asks.Ask(t.Context(), attempt(id))
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	if a := ask("one"); !a.Away || a.Verdict != api.Deny {
		t.Errorf("before the server has said anything: %+v", a)
	}
	g.set(false, api.FailOpen)
	if a := ask("two"); a.Away || a.Verdict != api.RequireHuman || len(asks.Gaps()) != 0 {
		t.Errorf("the server answers: %+v, %d gaps", a, len(asks.Gaps()))
	}
	if len(g.recorded) != 1 || !strings.Contains(g.recorded[0], `"by":"client"`) || !strings.Contains(g.recorded[0], `"id":"one"`) {
		t.Errorf("the gap was recorded as %v", g.recorded)
	}
	g.set(true, "")
	for _, id := range []string{"three", "four", "four"} {
		if a := ask(id); !a.Away || a.Verdict != api.Allow {
			t.Errorf("a system that is open: %+v", a)
		}
	}
	if a := ask("five"); a.Verdict != api.Deny || len(a.Reasons) != 2 {
		t.Errorf("when too many wait: %+v", a)
	}
	g.set(false, "")
	if err := asks.Flush(t.Context()); err != nil || len(asks.Gaps()) != 0 || len(g.recorded) != 3 {
		t.Errorf("flushed: %v, %d recorded", err, len(g.recorded))
	}
	if _, err := asks.Ask(t.Context(), []byte(`no record`)); err == nil {
		t.Error("what is no record was asked about")
	}
}

// TestOutcome polls until people have decided.
func TestOutcome(t *testing.T) {
	t.Parallel()
	g := &guarding{}
	srv := httptest.NewServer(g)
	defer srv.Close()
	c, err := client.New(client.Config{URL: srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.Outcome(t.Context(), "a")
	if err != nil || out.Token != "p" || g.polls != 3 {
		t.Errorf("%+v after %d polls, %v", out, g.polls, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Outcome(ended, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("when nobody waits any more: %v", err)
	}
}

// TestVerifyWebhook takes what was signed, lately, and nothing else.
func TestVerifyWebhook(t *testing.T) {
	t.Parallel()
	const secret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"
	now := time.Unix(1700000000, 0)
	body := []byte(`{"type":"review.done"}`)
	sign := func(id, stamp string) http.Header {
		key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%s.%s", id, stamp, body)
		return http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {stamp}, "Webhook-Signature": {"v1,AAAA v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))}}
	}
	good := sign("msg_1", "1700000000")
	if err := client.VerifyWebhook(good, body, secret, now); err != nil {
		t.Error(err)
	}
	moved := good.Clone()
	moved.Set("webhook-id", "msg_2")
	for name, try := range map[string]func() error{
		"body":   func() error { return client.VerifyWebhook(good, append(body, ' '), secret, now) },
		"id":     func() error { return client.VerifyWebhook(moved, body, secret, now) },
		"old":    func() error { return client.VerifyWebhook(good, body, secret, now.Add(6*time.Minute)) },
		"secret": func() error { return client.VerifyWebhook(good, body, "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI0", now) },
		"none":   func() error { return client.VerifyWebhook(http.Header{}, body, secret, now) },
	} {
		if err := try(); !errors.Is(err, client.ErrWebhook) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
