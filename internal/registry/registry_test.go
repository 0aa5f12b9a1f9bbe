// SPDX-License-Identifier: Apache-2.0

package registry_test

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/registry"
	"github.com/counterfoil/counterfoil/record"
)

func TestVersionsTakeTurns(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, cfg db.Config) {
		r := newRig(t, cfg, nil)
		other := r.another(nil)
		begin := r.clock()
		r.live("1", "Be kind.\n")
		r.pass(24 * time.Hour)
		r.live("2", "Be kind.\nBe brief.\n")
		if err := other.Refresh(r.ctx()); err != nil {
			t.Fatal(err)
		}
		for version, want := range map[string]string{"1": registry.Elsewhere, "2": registry.Approved, "3": registry.Unknown} {
			if _, state := other.Register().Resolve("prompt", "reply@"+version, ""); state != want {
				t.Errorf("version %s is %s, and not %s", version, state, want)
			}
		}
		r.pass(24 * time.Hour)
		back := must[registry.Version](t)(r.r.Rollback(r.ctx(), cid, "prompt", "reply", "production", "too brief"))
		if back.Digest == "" || r.reg().Size() == 0 {
			t.Fatal("nothing was put back")
		}
		got := must[registry.Content](t)(r.r.Fetch(r.ctx(), "prompt", "reply", "production"))
		if got.Content != "Be kind.\n" {
			t.Errorf("in force is %q", got.Content)
		}
		m := must[*registry.Moment](t)(r.reg().At("", begin.Add(36*time.Hour), registry.Span(24*time.Hour)))
		if len(m.InForce) != 1 || m.InForce[0].Interval.Version != "2" || len(m.InForce[0].Approvals) != 1 || len(m.Changes) != 1 || m.Changes[0].Before != "1" {
			t.Errorf("at that time: %+v", m)
		}
		d := must[*registry.Difference](t)(r.r.Diff(r.ctx(), "prompt", "reply", "1", "2"))
		if !strings.Contains(d.Text, "+Be brief.") {
			t.Errorf("difference: %s", d.Text)
		}
		if _, err := r.r.Rollback(r.ctx(), cid, "prompt", "reply", "production", "again"); code(err) != ledger.Conflict {
			t.Errorf("rollback beyond the first: %v", err)
		}
		if _, err := r.r.Retire(r.ctx(), cid, vote("1", "")); code(err) != ledger.Conflict {
			t.Errorf("retired while in force: %v", err)
		}
		must[registry.Version](t)(r.r.Retire(r.ctx(), cid, vote("2", "")))
		if _, state := r.reg().Resolve("prompt", "reply@2", "production"); state != registry.Retired {
			t.Errorf("retired version is %s", state)
		}
		r.whole()
	})
}

func TestSegregation(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, cfg db.Config) {
		r := newRig(t, cfg, nil)
		must[registry.System](t)(r.r.Describe(r.ctx(), ann, "system", "aria", []byte(strings.ReplaceAll(described, "limited", "high")), ""))
		d := r.add("1", "Be kind.")
		approve := func(by registry.By, digest string) func() error {
			return func() error { _, err := r.r.Approve(r.ctx(), by, vote("1", digest)); return err }
		}
		r.forbidden("the author approves", approve(ann, d))
		r.forbidden("another digest", approve(bob, "sha256:"+strings.Repeat("0", 64)))
		if err := approve(bob, d)(); err != nil {
			t.Fatal(err)
		}
		r.forbidden("double vote", approve(bob, d))
		if _, err := r.r.Promote(r.ctx(), ann, vote("1", d), "production", false); code(err) != ledger.Conflict {
			t.Errorf("promoted with one of two approvals: %v", err)
		}
		if _, err := r.r.Add(r.ctx(), ann, registry.Spec{Kind: "prompt", Name: "reply", Version: "1", Content: "Be rude."}); code(err) != ledger.Conflict {
			t.Errorf("content changed after approval: %v", err)
		}
		if v := must[registry.Version](t)(r.r.Approve(r.ctx(), cid, vote("1", d))); v.Status != registry.Approved || v.Needed != 2 {
			t.Errorf("after two approvals: %+v", v)
		}
		bad := r.add("2", "Be loud.")
		must[registry.Version](t)(r.r.Refuse(r.ctx(), bob, vote("2", bad)))
		r.forbidden("approval after refusal", func() error { _, err := r.r.Approve(r.ctx(), cid, vote("2", bad)); return err })
		r.whole()
	})
}

func TestSystemNeedsTwo(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, cfg db.Config) {
		r := newRig(t, cfg, nil)
		must[registry.System](t)(r.r.Describe(r.ctx(), ann, "system", "aria", []byte(described), ""))
		status := func(by registry.By, status, description string) error {
			_, err := r.r.SetStatus(r.ctx(), by, "aria", status, description, "because")
			return err
		}
		r.forbidden("who describes puts into service", func() error { return status(ann, registry.InService, "") })
		for _, err := range []error{status(bob, registry.InService, ""), status(cid, registry.Suspended, "")} {
			if err != nil {
				t.Fatal(err)
			}
		}
		r.forbidden("who suspends resumes", func() error { return status(cid, registry.InService, "") })
		if err := status(bob, registry.InService, ""); err != nil {
			t.Fatal(err)
		}
		must[registry.System](t)(r.r.Describe(r.ctx(), ann, "system", "aria", []byte(strings.ReplaceAll(described, "limited", "minimal")), ""))
		if y, _ := r.reg().System("aria"); y.Risk != "limited" || y.Pending == nil || y.Description.Mode != registry.Strict {
			t.Errorf("one person changed the risk class: %+v", y)
		}
		r.forbidden("who describes confirms", func() error { return status(ann, registry.InService, "2") })
		for _, s := range []string{registry.Suspended, registry.Retired} {
			if err := status(ann, s, "2"); code(err) != ledger.Invalid {
				t.Errorf("who describes confirms with %s: %v", s, err)
			}
		}
		if err := status(bob, registry.InService, "3"); code(err) != ledger.Conflict {
			t.Errorf("confirmed what does not wait: %v", err)
		}
		if err := status(bob, registry.InService, "2"); err != nil {
			t.Fatal(err)
		}
		if y, _ := r.reg().System("aria"); y.Risk != "minimal" || y.Pending != nil {
			t.Errorf("confirmed: %+v", y)
		}
		if err := status(bob, registry.Retired, ""); err != nil {
			t.Fatal(err)
		}
		if err := status(cid, registry.InService, ""); code(err) != ledger.Conflict {
			t.Errorf("back from retirement: %v", err)
		}
		r.whole()
	})
}

func TestEmergency(t *testing.T) {
	r := newRig(t, dbtest.SQLite(t), nil)
	d := r.add("1", "Be kind.")
	r.forbidden("the author's emergency", func() error {
		_, err := r.r.Promote(r.ctx(), ann, vote("1", d), "production", true)
		return err
	})
	v := must[registry.Version](t)(r.r.Promote(r.ctx(), bob, vote("1", d), "production", true))
	if want := time.Date(2026, 3, 10, 23, 59, 59, 0, time.UTC); !v.Emergency.Due.Equal(want) {
		t.Errorf("review is due %v", v.Emergency.Due)
	}
	if _, state := r.reg().Resolve("prompt", "reply@1", "production"); state != registry.Approved {
		t.Errorf("in an emergency it is %s", state)
	}
	r.forbidden("own review", func() error { _, err := r.r.Review(r.ctx(), bob, vote("1", d), true); return err })
	if v := must[registry.Version](t)(r.r.Review(r.ctx(), cid, vote("1", d), true)); v.Status != registry.Approved {
		t.Errorf("after review: %+v", v)
	}
	r.whole()
}

func TestSignedApprovals(t *testing.T) {
	r := newRig(t, dbtest.SQLite(t), nil)
	must[registry.System](t)(r.r.Describe(r.ctx(), ann, "system", "aria", []byte(described+"signed_approvals: true\n"), ""))
	d := r.add("1", "Be kind.")
	r.forbidden("no signature", func() error { _, err := r.r.Approve(r.ctx(), bob, vote("1", d)); return err })

	private := ed25519.NewKeyFromSeed([]byte("0123456789abcdef0123456789abcdef"))
	name := registry.KeyName(private.Public().(ed25519.PublicKey))
	must[registry.Key](t)(r.r.AddKey(r.ctx(), bob, *registry.Sign(registry.NewKeyAct(r.l.Origin(), bob.Actor, name), private)))
	signed := vote("1", d)
	signed.Signature = registry.Sign(registry.NewApproval(r.l.Origin(), bob.Actor, signed), private)
	r.forbidden("unconfirmed key", func() error { _, err := r.r.Approve(r.ctx(), bob, signed); return err })
	r.forbidden("own confirmation", func() error { _, err := r.r.ConfirmKey(r.ctx(), bob, bob.Actor, name); return err })
	must[registry.Key](t)(r.r.ConfirmKey(r.ctx(), cid, bob.Actor, name))
	r.forbidden("another's signature", func() error { _, err := r.r.Approve(r.ctx(), dee, signed); return err })
	must[registry.Version](t)(r.r.Promote(r.ctx(), cid, vote("1", d), "production", true))
	if _, err := r.r.Review(r.ctx(), dee, vote("1", d), true); code(err) != ledger.Conflict {
		t.Errorf("an emergency goes around the signatures: %v", err)
	}
	v := must[registry.Version](t)(r.r.Approve(r.ctx(), bob, signed))
	if v.Status != registry.Approved || v.Approvals[0].Signed != name {
		t.Errorf("signed approval: %+v", v)
	}
	e := must[ledger.Entry](t)(r.l.Get(r.ctx(), v.Approvals[0].Record))
	act := must[*registry.Act](t)(registry.ParseAct(r.l.Origin(), e.Index, e.Statement))
	if err := registry.Verify(act); err != nil {
		t.Errorf("anybody can verify it: %v", err)
	}
	act.Digest = "sha256:" + strings.Repeat("0", 64)
	if registry.Verify(act) == nil {
		t.Error("a signature over another digest is valid")
	}
	r.whole()
}

func TestConcurrentVotes(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, cfg db.Config) {
		r := newRig(t, cfg, nil)
		other := r.another(nil)
		d := r.add("1", "Be kind.")
		var wg sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			wg.Go(func() {
				by := registry.By{Actor: fmt.Sprintf("person:%d", i/4)} // each four times at once
				_, errs[i] = []*registry.Registry{r.r, other}[i%2].Approve(r.ctx(), by, vote("1", d))
			})
		}
		wg.Wait()
		good := 0
		for _, err := range errs {
			if err == nil {
				good++
			}
		}
		v := must[registry.Content](t)(r.r.Show(r.ctx(), "prompt", "reply", "1"))
		if good != 1 || len(v.Approvals) != 1 {
			t.Errorf("%d votes of 8 were taken, and %d counted: %v", good, len(v.Approvals), errors.Join(errs...))
		}
		r.whole()
	})
}

func TestNobodySendsActs(t *testing.T) {
	r := newRig(t, dbtest.SQLite(t), nil)
	send := func(act string) error {
		rec := must[*record.Record](t)(record.Parse([]byte(`{"type":"registry","id":"f-` + act + `","time":"2026-03-03T09:12:44Z","registry":{"act":"` + act + `","kind":"prompt","name":"reply","version":"1","actor":"eve"}}`)))
		_, err := r.l.Append(r.ctx(), ledger.Batch{Records: []*record.Record{rec}, Principal: "key:bot", Capture: "sdk"})
		return err
	}
	if err := send(ledger.ActApprove); code(err) != ledger.Forbidden {
		t.Errorf("a forged approval: %v", err)
	}
	if err := send("release"); err != nil {
		t.Errorf("a source's own act: %v", err)
	}
	r.whole()
}

func TestControlsAreChecked(t *testing.T) {
	broken := errors.New("does not compile")
	strict := false
	r := newRig(t, dbtest.SQLite(t), func(c *registry.Config) {
		c.CheckControl = func(content []byte) error {
			if strict || string(content) == "bad" {
				return broken
			}
			return nil
		}
	})
	spec := registry.Spec{Kind: "control", Name: "limit", Version: "1", Content: "bad"}
	if _, err := r.r.Add(r.ctx(), ann, spec); !errors.Is(err, broken) {
		t.Errorf("a broken control: %v", err)
	}
	spec.Content = "good"
	v := must[registry.Version](t)(r.r.Add(r.ctx(), ann, spec))
	strict = true
	yes := registry.Vote{Kind: "control", Name: "limit", Version: "1", Digest: v.Digest}
	if _, err := r.r.Approve(r.ctx(), bob, yes); !errors.Is(err, broken) {
		t.Errorf("approval checks again: %v", err)
	}
	strict = false
	must[registry.Version](t)(r.r.Approve(r.ctx(), bob, yes))
	must[registry.Version](t)(r.r.Promote(r.ctx(), ann, yes, "production", false))
	if c := r.reg().Controls("production"); len(c) != 1 || string(c[0].Content) != "good" || c[0].Owner != ann.Actor {
		t.Errorf("controls in force: %+v", c)
	}
}
