// SPDX-License-Identifier: Apache-2.0

// Package ledgertest makes ledgers for tests: real ones, in a database of their
// own, run until the test ends.
//
// New makes and opens one, so that a test can govern it; Run runs it. Both stop
// the test if they fail. What a ledger's Run returns other than nil fails it too.
// Scene is a ledger that speaks for its own register, for tests of what reads the
// log: it writes records, and reads the leaves without any of what is tested.
package ledgertest

import (
	"context"
	"sync"
	"testing"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/keyring"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

// New makes a ledger in a new database, and opens it. It puts the database into
// cfg.DB, to be closed when the test ends, and a master key into cfg.Keys.
func New(t testing.TB, dbc db.Config, origin string, cfg *ledger.Config) *ledger.Ledger {
	t.Helper()
	var err error
	if cfg.Keys, err = keyring.New([]byte("0123456789abcdef0123456789abcdef")); err != nil {
		t.Fatal(err)
	}
	if cfg.DB, err = db.Create(t.Context(), dbc); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cfg.DB.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := ledger.Create(t.Context(), *cfg, origin); err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(t.Context(), *cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Run runs a ledger until the test ends, and returns when it takes records.
func Run(t testing.TB, l *ledger.Ledger) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := l.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
	<-l.Running()
}
