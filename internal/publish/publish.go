// SPDX-License-Identifier: Apache-2.0

// Package publish takes the newest checkpoint of a log to witnesses and to
// time-stamp authorities, every few seconds, off the write path.
//
//	every interval: newest checkpoint ─▶ each peer, on a goroutine of its own
//	  witness   (c2sp.org/tlog-witness): consistency proof ─▶ cosignature, checked, kept
//	  authority (RFC 3161): digest of the checkpoint text ─▶ token, checked, kept
//
// # Invariants
//
//   - A slow or dead peer never delays another, nor a write.
//   - What a peer answers is verified before it is kept: a signature that does
//     not open, or a token over something else, is an error.
//   - All peers of one round are asked about the same checkpoint, so that a
//     receipt can carry all of their signatures.
//
// It keeps no state that matters: what a witness knows is asked of the witness.
package publish

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	sumdb "golang.org/x/mod/sumdb/tlog"
)

// Log is the log whose checkpoints are published. Its methods are safe for
// concurrent use; what Add… keeps is durable when it returns.
type Log interface {
	// Newest returns the newest signed checkpoint and its size.
	Newest(ctx context.Context) (note []byte, size int64, err error)
	// Consistency proves that size newer extends size older.
	Consistency(ctx context.Context, older, newer int64) (sumdb.TreeProof, error)
	// AddCosignature keeps a verified signature line.
	AddCosignature(ctx context.Context, size int64, witness string, line []byte) error
	// AddTimestamp keeps a verified token.
	AddTimestamp(ctx context.Context, size int64, authority string, token []byte) error
}

// Witness is one witness.
type Witness struct {
	Name string
	URL  string // the submission prefix: /add-checkpoint is added
	Key  string // cosignature/v1 verifier key
}

// Authority is one time-stamp authority.
type Authority struct {
	Name  string
	URL   string
	Roots *x509.CertPool // what its certificate must chain to
}

// Config says what to publish, and to whom.
type Config struct {
	Log         Log                   // required
	Origin      string                // for metrics and messages
	Witnesses   []Witness             // may be none
	Authorities []Authority           // may be none
	Interval    time.Duration         // between rounds; default 5 s
	Timeout     time.Duration         // of one request; default 10 s
	HTTP        *http.Client          // default: one with that timeout
	Logger      *slog.Logger          // default: none
	Registerer  prometheus.Registerer // default: none
	Now         func() time.Time      // default: time.Now
}

// peer is a witness or an authority. send returns once the answer is kept.
type peer interface {
	name() string
	send(ctx context.Context, note []byte, size int64) error
}

// Lag is how far a peer is behind.
type Lag struct {
	Peer    string    `json:"peer"`
	Kind    string    `json:"kind"` // witness or authority
	Size    int64     `json:"size"` // last published
	Success time.Time `json:"last_success,omitzero"`
	Error   string    `json:"last_error,omitempty"`
}

// Publisher publishes. Its methods are safe for concurrent use.
type Publisher struct {
	cfg   Config
	peers []peer

	mu     sync.Mutex // guards lags and newest
	lags   []Lag      // one for each peer
	newest int64      // size of the newest checkpoint that was seen

	failures *prometheus.CounterVec
}

// New makes a publisher. It sends nothing before Run.
func New(cfg Config) (*Publisher, error) {
	if cfg.Log == nil {
		return nil, errors.New("make publisher: Log is required")
	}
	if cfg.Interval <= 0 {
		cfg.Interval = 5 * time.Second
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 10 * time.Second
	}
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{Timeout: cfg.Timeout}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	p := &Publisher{cfg: cfg}
	for _, w := range cfg.Witnesses {
		wp, err := newWitnessPeer(p, w)
		if err != nil {
			return nil, fmt.Errorf("make publisher: %w", err)
		}
		p.peers, p.lags = append(p.peers, wp), append(p.lags, Lag{Peer: w.Name, Kind: "witness", Size: -1})
	}
	for _, a := range cfg.Authorities {
		if a.Roots == nil {
			return nil, fmt.Errorf("make publisher: authority %s has no roots: its stamps could not be checked", a.Name)
		}
		p.peers, p.lags = append(p.peers, &authorityPeer{p: p, a: a}), append(p.lags, Lag{Peer: a.Name, Kind: "authority", Size: -1})
	}
	return p, p.register()
}

// Run publishes until ctx ends. It returns nil then.
func (p *Publisher) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	rounds := make([]chan round, len(p.peers))
	for i := range p.peers {
		rounds[i] = make(chan round, 1)
		wg.Go(func() { p.follow(ctx, i, rounds[i]) })
	}
	defer wg.Wait()
	defer cancel()
	tick := time.NewTicker(p.cfg.Interval)
	defer tick.Stop()
	for {
		if note, size, err := p.cfg.Log.Newest(ctx); err != nil {
			if ctx.Err() == nil {
				p.cfg.Logger.Warn("newest checkpoint not readable", "origin", p.cfg.Origin, "error", err)
			}
		} else if size > 0 {
			p.see(size)
			for _, c := range rounds {
				select { // a peer that is still busy gets the newer one instead
				case <-c:
				default:
				}
				c <- round{note, size}
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

type round struct {
	note []byte
	size int64
}

// follow sends what comes to one peer; after a failure it waits longer and
// longer, up to a minute, before the next try.
func (p *Publisher) follow(ctx context.Context, i int, rounds <-chan round) {
	failed := 0
	var next time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case r := <-rounds:
			if p.cfg.Now().Before(next) || p.done(i, r.size) {
				continue
			}
			sctx, cancel := context.WithTimeout(ctx, p.cfg.Timeout)
			err := p.peers[i].send(sctx, r.note, r.size)
			cancel()
			if ctx.Err() != nil {
				return
			}
			p.note(i, r.size, err)
			if err == nil {
				failed, next = 0, time.Time{}
				continue
			}
			failed++
			next = p.cfg.Now().Add(min(time.Minute, p.cfg.Interval<<min(failed-1, 6)) - p.cfg.Interval/2)
		}
	}
}

func (p *Publisher) done(i int, size int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lags[i].Size == size
}

func (p *Publisher) see(size int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.newest = size
}

func (p *Publisher) note(i int, size int64, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		p.lags[i].Size, p.lags[i].Success, p.lags[i].Error = size, p.cfg.Now(), ""
		return
	}
	if p.lags[i].Error == "" { // say it once until it works again
		p.cfg.Logger.Warn("publishing failed", "origin", p.cfg.Origin, "peer", p.peers[i].name(), "error", err)
	}
	p.lags[i].Error = err.Error()
	p.failures.WithLabelValues(p.cfg.Origin, p.peers[i].name()).Inc()
}

// Lags says how far each peer is.
func (p *Publisher) Lags() []Lag {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Lag(nil), p.lags...)
}
