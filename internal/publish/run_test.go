// SPDX-License-Identifier: Apache-2.0

package publish_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/counterfoil/counterfoil/internal/publish"
	"github.com/counterfoil/counterfoil/proof"
)

// fixed is a log of one checkpoint, which fails the test if anything is kept.
type fixed struct {
	t    *testing.T
	note []byte
	err  error
}

func (f *fixed) Newest(context.Context) ([]byte, int64, error) { return f.note, 1, f.err }

func (f *fixed) Consistency(context.Context, int64, int64) (sumdb.TreeProof, error) {
	f.t.Error("consistency with a log that did not grow")
	return nil, errors.New("no")
}

func (f *fixed) AddCosignature(context.Context, int64, string, []byte) error {
	f.t.Error("a cosignature was kept")
	return nil
}

func (f *fixed) AddTimestamp(context.Context, int64, string, []byte) error {
	f.t.Error("a time stamp was kept")
	return nil
}

// wire is a network without a network. It records when it was asked.
type wire struct {
	answer func(*http.Request) (*http.Response, error)

	mu    sync.Mutex
	asked []time.Time // guarded by mu
}

// RoundTrip implements [http.RoundTripper].
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.asked = append(w.asked, time.Now())
	w.mu.Unlock()
	return w.answer(r)
}

func newFixed(t *testing.T, w *wire) publish.Config {
	t.Helper()
	signer, vkey := noteKey(t)
	signed, err := proof.Sign(proof.Checkpoint{Origin: origin, Size: 1}, signer)
	if err != nil {
		t.Fatal(err)
	}
	cfg := publish.Config{Log: &fixed{t: t, note: signed}, Origin: origin, HTTP: &http.Client{Transport: w}}
	for _, name := range []string{"w1", "w2"} {
		cfg.Witnesses = append(cfg.Witnesses, publish.Witness{Name: name, URL: "http://" + name, Key: vkey})
	}
	return cfg
}

// TestRunEnds ends Run while all peers hang. The bubble fails the test if a
// goroutine is left.
func TestRunEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{answer: func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}}
		p, err := publish.New(newFixed(t, w))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- p.Run(ctx) }()
		synctest.Wait()
		if len(w.asked) != 2 {
			t.Errorf("%d peers are asked", len(w.asked))
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		for _, l := range p.Lags() { // to be told to stop is no failure
			if l.Error != "" {
				t.Errorf("%+v", l)
			}
		}
	})
}

// TestTimeout gives a request its time and no more.
func TestTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{answer: func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}}
		p, err := publish.New(newFixed(t, w))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second+time.Millisecond)
		defer cancel()
		if err := p.Run(ctx); err != nil {
			t.Error(err)
		}
		for _, l := range p.Lags() {
			if !strings.Contains(l.Error, "deadline") {
				t.Errorf("%+v", l)
			}
		}
	})
}

// TestBackoff waits longer after each failure, up to a minute.
func TestBackoff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{answer: func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusBadGateway, Status: "502 Bad Gateway", Body: io.NopCloser(strings.NewReader("oops"))}, nil
		}}
		cfg := newFixed(t, w)
		cfg.Witnesses = cfg.Witnesses[:1]
		p, err := publish.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		if err := p.Run(ctx); err != nil {
			t.Error(err)
		}
		if len(w.asked) < 10 || len(w.asked) > 16 {
			t.Fatalf("asked %d times in ten minutes", len(w.asked))
		}
		before := time.Duration(0)
		for i := 1; i < len(w.asked); i++ {
			pause := w.asked[i].Sub(w.asked[i-1])
			if pause < before || pause < 5*time.Second || pause > 65*time.Second {
				t.Errorf("pause %d is %v, after %v", i, pause, before)
			}
			before = pause
		}
		if before < 55*time.Second {
			t.Errorf("the last pause is %v", before)
		}
	})
}

// TestUnreadable keeps trying while the log can not be read.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{answer: func(*http.Request) (*http.Response, error) { return nil, errors.New("asked about nothing") }}
		cfg := newFixed(t, w)
		cfg.Log.(*fixed).err = errors.New("the database is away")
		p, err := publish.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := p.Run(ctx); err != nil || len(w.asked) != 0 {
			t.Errorf("%v, asked %d times", err, len(w.asked))
		}
	})
}

// noteKey is a log's signer, and a witness's verifier key.
func noteKey(t *testing.T) (note.Signer, string) {
	t.Helper()
	skey, _, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		t.Fatal(err)
	}
	s, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	w, err := torchwood.NewCosignatureSigner("witness.example.com/w", newEd25519(t))
	if err != nil {
		t.Fatal(err)
	}
	return s, w.Verifier().String()
}

func newEd25519(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, k, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}
