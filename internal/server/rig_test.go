// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/audit"
	"github.com/counterfoil/counterfoil/internal/custody"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/keyring"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/registry"
	"github.com/counterfoil/counterfoil/internal/server"
)

const (
	origin = "example.com/test"
	// secret begins every private value of these tests. It may be answered only
	// where it was asked for, and logged and measured nowhere.
	secret  = "secret~"
	records = "/v1/ledgers/main/records"
)

// options change a rig before it is built.
type options struct {
	db     func(*db.Config)
	ledger func(*ledger.Config)
	server func(*server.Config)
	idle   bool // nobody commits
}

// rig is a server of one ledger named main, on loopback.
type rig struct {
	t        *testing.T
	dbc      db.Config
	d        *db.DB
	keys     *keyring.Keyring
	l        *ledger.Ledger
	shelf    *shelf
	s        *server.Server
	base     string
	client   *http.Client
	log      *safeBuffer
	registry *prometheus.Registry
}

func newRig(t *testing.T, o options) *rig {
	t.Helper()
	keys, err := keyring.Create(filepath.Join(t.TempDir(), "main.key"))
	must(t, err)
	r := &rig{t: t, dbc: dbtest.SQLite(t), keys: keys, log: &safeBuffer{}, registry: prometheus.NewRegistry()}
	if o.db != nil {
		o.db(&r.dbc)
	}
	r.d, err = db.Create(t.Context(), r.dbc)
	must(t, err)
	must(t, ledger.Create(t.Context(), ledger.Config{DB: r.d, Keys: keys}, origin))
	lc := ledger.Config{DB: r.d, Keys: keys, Logger: slog.New(slog.NewTextHandler(r.log, nil))}
	if o.ledger != nil {
		o.ledger(&lc)
	}
	r.l, err = ledger.Open(t.Context(), lc)
	must(t, err)
	r.shelf = &shelf{ledgers: map[string]*ledger.Ledger{"main": r.l}, ready: map[string]string{"main": ""}}
	custodian, err := custody.New(custody.Config{Ledger: r.l, Pause: time.Nanosecond})
	must(t, err)
	r.shelf.custody = map[string]*custody.Custodian{"main": custodian}
	register, err := registry.New(registry.Config{Ledger: r.l})
	must(t, err)
	r.shelf.register = map[string]*registry.Registry{"main": register}
	sc := server.Config{Ledgers: r.shelf, Registry: r.registry, Version: "test", Logger: slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	if o.server != nil {
		o.server(&sc)
	}
	r.s, err = server.New(sc)
	must(t, err)
	r.start(o.idle)
	return r
}

// start runs the committer and the HTTP server until the test ends.
func (r *rig) start(idle bool) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.t.Context()))
	var wg sync.WaitGroup
	if !idle {
		wg.Go(func() {
			if err := r.l.Run(ctx); err != nil {
				r.t.Error(err)
			}
		})
		<-r.l.Running()
	}
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = server.HTTPServer(r.s, slog.New(slog.NewTextHandler(r.log, nil)))
	srv.Start()
	r.base = srv.URL
	inner := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 50}
	r.client = &http.Client{
		Transport:     &clerk{rig: r, inner: inner},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	r.t.Cleanup(func() {
		inner.CloseIdleConnections()
		srv.Close()
		cancel()
		wg.Wait()
		if err := r.d.Close(); err != nil {
			r.t.Error(err)
		}
		if log := r.log.String(); strings.Contains(log, secret) {
			r.t.Errorf("a private value is in the log: %s", log)
		}
	})
}

// clerk enters every answer in the book.
type clerk struct {
	rig   *rig
	inner http.RoundTripper
}

func (c *clerk) RoundTrip(req *http.Request) (*http.Response, error) {
	if q := req.URL.Query(); (q.Has("disclose") || q.Has("evidence")) && req.Header.Get("Counterfoil-Purpose") == "" {
		req = req.Clone(req.Context())
		req.Header.Set("Counterfoil-Purpose", "test")
	}
	var sent bytes.Buffer
	if req.Body != nil {
		req = req.Clone(req.Context())
		req.Body = struct {
			io.Reader
			io.Closer
		}{io.TeeReader(req.Body, &sent), req.Body}
	}
	res, err := c.inner.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	var accepted []byte
	if res.StatusCode < 300 { // otherwise the body may still be on its way
		accepted = sent.Bytes()
	}
	if err := answers.enter(req, accepted, res, body); err != nil {
		c.rig.t.Errorf("%s %s: %v", req.Method, req.URL, err)
	}
	if id := res.Header.Get("X-Request-Id"); len(id) < 16 || res.Header.Get("X-Content-Type-Options") != "nosniff" ||
		res.Header.Get("Content-Security-Policy") == "" || res.Header.Get("Cache-Control") == "" && res.StatusCode >= 400 {
		c.rig.t.Errorf("%s %s: headers %v", req.Method, req.URL, res.Header)
	}
	if q := req.URL.Query(); bytes.Contains(body, []byte(secret)) && !q.Has("disclose") && !q.Has("evidence") && !strings.HasSuffix(req.URL.Path, "/subjects/report") && !strings.HasSuffix(req.URL.Path, "/show") {
		c.rig.t.Errorf("%s %s answers a private value that was not asked for: %s", req.Method, req.URL, body)
	}
	return res, nil
}

// reply is an answer that was read.
type reply struct {
	t      *testing.T
	status int
	header http.Header
	body   []byte
}

// do sends a request; head are header names and values in turn.
func (r *rig) do(method, path string, body io.Reader, head ...string) *reply {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.base+path, body)
	must(r.t, err)
	for i := 0; i < len(head); i += 2 {
		if head[i] == "Host" {
			req.Host = head[i+1]
		}
		req.Header.Set(head[i], head[i+1])
	}
	return r.send(req)
}

func (r *rig) send(req *http.Request) *reply {
	r.t.Helper()
	res, err := r.client.Do(req)
	must(r.t, err)
	b, err := io.ReadAll(res.Body)
	must(r.t, err)
	return &reply{t: r.t, status: res.StatusCode, header: res.Header, body: b}
}

func (r *rig) get(path string) *reply { r.t.Helper(); return r.do("GET", path, nil) }

// post sends JSON to the records of main; more goes behind the path.
func (r *rig) post(body string, more ...string) *reply {
	r.t.Helper()
	return r.do("POST", records+strings.Join(more, ""), strings.NewReader(body), "Content-Type", "application/json")
}

func (r *rig) lines(body string, more ...string) *reply {
	r.t.Helper()
	return r.do("POST", records+strings.Join(more, ""), strings.NewReader(body), "Content-Type", "application/x-ndjson")
}

func (p *reply) want(status int) *reply {
	p.t.Helper()
	if p.status != status {
		p.t.Fatalf("answer %d, want %d: %s", p.status, status, p.body)
	}
	return p
}

// problem wants a problem of this status and code.
func (p *reply) problem(status int, code string) *api.Problem {
	p.t.Helper()
	p.want(status)
	out := into[api.Problem](p)
	if out.Code != code {
		p.t.Fatalf("problem %q, want %q: %s", out.Code, code, p.body)
	}
	return &out
}

func into[T any](p *reply) T {
	p.t.Helper()
	var v T
	if err := json.Unmarshal(p.body, &v); err != nil {
		p.t.Fatalf("%v: %s", err, p.body)
	}
	return v
}

// size is the size of the log.
func (r *rig) size() int64 {
	r.t.Helper()
	n, err := r.l.Size(r.t.Context())
	must(r.t, err)
	return n
}

// audit verifies the whole ledger.
func (r *rig) audit() *audit.Report {
	r.t.Helper()
	rep, err := audit.Run(r.t.Context(), audit.Config{DB: r.d, Keys: r.keys, Memory: audit.Dir(r.t.TempDir())})
	must(r.t, err)
	for _, f := range rep.Findings {
		r.t.Errorf("audit: %s", f)
	}
	return rep
}

// decision is a valid record; more are members, such as `"env":"test"`.
func decision(id string, more ...string) string {
	var b strings.Builder
	b.WriteString(fmt.Sprintf(`{"type":"decision","id":%q,"time":"2026-03-03T09:12:44.120Z","system":"refund-agent","subject":"%scustomer",
		"inputs":[{"name":"order","value":{"text":"%s %s"}}]`, id, secret, secret, id))
	if !strings.Contains(strings.Join(more, ""), `"decision":`) {
		b.WriteString(`,"decision":{"kind":"refund","status":"made","outcome":"denied"}`)
	}
	for _, m := range more {
		b.WriteString("," + m)
	}
	return strings.Join(strings.Fields(b.String()+"}"), " ")
}

// decisions is an array of n of them.
func decisions(prefix string, n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = decision(fmt.Sprintf("%s-%d", prefix, i))
	}
	return "[" + strings.Join(all, ",\n") + "]"
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
