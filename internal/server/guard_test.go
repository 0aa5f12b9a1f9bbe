// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/server"
)

// fill puts the names of a rig of one record into a path of the document.
var fill = strings.NewReplacer("{ledger}", "main", "{id}", "a", "{path}", "checkpoint", "{code}", "syntax", "{kind}", "prompt", "{name}", "a", "{version}", "1", "{owner}", "person:x", "{key}", "k0", "{question}", "reasons")

// TestHosts addresses every operation to names that are not the server's, as a
// page does that has its own name lead to loopback.
func TestHosts(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{server: func(c *server.Config) { c.Hosts = []string{"audit.example.com", "192.0.2.7"} }})
	for _, o := range answers.ops {
		for _, host := range []string{"evil.example", "evil.example:80", "192.0.2.8", "localhost.evil.example", "127.0.0.1.evil.example", "[2001:db8::1]:80"} {
			r.do(o.method, fill.Replace(o.path), nil, "Host", host).problem(421, "host")
		}
	}
	for _, host := range []string{"localhost", "LOCALHOST:9", "127.0.0.1", "127.9.9.9:1", "[::1]:80", "audit.example.com", "Audit.Example.Com:443", "192.0.2.7:80"} {
		r.do("GET", "/healthz", nil, "Host", host).want(200)
	}
	open := newRig(t, options{server: func(c *server.Config) { c.Hosts = []string{"*"} }})
	open.do("GET", "/healthz", nil, "Host", "anything.example").want(200)
}

// TestCrossOrigin sends what a browser would for pages of other sites.
func TestCrossOrigin(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	for _, head := range [][]string{
		{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"},
		{"Origin", "http://127.0.0.1:1"}, {"Origin", r.base, "Sec-Fetch-Site", "cross-site"},
	} {
		send := append([]string{"Content-Type", "application/json"}, head...)
		r.do("POST", records, strings.NewReader(decision("a")), send...).problem(403, "cross_origin")
		r.do("GET", records, nil, head...).want(200) // changes nothing
	}
	if r.size() != 0 {
		t.Error("something was stored")
	}
	r.do("POST", records, strings.NewReader(decision("a")), "Content-Type", "application/json", "Origin", r.base, "Sec-Fetch-Site", "same-origin").want(201)
	if h := r.do("GET", records, nil, "Origin", "https://evil.example").want(200).header; h.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("headers %v", h)
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	r.post(decision("a")).want(201)
	checked := 0
	for _, o := range answers.ops {
		path := fill.Replace(o.path)
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get"} {
			if answers.find(method, path) != nil {
				continue
			}
			checked++
			p := r.do(method, path, nil)
			p.problem(405, "method")
			var allowed []string
			if answers.find("GET", path) != nil {
				allowed = append(allowed, "GET", "HEAD")
			}
			if answers.find("POST", path) != nil {
				allowed = append(allowed, "POST")
			}
			want := strings.Join(allowed, ", ")
			if allow := p.header.Get("Allow"); allow != want {
				t.Errorf("%s %s: Allow %q, want %q", method, path, allow, want)
			}
		}
	}
	if checked < 50 || r.size() != 1 {
		t.Errorf("%d checked, size %d", checked, r.size())
	}
	r.do("DELETE", "/nothing", nil).problem(404, "not_found")
}

func TestHealth(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	if h := into[api.Health](r.get("/healthz").want(200)); h.Status != "ok" || h.Checks["version"] != "test" {
		t.Errorf("%+v", h)
	}
	if h := into[api.Health](r.get("/readyz").want(200)); h.Status != "ok" || h.Checks["main"] != "ok" {
		t.Errorf("%+v", h)
	}
	if b := r.get("/").want(200).body; !strings.Contains(string(b), "/log/main/checkpoint") {
		t.Errorf("%s", b)
	}
	r.shelf.change(func(s *shelf) { s.ready["main"] = "the disk is full" })
	if p := r.get("/readyz").problem(503, "unavailable"); !strings.Contains(p.Detail, "main: the disk is full") {
		t.Errorf("%+v", p)
	}
	r.get("/healthz").want(200)
	r.shelf.change(func(s *shelf) { delete(s.ledgers, "main") })
	for _, o := range answers.ops {
		if strings.Contains(o.path, "{ledger}") {
			body := io.Reader(nil)
			if o.method == "POST" {
				body = strings.NewReader(decision("a"))
			}
			r.do(o.method, fill.Replace(o.path), body, "Content-Type", "application/json").problem(404, "not_found")
		}
	}
}

// TestMetrics looks for what must be there, and for what must not: names of
// records, of systems, and private values.
func TestMetrics(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	r.post(decision("an-id-to-find")).want(201)
	r.post("["+decision("an-id-to-find")+","+decision("an-id-to-find", `"env":"test"`)+"]", "?partial=true").want(200)
	r.post(decision("an-id-to-find", `"env":"nowhere"`)).want(422)
	r.get(records + "/an-id-to-find?evidence=true").want(200)
	r.get(records + "?system=refund-agent").want(200)
	r.get(records + "/an-id-not-there").want(404)
	r.get("/a-path-not-there").want(404)
	r.do("BREW", "/healthz", nil).want(405)
	b := string(r.get("/metrics").want(200).body)
	for _, line := range []string{
		`counterfoil_http_requests_total{route="POST /v1/ledgers/{ledger}/records",status="201"} 1`,
		`counterfoil_http_requests_total{route="POST /v1/ledgers/{ledger}/records",status="422"} 1`,
		`counterfoil_http_requests_total{route="GET /v1/ledgers/{ledger}/records/{id}",status="404"} 1`,
		`counterfoil_http_requests_total{route="none",status="404"} 1`,
		`counterfoil_http_requests_total{route="none",status="405"} 1`,
		`counterfoil_http_request_seconds_count{route="GET /v1/ledgers/{ledger}/records"} 1`,
		"counterfoil_http_requests_in_flight 1", "counterfoil_http_panics_total 0",
		"counterfoil_http_records_total 2", // one created, one existing, none that were refused
	} {
		if !strings.Contains(b, line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
	for _, word := range []string{"an-id", "a-path", "refund", "BREW", secret} {
		if strings.Contains(b, word) {
			t.Errorf("%q is in the metrics: %s", word, b)
		}
	}
	if label := regexp.MustCompile(`(?m)^counterfoil_[a-z_]+\{([a-z]+)=`).FindAllStringSubmatch(b, -1); len(label) < 10 {
		t.Errorf("only %d series", len(label))
	} else {
		for _, l := range label {
			if l[1] != "route" && l[1] != "status" && l[1] != "le" {
				t.Errorf("label %q", l[1])
			}
		}
	}
}

// TestPanics lets a handler panic: the client gets a problem and nothing else,
// the log has the stack, and the server goes on.
func TestPanics(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	r.shelf.change(func(s *shelf) { s.panics = true })
	p := r.post(decision("a")).problem(500, "internal")
	r.get(records).problem(500, "internal")
	if p.Detail != "" || len(p.Errors) > 0 {
		t.Errorf("%+v", p)
	}
	r.shelf.change(func(s *shelf) { s.panics = false })
	log := r.log.String()
	if !strings.Contains(log, "the shelf fell down") || !strings.Contains(log, p.Instance) || !strings.Contains(log, "goroutine") {
		t.Errorf("log %s", log)
	}
	if b := r.get("/metrics").want(200).body; !strings.Contains(string(b), "counterfoil_http_panics_total 2\n") || !strings.Contains(string(b), "requests_in_flight 1\n") {
		t.Errorf("%s", b)
	}
	r.post(decision("a")).want(201)
}

// broken is a client that can not be written to.
type broken struct{ http.ResponseWriter }

func (broken) Write([]byte) (int, error) { panic("no wire") }

// TestPanicsLate lets a handler panic when its answer has begun: the connection
// is cut, so that half an answer is not taken for a whole one.
func TestPanicsLate(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	defer func() {
		if v := recover(); v != http.ErrAbortHandler {
			t.Errorf("recovered %v", v)
		}
		r.get("/healthz").want(200)
	}()
	req := httptest.NewRequestWithContext(t.Context(), "GET", "/healthz", nil)
	req.Host = "localhost"
	r.s.ServeHTTP(broken{httptest.NewRecorder()}, req)
	t.Error("it went on")
}

// TestTrustFails has the trust policy fail with a cause that is nobody's
// business.
func TestTrustFails(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	r.shelf.change(func(s *shelf) { s.trust = errors.New("injected: /tmp/key is gone") })
	r.get("/v1/ledgers/main/trust").problem(500, "internal")
	if !strings.Contains(r.log.String(), "/tmp/key is gone") {
		t.Error("the cause is not in the log")
	}
}

// TestClosed appends while no committer runs.
func TestClosed(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{idle: true})
	r.post(decision("a")).problem(503, "closed")
	r.get(records).want(200)
}

// TestHeaderLimit sends more headers than are read.
func TestHeaderLimit(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", strings.TrimPrefix(r.base, "http://"))
	must(t, err)
	defer conn.Close()
	go fmt.Fprintf(conn, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: %s\r\n\r\n", strings.Repeat("x", 80<<10))
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	must(t, err)
	res.Body.Close()
	if res.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %d", res.StatusCode)
	}
}

// TestGone ends a request before its answer. What was sent again is answered.
func TestGone(t *testing.T) {
	t.Parallel()
	g := newGate()
	r := newRig(t, options{db: g.config})
	r.post(decision("first")).want(201)
	g.shut()
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "POST", r.base+records, strings.NewReader(decision("a")))
	must(t, err)
	req.Header.Set("Content-Type", "application/json")
	done := make(chan error)
	go func() {
		res, err := r.client.Do(req)
		if err == nil {
			res.Body.Close()
		}
		done <- err
	}()
	<-g.reached
	cancel()
	if err := <-done; err == nil {
		t.Error("there was an answer")
	}
	g.open()
	if a := r.verified(r.post(decision("a"))); a.Size != 2 {
		t.Errorf("size %d", a.Size)
	}
}
