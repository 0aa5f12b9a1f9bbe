// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

// gate holds up the writes of a database while it is shut.
type gate struct {
	reached chan struct{} // gets one token from each write that is held up

	mu   sync.Mutex
	wait chan struct{} // nil: open; guarded by mu
}

func newGate() *gate { return &gate{reached: make(chan struct{}, 100)} }

func (g *gate) config(c *db.Config) {
	c.Hook = func(op db.Op) error {
		g.mu.Lock()
		wait := g.wait
		g.mu.Unlock()
		if wait != nil && op.Write && op.Step == "begin" && !op.After {
			g.reached <- struct{}{}
			<-wait
		}
		return nil
	}
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.wait = make(chan struct{})
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.wait)
	g.wait = nil
}

// TestQueueFull holds up the committer. The queue has room for one batch, so of
// ten all but one are refused at once; when the committer goes on, so do the
// others, and those that send again.
func TestQueueFull(t *testing.T) {
	t.Parallel()
	g := newGate()
	r := newRig(t, options{db: g.config, ledger: func(c *ledger.Config) { c.MaxQueue = 3 }})
	r.post(decision("first")).want(201)
	g.shut()
	held := make(chan *reply, 1)
	go func() { held <- r.post(decisions("held", 3)) }()
	<-g.reached
	const n = 10
	all := make(chan *reply, n)
	for i := range n {
		go func() { all <- r.post(decisions(fmt.Sprint("q", i), 3)) }()
	}
	for range n - 1 {
		p := <-all
		if p.problem(429, "busy"); p.header.Get("Retry-After") != "1" {
			t.Errorf("headers %v", p.header)
		}
	}
	r.get(records).want(200) // readers do not wait for writers
	r.get(records + "/first/receipt").want(200)
	g.open()
	r.verified((<-held).want(201))
	r.verified((<-all).want(201))
	created := 0
	for i := range n {
		p := r.post(decisions(fmt.Sprint("q", i), 3))
		r.verified(p)
		if p.status == 201 {
			created++
		}
	}
	if created != n-1 || r.size() != 1+3+3*n {
		t.Errorf("%d created, size %d", created, r.size())
	}
	r.audit()
}

// fuse fails steps of a database: the n-th of a kind from when it is lit.
type fuse struct {
	mu    sync.Mutex
	write bool // else reads
	after bool // when done, else before
	left  int  // -1: not lit
	all   bool // and all after it
	hit   int
	err   error
}

func (f *fuse) config(c *db.Config) { c.Hook = f.hook }

func (f *fuse) hook(op db.Op) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if op.Write != f.write || op.After != f.after || f.left < 0 {
		return nil
	}
	if f.left > 0 {
		f.left--
		return nil
	}
	f.hit++
	if !f.all {
		f.left = -1
	}
	return f.err
}

func (f *fuse) light(write, after, all bool, n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.write, f.after, f.all, f.left, f.hit, f.err = write, after, all, n, 0, fmt.Errorf("injected: %w", err)
}

// out puts the fuse out and says how often it went off.
func (f *fuse) out() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left = -1
	return f.hit
}

// faults of databases, and what the client is told.
var faults = []struct {
	cause  error
	status int
	code   string
}{
	{db.ErrFull, 507, "full"}, {db.ErrIO, 503, "unavailable"}, {db.ErrReadOnly, 503, "unavailable"}, {db.ErrUnavailable, 503, "unavailable"},
	{db.ErrBusy, 503, "unavailable"}, {db.ErrCorrupt, 500, "internal"},
}

// TestWriteFaults fails each step of a commit, before it is done and after, in
// turn. The client is told, nothing is half written, and the same batch sent
// again is stored or, when the commit had been done, answered as existing.
func TestWriteFaults(t *testing.T) {
	t.Parallel()
	f := &fuse{left: -1}
	r := newRig(t, options{db: f.config})
	r.post(decision("first")).want(201)
	steps := 0
	for _, after := range []bool{false, true} {
		for n := 0; ; n++ {
			c := faults[steps%len(faults)]
			size := r.size()
			body := decisions(fmt.Sprintf("f%v%d", after, n), 3)
			f.light(true, after, false, n, c.cause)
			p := r.post(body)
			if f.out() == 0 {
				p.want(201)
				break
			}
			steps++
			p.problem(c.status, c.code)
			if now := r.size(); now != size && (!after || now != size+3) {
				t.Fatalf("size %d, before %d", now, size)
			}
			a := r.verified(r.post(body))
			if statuses(a) != "created created created" && (!after || statuses(a) != "existing existing existing") {
				t.Errorf("step %d, after %v: sent again: %s", n, after, statuses(a))
			}
			r.audit()
		}
	}
	if steps < 16 {
		t.Errorf("only %d steps were failed", steps)
	}
}

// TestReadFaults fails every step of every operation that reads.
func TestReadFaults(t *testing.T) {
	t.Parallel()
	f := &fuse{left: -1}
	r := newRig(t, options{db: f.config})
	r.post(decisions("a", 300)).want(201)
	paths := []string{records, records + "/a-1", records + "/a-1?evidence=true", records + "/a-1/receipt", records + "/a-1/receipt?disclose=all", "/v1/ledgers/main/stats",
		"/log/main/checkpoint", "/log/main/tile/0/000", "/log/main/tile/entries/000"}
	for _, path := range paths {
		for _, after := range []bool{false, true} {
			hits := 0
			for n := 0; ; n++ {
				c := faults[1+n%5]
				f.light(false, after, false, n, c.cause)
				p := r.get(path)
				if f.out() == 0 {
					p.want(200)
					break
				}
				p.problem(c.status, c.code)
				hits++
			}
			if hits == 0 {
				t.Errorf("%s: no step was failed", path)
			}
		}
	}
	// All at once, then none.
	f.light(false, false, true, 0, db.ErrUnavailable)
	for _, path := range paths {
		r.get(path).problem(503, "unavailable")
	}
	r.get("/healthz").want(200)
	f.out()
	r.get(records).want(200)
}
