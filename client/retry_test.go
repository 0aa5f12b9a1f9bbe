// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/client"
)

// TestRetries sends the same again, byte for byte, while that may help.
func TestRetries(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		steps []http.HandlerFunc
		first time.Duration // the least first pause
	}{
		"at once":            {[]http.HandlerFunc{stored}, 0},
		"429":                {[]http.HandlerFunc{say(429, "7"), stored}, 7 * time.Second},
		"429 for an hour":    {[]http.HandlerFunc{say(429, "3600"), stored}, time.Minute},
		"429 with a date":    {[]http.HandlerFunc{say(429, "Fri, 31 Dec 1999 23:59:59 GMT"), stored}, 50 * time.Millisecond},
		"429 in the past":    {[]http.HandlerFunc{say(429, "-3"), stored}, 50 * time.Millisecond},
		"503":                {[]http.HandlerFunc{say(503, "5"), stored}, 5 * time.Second},
		"502 and 504":        {[]http.HandlerFunc{say(502, ""), say(504, ""), stored}, 50 * time.Millisecond},
		"dropped":            {[]http.HandlerFunc{drop, stored}, 50 * time.Millisecond},
		"cut":                {[]http.HandlerFunc{cut, stored}, 50 * time.Millisecond},
		"all sorts, 6 tries": {[]http.HandlerFunc{drop, say(503, ""), cut, say(429, "1"), say(502, ""), stored}, 50 * time.Millisecond},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			cl, p := play(t, appending(c.steps...))
			out, err := cl.Append(t.Context(), two())
			if err != nil || out.Size != 2 || out.Records[1].ID != "b" {
				t.Fatalf("%+v, %v", out, err)
			}
			if len(p.all) != len(c.steps)-1 {
				t.Fatalf("paused %v for %d steps", p.all, len(c.steps))
			}
			for _, d := range p.all {
				if d < 50*time.Millisecond || d > time.Minute {
					t.Errorf("paused %v", p.all)
				}
			}
			if len(p.all) > 0 && (p.all[0] < c.first || p.all[0] > c.first+5*time.Second) {
				t.Errorf("first paused %v, want %v", p.all[0], c.first)
			}
		})
	}
}

// TestGivesUp ends after six tries with what was wrong last.
func TestGivesUp(t *testing.T) {
	t.Parallel()
	busy := say(429, "1")
	cl, p := play(t, appending(busy, busy, busy, busy, busy, busy))
	_, err := cl.Append(t.Context(), two())
	if pr, ok := errors.AsType[*api.Problem](err); !ok || pr.Status != 429 || len(p.all) != 5 {
		t.Errorf("%v after %d pauses", err, len(p.all))
	}
	cl, _ = play(t, appending(drop, drop, drop, drop, drop, drop))
	_, err = cl.Append(t.Context(), two())
	if _, ok := errors.AsType[*api.Problem](err); ok || err == nil || !strings.HasPrefix(err.Error(), "send request: ") {
		t.Errorf("%v: what may have been stored is said to be refused", err)
	}
}

// TestRefused does not try again what will not mend, and hands on the problem.
func TestRefused(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 401, 403, 404, 409, 413, 415, 422, 500, 507} {
		cl, p := play(t, appending(say(status, "1")))
		_, err := cl.Append(t.Context(), two())
		pr, ok := errors.AsType[*api.Problem](err)
		if !ok || len(p.all) != 0 {
			t.Fatalf("%d: %v, paused %v", status, err, p.all)
		}
		if pr.Status != status || pr.Code != "x" || pr.Detail != "D" || pr.Hint != "do this" || len(pr.Errors) != 1 || pr.Errors[0].Pointer != "/1/time" || pr.Errors[0].Record != 1 || pr.Errors[0].Hint != "write it so" {
			t.Errorf("%d: %+v", status, pr)
		}
		if !strings.Contains(err.Error(), "/1/time: no time") {
			t.Errorf("%d: %q does not say where", status, err)
		}
	}
}

// TestStranger asks something that is no Counterfoil.
func TestStranger(t *testing.T) {
	t.Parallel()
	page := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(status)
			w.Write([]byte("<html>secret page</html>"))
		}
	}
	cl, _ := play(t, appending(page(404)))
	_, err := cl.Append(t.Context(), two())
	if pr, ok := errors.AsType[*api.Problem](err); !ok || pr.Status != 404 || pr.Code != "unexpected" || pr.Hint == "" || strings.Contains(err.Error(), "secret page") {
		t.Errorf("%v", err)
	}
	cl, _ = play(t, appending(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", api.ProblemType)
		w.WriteHeader(404)
		w.Write([]byte(`{"half":`))
	}))
	_, err = cl.Append(t.Context(), two())
	if pr, ok := errors.AsType[*api.Problem](err); !ok || pr.Code != "unexpected" {
		t.Errorf("%v", err)
	}
	for what, body := range map[string]string{"a page": "<html></html>", "nothing": "", "half": `{"checkpoint":`, "another": `[]`, "fewer": `{"checkpoint":"c","size":2,"records":[{"id":"a"}]}`} {
		cl, p := play(t, appending(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(body)) }))
		out, err := cl.Append(t.Context(), two())
		if _, ok := errors.AsType[*api.Problem](err); ok || err == nil || out != nil || len(p.all) != 0 {
			t.Errorf("%s: %+v, %v", what, out, err)
		}
	}
}

// TestCancel ends at once: before, while a request hangs, and in a pause.
func TestCancel(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	cl, _ := play(t, appending())
	if _, err := cl.Append(ctx, two()); !errors.Is(err, context.Canceled) {
		t.Errorf("before: %v", err)
	}

	ctx, cancel = context.WithCancel(t.Context())
	cl, p := play(t, appending(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}))
	if _, err := cl.Append(ctx, two()); !errors.Is(err, context.Canceled) || len(p.all) != 0 {
		t.Errorf("in a request: %v", err)
	}

	gone := errors.New("shutting down")
	ctx, stop := context.WithCancelCause(t.Context())
	busy := say(429, "60")
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { busy(w, r) }))
	defer srv.Close()
	hear := doer(func(r *http.Request) (*http.Response, error) {
		res, err := http.DefaultClient.Do(r)
		time.AfterFunc(20*time.Millisecond, func() { stop(gone) }) // within the minute of the real timer
		return res, err
	})
	cl, err := client.New(client.Config{URL: srv.URL, HTTP: hear})
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	_, err = cl.Append(ctx, two())
	if !errors.Is(err, gone) || time.Since(start) > 30*time.Second {
		t.Errorf("in a pause: %v", err)
	}
}

type doer func(*http.Request) (*http.Response, error)

// Do implements [client.Doer].
func (d doer) Do(r *http.Request) (*http.Response, error) { return d(r) }

// TestLines sends each record on one line, and nothing that would be several.
func TestLines(t *testing.T) {
	t.Parallel()
	cl, _ := play(t, appending(stored))
	if _, err := cl.Append(t.Context(), client.Batch{Records: [][]byte{[]byte("{\n  \"id\": \"a\"\r\n}\n"), []byte(`{"id":"b"}`)}}); err != nil {
		t.Error(err)
	}
	for what, bad := range map[string]string{"two": "{\"id\":\"a\"}\n{\"id\":\"b\"}", "none": "", "blank": " \n", "half": "{\n", "break in a string": "{\"id\":\"a\nb\"}"} {
		cl, _ := play(t, appending())
		_, err := cl.Append(t.Context(), client.Batch{Records: [][]byte{[]byte(`{"id":"a"}`), []byte(bad)}})
		if err == nil || !strings.Contains(err.Error(), "record 1") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "127.0.0.1:8780", "ftp://x", "http://", "http://%zz", "/v1"} {
		if _, err := client.New(client.Config{URL: bad}); err == nil || !strings.Contains(err.Error(), "http://127.0.0.1:8780") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
