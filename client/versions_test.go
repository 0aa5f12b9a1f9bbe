// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/client"
)

// shelf is a server of one version, which counts how often it is asked.
type shelf struct {
	content string
	away    bool
	gone    bool
	lies    bool
	asked   int
	same    int // answers that nothing has changed
}

func (s *shelf) Do(req *http.Request) (*http.Response, error) {
	s.asked++
	if s.away {
		return nil, errors.New("no route")
	}
	head := http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"private, max-age=60"}}
	answer := func(status int, v any) (*http.Response, error) {
		b, err := json.Marshal(v)
		return &http.Response{StatusCode: status, Header: head, Body: io.NopCloser(strings.NewReader(string(b))), Request: req}, err
	}
	if s.gone {
		head.Set("Content-Type", api.ProblemType)
		return answer(404, api.Problem{Code: "not_found", Status: 404})
	}
	sum := sha256.Sum256([]byte(s.content))
	digest := "sha256:" + hex.EncodeToString(sum[:])
	head.Set("ETag", `"1.`+digest+`"`)
	if req.Header.Get("If-None-Match") == head.Get("ETag") {
		s.same++
		return &http.Response{StatusCode: 304, Header: head, Body: http.NoBody, Request: req}, nil
	}
	v := api.Fetched{Kind: "prompt", Name: "reply", Version: "1", Digest: digest, Content: s.content}
	if s.lies {
		v.Content += "!"
	}
	return answer(200, v)
}

func TestVersionsAreKept(t *testing.T) {
	t.Parallel()
	s := &shelf{content: "Be kind."}
	now := time.Date(2026, 3, 3, 9, 0, 0, 0, time.UTC)
	c, err := client.New(client.Config{URL: "http://audit.example.com", HTTP: s})
	if err != nil {
		t.Fatal(err)
	}
	cfg := client.VersionsConfig{Folder: t.TempDir(), Now: func() time.Time { return now }}
	v, err := c.Versions(cfg)
	if err != nil {
		t.Fatal(err)
	}
	get := func(want string) *client.VersionInForce {
		t.Helper()
		got, err := v.Get(t.Context(), "prompt", "reply", "production")
		if err != nil || got.Content != want {
			t.Fatalf("got %+v, %v", got, err)
		}
		return got
	}
	get("Be kind.")
	now = now.Add(59 * time.Second)
	if got := get("Be kind."); s.asked != 1 || got.Age != 59*time.Second {
		t.Errorf("asked %d times, age %v", s.asked, got.Age)
	}
	now = now.Add(time.Second)
	if get("Be kind."); s.asked != 2 || s.same != 1 {
		t.Errorf("asked %d times, %d times the same", s.asked, s.same)
	}
	s.away, now = true, now.Add(time.Hour)
	if v, err = c.Versions(cfg); err != nil { // after a restart
		t.Fatal(err)
	}
	if got := get("Be kind."); got.Away == nil || got.Age != time.Hour {
		t.Errorf("away: %+v", got)
	}
	s.away, s.content = false, "Be brief."
	get("Be brief.")
	s.lies, s.content, now = true, "Be loud.", now.Add(time.Hour)
	if got := get("Be brief."); got.Away == nil {
		t.Error("a content of another digest was taken")
	}
	s.gone = true
	if _, err := v.Get(t.Context(), "prompt", "reply", "production"); err == nil {
		t.Error("what is in force no more was returned")
	}
	s.away = true
	if _, err := v.Get(t.Context(), "prompt", "reply", "production"); err == nil {
		t.Error("what is in force no more was kept")
	}
}
