// SPDX-License-Identifier: Apache-2.0

package custody_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/internal/blob"
	"github.com/counterfoil/counterfoil/internal/custody"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

func ask(who ...string) custody.ErasureSpec {
	s := custody.ErasureSpec{Ticket: "case-1", Reason: "asked by mail"}
	for _, w := range who {
		s.Subjects = append(s.Subjects, json.RawMessage(fmt.Sprintf("%q", "customer:"+w)))
	}
	return s
}

// erase takes a request through all hands.
func (r *rig) erase(spec custody.ErasureSpec) custody.Outcome {
	r.t.Helper()
	req := must[custody.Request](r.t)(r.c.AskErasure(r.t.Context(), piet, spec))
	must[custody.Request](r.t)(r.c.ApproveErasure(r.t.Context(), paula, req.ID, true, ""))
	out := must[[]custody.Outcome](r.t)(r.c.ExecuteErasures(r.t.Context(), rosa, []string{req.ID}))
	return out[0]
}

func TestErasure(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		r := newRig(t, dbc, nil)
		r.decide("d-1", "mia", false)
		r.decide("d-2", "noah", false)
		r.decide("d-3", "mia", true)
		r.add(`{"type":"oversight","id":"o-1","about":"d-3","time":"2026-03-03T09:10:00Z","oversight":{"act":"override","actor":"person:rv","reason":"mia called"}}`,
			`{"type":"notice","id":"n-1","time":"2026-03-03T09:10:00Z","interaction":{"id":"int-d-1"},"notice":{"kind":"ai","text":"dear mia"}}`)
		sealed := r.row(`SELECT sealed FROM evidence WHERE idx = 0`)
		key := r.row(`SELECT wrapped FROM subject WHERE mac = ?`, r.l.SubjectMAC([]byte(`"customer:mia"`)))
		mark := r.row(`SELECT content FROM lookup WHERE idx = 0`)
		if r.d.Dialect() == db.SQLite && (!r.present(sealed) || !r.present(key) || !r.present(mark)) {
			t.Fatal("the scan of the files finds nothing even before: it proves nothing")
		}
		out := r.erase(ask("mia"))
		// Two decisions, the oversight that follows one up, the notice of the
		// interaction, and the request itself, which names her.
		if out.Records < 4 || out.Keys != 1 || !out.Absent || len(out.Refusals) != 0 || len(out.Tombstones) == 0 {
			t.Fatalf("outcome %+v", out)
		}
		rep := r.whole()
		if rep.Erased < 8 {
			t.Errorf("the audit saw %d erased values", rep.Erased)
		}
		for _, id := range []string{"d-1", "d-3", "o-1", "n-1"} {
			if n := r.open(id); n != 0 {
				t.Errorf("%s still opens %d values", id, n)
			}
		}
		if n := r.open("d-2"); n != 3 {
			t.Errorf("a bystander's record opens %d values", n)
		}
		rc := must[interface{ Marshal() ([]byte, error) }](t)(r.l.Receipt(t.Context(), "d-1", nil))
		b := must[[]byte](t)(rc.Marshal())
		var file struct {
			Erased []struct{ Pointer, Tombstone string }
		}
		if err := json.Unmarshal(b, &file); err != nil || len(file.Erased) != 3 || file.Erased[0].Tombstone != out.Tombstones[0] {
			t.Errorf("the receipt says %+v, %v", file.Erased, err)
		}
		for what, needle := range map[string][]byte{"the sealed row": sealed, "the wrapped key": key, "the content mark": mark, "the name": []byte("customer:mia"), "the reason": []byte("because of mia")} {
			r.absent(what, needle)
		}
		again, err := record.Parse([]byte(`{"type":"notice","id":"n-1","time":"2026-03-03T09:10:00Z","interaction":{"id":"int-d-1"},"notice":{"kind":"ai","text":"dear mia"}}`))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.l.Append(t.Context(), ledger.Batch{Records: []*record.Record{again}, Principal: "k", Capture: "sdk"}); err == nil {
			t.Error("what was erased could be sent again under its id")
		}
		r.decide("d-9", "mia", false) // she comes back: a new key, and nothing of before
		if n := r.open("d-9"); n != 3 {
			t.Errorf("a new record opens %d values", n)
		}
		r.whole()
	})
}

func TestErasureNeedsThreePeople(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t), nil)
	r.decide("d-1", "mia", false)
	ctx := t.Context()
	req := must[custody.Request](t)(r.c.AskErasure(ctx, piet, ask("mia")))
	if _, err := r.c.ExecuteErasures(ctx, rosa, []string{req.ID}); code(err) != ledger.Conflict {
		t.Errorf("executed without approval: %v", err)
	}
	if _, err := r.c.ApproveErasure(ctx, piet, req.ID, true, ""); code(err) != ledger.Forbidden {
		t.Errorf("approved by who asked: %v", err)
	}
	if _, err := r.c.ApproveErasure(ctx, paula, req.ID, false, " "); code(err) != ledger.Invalid {
		t.Errorf("refused without a reason: %v", err)
	}
	must[custody.Request](t)(r.c.ApproveErasure(ctx, paula, req.ID, true, ""))
	if _, err := r.c.ApproveErasure(ctx, lena, req.ID, false, "late"); code(err) != ledger.Conflict {
		t.Errorf("refused after approval: %v", err)
	}
	for _, by := range []custody.By{piet, paula} {
		if _, err := r.c.ExecuteErasures(ctx, by, []string{req.ID}); code(err) != ledger.Forbidden {
			t.Errorf("executed by %s: %v", by.Actor, err)
		}
	}
	if r.open("d-1") != 3 {
		t.Error("something was erased")
	}
	must[[]custody.Outcome](t)(r.c.ExecuteErasures(ctx, rosa, []string{req.ID}))
	if _, err := r.c.ExecuteErasures(ctx, rosa, []string{req.ID}); code(err) != ledger.Conflict {
		t.Errorf("executed twice: %v", err)
	}
	if _, err := r.c.AskErasure(ctx, piet, custody.ErasureSpec{Ticket: "x"}); code(err) != ledger.Invalid {
		t.Errorf("an erasure of nothing: %v", err)
	}
	r.whole()
}

func TestHoldBeatsErasure(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		r := newRig(t, dbc, nil)
		ctx := t.Context()
		r.decide("d-1", "mia", false)
		r.decide("d-2", "mia", true)
		spec := custody.HoldSpec{Name: "smith-2026", Query: ledger.Query{Adverse: "true"}, Matter: "Smith v. Acme"}
		must[custody.Request](t)(r.c.PlaceHold(ctx, lena, spec))
		if _, err := r.c.PlaceHold(ctx, lena, spec); code(err) != ledger.Conflict {
			t.Errorf("placed twice: %v", err)
		}
		if _, err := r.c.ApproveHold(ctx, lena, "smith-2026", true, ""); code(err) != ledger.Forbidden {
			t.Errorf("approved by who placed it: %v", err)
		}
		must[custody.Request](t)(r.c.ApproveHold(ctx, piet, "smith-2026", true, ""))

		req := must[custody.Request](t)(r.c.AskErasure(ctx, piet, ask("mia")))
		must[custody.Request](t)(r.c.ApproveErasure(ctx, paula, req.ID, true, ""))
		out := must[[]custody.Outcome](t)(r.c.ExecuteErasures(ctx, rosa, []string{req.ID}))[0]
		if len(out.Refusals) != 1 || out.Refusals[0] != (custody.Refusal{Ground: custody.GroundHold, Hold: "smith-2026", Records: 1}) || out.Keys != 0 {
			t.Fatalf("outcome %+v", out)
		}
		if r.open("d-1") != 0 || r.open("d-2") != 4-1 {
			t.Errorf("opens %d and %d values", r.open("d-1"), r.open("d-2"))
		}
		r.whole()
		if bad := must[[]custody.Conflict](t)(r.c.CheckDisposals(ctx)); len(bad) != 0 {
			t.Errorf("conflicts %v", bad)
		}
		must[custody.Request](t)(r.c.ReleaseHold(ctx, lena, "smith-2026", "settled"))
		if _, err := r.c.ApproveRelease(ctx, lena, "smith-2026", true, ""); code(err) != ledger.Forbidden {
			t.Errorf("released alone: %v", err)
		}
		must[custody.Request](t)(r.c.ApproveRelease(ctx, piet, "smith-2026", true, ""))
		must[custody.Run](t)(r.c.RunRetention(ctx, rosa, nil))
		if h := must[[]custody.Hold](t)(r.c.Holds(ctx)); h[0].Held != 1 {
			t.Errorf("lifted before its delay: %+v", h)
		}
		r.pass(0, 0, 15)
		must[custody.Run](t)(r.c.RunRetention(ctx, rosa, nil))
		if h := must[[]custody.Hold](t)(r.c.Holds(ctx)); h[0].Held != 0 || h[0].Status != custody.StatusLifted {
			t.Errorf("not lifted: %+v", h)
		}
		if out := r.erase(ask("mia")); out.Keys != 1 || !out.Absent {
			t.Errorf("after the hold: %+v", out)
		}
		r.whole()
	})
}

// TestVault keeps copies of held evidence where they can not be deleted, and
// finds one that is damaged.
func TestVault(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var r *rig
	vault, err := blob.Open(t.Context(), blob.Config{URL: "file://" + dir, Now: func() time.Time { return r.clock() }})
	if err != nil {
		t.Fatal(err)
	}
	r = newRig(t, dbtest.SQLite(t), func(c *custody.Config) { c.Vault = vault })
	ctx := t.Context()
	r.decide("d-1", "mia", true)
	r.add(`{"type":"heartbeat","id":"beat","time":"2026-03-03T09:10:00Z","heartbeat":{"from":"2026-03-03T09:00:00Z","to":"2026-03-03T09:10:00Z","count":1}}`) // nothing to copy
	must[custody.Request](t)(r.c.PlaceHold(ctx, lena, custody.HoldSpec{Name: "h", Records: []string{"d-1", "beat"}, Matter: "m"}))
	must[custody.Request](t)(r.c.ApproveHold(ctx, piet, "h", true, ""))
	if bad := must[[]custody.Conflict](t)(r.c.CheckDisposals(ctx)); len(bad) != 0 {
		t.Errorf("conflicts %v", bad)
	}
	file := filepath.Join(dir, "holds", "h", "d-1")
	b, err := os.ReadFile(file)
	if err != nil || bytes.Contains(b, []byte("mia")) {
		t.Errorf("the copy: %v, %q", err, b)
	}
	if err := vault.Delete(ctx, "holds/h/d-1"); !errors.Is(err, blob.ErrLocked) {
		t.Errorf("deleted: %v", err)
	}
	must[custody.Request](t)(r.c.ReviewHold(ctx, lena, "h", r.clock().AddDate(1, 0, 0), ""))
	must[custody.Request](t)(r.c.ReleaseHold(ctx, lena, "h", ""))
	must[custody.Request](t)(r.c.ApproveRelease(ctx, piet, "h", true, ""))
	r.pass(0, 0, 15)
	must[custody.Run](t)(r.c.RunRetention(ctx, rosa, nil))
	if h := must[[]custody.Hold](t)(r.c.Holds(ctx)); h[0].Status != custody.StatusReleased {
		t.Error("lifted although its copy can not be deleted yet")
	}
	r.pass(1, 0, 0)
	must[custody.Run](t)(r.c.RunRetention(ctx, rosa, nil))
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the copy is there: %v", err)
	}
	r.decide("d-2", "mia", true)
	must[custody.Request](t)(r.c.PlaceHold(ctx, lena, custody.HoldSpec{Name: "h2", Records: []string{"d-2"}, Matter: "m"}))
	must[custody.Request](t)(r.c.ApproveHold(ctx, piet, "h2", true, ""))
	file = filepath.Join(dir, "holds", "h2", "d-2")
	if err := errors.Join(os.Chmod(file, 0o600), os.WriteFile(file, []byte("tampered with"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if bad := must[[]custody.Conflict](t)(r.c.CheckDisposals(ctx)); len(bad) != 1 || bad[0].What != "copy" || bad[0].ID != "d-2" {
		t.Errorf("conflicts %v", bad)
	}
}

// TestReleaseRefused refuses the release of a hold that nobody has approved: that
// approves nothing, and who asked before the two were told apart is still the same.
func TestReleaseRefused(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		r := newRig(t, dbc, nil)
		ctx := t.Context()
		r.decide("d-1", "mia", true)
		must[custody.Request](t)(r.c.PlaceHold(ctx, lena, custody.HoldSpec{Name: "h", Records: []string{"d-1"}, Matter: "m"}))
		must[custody.Request](t)(r.c.ReleaseHold(ctx, lena, "h", ""))
		if h := must[custody.Request](t)(r.c.ApproveRelease(ctx, piet, "h", false, "")); h.Status != custody.StatusPlaced || h.Approver != "" {
			t.Errorf("after the refusal: %+v", h)
		}
		must[custody.Request](t)(r.c.ReleaseHold(ctx, lena, "h", ""))
		err := r.d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE request SET executor = NULL WHERE kind = 'hold'`)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.c.ApproveRelease(ctx, lena, "h", true, ""); code(err) != ledger.Forbidden {
			t.Errorf("released alone: %v", err)
		}
	})
}
