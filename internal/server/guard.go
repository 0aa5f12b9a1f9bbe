// SPDX-License-Identifier: Apache-2.0

package server

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/internal/ledger"
)

// answer notes what was answered, for the log and the metrics.
type answer struct {
	http.ResponseWriter
	status int
	bytes  int
}

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	n, err := a.ResponseWriter.Write(b)
	a.bytes += n
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// guard is what every request passes first: an id, security headers, the host
// and origin checks, a net for panics, the log line and the metrics.
func (s *Server) guard(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		a := &answer{ResponseWriter: w}
		id := rand.Text()[:16]
		h := a.Header()
		h.Set("X-Request-Id", id)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "no-referrer")
		s.metrics.inflight.Inc()
		defer func() {
			s.metrics.inflight.Dec()
			if v := recover(); v != nil {
				if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
					panic(v)
				}
				s.cfg.Logger.Error("handler panicked", "request_id", id, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
				s.metrics.panics.Inc()
				if a.status != 0 { // half an answer must not look like a whole one
					s.observe(a, r, id, time.Since(start))
					panic(http.ErrAbortHandler)
				}
				s.refuse(a, r, fmt.Errorf("panic: %v", v))
			}
			s.observe(a, r, id, time.Since(start))
		}()
		switch {
		case !s.hostAllowed(r.Host):
			s.refuse(a, r, refused("host", "use 127.0.0.1 or localhost, or start the server with --host NAME", "the request is addressed to %q", r.Host))
		case cross.Check(r) != nil:
			s.refuse(a, r, refused("cross_origin", "send it from a program, or from a page of this server", "a browser says that the request comes from another site"))
		case len(r.URL.Path) > 4096:
			s.refuse(a, r, refused(string(ledger.NotFound), "", "the path is too long"))
		case !clean(r.URL.EscapedPath()): // the mux would redirect
			s.refuse(a, r, refused(string(ledger.NotFound), "take out empty segments and those of dots", "the path is not in its shortest form"))
		default:
			next.ServeHTTP(a, r)
		}
	})
}

// clean says whether a path is one that the mux takes as it is.
func clean(p string) bool {
	c := path.Clean(p)
	return p == c || p == c+"/"
}

// hostAllowed refuses names that are not ours, so that a web page can not reach
// a loopback server through a name that it controls (DNS rebinding).
func (s *Server) hostAllowed(host string) bool {
	if slices.Contains(s.cfg.Hosts, "*") {
		return true
	}
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	if ip := net.ParseIP(name); ip != nil {
		return ip.IsLoopback() || slices.Contains(s.cfg.Hosts, name)
	}
	return strings.EqualFold(name, "localhost") || slices.ContainsFunc(s.cfg.Hosts, func(h string) bool { return strings.EqualFold(h, name) })
}

func (s *Server) observe(a *answer, r *http.Request, id string, took time.Duration) {
	route := r.Pattern
	if route == "" || route == "/" {
		route = "none"
	}
	s.metrics.requests.WithLabelValues(route, strconv.Itoa(a.status)).Inc()
	s.metrics.latency.WithLabelValues(route).Observe(took.Seconds())
	s.cfg.Logger.Debug("request", "request_id", id, "method", r.Method, "route", route, "status", a.status, "bytes", a.bytes, "took_ms", float64(took.Microseconds())/1000)
}
