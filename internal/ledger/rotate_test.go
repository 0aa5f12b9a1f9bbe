// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/counterfoil/counterfoil/internal/audit"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/keyring"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// whole audits the ledger, remembering what was seen before.
func (r *rig) whole(memory audit.Memory) {
	r.t.Helper()
	rep, err := audit.Run(r.t.Context(), audit.Config{DB: r.cfg.DB, Keys: r.keys, Memory: memory})
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range rep.Findings {
		r.t.Errorf("audit: %s", f)
	}
}

// signs says whether a key has signed the newest checkpoint.
func (r *rig) signs(vkey string) bool {
	r.t.Helper()
	signed, _, err := r.l.Newest(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		r.t.Fatal(err)
	}
	_, err = note.Open(signed, note.VerifierList(v))
	return err == nil
}

// TestRotateKey announces a new key by the old one, signs with both, and then
// with the new one alone; each step is verified by who remembers the step before.
func TestRotateKey(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		r := newRig(t, dbc, nil)
		memory := audit.Dir(t.TempDir())
		old := r.l.VerifierKey()
		r.append(batch(t, "a", 3))
		r.whole(memory)
		if _, err := r.l.RetireKey(t.Context(), "person:x"); code(err) != ledger.Conflict {
			t.Errorf("retired the only key: %v", err)
		}
		key, err := r.l.RotateKey(t.Context(), "person:x")
		if err != nil {
			t.Fatal(err)
		}
		if !r.signs(old) || r.signs(key) {
			t.Error("the announcement is not signed by the old key alone")
		}
		r.whole(memory)
		if _, err := r.l.RotateKey(t.Context(), "person:x"); code(err) != ledger.Conflict {
			t.Errorf("rotated twice: %v", err)
		}
		r.append(batch(t, "b", 3))
		if !r.signs(old) || !r.signs(key) || r.l.VerifierKey() != key {
			t.Error("not both keys sign")
		}
		r.whole(memory)
		wrapped := r.metaValue("signing_key_old")
		if _, err := r.l.RetireKey(t.Context(), "person:x"); err != nil {
			t.Fatal(err)
		}
		r.append(batch(t, "c", 3))
		if r.signs(old) || !r.signs(key) {
			t.Error("the retired key signs")
		}
		if len(wrapped) == 0 || r.metaValue("signing_key_old") != nil {
			t.Error("the retired key is there")
		}
		r.whole(memory)
		r.stop()
		r.open(nil) // a new start finds the new key
		r.append(batch(t, "d", 3))
		r.whole(memory)
		if keys := r.l.VerifierKeys(); len(keys) != 2 || keys[0] != old || keys[1] != key {
			t.Errorf("keys %v", keys)
		}
		forged := bytes.ReplaceAll([]byte(`{"type":"registry","id":"f","time":"2026-03-03T09:12:44Z","registry":{"act":"log-key","kind":"log_key","name":"log","version":"V","parent":"P","actor":"x"}}`), []byte("V"), []byte(strings.ReplaceAll(key, "+", "@")))
		rec, err := record.Parse(forged)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.l.Append(t.Context(), ledger.Batch{Records: []*record.Record{rec}, Principal: "k", Capture: "sdk"}); err == nil {
			t.Error("anybody can announce a key")
		}
	})
}

// TestRotateMaster wraps everything anew while records come in. What a backup of
// before holds can not be opened any more.
func TestRotateMaster(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		path := filepath.Join(t.TempDir(), "main.key")
		keys, err := keyring.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		r := newRigWith(t, dbc, keys, nil)
		r.append(batch(t, "a", 1200))
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		old := r.metaValue("signing_key")
		loading, stop := context.WithCancel(t.Context())
		var load sync.WaitGroup
		load.Go(func() {
			for n := 0; loading.Err() == nil; n++ {
				if _, err := r.l.Append(t.Context(), batch(t, fmt.Sprint("load-", n), 20)); err != nil {
					t.Error(err)
					return
				}
			}
		})
		n, err := r.l.RotateMaster(t.Context(), "person:root", "", nil)
		stop()
		load.Wait()
		if err != nil || n < 1203 {
			t.Fatalf("%d keys, %v", n, err)
		}
		after, err := os.ReadFile(path)
		if err != nil || bytes.Equal(before, after) || bytes.Count(after, []byte("\n")) != 1 || keys.Masters() != 1 {
			t.Errorf("the key file: %d lines, %v", bytes.Count(after, []byte("\n")), err)
		}
		r.append(batch(t, "b", 30))
		r.whole(audit.Dir(t.TempDir()))
		if o, err := r.l.Copy(t.Context(), "a-1000"); err != nil || len(o) != 2 {
			t.Errorf("%d values, %v", len(o), err)
		}
		if _, err := keys.Unwrap("signing_key "+origin, old); err == nil {
			t.Error("what the old master key wrapped can be opened")
		}
		r.stop()
		if r.keys, err = keyring.Open(path); err != nil {
			t.Fatal(err)
		}
		r.open(nil)
		r.whole(audit.Dir(t.TempDir()))
	})
}
