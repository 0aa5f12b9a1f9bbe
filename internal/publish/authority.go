// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"context"
	"crypto"
	"crypto/rand"
	"encoding/asn1"
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
	token, err := Stamp(ctx, a.p.cfg.HTTP, a.a, text)
	if err != nil {
		return err
	}
	return a.p.cfg.Log.AddTimestamp(ctx, size, a.a.Name, token)
}

// Stamp asks an authority to stamp a text, and checks what it answers.
func Stamp(ctx context.Context, client *http.Client, a Authority, text []byte) ([]byte, error) {
	nonce, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64))
	if err != nil {
		return nil, fmt.Errorf("draw nonce: %w", err)
	}
	h := crypto.SHA256.New()
	h.Write(text)
	req, err := (&timestamp.Request{HashAlgorithm: crypto.SHA256, HashedMessage: h.Sum(nil), Certificates: true, Nonce: nonce}).Marshal()
	if err != nil {
		return nil, fmt.Errorf("make time-stamp request: %w", err)
	}
	res, body, err := post(ctx, client, a.URL, "application/timestamp-query", req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the authority answered %s: %s", res.Status, clip(body))
	}
	token, err := tokenOf(body)
	if err != nil {
		return nil, fmt.Errorf("read time-stamp answer: %w", err)
	}
	if _, err := proof.CheckStamp(token, text, a.Roots); err != nil {
		return nil, err
	}
	if ts, err := proof.ParseStamp(token); err != nil || ts.Nonce == nil || ts.Nonce.Cmp(nonce) != 0 {
		return nil, errors.New("the time stamp answers another request")
	}
	return token, nil
}

// reply is TimeStampResp of RFC 3161, section 2.4.2. It is read here, and the
// token by package proof, because the parser of package timestamp panics on
// some input.
type reply struct {
	Status struct {
		Code int
		Text []asn1.RawValue `asn1:"optional"`
		Fail asn1.BitString  `asn1:"optional"`
	}
	Token asn1.RawValue `asn1:"optional"`
}

// tokenOf returns the token of an answer that grants one.
func tokenOf(answer []byte) ([]byte, error) {
	var r reply
	rest, err := asn1.Unmarshal(answer, &r)
	if err != nil {
		return nil, err
	}
	if granted := r.Status.Code == 0 || r.Status.Code == 1; !granted {
		var text []byte
		for _, t := range r.Status.Text {
			text = append(append(text, ' '), t.Bytes...)
		}
		return nil, fmt.Errorf("the request is not granted: status %d, failure %x:%s", r.Status.Code, r.Status.Fail.Bytes, clip(text))
	}
	if len(rest) > 0 || len(r.Token.FullBytes) == 0 {
		return nil, errors.New("it is not one token")
	}
	return r.Token.FullBytes, nil
}
