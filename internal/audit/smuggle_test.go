// SPDX-License-Identifier: Apache-2.0

package audit_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/internal/audit"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/keyring"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

// TestSmuggledRow deletes a lookup row and hides its text, line break and all,
// in the row before it: read as one text, the page looks as it should.
func TestSmuggledRow(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, cfg db.Config) {
		d, l := fill(t, cfg)
		expect(t, d, "")
		var text string
		entries := slices.Collect(func(yield func(ledger.Entry) bool) {
			for e, err := range l.Entries(t.Context(), 0, -1) {
				if err != nil {
					t.Error(err)
				}
				if !yield(e) {
					return
				}
			}
		})
		st, err := record.ParseStatement(entries[3].Statement)
		if err != nil {
			t.Fatal(err)
		}
		fields := st.Fields()
		text = ledger.LookupText(3, &fields)
		err = d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			if _, err := tx.Exec(ctx, `DELETE FROM lookup WHERE idx = 3`); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, `UPDATE lookup SET capture = ? WHERE idx = 2`, "sdk\n"+text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		expect(t, d, audit.LookupMissing)
	})
}

// fill makes a ledger of five records.
func fill(t *testing.T, cfg db.Config) (*db.DB, *ledger.Ledger) {
	t.Helper()
	d, err := db.Create(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	keys, err := keyring.Create(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	lc := ledger.Config{DB: d, Keys: keys}
	if err := ledger.Create(t.Context(), lc, "audit.example/log"); err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(t.Context(), lc)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	<-l.Running()
	b := ledger.Batch{Principal: "local:test", Capture: "sdk"}
	for i := range 5 {
		r, err := record.Parse(fmt.Appendf(nil, `{"type":"decision","id":"r-%d","time":"2026-01-01T00:00:00Z","system":"s","subject":"c","decision":{"kind":"k","status":"made"}}`, i))
		if err != nil {
			t.Fatal(err)
		}
		b.Records = append(b.Records, r)
	}
	if _, err := l.Append(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return d, l
}

// expect audits without keys and looks for a finding; none if code is empty.
func expect(t *testing.T, d *db.DB, code string) {
	t.Helper()
	r, err := audit.Run(t.Context(), audit.Config{DB: d})
	if err != nil {
		t.Fatal(err)
	}
	if code == "" && r.Whole() {
		return
	}
	if !slices.ContainsFunc(r.Findings, func(f audit.Finding) bool { return f.Code == code }) {
		t.Errorf("found %v, want %q", strings.Join(strings.Fields(fmt.Sprint(r.Findings)), " "), code)
	}
}
