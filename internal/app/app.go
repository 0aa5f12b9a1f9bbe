// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/counterfoil/counterfoil/internal/access"
	"github.com/counterfoil/counterfoil/internal/challenge"
	"github.com/counterfoil/counterfoil/internal/custody"
	"github.com/counterfoil/counterfoil/internal/door"
	"github.com/counterfoil/counterfoil/internal/guard"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/oversight"
	"github.com/counterfoil/counterfoil/internal/packer"
	"github.com/counterfoil/counterfoil/internal/publish"
	"github.com/counterfoil/counterfoil/internal/registry"
	"github.com/counterfoil/counterfoil/internal/search"
	"github.com/counterfoil/counterfoil/internal/server"
)

// Options say what to run.
type Options struct {
	Store  Store
	Config Config
	Logger *slog.Logger // required
	// Welcome is given the one-time link for the first administrator, when there
	// is none. Default: it is logged.
	Welcome func(link string)
	Version string
}

// App is a server with its ledgers. New makes it, Run serves.
type App struct {
	opts     Options
	ledgers  map[string]*running
	listener net.Listener
	debug    net.Listener // nil: none
	local    net.Listener // nil: none
	handler  http.Handler
	book     *access.Book   // nil: open
	pages    *door.Door     // nil: open
	alerts   sync.WaitGroup // alarms on their way
	down     teardown
	failed   chan error // a part that stopped by itself
}

// running is one ledger that is served.
type running struct {
	*Opened
	publisher *publish.Publisher
	custodian *custody.Custodian
	registry  *registry.Registry
	index     *search.Index
	desk      *challenge.Desk
	guard     *guard.Guard
	office    *oversight.Office
	packer    *packer.Packer
}

var _ server.Ledgers = (*App)(nil)

// New opens every ledger and binds the listeners, so that ":0" works in tests.
// What fails undoes what was done.
func New(ctx context.Context, opts Options) (*App, error) {
	if opts.Logger == nil {
		return nil, errors.New("make server: Logger is required")
	}
	if opts.Welcome == nil {
		opts.Welcome = func(link string) {
			opts.Logger.Warn("there is no administrator yet: open this link, once, within 30 minutes", "link", link)
		}
	}
	a := &App{opts: opts, ledgers: map[string]*running{}, failed: make(chan error, 16)}
	a.down.logger = opts.Logger
	a.down.push("alarms", func(context.Context) error { a.alerts.Wait(); return nil })
	if err := a.init(ctx); err != nil {
		return nil, errors.Join(err, a.down.run(ctx))
	}
	return a, nil
}

func (a *App) init(ctx context.Context) error {
	opts := &a.opts
	addr, err := opts.Config.listenAddress()
	if err != nil {
		return err
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if err := a.openLedgers(ctx, reg); err != nil {
		return err
	}
	if err := a.openAccess(ctx); err != nil {
		return err
	}
	hosts := opts.Config.Hosts
	if opts.Config.InsecureListen {
		hosts = append(slices.Clone(hosts), "*")
	}
	var pages http.Handler
	if a.pages != nil {
		pages = a.pages
	}
	h, err := server.New(server.Config{Book: a.book, Messages: opts.Config.messages, Pages: pages, Ledgers: a, Logger: opts.Logger, Registry: reg, Hosts: hosts, Version: opts.Version, PublicLog: opts.Config.PublicLog,
		Limits: server.Limits{InFlight: opts.Config.InFlightMiB << 20}})
	if err != nil {
		return err
	}
	a.handler = h
	if a.listener, err = net.Listen("tcp", addr); err != nil {
		return &ledger.Error{Code: ledger.Unavailable, Message: "can not listen on " + addr, Hint: "another program may have the port: name one that is free with --listen, such as 127.0.0.1:0", Cause: err}
	}
	a.down.push("listener", func(context.Context) error { return ignoreClosed(a.listener.Close()) })
	if err := a.listenLocal(); err != nil {
		return err
	}
	return a.listenDebug()
}

func (a *App) listenDebug() (err error) {
	if a.opts.Config.Debug == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(a.opts.Config.Debug)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return fault(ledger.Invalid, "write it like 127.0.0.1:6060", "the debug address %q is not a loopback address", a.opts.Config.Debug)
	}
	if a.debug, err = net.Listen("tcp", a.opts.Config.Debug); err != nil {
		return fmt.Errorf("listen for debugging: %w", err)
	}
	a.down.push("debug listener", func(context.Context) error { return ignoreClosed(a.debug.Close()) })
	return nil
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (a *App) openLedgers(ctx context.Context, reg prometheus.Registerer) error {
	if err := a.opts.Store.check(); err != nil {
		return err
	}
	names, err := a.opts.Store.Names(ctx)
	if err != nil {
		return fault(ledger.NotFound, "counterfoil init makes a data folder and a ledger", "%v", err)
	}
	if len(names) == 0 {
		return fault(ledger.NotFound, "counterfoil init makes one", "there is no ledger to serve")
	}
	m, err := newMetrics(reg)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := a.openLedger(ctx, name, reg, m); err != nil {
			return err
		}
	}
	return nil
}

func (a *App) openLedger(ctx context.Context, name string, reg prometheus.Registerer, m *metrics) error {
	o, err := a.opts.Store.Open(ctx, name, true, func(c *ledger.Config) {
		c.Logger, c.MaxQueue = a.opts.Logger, a.opts.Config.MaxQueue
		c.OnCommit = func(ci ledger.Commit) { m.commit(name, ci) }
	})
	if err != nil {
		return err
	}
	a.down.push("ledger "+name, func(context.Context) error { return o.Close() })
	r := &running{Opened: o}
	cfg := publish.Config{Log: o.Ledger, Origin: o.Ledger.Origin(), Interval: time.Duration(a.opts.Config.PublishEvery), Logger: a.opts.Logger, Registerer: reg}
	for _, w := range a.opts.Config.Witnesses {
		cfg.Witnesses = append(cfg.Witnesses, publish.Witness(w))
	}
	for _, t := range a.opts.Config.Authorities {
		cfg.Authorities = append(cfg.Authorities, publish.Authority{Name: t.Name, URL: t.URL, Roots: t.pool})
	}
	if r.publisher, err = publish.New(cfg); err != nil {
		return err
	}
	cc := custody.Config{Ledger: o.Ledger, Policy: o.Policy, Logger: a.opts.Logger, Alert: a.alert(name, m)}
	if cc.Vault, err = a.opts.Config.openVault(ctx); err != nil {
		return err
	}
	if r.custodian, err = custody.New(cc); err != nil {
		return err
	}
	if r.packer, err = o.openPacker(r.custodian, &a.opts.Config); err != nil {
		return err
	}
	if r.registry, err = o.openRegistry(ctx, a.opts.Logger); err != nil {
		return err
	}
	if r.guard, err = o.openGuard(ctx, r.registry, a.opts.Logger); err != nil {
		return err
	}
	if r.office, err = o.openOffice(r.registry, &a.opts.Config, a.opts.Logger); err != nil {
		return err
	}
	if r.index, err = search.New(search.Config{Ledger: o.Ledger, Logger: a.opts.Logger}); err != nil {
		return err
	}
	if r.desk, err = challenge.New(challenge.Config{Ledger: o.Ledger}); err != nil {
		return err
	}
	a.ledgers[name] = r
	return nil
}

// Addr is where the API listens.
func (a *App) Addr() net.Addr { return a.listener.Addr() }

// Run serves until ctx ends, or a part fails. Then it stops taking requests,
// lets those in flight finish, commits what is queued and closes everything. It
// returns nil after a clean stop.
func (a *App) Run(ctx context.Context) error {
	for _, name := range a.Names() {
		r := a.ledgers[name]
		a.start("committer of "+name, r.Ledger.Run)
		a.start("publisher of "+name, r.publisher.Run)
		select {
		case <-r.Ledger.Running(): // the first request must not come too early
		case cause := <-a.failed:
			return errors.Join(cause, a.down.run(ctx))
		}
	}
	for _, name := range a.Names() {
		r := a.ledgers[name]
		a.start("guard of "+name, r.guard.Run)
		a.start("reviews of "+name, func(ctx context.Context) error { return a.review(ctx, r) })
		a.start("search index of "+name, func(ctx context.Context) error { return a.fill(ctx, r) })
		a.start("retention of "+name, func(ctx context.Context) error { return a.retain(ctx, r) })
	}
	if a.book != nil {
		a.start("book of access", a.book.Run)
		if err := a.welcome(ctx); err != nil {
			return errors.Join(err, a.down.run(ctx))
		}
	}
	if a.debug != nil {
		mux := http.NewServeMux()
		mux.HandleFunc("/debug/pprof/", pprof.Index)
		mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
		mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
		a.serve("debug server", a.debug, mux)
	}
	if a.local != nil {
		a.serve("command socket", a.local, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			a.handler.ServeHTTP(w, r.WithContext(server.LocalContext(r.Context())))
		}))
	}
	listener := a.listener
	if t := a.opts.Config.TLS; t != nil {
		listener = tls.NewListener(listener, t.config)
	}
	a.serve("API server", listener, a.handler)
	var cause error
	select {
	case <-ctx.Done():
		a.opts.Logger.Info("stopping", "reason", context.Cause(ctx).Error())
	case cause = <-a.failed:
	}
	return errors.Join(cause, a.down.run(ctx))
}

// Close undoes New when Run is never called.
func (a *App) Close() error { return a.down.run(context.Background()) }

// start runs a part on a goroutine of its own; the teardown ends and joins it.
func (a *App) start(name string, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := run(ctx); err != nil {
			a.failed <- fmt.Errorf("%s: %w", name, err)
		}
	})
	a.down.push(name, func(context.Context) error {
		cancel()
		wg.Wait()
		return nil
	})
}

func (a *App) serve(name string, l net.Listener, h http.Handler) {
	srv := server.HTTPServer(h, a.opts.Logger)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			a.failed <- fmt.Errorf("%s: %w", name, err)
		}
	})
	a.down.push(name, func(ctx context.Context) error {
		err := srv.Shutdown(ctx)
		if err != nil {
			err = errors.Join(err, srv.Close())
		}
		wg.Wait()
		return err
	})
}

// Ledger implements [server.Ledgers].
func (a *App) Ledger(name string) (*ledger.Ledger, bool) {
	r, ok := a.ledgers[name]
	if !ok {
		return nil, false
	}
	return r.Ledger, true
}

// Custodian implements [server.Ledgers].
func (a *App) Custodian(name string) (*custody.Custodian, bool) {
	r, ok := a.ledgers[name]
	if !ok {
		return nil, false
	}
	return r.custodian, true
}

// Registry implements [server.Ledgers].
func (a *App) Registry(name string) (*registry.Registry, bool) {
	r, ok := a.ledgers[name]
	if !ok {
		return nil, false
	}
	return r.registry, true
}

// Office implements [server.Ledgers].
func (a *App) Office(name string) (*oversight.Office, bool) {
	r, ok := a.ledgers[name]
	if !ok {
		return nil, false
	}
	return r.office, true
}

// Guard implements [server.Ledgers].
func (a *App) Guard(name string) (*guard.Guard, bool) {
	r, ok := a.ledgers[name]
	if !ok {
		return nil, false
	}
	return r.guard, true
}

// Desk implements [server.Ledgers].
func (a *App) Desk(name string) (*challenge.Desk, bool) {
	r, ok := a.ledgers[name]
	if !ok {
		return nil, false
	}
	return r.desk, true
}

// Search implements [server.Ledgers].
func (a *App) Search(name string) (*search.Index, bool) {
	r, ok := a.ledgers[name]
	if !ok {
		return nil, false
	}
	return r.index, true
}

// fill makes the search index when the server starts, so that the first search
// does not wait for it.
func (a *App) fill(ctx context.Context, r *running) error {
	start := time.Now()
	switch err := r.index.Fill(ctx); {
	case ctx.Err() != nil:
	case err != nil:
		a.opts.Logger.Error("the search index could not be made; the next search tries again", "ledger", r.Name, "error", err)
	default:
		a.opts.Logger.Debug("search index", "ledger", r.Name, "took", time.Since(start))
	}
	return r.index.Run(ctx)
}

// Names implements [server.Ledgers].
func (a *App) Names() []string {
	names := make([]string, 0, len(a.ledgers))
	for n := range a.ledgers {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Trust implements [server.Ledgers].
func (a *App) Trust(name string) ([]byte, error) {
	return a.opts.Config.Trust(a.ledgers[name].Ledger.VerifierKeys()...)
}

// Ready implements [server.Ledgers]: every database must answer. A witness that
// lags does not make the server unready: it can still write and prove.
func (a *App) Ready(ctx context.Context) map[string]string {
	out := map[string]string{}
	for name, r := range a.ledgers {
		out["ledger "+name] = ""
		if _, _, err := r.Ledger.Newest(ctx); err != nil {
			out["ledger "+name] = "the database does not answer"
		}
	}
	return out
}
