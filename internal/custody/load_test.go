// SPDX-License-Identifier: Apache-2.0

package custody_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/counterfoil/counterfoil/internal/custody"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/keyring"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// customers appends one decision about each of n customers, from the given one on.
func (r *rig) customers(ctx context.Context, from, n int, prefix string) error {
	for n > 0 {
		b := ledger.Batch{Principal: "key:bot", Capture: "sdk"}
		for range min(n, 1000) {
			rec, err := record.Parse(fmt.Appendf(nil, `{"type":"decision","id":"%s-%06d","time":"2026-03-03T09:00:00Z","system":"refund-agent","subject":"customer:%06d",
				"decision":{"kind":"refund","status":"made","outcome":"denied","reason":"a reason about %06d"}}`, prefix, from, from, from))
			if err != nil {
				return err
			}
			b.Records = append(b.Records, rec)
			from++
			n--
		}
		if _, err := r.l.Append(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// needles are byte strings of which none may be found; each has 8 bytes at least.
type needles map[uint64][]byte

func (n needles) add(b []byte) { n[binary.LittleEndian.Uint64(b)] = b }

// in counts how many of them a file holds.
func (n needles) in(t *testing.T, path string) (found int) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+8 <= len(b); i++ {
		if want, ok := n[binary.LittleEndian.Uint64(b[i:])]; ok && i+len(want) <= len(b) && string(b[i:i+len(want)]) == string(want) {
			found++
		}
	}
	return found
}

// TestEraseUnderLoad erases 1,000 of 100,000 persons while records come in, looks
// for them in the files, and restores a backup of before.
func TestEraseUnderLoad(t *testing.T) {
	t.Parallel()
	persons, erase := 100_000, 1000
	if testing.Short() {
		persons, erase = 5000, 50
	}
	r := newRig(t, dbtest.SQLite(t), nil)
	ctx := t.Context()
	if err := r.customers(ctx, 0, persons, "d"); err != nil {
		t.Fatal(err)
	}
	if err := r.l.Purge(ctx); err != nil {
		t.Fatal(err)
	}
	file := r.dbc.URL[len("sqlite:"):]
	backup := filepath.Join(t.TempDir(), "backup.db")
	copyFile(t, file, backup)

	gone := needles{}
	spec := custody.ErasureSpec{Ticket: "order-1", Ground: custody.GroundOrder}
	for i := range erase {
		person := fmt.Sprintf(`"customer:%06d"`, i*(persons/erase))
		spec.Subjects = append(spec.Subjects, json.RawMessage(person))
		gone.add(r.row(`SELECT wrapped FROM subject WHERE mac = ?`, r.l.SubjectMAC([]byte(person))))
		gone.add(r.row(`SELECT sealed FROM evidence WHERE idx = ?`, i*(persons/erase)))
	}
	if n := gone.in(t, backup); n < 2*erase {
		t.Fatalf("only %d of %d keys and rows are found even in the backup: the scan proves nothing", n, 2*erase)
	}

	loading, stop := context.WithCancel(ctx)
	var load sync.WaitGroup
	load.Go(func() {
		for n := 0; loading.Err() == nil; n++ {
			if err := r.customers(ctx, persons+100*n, 100, "load"); err != nil {
				t.Error(err)
				return
			}
		}
	})
	out := r.erase(spec)
	stop()
	load.Wait()
	if out.Keys != int64(erase) || out.Records < int64(erase) || !out.Absent || len(out.Refusals) != 0 {
		t.Fatalf("outcome: %d keys, %d records, absent %v, refusals %v", out.Keys, out.Records, out.Absent, out.Refusals)
	}
	rep := r.whole()
	if rep.Erased < int64(2*erase) || rep.Size < int64(persons) {
		t.Errorf("the audit saw %d erased values", rep.Erased)
	}
	if err := r.l.Purge(ctx); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal"} {
		if _, err := os.Stat(file + suffix); err == nil {
			if n := gone.in(t, file+suffix); n > 0 {
				t.Errorf("%d erased keys and rows are found in %s", n, filepath.Base(file+suffix))
			}
		}
	}
	r.restore(backup)
}

// restore opens a backup of before an erasure: with the master key of then it can
// read what has been erased since, and with none it can not. The docs say so, and
// an erasure says by when such backups must be gone.
func (r *rig) restore(backup string) {
	t := r.t
	t.Helper()
	for name, key := range map[string]string{"the master key": "0123456789abcdef0123456789abcdef", "another master key": "fedcba9876543210fedcba9876543210"} {
		d, err := db.Open(t.Context(), db.Config{URL: "sqlite:" + backup})
		if err != nil {
			t.Fatal(err)
		}
		keys, err := keyring.New([]byte(key))
		if err != nil {
			t.Fatal(err)
		}
		l, err := ledger.Open(t.Context(), ledger.Config{DB: d, Keys: keys})
		if name == "another master key" {
			if code(err) != ledger.Invalid {
				t.Errorf("a backup opens without its master key: %v", err)
			}
		} else if o, rerr := l.Copy(t.Context(), "d-000000"); err != nil || rerr != nil || len(o) != 2 {
			t.Errorf("a backup of before: %d values, %v, %v", len(o), err, rerr)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}
