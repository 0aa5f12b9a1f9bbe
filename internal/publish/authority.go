// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"net/http"

	"github.com/digitorus/timestamp"

	"github.com/counterfoil/counterfoil/proof"
)

// authorityPeer asks an RFC 3161 authority to stamp checkpoints.
type authorityPeer struct {
	p *Publisher
	a Authority
}

func (a *authorityPeer) name() string { return a.a.Name }

func (a *authorityPeer) send(ctx context.Context, signed []byte, size int64) error {
	text, err := proof.Text(signed)
	if err != nil {
		return err
	}
	nonce, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64))
	if err != nil {
		return fmt.Errorf("draw nonce: %w", err)
	}
	h := crypto.SHA256.New()
	h.Write(text)
	req, err := (&timestamp.Request{HashAlgorithm: crypto.SHA256, HashedMessage: h.Sum(nil), Certificates: true, Nonce: nonce}).Marshal()
	if err != nil {
		return fmt.Errorf("make time-stamp request: %w", err)
	}
	res, body, err := post(ctx, a.p.cfg.HTTP, a.a.URL, "application/timestamp-query", req)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the authority answered %s: %s", res.Status, clip(body))
	}
	ts, err := timestamp.ParseResponse(body)
	if err != nil {
		return fmt.Errorf("read time-stamp answer: %w", err)
	}
	if ts.Nonce == nil || ts.Nonce.Cmp(nonce) != 0 {
		return errors.New("the time stamp answers another request")
	}
	if _, err := proof.CheckStamp(ts.RawToken, text, a.a.Roots); err != nil {
		return err
	}
	return a.p.cfg.Log.AddTimestamp(ctx, size, a.a.Name, bytes.Clone(ts.RawToken))
}
