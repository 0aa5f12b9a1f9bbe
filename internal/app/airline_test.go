// SPDX-License-Identifier: Apache-2.0

package app_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/app"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/registry"
)

// airlineData is a file of the shared data folder, which is not part of the
// repository.
func airlineData(t *testing.T, name string) []byte {
	t.Helper()
	dir := os.Getenv("COUNTERFOIL_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	b, err := os.ReadFile(filepath.Join(dir, "data", name))
	if err != nil {
		if os.Getenv(dbtest.Require) != "" {
			t.Fatalf("the shared data is missing: %v", err)
		}
		t.Skipf("the shared data is missing (set COUNTERFOIL_SHARED to its folder): %v", err)
	}
	return b
}

// change is one call of a tool that changes the booking database.
type change struct {
	id, tool    string
	arguments   map[string]any
	reservation map[string]any // as it was read last before; nil: never
	lastWords   string         // of the person
}

// changing are the tools that update the booking database.
var changing = []string{"book_reservation", "cancel_reservation", "send_certificate", "update_reservation_baggages", "update_reservation_flights", "update_reservation_passengers"}

// changes reads the conversations.
func changes(t *testing.T) []change {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(airlineData(t, "airline-agent.ndjson.gz")))
	if err != nil {
		t.Fatal(err)
	}
	var out []change
	conversations := 0
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 8<<20)
	for lines.Scan() {
		var c struct {
			ID       string `json:"conversation_id"`
			Messages []struct {
				Role      string
				Content   *string
				ToolCalls []struct{ Name, Arguments string } `json:"tool_calls"`
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		conversations++
		read, words := map[string]map[string]any{}, ""
		for n, m := range c.Messages {
			switch {
			case m.Role == "user" && m.Content != nil:
				words = *m.Content
			case m.Role == "tool" && m.Content != nil:
				var v map[string]any
				if json.Unmarshal([]byte(*m.Content), &v) == nil && v["reservation_id"] != nil {
					read[fmt.Sprint(v["reservation_id"])] = v
				}
			}
			for i, call := range m.ToolCalls {
				if !slices.Contains(changing, call.Name) {
					continue
				}
				ch := change{id: fmt.Sprintf("%s-m%d-%d", c.ID, n, i), tool: call.Name, lastWords: words}
				if err := json.Unmarshal([]byte(call.Arguments), &ch.arguments); err != nil {
					t.Fatal(err)
				}
				ch.reservation = read[fmt.Sprint(ch.arguments["reservation_id"])]
				out = append(out, ch)
			}
		}
	}
	if lines.Err() != nil || conversations != 160 {
		t.Fatalf("%d conversations, %v", conversations, lines.Err())
	}
	return out
}

func (c *change) record(n int) map[string]any {
	inputs := []any{map[string]any{"name": "last_words", "source": "chat", "origin": "provided", "value": c.lastWords}}
	if c.reservation != nil {
		inputs = append(inputs, map[string]any{"name": "reservation", "source": "booking", "origin": "observed", "value": c.reservation})
	}
	return map[string]any{"type": "decision", "id": c.id, "time": time.Date(2026, 5, 15, 15, 0, n, 0, time.UTC).Format(time.RFC3339), "system": "airline-agent",
		"decision": map[string]any{"kind": c.tool, "status": "made"}, "versions": map[string]any{"policy": []string{"airline-policy@1"}}, "inputs": inputs,
		"steps": []any{map[string]any{"op": "execute_tool", "tool": c.tool, "side_effect": "irreversible", "arguments": c.arguments}}}
}

var consent = regexp.MustCompile(`(?i)\b(yes|confirm|confirmed|go ahead|proceed|please do|correct|sure|okay|ok|that works|sounds good|looks good|let[^a-z]s go with|make that change|agree)\b`)

// fails judges by hand what the controls judge by expressions.
func (c *change) fails() (out []string) {
	if c.tool == "update_reservation_flights" && c.reservation != nil && c.reservation["cabin"] == "basic_economy" {
		flights := func(v any) []string {
			var out []string
			for _, f := range v.([]any) {
				out = append(out, fmt.Sprint(f.(map[string]any)["flight_number"], f.(map[string]any)["date"]))
			}
			slices.Sort(out)
			return out
		}
		if !slices.Equal(flights(c.arguments["flights"]), flights(c.reservation["flights"])) {
			out = append(out, "basic-economy-unchanged")
		}
	}
	if c.tool == "cancel_reservation" && c.reservation != nil && c.reservation["cabin"] != "business" && c.reservation["insurance"] != "yes" {
		booked, err := time.Parse("2006-01-02T15:04:05", fmt.Sprint(c.reservation["created_at"]))
		if err != nil || time.Date(2024, 5, 15, 15, 0, 0, 0, time.UTC).Sub(booked) > 24*time.Hour {
			out = append(out, "cancellation-allowed")
		}
	}
	if !consent.MatchString(c.lastWords) {
		out = append(out, "confirmed-before-update")
	}
	return out
}

// office speaks the API of a ledger as several people.
type officeHand struct {
	*testing.T
	l *app.Local
}

func (o *officeHand) call(actor, method, path string, in, out any) {
	o.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		o.Fatal(err)
	}
	req := httptest.NewRequest(method, "http://localhost/v1/ledgers/main"+path, bytes.NewReader(body))
	req.Header.Set("Counterfoil-Actor", actor)
	if method == "POST" {
		req.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	o.l.ServeHTTP(w, req)
	if w.Code >= 300 {
		o.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	if out != nil {
		if err := json.Unmarshal(w.Body.Bytes(), out); err != nil {
			o.Fatal(err)
		}
	}
}

// inForce proposes a version as one person, approves and promotes it as another.
func (o *officeHand) inForce(kind, name, version string, content []byte) {
	o.Helper()
	var v registry.Version
	o.call("person:ann", "POST", "/versions", api.NewVersion{Kind: kind, Name: name, Version: version, Content: string(content)}, &v)
	one := "/versions/" + kind + "/" + name + "/" + version
	o.call("person:bob", "POST", one+"/verdict", api.VersionVerdict{Approve: true, Digest: v.Digest}, nil)
	o.call("person:bob", "POST", one+"/promote", api.Promotion{Environment: "production"}, nil)
}

func (o *officeHand) found(query string) int64 {
	o.Helper()
	var f api.Found
	o.call("person:gov", "GET", "/search?q="+strings.NewReplacer(" ", "%20", "=", "%3D").Replace(query), nil, &f)
	return f.Total
}

// TestAirline runs three controls made of an airline's policy over what its
// agent did in 160 conversations, and counts by hand.
func TestAirline(t *testing.T) {
	t.Parallel()
	all := changes(t)
	s := app.Store{Data: t.TempDir()}
	create(t, s, "main")
	l, err := s.OpenLocal(t.Context(), "main", "test", slog.New(slog.DiscardHandler), app.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	o := &officeHand{t, l}
	o.call("person:ann", "POST", "/systems", api.Describe{Name: "airline-agent", Kind: "system", Description: "owner: {person: 'person:ann', team: airline-care}\nrole: deployer\npurpose: changes bookings\nrisk: limited\n"}, nil)
	o.call("person:bob", "POST", "/systems/airline-agent/status", api.SystemStatus{Status: "in_service"}, nil)
	o.inForce("policy", "airline-policy", "1", airlineData(t, "airline-policy.md"))
	names := []string{"basic-economy-unchanged", "cancellation-allowed", "confirmed-before-update"}
	texts := map[string][]byte{}
	for _, name := range names {
		if texts[name], err = os.ReadFile("../../examples/airline-controls/" + name + ".yaml"); err != nil {
			t.Fatal(err)
		}
		o.inForce("control", name, "1", texts[name])
	}
	var batch []any
	want, cancelled := map[string]int64{}, 0
	for i := range all {
		batch = append(batch, all[i].record(i))
		for _, name := range all[i].fails() {
			want[name]++
		}
		if all[i].tool == "cancel_reservation" {
			cancelled++
		}
	}
	o.call("key:airline", "POST", "/records", batch, nil)
	for _, name := range names {
		have := o.found("type:decision failed:" + name)
		t.Logf("%s: %d of %d changes", name, have, len(all))
		if have != want[name] || have == 0 {
			t.Errorf("%s: %d decisions fail, counted by hand %d", name, have, want[name])
		}
		if n := o.found("type:finding finding.control:" + name + "@1"); n != have {
			t.Errorf("%s: %d findings for %d failures", name, n, have)
		}
	}
	if n := o.found("finding:version_*"); n != 0 {
		t.Errorf("%d findings about versions: the policy is in force", n)
	}

	// A stricter rule is proposed, tried, promoted, and rolled back.
	strict := bytes.Replace(texts["cancellation-allowed"], []byte("free: 24h"), []byte("free: 1h"), 1)
	strict = bytes.Replace(strict, []byte(`created_at: "2024-05-15T08:00:00"`), []byte(`created_at: "2024-05-15T14:30:00"`), 1)
	var tried api.BacktestResult
	o.call("person:gov", "POST", "/controls/backtest", api.Backtest{Document: string(strict)}, &tried)
	t.Logf("stricter: %+v, was %v, changed %d", tried.Results, tried.Before, tried.ChangedCount)
	if tried.Decisions != len(all) || tried.Against != "cancellation-allowed@1" || int64(tried.Before["fail"]) != want["cancellation-allowed"] ||
		tried.Results["fail"]-tried.Before["fail"] != tried.ChangedCount || tried.Results["fail"]+tried.Results["pass"] > cancelled {
		t.Errorf("back-tested: %+v", tried)
	}
	o.inForce("control", "cancellation-allowed", "2", strict)
	o.call("person:bob", "POST", "/versions/control/cancellation-allowed/rollback", api.Rollback{Environment: "production", Reason: "too strict"}, nil)
	var history struct {
		Items []struct{ Act, Version string } `json:"items"`
	}
	o.call("person:gov", "GET", "/register/acts?kind=control&name=cancellation-allowed", nil, &history)
	var acts []string
	for _, a := range history.Items {
		acts = append(acts, strings.TrimPrefix(a.Act, "version.")+" "+a.Version)
	}
	if want := "add 1, approve 1, promote 1, add 2, approve 2, promote 2, rollback 1"; strings.Join(acts, ", ") != want {
		t.Errorf("the history is %v, want %s", acts, want)
	}
}
