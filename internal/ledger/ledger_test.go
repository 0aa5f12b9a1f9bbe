// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/keyring"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/proof"
	"github.com/counterfoil/counterfoil/record"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

const origin = "example.com/test"

// rig is one ledger under test, with what is needed to open it again.
type rig struct {
	t    *testing.T
	dbc  db.Config
	keys *keyring.Keyring
	cfg  ledger.Config
	l    *ledger.Ledger
	stop func()
}

func newRig(t *testing.T, dbc db.Config, edit func(*ledger.Config)) *rig {
	t.Helper()
	keys, err := keyring.New([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	return newRigWith(t, dbc, keys, edit)
}

func newRigWith(t *testing.T, dbc db.Config, keys *keyring.Keyring, edit func(*ledger.Config)) *rig {
	t.Helper()
	d, err := db.Create(t.Context(), dbc)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, dbc: dbc, keys: keys}
	if err := ledger.Create(t.Context(), ledger.Config{DB: d, Keys: keys}, origin); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	r.open(edit)
	return r
}

func (r *rig) open(edit func(*ledger.Config)) {
	r.t.Helper()
	d, err := db.Open(r.t.Context(), r.dbc)
	if err != nil {
		r.t.Fatal(err)
	}
	r.cfg = ledger.Config{DB: d, Keys: r.keys}
	if edit != nil {
		edit(&r.cfg)
	}
	if r.l, err = ledger.Open(r.t.Context(), r.cfg); err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.t.Context()))
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := r.l.Run(ctx); err != nil {
			r.t.Error(err)
		}
	})
	r.stop = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
		if err := d.Close(); err != nil {
			r.t.Error(err)
		}
	})
	r.t.Cleanup(func() { r.stop() })
	<-r.l.Running()
	r.append(ledger.Batch{Records: []*record.Record{mustParse(r.t, "probe", "probe")}, Principal: "t", Capture: "sdk"})
}

// reader is who opens private values in these tests.
var reader = ledger.Access{Act: "read", Actor: "local:test", Purpose: "test"}

func mustParse(t testing.TB, id, text string) *record.Record {
	t.Helper()
	r, err := record.Parse(fmt.Appendf(nil, `{"type":"decision","id":%q,"time":"2026-03-03T09:12:44.120Z","system":"refund-agent","source":{"id":"s1"},
		"decision":{"kind":"refund","status":"made","outcome":"denied","adverse":true},"subject":"customer:%s",
		"versions":{"policy":["returns@5","privacy@2"]},"inputs":[{"name":"order","value":{"text":%q}}]}`, id, text, text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func batch(t testing.TB, prefix string, n int) ledger.Batch {
	b := ledger.Batch{Principal: "local:test", Capture: "sdk"}
	for i := range n {
		b.Records = append(b.Records, mustParse(t, fmt.Sprintf("%s-%d", prefix, i), fmt.Sprintf("text %s %d", prefix, i)))
	}
	return b
}

func (r *rig) append(b ledger.Batch) *ledger.Receipts {
	r.t.Helper()
	res, err := r.l.Append(r.t.Context(), b)
	if err != nil {
		r.t.Fatal(err)
	}
	r.check(res)
	return res
}

// check verifies every item of an answer against its signed checkpoint.
func (r *rig) check(res *ledger.Receipts) {
	r.t.Helper()
	trust, err := proof.ParseTrust([]byte("log " + r.l.VerifierKey() + "\nquorum none\n"))
	if err != nil {
		r.t.Fatal(err)
	}
	cp, _, err := trust.OpenCheckpoint(res.Checkpoint)
	if err != nil {
		r.t.Fatal(err)
	}
	if cp.Size != res.Size || cp.Origin != origin {
		r.t.Fatalf("checkpoint %+v in an answer of size %d", cp, res.Size)
	}
	for _, it := range res.Items {
		if it.Err != nil {
			continue
		}
		e, err := r.l.Get(r.t.Context(), it.ID)
		if err != nil {
			r.t.Fatal(err)
		}
		if e.Index != it.Index {
			r.t.Fatalf("record %s is at %d, was acknowledged at %d", it.ID, e.Index, it.Index)
		}
		if err := sumdb.CheckRecord(it.Path, cp.Size, cp.Root, it.Index, record.LeafHash(e.Statement)); err != nil {
			r.t.Fatalf("record %s: %v", it.ID, err)
		}
	}
}

func code(err error) ledger.Code {
	if e, ok := errors.AsType[*ledger.Error](err); ok {
		return e.Code
	}
	return ""
}

// TestConformance runs every behaviour over both databases.
func TestConformance(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(*testing.T, db.Config){
		"append and read": testAppendAndRead, "idempotent": testIdempotent, "atomic": testAtomic, "partial": testPartial,
		"restart": testRestart, "concurrent": testConcurrent, "list": testList, "receipts": testReceipts,
		"backpressure": testBackpressure, "stop": testStop, "faults": testFaults, "keys": testKeys, "stats": testStats, "tiles": testTiles,
		"governed": testGoverned, "governed under load": testGovernedLoad,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, test)
		})
	}
}

func testAppendAndRead(t *testing.T, dbc db.Config) {
	r := newRig(t, dbc, nil)
	res := r.append(batch(t, "a", 700))
	if len(res.Items) != 700 || !res.Items[0].Created || res.Items[699].Index != res.Items[0].Index+699 {
		t.Fatalf("items %+v … %+v", res.Items[0], res.Items[699])
	}
	o, err := r.l.Disclose(t.Context(), "a-17", nil, reader)
	if err != nil {
		t.Fatal(err)
	}
	e, err := r.l.Get(t.Context(), "a-17")
	if err != nil {
		t.Fatal(err)
	}
	st, err := record.ParseStatement(e.Statement)
	if err != nil {
		t.Fatal(err)
	}
	back, err := st.Rebuild(o)
	if err != nil || string(back) != string(batch(t, "a", 18).Records[17].Canonical()) {
		t.Fatalf("%s, %v", back, err)
	}
	if _, err := r.l.Get(t.Context(), "nobody"); code(err) != ledger.NotFound {
		t.Errorf("get of a missing record: %v", err)
	}
	if _, err := r.l.Disclose(t.Context(), "a-17", []string{"/nowhere"}, reader); code(err) != ledger.NotFound {
		t.Errorf("disclose of a missing pointer: %v", err)
	}
	if o, err := r.l.Disclose(t.Context(), "a-17", []string{"/subject"}, reader); err != nil || len(o) != 1 || string(o[0].Value) != `"customer:text a 17"` {
		t.Errorf("disclose one: %v %v", o, err)
	}
}

func testIdempotent(t *testing.T, dbc db.Config) {
	r := newRig(t, dbc, nil)
	first := r.append(batch(t, "a", 3))
	r.append(batch(t, "b", 300))
	again := r.append(batch(t, "a", 3))
	for i := range again.Items {
		if again.Items[i].Created || again.Items[i].Index != first.Items[i].Index {
			t.Errorf("item %d: %+v, first %+v", i, again.Items[i], first.Items[i])
		}
	}
	mixed := batch(t, "a", 5) // three old, two new
	res := r.append(mixed)
	if res.Items[2].Created || !res.Items[3].Created {
		t.Errorf("mixed batch: %+v", res.Items)
	}
	twice := batch(t, "c", 1)
	twice.Records = append(twice.Records, twice.Records[0])
	if res := r.append(twice); !res.Items[0].Created || res.Items[1].Created || res.Items[0].Index != res.Items[1].Index {
		t.Errorf("the same record twice in one batch: %+v", res.Items)
	}
}

func testAtomic(t *testing.T, dbc db.Config) {
	r := newRig(t, dbc, nil)
	r.append(batch(t, "a", 1))
	before, err := r.l.Size(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b := batch(t, "b", 4)
	b.Records[2] = mustParse(t, "a-0", "other content")
	if _, err := r.l.Append(t.Context(), b); code(err) != ledger.Conflict || !strings.Contains(err.Error(), "a-0") {
		t.Fatalf("conflict: %v", err)
	}
	if after, err := r.l.Size(t.Context()); err != nil || after != before {
		t.Errorf("size %d, was %d, %v", after, before, err)
	}
	if _, err := r.l.Get(t.Context(), "b-0"); code(err) != ledger.NotFound {
		t.Errorf("a record of a refused batch is visible: %v", err)
	}
	r.append(batch(t, "b", 4))
	if _, err := r.l.Append(t.Context(), ledger.Batch{Principal: "x", Capture: "sdk"}); code(err) != ledger.Invalid {
		t.Errorf("empty batch: %v", err)
	}
}

func testPartial(t *testing.T, dbc db.Config) {
	r := newRig(t, dbc, nil)
	r.append(batch(t, "a", 1))
	b := batch(t, "b", 4)
	b.Records[2], b.Partial = mustParse(t, "a-0", "other content"), true
	res := r.append(b)
	if code(res.Items[2].Err) != ledger.Conflict || res.Items[1].Err != nil || !res.Items[3].Created || res.Items[3].Index != res.Items[1].Index+1 {
		t.Errorf("items %+v", res.Items)
	}
}

func testRestart(t *testing.T, dbc db.Config) {
	r := newRig(t, dbc, nil)
	first := r.append(batch(t, "a", 300))
	for i := range 3 {
		r.stop()
		r.open(nil)
		r.append(batch(t, fmt.Sprint("r", i), 1+i*255))
		if again := r.append(batch(t, "a", 300)); again.Items[7].Index != first.Items[7].Index || again.Items[7].Created {
			t.Fatalf("after restart %d: %+v", i, again.Items[7])
		}
	}
	d, err := db.Open(t.Context(), dbc)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	other, err := keyring.New([]byte("another key, another key, another"[:32]))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ledger.Open(t.Context(), ledger.Config{DB: d, Keys: other}); code(err) != ledger.Invalid {
		t.Errorf("open with another master key: %v", err)
	}
}

// testConcurrent has many writers, some of the same records, and wants each
// acknowledged once in a place of its own, every checkpoint consistent.
func testConcurrent(t *testing.T, dbc db.Config) {
	r := newRig(t, dbc, nil)
	var mu sync.Mutex
	places := map[string]int64{}
	var notes [][]byte
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			for i := range 12 {
				b := batch(t, fmt.Sprintf("w%d-%d", w, i), 1+i%4)
				b.Records = append(b.Records, mustParse(t, fmt.Sprint("shared-", i), "same"))
				res, err := r.l.Append(t.Context(), b)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				for _, it := range res.Items {
					if old, ok := places[it.ID]; ok && old != it.Index {
						t.Errorf("%s at %d and %d", it.ID, old, it.Index)
					}
					places[it.ID] = it.Index
				}
				notes = append(notes, res.Checkpoint)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	size, err := r.l.Size(t.Context())
	if err != nil || size != int64(len(places))+1 { // and the probe
		t.Fatalf("%d records, %d acknowledged, %v", size, len(places), err)
	}
	newest, err := r.l.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	head, err := proof.ParseCheckpoint(newest)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range notes {
		cp, err := proof.ParseCheckpoint(n)
		if err != nil {
			t.Fatal(err)
		}
		p, err := r.l.Consistency(t.Context(), cp.Size, head.Size)
		if err != nil {
			t.Fatal(err)
		}
		if err := sumdb.CheckTree(p, head.Size, head.Root, cp.Size, cp.Root); err != nil {
			t.Fatalf("checkpoint %d is not consistent with %d: %v", cp.Size, head.Size, err)
		}
	}
}

func testList(t *testing.T, dbc db.Config) {
	r := newRig(t, dbc, nil)
	r.append(batch(t, "a", 25))
	var seen []string
	q := ledger.Query{System: "refund-agent", Policy: "privacy@2", Limit: 10, Ascending: true}
	for {
		p, err := r.l.List(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range p.Entries {
			st, err := record.ParseStatement(e.Statement)
			if err != nil {
				t.Fatal(err)
			}
			seen = append(seen, st.ID())
		}
		if !p.More {
			break
		}
		q.Start = p.Cursor
	}
	if len(seen) != 26 || seen[1] != "a-0" || seen[25] != "a-24" {
		t.Errorf("ascending pages: %v", seen)
	}
	p, err := r.l.List(t.Context(), ledger.Query{Limit: 5})
	if err != nil || len(p.Entries) != 5 || p.Entries[0].Index != 25 || !p.More {
		t.Errorf("newest: %+v %v", p, err)
	}
	p2, err := r.l.List(t.Context(), ledger.Query{Limit: 100, Before: p.Cursor})
	if err != nil || len(p2.Entries) != 21 || p2.More {
		t.Errorf("the rest: %d %v", len(p2.Entries), err)
	}
	for _, none := range []ledger.Query{{System: "x"}, {Policy: "returns"}, {Policy: "%"}, {Outcome: "approved"}, {From: time.Now()}, {To: time.Unix(0, 0)}} {
		if p, err := r.l.List(t.Context(), none); err != nil || len(p.Entries) != 0 {
			t.Errorf("%+v: %d entries, %v", none, len(p.Entries), err)
		}
	}
	n := 0
	for e, err := range r.l.Entries(t.Context(), 3, -1) {
		if err != nil || e.Index != int64(3+n) {
			t.Fatal(e.Index, err)
		}
		n++
	}
	if n != 23 {
		t.Errorf("walked %d", n)
	}
}

func testReceipts(t *testing.T, dbc db.Config) {
	r := newRig(t, dbc, nil)
	r.append(batch(t, "a", 10))
	_, size, err := r.l.Newest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.l.AddCosignature(t.Context(), size, "w1", []byte("— w1 AAAA\n")); err != nil {
		t.Fatal(err)
	}
	if err := r.l.AddTimestamp(t.Context(), size, "tsa", []byte("token")); err != nil {
		t.Fatal(err)
	}
	r.append(batch(t, "b", 10))
	rc, err := r.l.Receipt(t.Context(), "a-3", nil)
	if err != nil {
		t.Fatal(err)
	}
	if cp, err := proof.ParseCheckpoint(rc.Note); err != nil || cp.Size != size || string(rc.Timestamp) != "token" || !strings.HasSuffix(string(rc.Note), "— w1 AAAA\n") {
		t.Errorf("receipt under the cosigned checkpoint: %+v %v\n%s", cp, err, rc.Note)
	}
	o, err := r.l.Disclose(t.Context(), "b-3", nil, reader)
	if err != nil {
		t.Fatal(err)
	}
	rc, err = r.l.Receipt(t.Context(), "b-3", o)
	if err != nil || rc.Timestamp != nil || len(rc.Disclosed) != 2 {
		t.Fatalf("receipt of a record that nobody cosigned yet: %+v %v", rc, err)
	}
	b, err := rc.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	again, err := proof.ParseReceipt(b)
	if err != nil {
		t.Fatal(err)
	}
	cp, err := proof.ParseCheckpoint(again.Note)
	if err != nil {
		t.Fatal(err)
	}
	if err := sumdb.CheckRecord(again.Path, cp.Size, cp.Root, again.Index, record.LeafHash(again.Statement)); err != nil {
		t.Error(err)
	}
}

// testBackpressure holds the committer inside a commit and fills the queue.
func testBackpressure(t *testing.T, dbc db.Config) {
	hold, held := make(chan struct{}), make(chan struct{}, 64)
	r := newRig(t, dbc, func(c *ledger.Config) {
		c.MaxQueue = 10
		first := true
		c.OnCommit = func(ledger.Commit) {
			if first {
				first = false // the probe
				return
			}
			held <- struct{}{}
			<-hold
		}
	})
	r.append(batch(t, "a", 1)) // its OnCommit now holds the committer
	<-held
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			if _, err := r.l.Append(t.Context(), batch(t, fmt.Sprint("q", i), 1)); err != nil {
				t.Error(err)
			}
		})
	}
	for r.l.Queued() < 10 {
	}
	if _, err := r.l.Append(t.Context(), batch(t, "x", 1)); code(err) != ledger.Busy {
		t.Errorf("append to a full queue: %v", err)
	}
	close(hold)
	wg.Wait()
	r.append(batch(t, "x", 1))
}

func testStop(t *testing.T, dbc db.Config) {
	r := newRig(t, dbc, nil)
	r.append(batch(t, "a", 1))
	r.stop()
	if _, err := r.l.Append(t.Context(), batch(t, "b", 1)); code(err) != ledger.Closed {
		t.Errorf("append after the stop: %v", err)
	}
}

func testKeys(t *testing.T, dbc db.Config) {
	now := time.Date(2026, 3, 31, 23, 59, 59, 0, time.UTC)
	var mu sync.Mutex
	r := newRig(t, dbc, func(c *ledger.Config) {
		c.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	})
	r.append(batch(t, "march", 2))
	mu.Lock()
	now = now.Add(2 * time.Second)
	mu.Unlock()
	r.append(batch(t, "april", 2))
	for _, id := range []string{"march-1", "april-1"} {
		if o, err := r.l.Disclose(t.Context(), id, nil, reader); err != nil || len(o) != 2 {
			t.Errorf("%s: %v %v", id, o, err)
		}
	}
	var keys int
	err := r.cfg.DB.Read(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		return tx.QueryRow(ctx, `SELECT COUNT(*) FROM evidence_key`).Scan(&keys)
	})
	if err != nil || keys != 2 {
		t.Errorf("%d evidence keys, %v", keys, err)
	}
}

func testStats(t *testing.T, dbc db.Config) {
	r := newRig(t, dbc, nil)
	b := ledger.Batch{Principal: "t", Capture: "sdk"}
	for _, seq := range []int{1, 2, 5} {
		rec, err := record.Parse(fmt.Appendf(nil, `{"type":"heartbeat","id":"h%d","time":"2026-03-03T09:12:44Z","source":{"id":"gap","seq":%d},
			"heartbeat":{"from":"2026-03-03T09:12:44Z","to":"2026-03-03T09:12:44Z","count":0}}`, seq, seq))
		if err != nil {
			t.Fatal(err)
		}
		b.Records = append(b.Records, rec)
	}
	r.append(b)
	s, err := r.l.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if s.Size != 4 || s.Stored == 0 || s.Last == nil || len(s.Types) != 2 || s.Types[0] != (ledger.Count{Name: "heartbeat", Count: 3}) {
		t.Errorf("stats %+v", s)
	}
	if got := s.Sources[0]; got != (ledger.SourceStats{Source: "gap", Count: 3, First: 1, Last: 5, Missing: 2}) {
		t.Errorf("source %+v", got)
	}
}

func testTiles(t *testing.T, dbc db.Config) {
	r := newRig(t, dbc, nil)
	r.append(batch(t, "a", 300)) // and the probe: 301
	for _, c := range []struct {
		level int
		n     int64
		width int
		ok    bool
	}{{0, 0, 256, true}, {0, 1, 45, true}, {0, 1, 10, true}, {0, 1, 46, false}, {1, 0, 1, true}, {1, 0, 2, false}, {2, 0, 1, false}} {
		tile, err := r.l.Tile(t.Context(), c.level, c.n, c.width)
		if (err == nil) != c.ok || c.ok && len(tile) != 32*c.width || !c.ok && code(err) != ledger.NotFound {
			t.Errorf("tile %+v: %d bytes, %v", c, len(tile), err)
		}
	}
	if b, err := r.l.Bundle(t.Context(), 1, 45); err != nil || len(b) < 45*100 {
		t.Errorf("bundle: %d bytes, %v", len(b), err)
	}
	if _, err := r.l.Bundle(t.Context(), 1, 46); code(err) != ledger.NotFound {
		t.Errorf("bundle beyond the end: %v", err)
	}
}

// metaValue is a row of the table meta, or nil.
func (r *rig) metaValue(name string) (v []byte) {
	r.t.Helper()
	err := r.cfg.DB.Read(r.t.Context(), func(ctx context.Context, tx *db.Tx) error {
		return tx.QueryRow(ctx, `SELECT value FROM meta WHERE name = ?`, name).Scan(&v)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return v
}
