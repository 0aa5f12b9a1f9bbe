// SPDX-License-Identifier: Apache-2.0

package publish_test

import (
	"context"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"filippo.io/torchwood"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/ledger/ledgertest"
	"github.com/counterfoil/counterfoil/internal/publish"
	"github.com/counterfoil/counterfoil/internal/witness"
	"github.com/counterfoil/counterfoil/proof"
	"github.com/counterfoil/counterfoil/record"
	"github.com/counterfoil/counterfoil/verify"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

const origin = "example.com/log"

// interval is short, so that tests need not wait; nothing depends on it.
const interval = 2 * time.Millisecond

// rig is a running ledger whose checkpoints are to be published.
type rig struct {
	t     *testing.T
	l     *ledger.Ledger
	clock *clock
	reg   *prometheus.Registry
	n     int // records so far
}

// clock is moved by the test.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

func newRig(t *testing.T, dbc db.Config) *rig {
	t.Helper()
	r := &rig{t: t, clock: &clock{}, reg: prometheus.NewRegistry(), l: ledgertest.New(t, dbc, origin, &ledger.Config{})}
	ledgertest.Run(t, r.l)
	return r
}

// append writes n records and returns the size of the log and the last id.
func (r *rig) append(n int) (size int64, id string) {
	r.t.Helper()
	b := ledger.Batch{Principal: "local:test", Capture: "sdk"}
	for range n {
		r.n++
		id = fmt.Sprintf("r-%d", r.n)
		rec, err := record.Parse(fmt.Appendf(nil, `{"type":"decision","id":%q,"time":"2026-03-03T09:12:44.120Z","system":"refund-agent",
			"decision":{"kind":"refund","status":"made","outcome":"denied"},"subject":"customer:1"}`, id))
		if err != nil {
			r.t.Fatal(err)
		}
		b.Records = append(b.Records, rec)
	}
	res, err := r.l.Append(r.t.Context(), b)
	if err != nil {
		r.t.Fatal(err)
	}
	return res.Size, id
}

// publish runs a publisher until stop, or the end of the test.
func (r *rig) publish(cfg publish.Config) (p *publish.Publisher, stop func()) {
	r.t.Helper()
	if cfg.Log == nil {
		cfg.Log = r.l
	}
	cfg.Origin, cfg.Interval, cfg.Now = origin, interval, r.clock.now
	p, err := publish.New(cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.t.Context()))
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := p.Run(ctx); err != nil {
			r.t.Errorf("Run: %v", err)
		}
	})
	stop = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
	})
	r.t.Cleanup(stop)
	return p, stop
}

// await polls until ok. what is called for the message.
func (r *rig) await(ok func() bool, what func() string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			r.t.Fatalf("it does not come to this: %s", what())
		}
	}
}

// awaitSizes waits until each peer has taken its size.
func (r *rig) awaitSizes(p *publish.Publisher, sizes ...int64) {
	r.t.Helper()
	r.await(func() bool {
		for i, l := range p.Lags() {
			if l.Size != sizes[i] {
				return false
			}
		}
		return true
	}, func() string { return fmt.Sprintf("%+v, want %v", p.Lags(), sizes) })
}

// awaitFailures waits until a peer has failed n times, moving the clock over
// the time that is waited between tries.
func (r *rig) awaitFailures(peer string, n float64) {
	r.t.Helper()
	get := func() float64 { return r.metric("counterfoil_publish_failures_total", peer) }
	r.await(func() bool { r.clock.advance(time.Second); return get() >= n }, func() string { return fmt.Sprintf("%v failures, want %v", get(), n) })
}

// metric reads a metric of a peer; 0 if there is none.
func (r *rig) metric(family, peer string) float64 {
	r.t.Helper()
	all, err := r.reg.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range all {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if f.GetName() == family && l.GetName() == "peer" && l.GetValue() == peer {
					return m.GetCounter().GetValue() + m.GetGauge().GetValue()
				}
			}
		}
	}
	return 0
}

// stored says how many peers the ledger has signatures of.
func (r *rig) stored() (witnesses, authorities int) {
	r.t.Helper()
	w, a, err := r.l.Attested(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return len(w), len(a)
}

// verify judges the receipt of a record as an outsider does.
func (r *rig) verify(id string, quorum int, a *authority, witnesses ...*peer) verify.Result {
	r.t.Helper()
	rc, err := r.l.Receipt(r.t.Context(), id, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	data, err := rc.Marshal()
	if err != nil {
		r.t.Fatal(err)
	}
	var known []proof.Witness
	for _, w := range witnesses {
		known = append(known, proof.Witness{Name: w.Name, Key: w.Key})
	}
	var roots []byte
	if a != nil {
		roots = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.root.Raw})
	}
	file, err := proof.FormatTrust([]string{r.l.VerifierKey()}, known, quorum, roots)
	if err != nil {
		r.t.Fatal(err)
	}
	trust, err := proof.ParseTrust(file)
	if err != nil {
		r.t.Fatal(err)
	}
	return verify.Receipt(data, trust)
}

// front is a server on loopback whose handler can be exchanged.
type front struct {
	url      string
	handler  atomic.Pointer[http.Handler]
	requests atomic.Int64
}

func newFront(t *testing.T, h http.Handler) *front {
	t.Helper()
	f := &front{}
	f.set(h)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.requests.Add(1)
		(*f.handler.Load()).ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	f.url = srv.URL
	return f
}

func (f *front) set(h http.Handler) { f.handler.Store(&h) }

// peer is a real witness behind a front.
type peer struct {
	publish.Witness
	*front
	t      *testing.T
	signer *torchwood.CosignatureSigner
	real   http.Handler
	vkey   string // of the log
}

func (r *rig) witness(name string) *peer {
	r.t.Helper()
	signer, err := witness.CreateKey(filepath.Join(r.t.TempDir(), "w.key"), "witness.example.com/"+name)
	if err != nil {
		r.t.Fatal(err)
	}
	p := &peer{t: r.t, signer: signer, vkey: r.l.VerifierKey()}
	p.real = p.blank()
	p.front = newFront(r.t, p.real)
	p.Witness = publish.Witness{Name: name, URL: p.url + "/", Key: signer.Verifier().String()}
	return p
}

// blank is the witness with an empty state.
func (p *peer) blank() http.Handler {
	p.t.Helper()
	d, err := db.Create(p.t.Context(), dbtest.SQLite(p.t))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		if err := d.Close(); err != nil {
			p.t.Error(err)
		}
	})
	w, err := witness.New(p.t.Context(), witness.Config{DB: d, Signer: p.signer, Logs: []string{p.vkey}})
	if err != nil {
		p.t.Fatal(err)
	}
	return w.Handler()
}
