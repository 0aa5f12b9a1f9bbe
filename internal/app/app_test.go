// SPDX-License-Identifier: Apache-2.0

package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/internal/app"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

// told is a log that a test reads.
type told struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *told) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *told) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// stopped lists the steps of the stop, in their order.
func (l *told) stopped(t *testing.T) (steps []string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range bytes.Lines(l.b.Bytes()) {
		var m struct{ Msg, Step string }
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatal(err)
		}
		if m.Msg == "stopped" {
			steps = append(steps, m.Step)
		}
	}
	return steps
}

// start runs a server of a store. stop ends it and wants a clean end.
func start(t *testing.T, s app.Store, cfg app.Config) (a *app.App, log *told, stop func()) {
	t.Helper()
	log = &told{}
	cfg.Listen = "127.0.0.1:0"
	a, err := app.New(t.Context(), app.Options{Store: s, Config: cfg, Logger: log.logger()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := a.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	stop = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
	})
	t.Cleanup(stop)
	return a, log, stop
}

func decision(id string) string {
	return fmt.Sprintf(`{"type":"decision","id":%q,"time":"2026-03-03T09:12:44.120Z","system":"refund-agent","decision":{"kind":"refund","status":"made","outcome":"denied"}}`, id)
}

func do(t *testing.T, req *http.Request) (int, string) {
	t.Helper()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func request(t *testing.T, method, url string, body io.Reader) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req
}

func TestListenAddress(t *testing.T) {
	t.Parallel()
	s := app.Store{Data: t.TempDir()}
	create(t, s, "main")
	logger := slog.New(slog.DiscardHandler)
	for _, addr := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.7:0", "example.com:0", "127.0.0.1", "localhost.example.com:0", "x"} {
		_, err := app.New(t.Context(), app.Options{Store: s, Config: app.Config{Listen: addr}, Logger: logger})
		refused(t, err, ledger.Invalid, addr)
	}
	_, err := app.New(t.Context(), app.Options{Store: s, Config: app.Config{Listen: "0.0.0.0:0"}, Logger: logger})
	refused(t, err, ledger.Invalid, "--open")
	for _, cfg := range []app.Config{{Listen: "127.0.0.1:0"}, {Listen: "localhost:0"}, {Listen: "127.9.9.9:0"}, {Listen: "0.0.0.0:0", InsecureListen: true}} {
		a, err := app.New(t.Context(), app.Options{Store: s, Config: cfg, Logger: logger})
		if err != nil {
			t.Fatalf("%+v: %v", cfg, err)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, addr := range []string{"0.0.0.0:0", ":6060", "example.com:1", "6060"} {
		_, err := app.New(t.Context(), app.Options{Store: s, Config: app.Config{Listen: "127.0.0.1:0", Debug: addr}, Logger: logger})
		refused(t, err, ledger.Invalid, "debug", addr)
	}
}

// TestNewFails undoes what was done: nothing stays locked or bound.
func TestNewFails(t *testing.T) {
	t.Parallel()
	s := app.Store{Data: t.TempDir()}
	logger := slog.New(slog.DiscardHandler)
	_, err := app.New(t.Context(), app.Options{Store: s, Logger: logger})
	refused(t, err, ledger.NotFound, "counterfoil init")
	_, err = app.New(t.Context(), app.Options{Store: app.Store{Data: s.Data + "/typo"}, Logger: logger})
	refused(t, err, ledger.NotFound, "counterfoil init")
	if _, err := app.New(t.Context(), app.Options{Store: s}); err == nil || !strings.Contains(err.Error(), "Logger is required") {
		t.Errorf("no logger: %v", err)
	}
	create(t, s, "alpha", "beta")
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if _, err := app.New(t.Context(), app.Options{Store: s, Config: app.Config{Listen: taken.Addr().String()}, Logger: logger}); err == nil || !strings.Contains(err.Error(), "listen") {
		t.Errorf("a taken port: %v", err)
	}
	o, err := s.Open(t.Context(), "beta", true, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = app.New(t.Context(), app.Options{Store: s, Config: app.Config{Listen: "127.0.0.1:0"}, Logger: logger})
	refused(t, err, ledger.Locked, `"beta"`)
	if err := o.Close(); err != nil {
		t.Error(err)
	}
	start(t, s, app.Config{}) // all of it is free
}

// TestRun serves several ledgers and stops in the reverse order.
func TestRun(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s app.Store) {
		create(t, s, "alpha", "beta")
		a, log, stop := start(t, s, app.Config{Debug: "127.0.0.1:0"})
		base := "http://" + a.Addr().String()
		for i, name := range []string{"alpha", "beta"} {
			status, body := do(t, request(t, "POST", base+"/v1/ledgers/"+name+"/records", strings.NewReader(decision(fmt.Sprint("r", i)))))
			if status != 201 && status != 200 {
				t.Fatalf("%d %s", status, body)
			}
			// A commit is counted after its answer and before the next one: the same
			// record again makes sure of it, and counts none.
			if status, body = do(t, request(t, "POST", base+"/v1/ledgers/"+name+"/records", strings.NewReader(decision(fmt.Sprint("r", i))))); status != 200 {
				t.Fatalf("again: %d %s", status, body)
			}
			if status, body = do(t, request(t, "GET", base+"/v1/ledgers/"+name+"/trust", nil)); status != 200 || !strings.Contains(body, "log counterfoil.local/"+name) {
				t.Errorf("%d %s", status, body)
			}
		}
		if status, body := do(t, request(t, "GET", base+"/readyz", nil)); status != 200 {
			t.Errorf("%d %s", status, body)
		}
		if _, body := do(t, request(t, "GET", base+"/metrics", nil)); !strings.Contains(body, `counterfoil_records_total{ledger="beta"} 1`) {
			t.Errorf("%s", body)
		}
		if !slices.Equal(a.Names(), []string{"alpha", "beta"}) {
			t.Error(a.Names())
		}
		stop()
		want := []string{"API server", "command socket", "debug server", "retention of beta", "search index of beta", "reviews of beta", "guard of beta", "retention of alpha", "search index of alpha", "reviews of alpha", "guard of alpha", "publisher of beta", "committer of beta", "publisher of alpha", "committer of alpha", "debug listener", "socket", "listener", "ledger beta", "ledger alpha", "alarms"}
		if s.Socket() == "" { // a database has none
			want = slices.DeleteFunc(want, func(step string) bool { return step == "command socket" || step == "socket" })
		}
		if got := log.stopped(t); !slices.Equal(got, want) {
			t.Errorf("stopped %q, want %q", got, want)
		}
		start(t, s, app.Config{}) // nothing is locked
	})
}

// TestDrain stops the server while a request is half sent: it is finished,
// stored and answered, new ones are not taken, and the stop is clean.
func TestDrain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s app.Store) {
		create(t, s, "main")
		a, _, stop := start(t, s, app.Config{})
		const n = 5
		reading := make(chan struct{}, n)
		transport := &http.Transport{ExpectContinueTimeout: time.Minute}
		defer transport.CloseIdleConnections()
		var bodies []*io.PipeWriter
		answers := make(chan string, n)
		for range n {
			r, w := io.Pipe()
			bodies = append(bodies, w)
			req := request(t, "POST", "http://"+a.Addr().String()+"/v1/ledgers/main/records", r)
			req.Header.Set("Expect", "100-continue") // the server says when it reads
			req = req.WithContext(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got100Continue: func() { reading <- struct{}{} }}))
			go func() {
				res, err := transport.RoundTrip(req)
				if err != nil {
					answers <- err.Error()
					return
				}
				defer res.Body.Close()
				b, err := io.ReadAll(res.Body)
				answers <- fmt.Sprint(res.StatusCode/100, " ", string(b), err)
			}()
		}
		for range n {
			<-reading
		}
		stopped := make(chan struct{})
		go func() { stop(); close(stopped) }()
		closed(t, a.Addr().String())
		select {
		case <-stopped:
			t.Error("stopped over requests in flight")
		default:
		}
		for i, w := range bodies {
			if _, err := io.WriteString(w, decision(fmt.Sprint("late-", i))); err != nil {
				t.Fatal(err)
			}
			w.Close()
		}
		for range n {
			if got := <-answers; !strings.HasPrefix(got, "2 ") || !strings.Contains(got, `"status":"created"`) {
				t.Errorf("answered %s", got)
			}
		}
		<-stopped
		o, err := s.Open(t.Context(), "main", false, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer o.Close()
		if size, err := o.Ledger.Size(t.Context()); err != nil || size != n {
			t.Errorf("size %d, %v", size, err)
		}
	})
}

// closed waits until nobody listens any more.
func closed(t *testing.T, addr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err != nil {
			return
		}
		c.Close()
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("still listening")
		}
	}
}

// TestPartFails ends Run with what failed, when a part stops by itself.
func TestPartFails(t *testing.T) {
	t.Parallel()
	s := app.Store{Data: t.TempDir()}
	create(t, s, "main")
	a, err := app.New(t.Context(), app.Options{Store: s, Config: app.Config{Listen: "127.0.0.1:0"}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Listener().Close(); err != nil {
		t.Fatal(err)
	}
	if err := a.Run(t.Context()); !errors.Is(err, net.ErrClosed) || !strings.Contains(err.Error(), "API server") {
		t.Errorf("Run: %v", err)
	}
	start(t, s, app.Config{})
}

func TestTeardown(t *testing.T) {
	t.Parallel()
	errA, errC := errors.New("a is stuck"), errors.New("c is stuck")
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // the reason to stop does not keep the steps from their work
	td := app.NewTeardown()
	var order []string
	for name, err := range ordered("a", errA, "b", nil, "c", errC, "d", nil) {
		td.Push(name, func(ctx context.Context) error {
			deadline, ok := ctx.Deadline()
			if left := time.Until(deadline); ctx.Err() != nil || !ok || left < 10*time.Second || left > 20*time.Second {
				t.Errorf("step %s has %v left, %v", name, left, ctx.Err())
			}
			order = append(order, name)
			return err
		})
	}
	err := td.Run(ctx)
	if !slices.Equal(order, []string{"d", "c", "b", "a"}) {
		t.Errorf("order %q", order)
	}
	if !errors.Is(err, errA) || !errors.Is(err, errC) || !strings.Contains(err.Error(), "stop c: c is stuck") {
		t.Errorf("%v", err)
	}
	if err := td.Run(ctx); err != nil || len(order) != 4 {
		t.Errorf("a second run: %v, %q", err, order)
	}
}

// ordered yields pairs in their order.
func ordered(pairs ...any) func(func(string, error) bool) {
	return func(yield func(string, error) bool) {
		for i := 0; i < len(pairs); i += 2 {
			err, _ := pairs[i+1].(error)
			if !yield(pairs[i].(string), err) {
				return
			}
		}
	}
}
