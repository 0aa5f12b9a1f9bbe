// SPDX-License-Identifier: Apache-2.0

package drill_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/drill"
	"github.com/counterfoil/counterfoil/internal/keyring"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

// fill makes a ledger of n decisions in several commits.
func fill(t *testing.T, dbc db.Config, n int) (*db.DB, *keyring.Keyring) {
	t.Helper()
	keys, err := keyring.New([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := db.Create(t.Context(), dbc)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	if err := ledger.Create(t.Context(), ledger.Config{DB: d, Keys: keys}, "example.com/drill"); err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(t.Context(), ledger.Config{DB: d, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() { l.Run(ctx) })
	<-l.Running()
	for i := 0; i < n; {
		b := ledger.Batch{Principal: "local:test", Capture: "sdk"}
		for ; i < n && len(b.Records) < 100; i++ {
			rec, err := record.Parse(fmt.Appendf(nil, `{"type":"decision","id":"d%d","time":"2026-03-03T09:12:44Z","system":"refund-agent",
				"decision":{"kind":"refund","status":"made","outcome":"denied"},"subject":"customer:%d"}`, i, i))
			if err != nil {
				t.Fatal(err)
			}
			b.Records = append(b.Records, rec)
		}
		if _, err := l.Append(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	return d, keys
}

// TestEveryAttackIsCaught is the tamper test: each attack must be carried out,
// and found.
func TestEveryAttackIsCaught(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		d, keys := fill(t, dbc, 700)
		n := 0
		for res, err := range drill.Run(t.Context(), drill.Config{DB: d, Keys: keys, Scratch: t.TempDir()}) {
			if err != nil {
				t.Fatal(err)
			}
			n++
			if !res.Caught {
				t.Errorf("%s: not caught (%s)", res.Name, res.Skipped)
				continue
			}
			t.Logf("%-22s %s", res.Name, res.Finding)
		}
		if n < 25 {
			t.Errorf("only %d attacks", n)
		}
	})
}

func TestRefused(t *testing.T) {
	t.Parallel()
	d, keys := fill(t, dbtest.SQLite(t), 1)
	for name, cfg := range map[string]drill.Config{"no keys": {DB: d}, "no such attack": {DB: d, Keys: keys, Only: []string{"x"}}, "too small": {DB: d, Keys: keys}} {
		for _, err := range drill.Run(t.Context(), cfg) {
			if err == nil {
				t.Errorf("%s: went on", name)
			}
			break
		}
	}
}
