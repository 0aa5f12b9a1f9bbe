// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/counterfoil/counterfoil/internal/access"
	"github.com/counterfoil/counterfoil/internal/challenge"
	"github.com/counterfoil/counterfoil/internal/custody"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/guard"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/oversight"
	"github.com/counterfoil/counterfoil/internal/packer"
	"github.com/counterfoil/counterfoil/internal/registry"
	"github.com/counterfoil/counterfoil/internal/search"
	"github.com/counterfoil/counterfoil/internal/server"
)

// Local is the API of one opened ledger within this process, for the commands of
// its operator when no server runs.
type Local struct {
	opened    *Opened
	custodian *custody.Custodian
	registry  *registry.Registry
	index     *search.Index
	desk      *challenge.Desk
	guard     *guard.Guard
	office    *oversight.Office
	packer    *packer.Packer
	stop      func() error
	handler   http.Handler
	book      *db.DB // of access
}

var _ server.Ledgers = (*Local)(nil)

// OpenLocal opens a ledger for writing and makes its API, with the vault of the
// configuration.
func (s Store) OpenLocal(ctx context.Context, name, version string, logger *slog.Logger, conf Config) (*Local, error) {
	o, err := s.Open(ctx, name, true, nil)
	if err != nil {
		return nil, err
	}
	l := &Local{opened: o, stop: o.Start()}
	cfg := custody.Config{Ledger: o.Ledger, Policy: o.Policy, Logger: logger}
	if cfg.Vault, err = conf.openVault(ctx); err == nil {
		l.custodian, err = custody.New(cfg)
	}
	if err == nil {
		l.packer, err = o.openPacker(l.custodian, &conf)
	}
	if err == nil {
		l.registry, err = o.openRegistry(ctx, logger)
	}
	if err == nil {
		if l.guard, err = o.openGuard(ctx, l.registry, logger); err == nil {
			unguard, stop := runGuard(l.guard), l.stop
			l.stop = func() error { return errors.Join(unguard(), stop()) }
		}
	}
	if err == nil {
		l.office, err = o.openOffice(l.registry, &conf, logger)
	}
	if err == nil {
		l.index, err = search.New(search.Config{Ledger: o.Ledger, Whole: true, Logger: logger})
	}
	if err == nil {
		l.desk, err = challenge.New(challenge.Config{Ledger: o.Ledger})
	}
	if err == nil {
		var book *access.Book
		if book, l.book, err = s.openBook(ctx, access.Config{}, o.Ledger, logger); err == nil {
			l.handler, err = server.New(server.Config{Ledgers: l, Book: book, Messages: conf.messages, Logger: logger, Version: version})
		}
	}
	if err != nil {
		return nil, joinClose(err, l.Close)
	}
	return l, nil
}

func joinClose(err error, closer func() error) error {
	if cerr := closer(); cerr != nil {
		return fmt.Errorf("%w; then close: %w", err, cerr)
	}
	return err
}

// ServeHTTP answers as a server would that is asked over its socket.
func (l *Local) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.handler.ServeHTTP(w, r.WithContext(server.LocalContext(r.Context())))
}

// Close commits what waits and closes the ledger.
func (l *Local) Close() error {
	err := l.stop()
	if l.book != nil {
		err = errors.Join(err, l.book.Close())
	}
	if cerr := l.opened.Close(); err == nil {
		err = cerr
	}
	return err
}

// Ledger implements [server.Ledgers].
func (l *Local) Ledger(name string) (*ledger.Ledger, bool) {
	return l.opened.Ledger, name == l.opened.Name
}

// Custodian implements [server.Ledgers].
func (l *Local) Custodian(name string) (*custody.Custodian, bool) {
	return l.custodian, name == l.opened.Name
}

// Registry implements [server.Ledgers].
func (l *Local) Registry(name string) (*registry.Registry, bool) {
	return l.registry, name == l.opened.Name
}

// Office implements [server.Ledgers].
func (l *Local) Office(name string) (*oversight.Office, bool) {
	return l.office, name == l.opened.Name
}

// Guard implements [server.Ledgers].
func (l *Local) Guard(name string) (*guard.Guard, bool) {
	return l.guard, name == l.opened.Name
}

// Desk implements [server.Ledgers].
func (l *Local) Desk(name string) (*challenge.Desk, bool) {
	return l.desk, name == l.opened.Name
}

// Search implements [server.Ledgers].
func (l *Local) Search(name string) (*search.Index, bool) {
	return l.index, name == l.opened.Name
}

// Names implements [server.Ledgers].
func (l *Local) Names() []string { return []string{l.opened.Name} }

// Trust implements [server.Ledgers]: without witnesses, of which it knows none.
func (l *Local) Trust(string) ([]byte, error) {
	return (&Config{}).Trust(l.opened.Ledger.VerifierKeys()...)
}

// Ready implements [server.Ledgers].
func (l *Local) Ready(context.Context) map[string]string { return map[string]string{} }

// maxSocket is how long the path of a Unix socket may be.
const maxSocket = 100

// listenLocal opens the socket in the data folder for the operator's commands. A
// path that is too long for one is done without.
func (a *App) listenLocal() error {
	path := a.opts.Store.Socket()
	if path == "" || len(path) > maxSocket {
		return nil
	}
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) { // of a process that was killed: the ledgers' locks are ours
		return fmt.Errorf("remove old socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return fmt.Errorf("listen for commands: %w", err)
	}
	a.local = l
	a.down.push("socket", func(context.Context) error { return ignoreClosed(l.Close()) })
	return os.Chmod(path, 0o600)
}

// retain runs the retention job of a ledger again and again.
func (a *App) retain(ctx context.Context, r *running) error {
	every := time.Duration(a.opts.Config.RetentionEvery)
	if every <= 0 {
		every = 24 * time.Hour
	}
	by := custody.By{Actor: "job:retention", Role: "records", Principal: "local:job"}
	if err := r.custodian.AnnouncePolicy(ctx, by); err != nil && ctx.Err() == nil {
		a.opts.Logger.Error("the retention classes could not be recorded", "ledger", r.Name, "error", err)
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		run, err := r.custodian.RunRetention(ctx, by, nil)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			a.opts.Logger.Error("the retention job failed; it goes on next time", "ledger", r.Name, "error", err)
		default:
			a.opts.Logger.Info("retention", "ledger", r.Name, "months", run.Months, "records", run.Records+run.Rows, "kept_by_holds", len(run.Refusals), "unknown_classes", len(run.Unknown))
		}
	}
}
