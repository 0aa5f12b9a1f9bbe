// SPDX-License-Identifier: Apache-2.0

// Package server is the HTTP interface of a set of ledgers.
//
//	request ─ guard (host, cross-origin, panic, log, metrics)
//	        ─ body (encoding, size, ratio, memory budget)
//	        ─ ledger (append, read)
//	        ─ answer, or a problem document (RFC 9457)
//
// # Invariants
//
//   - An answer of 2xx to a write is given after the commit is durable, and
//     carries the proofs. A refused request leaves no trace.
//   - Memory is bounded: what bodies and answers in flight take is counted
//     against one budget; who finds it used up gets 429 with Retry-After.
//   - Nothing that changes state answers to GET. Requests from other origins
//     and for other hosts than this one are refused.
//   - No recorded content is logged.
//
// Who asks is the business of a Door (package access); what they may do stands
// in the one table of that room, and is looked up here before a handler runs.
// Without a door everybody may do everything: such a server must be bound to
// loopback, which is the caller's business (package app).
package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/semaphore"

	"github.com/counterfoil/counterfoil/internal/access"
	"github.com/counterfoil/counterfoil/internal/challenge"
	"github.com/counterfoil/counterfoil/internal/custody"
	"github.com/counterfoil/counterfoil/internal/explain"
	"github.com/counterfoil/counterfoil/internal/guard"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/oversight"
	"github.com/counterfoil/counterfoil/internal/packer"
	"github.com/counterfoil/counterfoil/internal/registry"
	"github.com/counterfoil/counterfoil/internal/search"
)

// Ledgers is the set of ledgers that are served. Implementations are safe for
// concurrent use.
type Ledgers interface {
	// Ledger returns a running ledger by name, or false.
	Ledger(name string) (*ledger.Ledger, bool)
	// Names lists the ledgers, sorted.
	Names() []string
	// Trust returns the trust policy of a ledger for outsiders, as a file.
	Trust(name string) ([]byte, error)
	// Custodian returns the custody of a ledger by name, or false.
	Custodian(name string) (*custody.Custodian, bool)
	// Registry returns the register of a ledger by name, or false.
	Registry(name string) (*registry.Registry, bool)
	// Office returns the reviews of a ledger by name, or false.
	Office(name string) (*oversight.Office, bool)
	// Guard returns the guard of a ledger by name, or false.
	Guard(name string) (*guard.Guard, bool)
	// Desk returns the challenges of a ledger by name, or false.
	Desk(name string) (*challenge.Desk, bool)
	// Search returns the index of a ledger by name, or false.
	Search(name string) (*search.Index, bool)
	// Packer returns who makes evidence packs of a ledger by name, or false.
	Packer(name string) (*packer.Packer, bool)
	// Ready reports what keeps the server from being ready, by check; the empty
	// text means that the check passed.
	Ready(ctx context.Context) map[string]string
}

// Limits bound what one request, and all of them together, may take.
type Limits struct {
	// BodyBytes is the largest body as sent. Default: 32 MiB.
	BodyBytes int64
	// DecodedBytes is the largest body after decompression. Default: 64 MiB.
	DecodedBytes int64
	// Ratio is how many times larger than sent a body may become, once it has
	// passed 1 MiB. Default: 100.
	Ratio int64
	// Records is how many records one request may carry. Default: 10,000.
	Records int
	// InFlight is how many bytes of bodies may be held at once. Default: 96 MiB.
	InFlight int64
}

func (l *Limits) fill() {
	def := func(v *int64, d int64) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&l.BodyBytes, 32<<20)
	def(&l.DecodedBytes, 64<<20)
	def(&l.Ratio, 100)
	def(&l.InFlight, 96<<20)
	if l.Records <= 0 {
		l.Records = 10000
	}
}

// Config says what to serve.
type Config struct {
	// Ledgers are the ledgers. Required.
	Ledgers Ledgers
	// Door says who asks. Default: everybody is on the machine itself and may do
	// everything, which is for loopback only.
	Door Door
	// Book keeps grants, keys and sessions; it is the Door unless another is
	// given. Default: none, and the routes that change access answer so.
	Book *access.Book
	// Pages are served under /auth/. Default: none.
	Pages http.Handler
	// Principal is the writer of what comes in from the machine itself, without
	// access control. Default: local:http.
	Principal string
	// PublicLog serves the tiles of the logs to everybody, as C2SP has it. They
	// hold statements, and nothing private. Default: only to who may read them.
	PublicLog bool
	// Logger receives one line a request. Default: none.
	Logger *slog.Logger
	// Registry collects the metrics that /metrics shows. Default: a new one.
	Registry *prometheus.Registry
	// Messages are the languages of explanations. Default: those of the program.
	Messages *explain.Messages
	// Limits. Default: those of the type.
	Limits Limits
	// Hosts are the host names, beside loopback ones, that requests may be
	// addressed to; "*" allows all. Default: none.
	Hosts []string
	// Version is shown by /healthz and the API document.
	Version string
}

// Server answers requests. It is an [http.Handler], safe for concurrent use.
type Server struct {
	cfg     Config
	handler http.Handler
	mux     *http.ServeMux
	budget  *semaphore.Weighted
	zstds   chan *zstd.Decoder // idle decoders
	metrics *metrics
	openapi []byte
	routes  []string
	denials denials
}

var _ http.Handler = (*Server)(nil)

// New makes a server. It opens nothing and listens to nothing.
func New(cfg Config) (*Server, error) {
	if cfg.Ledgers == nil {
		return nil, errors.New("server: Ledgers is required")
	}
	if cfg.Principal == "" {
		cfg.Principal = "local:http"
	}
	if cfg.Door == nil && cfg.Book != nil {
		cfg.Door = cfg.Book
	}
	if cfg.Door == nil {
		cfg.Door = open{cfg.Principal}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Registry == nil {
		cfg.Registry = prometheus.NewRegistry()
	}
	cfg.Limits.fill()
	s := &Server{cfg: cfg, mux: http.NewServeMux(), budget: semaphore.NewWeighted(cfg.Limits.InFlight), zstds: make(chan *zstd.Decoder, 4), denials: denials{now: time.Now}}
	var err error
	if s.metrics, err = newMetrics(cfg.Registry); err != nil {
		return nil, err
	}
	if s.openapi, err = OpenAPI(cfg.Version); err != nil {
		return nil, err
	}
	s.route()
	s.handler = s.guard(s.mux)
	return s, nil
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Routes lists the patterns that are served, for the test that compares them
// with the API document.
func (s *Server) Routes() []string { return s.routes }

// handle serves a route to who may do an action there.
func (s *Server) handle(pattern string, action access.Action, h func(http.ResponseWriter, *http.Request) error) {
	s.public(pattern, s.guarded(action, h))
}

// public serves a route to everybody.
func (s *Server) public(pattern string, h func(http.ResponseWriter, *http.Request) error) {
	s.routes = append(s.routes, pattern)
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			s.refuse(w, r, err)
		}
	})
}

// route lists every route, in the order of the API document.
func (s *Server) route() {
	s.handle("POST /v1/ledgers/{ledger}/records", access.Append, s.append)
	s.handle("GET /v1/ledgers/{ledger}/records", access.Read, get(s.list))
	s.handle("GET /v1/ledgers/{ledger}/records/{id}", access.Read, get(s.record))
	s.handle("GET /v1/ledgers/{ledger}/records/{id}/receipt", access.Read, s.receipt)
	s.handle("GET /v1/ledgers/{ledger}/stats", access.Read, get(s.stats))
	s.handle("GET /v1/ledgers/{ledger}/trust", seeing, s.trust)
	s.handle("GET /v1/ledgers", seeing, get(s.ledgers))
	s.routeSearch()
	s.routePacks()
	s.routeReplay()
	s.routeSample()
	s.routeStory()
	s.routeExplain()
	s.routeChallenges()
	s.routeCustody()
	s.routeRegister()
	s.routeGuard()
	s.routeReviews()
	s.routeAnswers()
	s.routeObligations()
	s.routeAccess()
	if s.cfg.PublicLog {
		s.public("GET /log/{ledger}/{path...}", s.log)
	} else {
		s.handle("GET /log/{ledger}/{path...}", access.Read, s.wholeLog)
	}
	s.public("GET /schema/record.json", s.schema)
	s.public("GET /openapi.json", s.document)
	s.public("GET /problems/{code}", s.problem)
	s.public("GET /healthz", get(s.healthz))
	s.public("GET /readyz", s.readyz)
	s.handle("GET /metrics", access.ReadHealth, s.showMetrics)
	s.public("GET /{$}", s.home)
	if s.cfg.Pages != nil {
		s.mux.Handle("/auth/", s.cfg.Pages)
	}
	s.mux.HandleFunc("/", s.nothing)
}

// HTTPServer wraps a handler with every timeout and the header limit.
func HTTPServer(h http.Handler, logger *slog.Logger) *http.Server {
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       60 * time.Second,
		WriteTimeout:      120 * time.Second,
		IdleTimeout:       120 * time.Second,
		MaxHeaderBytes:    64 << 10,
	}
	if logger != nil {
		srv.ErrorLog = slog.NewLogLogger(logger.Handler(), slog.LevelWarn)
	}
	return srv
}
