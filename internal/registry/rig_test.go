// SPDX-License-Identifier: Apache-2.0

package registry_test

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/keyring"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/ledger/ledgertest"
	"github.com/counterfoil/counterfoil/internal/registry"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

// People of the tests.
var (
	ann = registry.By{Actor: "person:ann", Role: "owner"}
	bob = registry.By{Actor: "person:bob", Role: "governance"}
	cid = registry.By{Actor: "person:cid", Role: "governance"}
	dee = registry.By{Actor: "person:dee", Role: "governance"}
)

const described = `
owner: {person: Ann Archer, team: Care}
role: deployer
purpose: answers customers
risk: limited
jurisdictions: [DE, AT]
reaction_time: PT4H
dwell_floor: PT20S
mode: strict
on_guard_failure: fail_open
`

// rig is a running ledger with a registry and a clock that tests move.
type rig struct {
	t    testing.TB
	keys *keyring.Keyring
	d    *db.DB
	l    *ledger.Ledger
	r    *registry.Registry
	now  atomic.Int64
}

func newRig(t testing.TB, dbc db.Config, edit func(*registry.Config)) *rig {
	t.Helper()
	r := &rig{t: t}
	r.now.Store(time.Date(2026, 3, 3, 9, 0, 0, 0, time.UTC).UnixNano())
	cfg := ledger.Config{Now: r.clock}
	r.l = ledgertest.New(t, dbc, "example.com/register", &cfg)
	r.d, r.keys = cfg.DB, cfg.Keys
	ledgertest.Run(t, r.l)
	r.r = r.another(edit)
	return r
}

// another is a registry of another node on the same ledger.
func (r *rig) another(edit func(*registry.Config)) *registry.Registry {
	r.t.Helper()
	cfg := registry.Config{Ledger: r.l, Now: r.clock}
	if edit != nil {
		edit(&cfg)
	}
	out, err := registry.New(cfg)
	if err == nil {
		err = out.Start(r.t.Context())
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

func (r *rig) clock() time.Time        { return time.Unix(0, r.now.Load()).UTC() }
func (r *rig) pass(d time.Duration)    { r.now.Add(int64(d)) }
func (r *rig) ctx() context.Context    { return r.t.Context() }
func (r *rig) reg() *registry.Register { return r.r.Register() }

// add proposes a prompt, by ann, and returns its digest.
func (r *rig) add(version, content string) string {
	r.t.Helper()
	return must[registry.Version](r.t)(r.r.Add(r.ctx(), ann, registry.Spec{Kind: "prompt", Name: "reply", Version: version, Content: content, Note: "why"})).Digest
}

func vote(version, digest string) registry.Vote {
	return registry.Vote{Kind: "prompt", Name: "reply", Version: version, Digest: digest, Reason: "looked at it"}
}

// live adds, approves and promotes a prompt.
func (r *rig) live(version, content string) {
	r.t.Helper()
	d := r.add(version, content)
	must[registry.Version](r.t)(r.r.Approve(r.ctx(), bob, vote(version, d)))
	must[registry.Version](r.t)(r.r.Promote(r.ctx(), ann, vote(version, d), "production", false))
}

// whole demands that the tables are what the log says.
func (r *rig) whole() {
	r.t.Helper()
	rep := must[*registry.Report](r.t)(r.r.Rebuild(r.ctx(), false))
	if len(rep.Findings) > 0 {
		r.t.Fatalf("the tables are not what the log says: %v", rep.Findings)
	}
}

// denied counts the refused attempts in the log.
func (r *rig) denied() int {
	r.t.Helper()
	p := must[ledger.Page](r.t)(r.l.List(r.ctx(), ledger.Query{Type: "access", Outcome: "denied", Limit: 1000}))
	return len(p.Entries)
}

// forbidden demands that an attempt is refused, and recorded.
func (r *rig) forbidden(what string, act func() error) {
	r.t.Helper()
	before := r.denied()
	if err := act(); code(err) != ledger.Forbidden {
		r.t.Errorf("%s: %v", what, err)
	}
	if n := r.denied() - before; n != 1 {
		r.t.Errorf("%s: %d attempts were recorded", what, n)
	}
}

func code(err error) ledger.Code {
	if e, ok := errors.AsType[*ledger.Error](err); ok {
		return e.Code
	}
	return ""
}

func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// spoil changes the tables as an intruder would.
func (r *rig) spoil(statement string) {
	r.t.Helper()
	err := r.d.Write(r.ctx(), func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, statement)
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
}
