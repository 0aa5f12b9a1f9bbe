// SPDX-License-Identifier: Apache-2.0

package mapping_test

import (
	"crypto/rand"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/counterfoil/counterfoil/record"
)

// TestAirlineCounts compares with the numbers in the data's README.
func TestAirlineCounts(t *testing.T) {
	t.Parallel()
	m := airlineMapping(t)
	kinds, types := map[string]int{}, map[string]int{}
	interactions, subjects := map[string]bool{}, map[string]bool{}
	escalated, rewarded := 0, 0
	for i, c := range airline(t) {
		_, bodies := records(t, m, c.line, i+1)
		for k, b := range bodies {
			types[b.Type]++
			interactions[b.Interaction.ID], subjects[b.Subject] = true, true
			if b.Source.Seq != k+1 || b.Interaction.Channel != "chat" || b.Clock == "" {
				t.Errorf("%s: seq %d of record %d, channel %q, clock %q", b.ID, b.Source.Seq, k+1, b.Interaction.Channel, b.Clock)
			}
			switch b.Type {
			case "decision":
				kinds[b.Decision.Kind]++
				if b.Decision.Outcome == "escalated" {
					escalated++
				}
			case "signal":
				rewarded += int(b.Signal.Value)
			}
		}
	}
	want := map[string]int{"get_reservation_details": 300, "search_direct_flight": 101, "get_user_details": 94, "calculate": 69, "think": 64,
		"update_reservation_flights": 60, "cancel_reservation": 60, "book_reservation": 48, "escalation": 37,
		"search_onestop_flight": 25, "update_reservation_baggages": 11, "send_certificate": 3, "list_all_airports": 2, "update_reservation_passengers": 2}
	for kind, n := range want {
		if kinds[kind] != n {
			t.Errorf("%d decisions of kind %s, want %d", kinds[kind], kind, n)
		}
	}
	if len(kinds) != len(want) || types["decision"] != 876 || types["step"] != 1027 || types["signal"] != 160 || len(types) != 3 {
		t.Errorf("types %v, %d kinds", types, len(kinds))
	}
	if len(interactions) != 160 || len(subjects) != 29 || escalated != 37 || rewarded != 64 {
		t.Errorf("%d interactions, %d customers, %d escalations, %d with reward 1", len(interactions), len(subjects), escalated, rewarded)
	}
}

// TestAirlineNothingLeftOut finds every message of every conversation again in
// the records of that conversation, in the place where it belongs.
func TestAirlineNothingLeftOut(t *testing.T) {
	t.Parallel()
	m := airlineMapping(t)
	all := airline(t)
	if len(all) == 0 {
		t.Fatal("no conversations")
	}
	found := map[string]int{}
	for i, c := range all {
		_, bodies := records(t, m, c.line, i+1)
		byID := map[string]body{}
		for _, b := range bodies {
			byID[b.ID] = b
			if b.Type == "step" && b.About == "" {
				t.Errorf("%s is about nothing", b.ID)
			}
		}
		for _, b := range bodies {
			if _, ok := byID[b.About]; b.About != "" && !ok {
				t.Errorf("%s is about %s, which does not exist", b.ID, b.About)
			}
		}
		for k, msg := range c.Messages {
			turn := byID[c.ID+"."+strconv.Itoa(k)]
			switch msg.Role {
			case "assistant":
				if msg.text() != "" && (len(turn.Outputs) != 1 || turn.Outputs[0].Value != msg.text()) {
					t.Errorf("%s: reply %d is not the output", c.ID, k)
				}
				for _, call := range msg.ToolCalls {
					s, kind := turn.Steps[len(turn.Steps)-1], call.Name
					if kind == "transfer_to_human_agents" {
						kind = "escalation"
					}
					if turn.Decision.Kind != kind || s.Tool != call.Name || s.CallID != call.ID || !sameJSON(t, s.Arguments, call.Arguments) {
						t.Errorf("%s: call %d is not in its decision: %.200v", c.ID, k, s)
					}
					if next := c.Messages[k+1]; next.Role != "tool" || !holds(t, s.Result, next.text()) {
						t.Errorf("%s: the result of call %d is not in its decision", c.ID, k)
					}
				}
			case "user", "tool":
				if !carried(t, c, bodies, byID, k) {
					t.Errorf("%s: %s message %d is in no record that follows", c.ID, msg.Role, k)
				}
			}
			found[msg.Role]++
		}
	}
	if found["user"] != 1187 || found["assistant"] != 1027+876 || found["tool"] != 876 {
		t.Errorf("messages: %v", found)
	}
}

// carried reports whether the user or tool message k is an input of the next
// turn of the agent, or stands with the conversation when there is none.
func carried(t *testing.T, c conversation, bodies []body, byID map[string]body, k int) bool {
	for n := k + 1; n < len(c.Messages); n++ {
		if c.Messages[n].Role != "assistant" {
			continue
		}
		for _, in := range byID[c.ID+"."+strconv.Itoa(n)].Inputs {
			if holds(t, in.Value, c.Messages[k].text()) {
				return true
			}
		}
		return false
	}
	if c.Messages[k].Role == "tool" {
		return c.Messages[k-1].ToolCalls != nil // its result stands in the decision, checked with the call
	}
	return slices.Contains(bodies[len(bodies)-1].Last, c.Messages[k].text())
}

// holds reports whether value is the text, or the JSON that the text holds.
func holds(t *testing.T, value json.RawMessage, content string) bool {
	t.Helper()
	if len(value) > 0 && value[0] == '"' {
		var s string
		return json.Unmarshal(value, &s) == nil && s == content
	}
	return sameJSON(t, value, content)
}

func sameJSON(t *testing.T, value json.RawMessage, content string) bool {
	t.Helper()
	a, err := record.Canonicalize(value)
	if err != nil {
		return false
	}
	b, err := record.Canonicalize([]byte(content))
	return err == nil && string(a) == string(b)
}

// TestAirlineStatements seals every record and looks for personal values in
// what stays public, and for statements that are too large.
func TestAirlineStatements(t *testing.T) {
	t.Parallel()
	m := airlineMapping(t)
	completion := record.Completion{Recorded: time.Unix(1_700_000_000, 0), Principal: "test", Capture: "import"}
	n := 0
	for i, c := range airline(t) {
		recs, bodies := records(t, m, c.line, i+1)
		secrets := map[string]bool{"example": true}
		for name := range strings.SplitSeq(c.Customer, "_") { // first name, last name, number
			secrets[name] = true
		}
		for _, msg := range c.Messages {
			for _, call := range msg.ToolCalls {
				secrets[strings.ToLower(strings.TrimPrefix(call.ID, "call_"))] = true
			}
		}
		for k, r := range recs {
			st, openings, err := r.Seal(completion, rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			n++
			public := strings.ToLower(withoutSeals(string(st.Bytes())))
			for word := range strings.FieldsFuncSeq(public, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
				if secrets[word] {
					t.Errorf("%s: the statement holds %q: %s", bodies[k].ID, word, public)
				}
			}
			if len(openings) == 0 || st.Fields().System != "airline-agent" || st.Fields().Interaction != c.ID {
				t.Errorf("%s: %d openings, fields %+v", bodies[k].ID, len(openings), st.Fields())
			}
			if want := "airline-policy@sha256-56c335801c16e26b"; bodies[k].Type != "signal" && st.Fields().Policy != want {
				t.Errorf("%s: policy %q, want %q", bodies[k].ID, st.Fields().Policy, want)
			}
		}
	}
	if n != 2063 {
		t.Errorf("%d statements, want 2063", n)
	}
}

// withoutSeals blanks the random text of seals.
func withoutSeals(s string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, `{"seal":"`)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		_, s, _ = strings.Cut(after, `"}`)
	}
}

// TestAirlineSame appends the same line twice and at another place.
func TestAirlineSame(t *testing.T) {
	t.Parallel()
	m := airlineMapping(t)
	for i, c := range airline(t)[:20] {
		a, err := m.Records(c.line, i+1)
		if err != nil {
			t.Fatal(err)
		}
		b, err := m.Records(c.line, 1000-i)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(a, b, func(x, y []byte) bool { return string(x) == string(y) }) {
			t.Errorf("%s: two readings differ", c.ID)
		}
	}
}
