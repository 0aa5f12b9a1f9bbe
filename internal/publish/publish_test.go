// SPDX-License-Identifier: Apache-2.0

package publish_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/publish"
)

// TestPublished takes records to two witnesses and an authority, and judges
// their receipts as an outsider does, who asks for all three.
func TestPublished(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		r := newRig(t, dbc)
		w1, w2, w3, tsa := r.witness("w1"), r.witness("w2"), r.witness("w3"), newAuthority(t, "tsa")
		size, first := r.append(5)
		if res := r.verify(first, 2, tsa, w1, w2); res.Valid {
			t.Fatal("a receipt without cosignatures is good for a quorum of two")
		}
		p, stop := r.publish(publish.Config{Witnesses: []publish.Witness{w1.Witness, w2.Witness}, Authorities: []publish.Authority{tsa.Authority}, Registerer: r.reg})
		r.awaitSizes(p, size, size, size)
		for range 3 {
			size, last := r.append(4)
			r.awaitSizes(p, size, size, size)
			for _, id := range []string{first, last} {
				res := r.verify(id, 2, tsa, w1, w2)
				if !res.Valid || res.Size != size || res.Witnesses != 2 || time.Since(res.Stamped) > time.Minute {
					t.Fatalf("%s of size %d: %+v", id, size, res)
				}
			}
			if res := r.verify(last, 3, tsa, w1, w2, w3); res.Valid {
				t.Fatal("two cosignatures are good for a quorum of three")
			}
			if res := r.verify(last, 2, newAuthority(t, "other"), w1, w2); res.Valid && !res.Stamped.IsZero() {
				t.Fatal("the stamp of an unknown authority was taken")
			}
		}
		// what is published already is not sent again
		stop()
		before := w1.requests.Load() + w2.requests.Load() + tsa.requests.Load()
		if before != 4*3 {
			t.Errorf("%d requests for 4 checkpoints and 3 peers", before)
		}
		for i, l := range p.Lags() {
			if l.Error != "" || l.Success.IsZero() || l.Kind != []string{"witness", "witness", "authority"}[i] {
				t.Errorf("%+v", l)
			}
		}
	})
}

// TestOneDown loses one witness for a while.
func TestOneDown(t *testing.T) {
	t.Parallel()
	for what, broken := range map[string]http.HandlerFunc{
		"refuses": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "maintenance", http.StatusServiceUnavailable)
		},
		"drops": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, dbtest.SQLite(t))
			w1, w2 := r.witness("w1"), r.witness("w2")
			p, _ := r.publish(publish.Config{Witnesses: []publish.Witness{w1.Witness, w2.Witness}, Registerer: r.reg})
			const lag = "counterfoil_publish_lag_seconds"
			if got := r.metric(lag, "w1"); got != -1 {
				t.Errorf("lag before the first: %v", got)
			}
			size, _ := r.append(1)
			r.awaitSizes(p, size, size)
			r.clock.advance(time.Hour)
			if a, b := r.metric(lag, "w1"), r.metric(lag, "w2"); a != 0 || b != 0 {
				t.Errorf("lags of an idle log: %v, %v", a, b)
			}
			w1.set(broken)
			later, _ := r.append(3)
			r.awaitSizes(p, size, later)
			r.awaitFailures("w1", 1)
			r.clock.advance(90 * time.Second)
			if a, b := r.metric(lag, "w1"), r.metric(lag, "w2"); a < 3600+90 || b != 0 {
				t.Errorf("lags %v and %v", a, b)
			}
			r.awaitFailures("w1", 4)
			even, id := r.append(2) // the other goes on
			r.awaitSizes(p, size, even)
			if l := p.Lags(); l[0].Error == "" || l[1].Error != "" {
				t.Errorf("%+v", l)
			}
			w1.set(w1.real)
			r.await(func() bool { r.clock.advance(time.Second); return p.Lags()[0].Size == even }, func() string { return fmt.Sprint(p.Lags()) })
			if l := p.Lags(); l[0].Error != "" || r.metric(lag, "w1") != 0 || r.metric("counterfoil_publish_size", "w1") != float64(even) {
				t.Errorf("%+v, lag %v", l, r.metric(lag, "w1"))
			}
			if res := r.verify(id, 2, nil, w1, w2); !res.Valid {
				t.Errorf("%+v", res)
			}
		})
	}
}

// TestResume starts again on either side.
func TestResume(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	w := r.witness("w1")
	cfg := publish.Config{Witnesses: []publish.Witness{w.Witness}}
	size, _ := r.append(5)
	p, stop := r.publish(cfg)
	r.awaitSizes(p, size)
	stop()

	size, _ = r.append(5) // the publisher forgot what the witness knows
	p, _ = r.publish(cfg)
	r.awaitSizes(p, size)

	size, _ = r.append(5) // the witness moved on without this publisher: another did it
	q, stop := r.publish(cfg)
	r.awaitSizes(q, size)
	stop()
	r.awaitSizes(p, size)

	w.set(w.blank()) // the witness forgot
	size, id := r.append(5)
	r.awaitSizes(p, size)
	if res := r.verify(id, 1, nil, w); !res.Valid || res.Size != size {
		t.Errorf("%+v", res)
	}
	if l := p.Lags()[0]; l.Error != "" {
		t.Errorf("%+v", l)
	}
}

// brittle is a ledger that can not keep the first n answers.
type brittle struct {
	publish.Log
	left atomic.Int64
}

var errBrittle = errors.New("the disk is full")

func (b *brittle) AddCosignature(ctx context.Context, size int64, witness string, line []byte) error {
	if b.left.Add(-1) >= 0 {
		return errBrittle
	}
	return b.Log.AddCosignature(ctx, size, witness, line)
}

// TestNotKept asks again for what was answered and could not be kept.
func TestNotKept(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	w := r.witness("w1")
	log := &brittle{Log: r.l}
	log.left.Store(2)
	size, id := r.append(3)
	p, _ := r.publish(publish.Config{Log: log, Witnesses: []publish.Witness{w.Witness}, Registerer: r.reg})
	r.awaitFailures("w1", 2)
	r.await(func() bool { r.clock.advance(time.Second); return p.Lags()[0].Size == size }, func() string { return fmt.Sprint(p.Lags()) })
	if res := r.verify(id, 1, nil, w); !res.Valid {
		t.Errorf("%+v", res)
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	if _, err := publish.New(publish.Config{}); err == nil || !strings.Contains(err.Error(), "Log is required") {
		t.Errorf("no log: %v", err)
	}
	if _, err := publish.New(publish.Config{Log: r.l, Witnesses: []publish.Witness{{Name: "w", Key: "nonsense"}}}); err == nil || !strings.Contains(err.Error(), "witness w") {
		t.Errorf("a bad key: %v", err)
	}
	if _, err := publish.New(publish.Config{Log: r.l, Authorities: []publish.Authority{{Name: "tsa"}}}); err == nil || !strings.Contains(err.Error(), "tsa") {
		t.Errorf("no roots: %v", err)
	}
	p, _ := r.publish(publish.Config{}) // without peers there is nothing to do
	if len(p.Lags()) != 0 {
		t.Error(p.Lags())
	}
}
