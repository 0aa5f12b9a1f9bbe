// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"filippo.io/torchwood"
	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/counterfoil/counterfoil/record"
)

const immutable = "public, max-age=31536000, immutable"

// TestTorchwood follows the log with torchwood's client, as it is: it starts
// from the trust policy, and verifies every entry at every size.
func TestTorchwood(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	policy, err := torchwood.ParsePolicy(r.get("/v1/ledgers/main/trust").want(200).body)
	must(t, err)
	fetcher, err := torchwood.NewTileFetcher(r.base+"/log/main", torchwood.WithHTTPClient(r.client))
	must(t, err)
	client, err := torchwood.NewClient(fetcher)
	must(t, err)
	entries := int64(0)
	for step, n := range []int{0, 1, 254, 1, 1, 300, 512} {
		if n > 0 {
			r.post(decisions(fmt.Sprint("s", step), n)).want(201)
		}
		signed, err := fetcher.ReadEndpoint(t.Context(), "checkpoint")
		must(t, err)
		cp, _, err := torchwood.VerifyCheckpoint(signed, policy)
		must(t, err)
		if cp.Origin != origin || cp.N != entries+int64(n) {
			t.Fatalf("checkpoint %s of %d", cp.Origin, cp.N)
		}
		for i, e := range client.AllEntries(t.Context(), cp.Tree, entries) {
			st, err := record.ParseStatement(e)
			must(t, err)
			if i != entries || !strings.HasPrefix(st.ID(), fmt.Sprintf("s%d-", step)) {
				t.Fatalf("entry %d is %s, want %d of step %d", i, st.ID(), entries, step)
			}
			entries++
		}
		must(t, client.Err())
		if entries != cp.N {
			t.Fatalf("%d entries of %d", entries, cp.N)
		}
	}
	signed, err := fetcher.ReadEndpoint(t.Context(), "checkpoint")
	must(t, err)
	cp, _, err := torchwood.VerifyCheckpoint(signed, policy)
	must(t, err)
	for _, i := range []int64{0, 255, 256, entries - 1} {
		if _, _, err := client.Entry(t.Context(), cp.Tree, i); err != nil {
			t.Errorf("entry %d: %v", i, err)
		}
	}
}

// tiles reads tiles for golang.org/x/mod/sumdb/tlog, over HTTP.
type tiles struct {
	r *rig

	mu    sync.Mutex
	saved int // guarded by mu
}

var _ sumdb.TileReader = (*tiles)(nil)

func (*tiles) Height() int { return 8 }

func (ts *tiles) ReadTiles(want []sumdb.Tile) ([][]byte, error) {
	out := make([][]byte, len(want))
	for i, tile := range want {
		p := ts.r.get("/log/main/" + torchwood.TilePath(tile))
		if p.status != 200 {
			return nil, fmt.Errorf("%s: status %d", torchwood.TilePath(tile), p.status)
		}
		out[i] = p.body
	}
	return out, nil
}

func (ts *tiles) SaveTiles(t []sumdb.Tile, _ [][]byte) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.saved += len(t)
}

// TestSumDB proves inclusion and consistency with golang.org/x/mod/sumdb/tlog,
// from tiles alone.
func TestSumDB(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	policy, err := torchwood.ParsePolicy(r.get("/v1/ledgers/main/trust").want(200).body)
	must(t, err)
	var old []sumdb.Tree
	for step, n := range []int{3, 253, 44, 700} {
		r.post(decisions(fmt.Sprint("s", step), n)).want(201)
		cp, _, err := torchwood.VerifyCheckpoint(r.get("/log/main/checkpoint").want(200).body, policy)
		must(t, err)
		reader := &tiles{r: r}
		hashes := sumdb.TileHashReader(cp.Tree, reader)
		for _, o := range old {
			p, err := sumdb.ProveTree(cp.N, o.N, hashes)
			must(t, err)
			must(t, sumdb.CheckTree(p, cp.N, cp.Hash, o.N, o.Hash))
		}
		for _, i := range []int64{0, 1, 2, cp.N / 2, cp.N - 1} {
			e, err := r.l.Get(t.Context(), idAt(t, r, i))
			must(t, err)
			p, err := sumdb.ProveRecord(cp.N, i, hashes)
			must(t, err)
			must(t, sumdb.CheckRecord(p, cp.N, cp.Hash, i, sumdb.RecordHash(e.Statement)))
		}
		if reader.saved == 0 {
			t.Error("no tile was confirmed")
		}
		old = append(old, cp.Tree)
	}
}

func idAt(t *testing.T, r *rig, index int64) string {
	t.Helper()
	for e, err := range r.l.Entries(t.Context(), index, index+1) {
		must(t, err)
		st, err := record.ParseStatement(e.Statement)
		must(t, err)
		return st.ID()
	}
	t.Fatalf("no entry %d", index)
	return ""
}

// TestLogPaths checks what each path is answered with, and may be cached as.
func TestLogPaths(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	r.get("/log/main/checkpoint").want(200)
	r.get("/log/main/tile/0/000.p/1").problem(404, "not_found")
	r.post(decisions("a", 600)).want(201)
	for path, length := range map[string]int{
		"tile/0/000": 256 * 32, "tile/0/001": 256 * 32, "tile/0/002.p/88": 88 * 32, "tile/0/002.p/1": 32, "tile/1/000.p/2": 64, "tile/0/000.p/3": 96,
		"tile/entries/000": -1, "tile/entries/002.p/88": -1, "tile/entries/002.p/5": -1,
	} {
		p := r.get("/log/main/" + path).want(200)
		if p.header.Get("Cache-Control") != immutable || p.header.Get("Content-Type") != "application/octet-stream" || p.header.Get("Content-Length") != fmt.Sprint(len(p.body)) {
			t.Errorf("%s: headers %v", path, p.header)
		}
		if length >= 0 && len(p.body) != length {
			t.Errorf("%s: %d bytes", path, len(p.body))
		}
	}
	before := r.get("/log/main/tile/0/002.p/88").body
	p := r.get("/log/main/checkpoint").want(200)
	if p.header.Get("Cache-Control") != "no-store" || p.header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("checkpoint: headers %v", p.header)
	}
	for _, path := range []string{"tile/0/002", "tile/0/002.p/89", "tile/0/003", "tile/1/000", "tile/1/000.p/3", "tile/2/000.p/1", "tile/entries/002", "tile/entries/002.p/89",
		"tile/0/0", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/257", "tile/00/000", "tile/-1/000", "tile/64/000", "tile/0/x000/000", "tile/0/x999/x999/x999/x999/x999/999",
		"tile/8/0/000", "tile/entries", "tile", "checkpoint.txt", "Checkpoint", "tile/0/000/", "latest", "tile/0/000.p/1/"} {
		p := r.get("/log/main/" + path)
		p.problem(404, "not_found")
	}
	r.post(decisions("b", 300)).want(201)
	if after := r.get("/log/main/tile/0/002.p/88").want(200).body; string(after) != string(before) {
		t.Error("a partial tile has changed")
	}
	r.do("POST", "/log/main/checkpoint", nil).problem(405, "method")
}
