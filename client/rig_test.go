// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/client"
	"github.com/counterfoil/counterfoil/internal/app"
)

// pauses are how long a client would have waited.
type pauses struct {
	mu  sync.Mutex
	all []time.Duration
}

func (p *pauses) wait(ctx context.Context, d time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, d)
	return ctx.Err()
}

// script is a strict server: each request must be the one that is expected, and
// is answered with the next step. A request after the last step fails the test.
type script struct {
	t            *testing.T
	method, path string // with the query
	body         string
	steps        []http.HandlerFunc

	mu   sync.Mutex
	next int // guarded by mu
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Error(err)
	}
	if r.Method != s.method || r.URL.RequestURI() != s.path || string(b) != s.body {
		s.t.Errorf("got %s %s %q, want %s %s %q", r.Method, r.URL.RequestURI(), b, s.method, s.path, s.body)
	}
	if media := r.Header.Get("Content-Type"); r.Method == http.MethodPost && media != "application/x-ndjson" {
		s.t.Errorf("content type %q", media)
	}
	s.mu.Lock()
	n := s.next
	s.next++
	s.mu.Unlock()
	if n >= len(s.steps) {
		s.t.Errorf("request %d is one too many", n+1)
		n = len(s.steps) - 1
	}
	s.steps[n](w, r)
}

// play makes a client of a script.
func play(t *testing.T, s *script) (*client.Client, *pauses) {
	t.Helper()
	s.t = t
	srv := httptest.NewServer(s)
	t.Cleanup(func() {
		srv.Close()
		if s.next != len(s.steps) {
			t.Errorf("%d of %d steps were played", s.next, len(s.steps))
		}
	})
	p := &pauses{}
	c, err := client.New(client.Config{URL: srv.URL + "/", Wait: p.wait})
	if err != nil {
		t.Fatal(err)
	}
	return c, p
}

// appending is the script of two records.
func appending(steps ...http.HandlerFunc) *script {
	return &script{method: http.MethodPost, path: "/v1/ledgers/main/records", body: `{"id":"a"}` + "\n" + `{"id":"b"}`, steps: steps}
}

func two() client.Batch {
	return client.Batch{Records: [][]byte{[]byte(`{"id":"a"}`), []byte(`{"id":"b"}`)}}
}

func stored(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprint(w, `{"checkpoint":"c","size":2,"records":[{"id":"a","index":0,"status":"created"},{"id":"b","index":1,"status":"created"}]}`)
}

// say answers a problem document.
func say(status int, retryAfter string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.Header().Set("Content-Type", api.ProblemType+"; charset=utf-8")
		w.WriteHeader(status)
		b, _ := json.Marshal(api.Problem{Type: "/problems/x", Title: "T", Status: status, Code: "x", Detail: "D", Hint: "do this",
			Errors: []api.Fault{{Record: 1, Pointer: "/1/time", Code: "bad_value", Detail: "no time", Hint: "write it so"}}})
		w.Write(b)
	}
}

// drop takes the request and hangs up; cut hangs up within the answer.
func drop(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func cut(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	io.WriteString(w, `{"checkpoint":`)
}

// serve runs a whole Counterfoil on loopback, with one ledger.
func serve(t *testing.T) (url string) {
	t.Helper()
	store := app.Store{Data: t.TempDir()}
	if err := store.Create(t.Context(), "main", "example.com/client", ""); err != nil {
		t.Fatal(err)
	}
	a, err := app.New(t.Context(), app.Options{Store: store, Config: app.Config{Listen: "127.0.0.1:0"}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := a.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
	return "http://" + a.Addr().String()
}
