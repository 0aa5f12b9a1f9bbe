// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"time"

	"github.com/counterfoil/counterfoil/internal/app"
)

const ledgerName = "bench"

// rig is a running server with an HTTP client.
type rig struct {
	url    string
	http   *http.Client
	cancel context.CancelFunc
	ended  chan error
}

func (b *bench) store() app.Store {
	if b.cfg.Database != "" {
		return app.Store{Database: b.cfg.Database, Keys: filepath.Join(b.dir, "keys")}
	}
	return app.Store{Data: b.dir}
}

// start makes the ledger and serves it on a free port of loopback.
func (b *bench) start(ctx context.Context) (*rig, error) {
	if err := b.store().Create(ctx, ledgerName, "", ""); err != nil {
		return nil, err
	}
	a, err := app.New(ctx, app.Options{Store: b.store(), Config: app.Config{Listen: "127.0.0.1:0"}, Logger: slog.New(slog.DiscardHandler), Version: b.cfg.Version})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	transport := &http.Transport{MaxIdleConnsPerHost: max(b.cfg.Senders, b.cfg.Clients), MaxConnsPerHost: max(b.cfg.Senders, b.cfg.Clients), DisableCompression: true}
	r := &rig{url: "http://" + a.Addr().String() + "/v1/ledgers/" + ledgerName, cancel: cancel, ended: make(chan error, 1),
		http: &http.Client{Transport: transport, Timeout: time.Minute}}
	go func() { r.ended <- a.Run(ctx) }()
	return r, nil
}

// stop stops the server and waits for it.
func (r *rig) stop() error {
	r.http.CloseIdleConnections()
	r.cancel()
	return <-r.ended
}

// post sends records and reads the whole answer, which must say that they are
// stored; a busy server is asked again.
func (r *rig) post(ctx context.Context, media string, body []byte, answer *bytes.Buffer) error {
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url+"/records", bytes.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", media)
		res, err := r.http.Do(req)
		if err != nil {
			return err
		}
		answer.Reset()
		_, err = io.Copy(answer, res.Body)
		if err = errors.Join(err, res.Body.Close()); err != nil {
			return err
		}
		switch res.StatusCode {
		case http.StatusOK, http.StatusCreated:
			return nil
		case http.StatusTooManyRequests:
			if err := pause(ctx, 20*time.Millisecond); err != nil {
				return err
			}
		default:
			return fmt.Errorf("the server answered %s: %.300s", res.Status, answer.Bytes())
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// stored is the size of the database when all is written to its place.
func (b *bench) stored(ctx context.Context) (n int64, err error) {
	o, err := b.store().Open(ctx, ledgerName, true, nil)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	if err := o.DB.Checkpoint(ctx); err != nil {
		return 0, err
	}
	return o.DB.Size(ctx)
}
