// SPDX-License-Identifier: Apache-2.0

package registry_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/registry"
	"github.com/counterfoil/counterfoil/record"
)

func TestRebuildReplaces(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, cfg db.Config) {
		r := newRig(t, cfg, nil)
		r.live("1", "Be kind.")
		r.spoil(`UPDATE register_state SET doc = '{}' WHERE topic = 'version'`)
		r.spoil(`DELETE FROM register_act WHERE n = 2`)
		rep := must[*registry.Report](t)(r.r.Rebuild(r.ctx(), false))
		if len(rep.Findings) != 2 || rep.Replaced {
			t.Errorf("findings: %v", rep.Findings)
		}
		if rep = must[*registry.Report](t)(r.r.Rebuild(r.ctx(), true)); !rep.Replaced {
			t.Error("nothing was replaced")
		}
		r.whole()
	})
}

func TestDescriptionIsStrict(t *testing.T) {
	for text, want := range map[string]string{
		described + "colour: red\n": "/colour",
		"owner: {person: 4}":        "/owner/person",
		"owner: {person: A, team: B}\nrole: boss\nrisk: high\npurpose: x": "/role",
		"role: provider\nrisk: high\npurpose: x":                          "/owner/person",
	} {
		if _, err := registry.ParseDescription([]byte(text)); code(err) != ledger.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func BenchmarkResolve(b *testing.B) {
	r := newRig(b, dbtest.SQLite(b), nil)
	r.live("1", "Be kind.")
	g := r.reg()
	for b.Loop() {
		if _, state := g.Resolve("prompt", "reply@1", "production"); state != registry.Approved {
			b.Fatal(state)
		}
	}
}

// TestNewShard closes the log and goes on in another: the register goes with it.
func TestNewShard(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, cfg db.Config) {
		r := newRig(t, cfg, nil)
		r.live("1", "Be kind.")
		r.live("2", "Be brief.")
		end := must[*ledger.End](t)(r.l.CloseShard(r.ctx(), "person:root"))
		next := must[*db.DB](t)(db.Create(r.ctx(), dbtest.SQLite(t)))
		lc := ledger.Config{DB: next, Keys: r.keys, Now: r.clock, Previous: []*ledger.Ledger{r.l}}
		if err := ledger.Create(r.ctx(), lc, "example.com/register-2"); err != nil {
			t.Fatal(err)
		}
		l := must[*ledger.Ledger](t)(ledger.Open(r.ctx(), lc))
		ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := l.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		defer func() {
			cancel()
			wg.Wait()
			if err := next.Close(); err != nil {
				t.Error(err)
			}
		}()
		<-l.Running()
		if err := l.BeginShard(r.ctx(), end, "person:root"); err != nil {
			t.Fatal(err)
		}
		r.l = l
		r.r = r.another(nil)
		r.whole()
		if _, state := r.reg().Resolve("prompt", "reply@2", "production"); state != registry.Approved {
			t.Errorf("in the new shard it is %s", state)
		}
		must[registry.Version](t)(r.r.Rollback(r.ctx(), cid, "prompt", "reply", "production", "worse"))
		if c := must[registry.Content](t)(r.r.Fetch(r.ctx(), "prompt", "reply", "production")); c.Content != "Be kind." {
			t.Errorf("put back %q", c.Content)
		}
		r.whole()
	})
}

// TestErasedContent takes all private values away: digests and approvals stay, and
// a system is governed most strictly.
func TestErasedContent(t *testing.T) {
	r := newRig(t, dbtest.SQLite(t), nil)
	must[registry.System](t)(r.r.Describe(r.ctx(), ann, "system", "aria", []byte(described), ""))
	r.live("1", "Be kind.")
	r.spoil(`DELETE FROM evidence`)
	r.r = r.another(nil)
	if c := must[registry.Content](t)(r.r.Show(r.ctx(), "prompt", "reply", "1")); !c.Gone || c.Content != "" || c.Digest == "" {
		t.Errorf("erased: %+v", c)
	}
	if _, err := r.r.Diff(r.ctx(), "prompt", "reply", "1", "1"); code(err) != ledger.NotFound || !strings.Contains(err.Error(), "erased") {
		t.Errorf("difference of what is gone: %v", err)
	}
	y, ok := r.reg().System("aria")
	if d := y.Description; !ok || y.Described || d.Mode != registry.Strict || d.OnGuardFailure != registry.FailClosed || !d.SignedApprovals {
		t.Errorf("without its description: %+v", y)
	}
	if _, state := r.reg().Resolve("prompt", "reply@1", "production"); state != registry.Approved {
		t.Errorf("without its content it is %s", state)
	}
	r.whole()
}

// TestOnlyRegistryRecordsAreOpened asks for the values of another record.
func TestOnlyRegistryRecordsAreOpened(t *testing.T) {
	r := newRig(t, dbtest.SQLite(t), nil)
	rec := must[*record.Record](t)(record.Parse([]byte(`{"type":"decision","id":"d-1","time":"2026-03-03T09:12:44Z","system":"aria","interaction":{"id":"i-1"},"decision":{"kind":"refund","status":"made","outcome":"denied","reason":"private"}}`)))
	if _, err := r.l.Append(r.ctx(), ledger.Batch{Records: []*record.Record{rec}, Principal: "key:bot", Capture: "sdk"}); err != nil {
		t.Fatal(err)
	}
	if o, err := r.l.OpenRegistry(r.ctx(), "d-1"); code(err) != ledger.NotFound || o != nil {
		t.Errorf("opened %v, %v", o, err)
	}
}
