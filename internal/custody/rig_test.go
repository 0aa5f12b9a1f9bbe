// SPDX-License-Identifier: Apache-2.0

package custody_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/internal/audit"
	"github.com/counterfoil/counterfoil/internal/custody"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/keyring"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/ledger/ledgertest"
	"github.com/counterfoil/counterfoil/record"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

// People of the tests.
var (
	lena  = custody.By{Actor: "person:lena", Role: "legal"}
	piet  = custody.By{Actor: "person:piet", Role: "privacy"}
	paula = custody.By{Actor: "person:paula", Role: "privacy"}
	rosa  = custody.By{Actor: "person:rosa", Role: "records"}
)

// rig is a running ledger with a custodian and a clock that tests move.
type rig struct {
	t    *testing.T
	dbc  db.Config
	keys *keyring.Keyring
	d    *db.DB
	l    *ledger.Ledger
	c    *custody.Custodian
	now  atomic.Int64
	said []string // alerts
}

func newRig(t *testing.T, dbc db.Config, edit func(*custody.Config)) *rig {
	t.Helper()
	r := &rig{t: t, dbc: dbc}
	r.now.Store(time.Date(2026, 3, 3, 9, 0, 0, 0, time.UTC).UnixNano())
	policy := custody.DefaultPolicy()
	cfg := ledger.Config{Now: r.clock, Classify: policy.Classify}
	r.l = ledgertest.New(t, dbc, "example.com/custody", &cfg)
	r.d, r.keys = cfg.DB, cfg.Keys
	ledgertest.Run(t, r.l)
	cc := custody.Config{Ledger: r.l, Policy: policy, Now: r.clock, Pause: time.Nanosecond, Alert: func(_ context.Context, what string) { r.said = append(r.said, what) }}
	if edit != nil {
		edit(&cc)
	}
	var err error
	if r.c, err = custody.New(cc); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) clock() time.Time { return time.Unix(0, r.now.Load()).UTC() }
func (r *rig) pass(years, months, days int) {
	r.now.Store(r.clock().AddDate(years, months, days).UnixNano())
}

// decide appends a decision about a person, with a reason that is theirs.
func (r *rig) decide(id, person string, adverse bool) {
	r.t.Helper()
	r.add(fmt.Sprintf(`{"type":"decision","id":%q,"time":%q,"system":"refund-agent","interaction":{"id":"int-%s"},"subject":"customer:%s",
		"decision":{"kind":"refund","status":"made","outcome":"denied","adverse":%v,"reason":"because of %s"},
		"inputs":[{"name":"order","source":"oms","category":"order","origin":"provided","value":{"mail":"%s@example.org"}}]}`,
		id, r.clock().Format(time.RFC3339), id, person, adverse, person, person))
}

func (r *rig) add(docs ...string) {
	r.t.Helper()
	b := ledger.Batch{Principal: "key:bot", Capture: "sdk"}
	for _, doc := range docs {
		rec, err := record.Parse([]byte(doc))
		if err != nil {
			r.t.Fatal(err)
		}
		b.Records = append(b.Records, rec)
	}
	if _, err := r.l.Append(r.t.Context(), b); err != nil {
		r.t.Fatal(err)
	}
}

// whole verifies the whole ledger.
func (r *rig) whole() *audit.Report {
	r.t.Helper()
	rep, err := audit.Run(r.t.Context(), audit.Config{DB: r.d, Keys: r.keys})
	if err != nil {
		r.t.Fatal(err)
	}
	if !rep.Whole() {
		r.t.Fatalf("the ledger is not whole: %v", rep.Findings)
	}
	return rep
}

// open returns how many private values of a record can be read.
func (r *rig) open(id string) int {
	r.t.Helper()
	o, err := r.l.Disclose(r.t.Context(), id, nil, ledger.Access{Act: "read", Actor: "person:piet", Purpose: "test"})
	if err != nil {
		r.t.Fatal(err)
	}
	return len(o)
}

func code(err error) ledger.Code {
	if e, ok := errors.AsType[*ledger.Error](err); ok {
		return e.Code
	}
	return ""
}

// absent scans the files of an SQLite database for bytes.
func (r *rig) absent(what string, needle []byte) {
	r.t.Helper()
	if r.d.Dialect() != db.SQLite {
		return
	}
	files, err := filepath.Glob(r.dbc.URL[len("sqlite:"):] + "*")
	if err != nil || len(files) == 0 {
		r.t.Fatalf("no files: %v", err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			r.t.Fatal(err)
		}
		if bytes.Contains(b, needle) {
			r.t.Errorf("%s is found in %s", what, filepath.Base(f))
		}
	}
}

// present says whether some file of an SQLite database has the bytes.
func (r *rig) present(needle []byte) bool {
	r.t.Helper()
	files, err := filepath.Glob(r.dbc.URL[len("sqlite:"):] + "*")
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil && bytes.Contains(b, needle) {
			return true
		}
	}
	return false
}

func (r *rig) row(query string, args ...any) []byte {
	r.t.Helper()
	var b []byte
	err := r.d.Read(r.t.Context(), func(ctx context.Context, tx *db.Tx) error { return tx.QueryRow(ctx, query, args...).Scan(&b) })
	if err != nil {
		r.t.Fatal(err)
	}
	return b
}

func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
