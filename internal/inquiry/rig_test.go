// SPDX-License-Identifier: Apache-2.0

package inquiry_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/inquiry"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/ledger/ledgertest"
	"github.com/counterfoil/counterfoil/record"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

// The time of the tests: the log is written on this day, and asked on the 20th.
var (
	march = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	asked = march.AddDate(0, 0, 19)
)

// rig is a ledger that began in March, and what is asked about it.
type rig struct {
	*ledgertest.Scene
	t testing.TB
	i *inquiry.Inquirer
}

func newRig(t testing.TB, dbc db.Config) *rig {
	t.Helper()
	return openRig(t, dbc, "example.com/inquiry", ledger.Config{})
}

// newRigAfter is a rig of the log that goes on where another ended.
func newRigAfter(t testing.TB, dbc db.Config, old *ledger.Ledger) *rig {
	t.Helper()
	return openRig(t, dbc, "example.com/inquiry/2", ledger.Config{Previous: []*ledger.Ledger{old}})
}

// newStrictRig is a rig of a ledger that keeps more values private.
func newStrictRig(t testing.TB, dbc db.Config, patterns ...string) *rig {
	t.Helper()
	rules, err := record.Strict(patterns...)
	must(t, err)
	return openRig(t, dbc, "example.com/strict", ledger.Config{Rules: rules})
}

func openRig(t testing.TB, dbc db.Config, origin string, cfg ledger.Config) *rig {
	t.Helper()
	r := &rig{Scene: ledgertest.NewScene(t, dbc, origin, march, cfg), t: t}
	var err error
	r.i, err = inquiry.New(inquiry.Config{Ledger: r.Ledger, Now: func() time.Time { return asked }})
	must(t, err)
	return r
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

type (
	members = ledgertest.Members
	leaf    = ledgertest.Leaf
)

// hour is a time as records have it.
func hour(h int) string { return march.Add(time.Duration(h) * time.Hour).Format(time.RFC3339) }

func digest(c string) string { return "sha256:" + strings.Repeat(c, 64) }

// equal compares what is printed of two values.
func equal(t testing.TB, what string, got, want any) {
	t.Helper()
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		t.Errorf("%s: got %s, want %s", what, g, w)
	}
}
