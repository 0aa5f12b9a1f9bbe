// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"net/http"
	"os"
	"time"

	"github.com/counterfoil/counterfoil/internal/custody"
	"github.com/counterfoil/counterfoil/internal/packer"
	"github.com/counterfoil/counterfoil/internal/publish"
)

// openPacker makes who makes evidence packs of a ledger. The first authority of
// the configuration stamps them.
func (o *Opened) openPacker(c *custody.Custodian, conf *Config) (*packer.Packer, error) {
	cfg := packer.Config{Ledger: o.Ledger, Custodian: c, Trust: func() ([]byte, error) { return conf.Trust(o.Ledger.VerifierKeys()...) }}
	if conf.Verifiers != "" {
		cfg.Verifiers = os.DirFS(conf.Verifiers)
	}
	if len(conf.Authorities) > 0 {
		a := conf.Authorities[0]
		client := &http.Client{Timeout: 30 * time.Second}
		cfg.Stamp = func(ctx context.Context, text []byte) ([]byte, error) {
			return publish.Stamp(ctx, client, publish.Authority{Name: a.Name, URL: a.URL, Roots: a.pool}, text)
		}
	}
	return packer.New(cfg)
}

// Packer implements [server.Ledgers].
func (a *App) Packer(name string) (*packer.Packer, bool) {
	r, ok := a.ledgers[name]
	if !ok {
		return nil, false
	}
	return r.packer, true
}

// Packer implements [server.Ledgers].
func (l *Local) Packer(name string) (*packer.Packer, bool) {
	return l.packer, name == l.opened.Name
}
