// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/internal/reconstruct"
	"github.com/counterfoil/counterfoil/internal/replay"
)

// TestStory tells of a decision and its interaction, with and without values.
func TestStory(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	r.post(decision("s1", `"interaction":{"id":"int-1"}`)).want(201)
	r.post(decision("s2", `"interaction":{"id":"int-1"}`)).want(201)
	r.post(`{"type":"finding","id":"f1","time":"2026-03-03T10:00:00Z","about":"s1","finding":{"code":"c","status":"open"}}`).want(201)
	plain := r.get(records + "/f1/story").want(200)
	s := into[reconstruct.Story](plain)
	if s.Root != "s1" || len(s.Events) != 3 || strings.Contains(string(plain.body), secret) || s.Count(reconstruct.Withheld) != 4 {
		t.Errorf("the story: %+v", s)
	}
	r.get(records+"/s1/story?disclose=/subject").problem(400, "bad_parameter")
	r.get(records+"/nobody/story").problem(404, "not_found")
	r.get("/v1/ledgers/main/journeys/nobody").problem(404, "not_found")
	opened := into[reconstruct.Story](r.do("GET", records+"/s1/story?disclose=all", nil, "Counterfoil-Purpose", "complaint").want(200))
	if opened.Count(reconstruct.Disclosed) != 4 {
		t.Errorf("%d values disclosed", opened.Count(reconstruct.Disclosed))
	}
	if j := into[reconstruct.Story](r.get("/v1/ledgers/main/journeys/int-1").want(200)); j.Root != "" || len(j.Events) != 5 { // with two access records
		t.Errorf("the journey has %d events", len(j.Events))
	}
	r.audit()
}

// TestReplay runs a decision again over HTTP: an act with a purpose.
func TestReplay(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	r.post(decision("s1")).want(201)
	r.post(`{"type":"finding","id":"f1","time":"2026-03-03T10:00:00Z","about":"s1","finding":{"code":"c","status":"open"}}`).want(201)
	r.get(records+"/nobody/replay").problem(404, "not_found")
	r.get(records+"/s1/replay").problem(400, "purpose")
	if again := into[replay.Result](r.do("GET", records+"/s1/replay", nil, "Counterfoil-Purpose", "audit").want(200)); again.Faithful || len(again.Controls) != 0 || again.Record != "s1" {
		t.Errorf("nothing was in force, and the replay says %+v", again)
	}
	r.do("GET", records+"/f1/replay", nil, "Counterfoil-Purpose", "audit").problem(400, "invalid")
	r.audit()
}
