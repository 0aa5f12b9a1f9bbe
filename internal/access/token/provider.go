// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const (
	discoveryAge = time.Hour        // after which endpoints and keys are asked for anew
	patience     = 10 * time.Second // with an issuer
	retryFirst   = time.Second      // after discovery failed; doubles
	retryLast    = 30 * time.Second
	skew         = 2 * time.Minute // between the clocks of an issuer and of this server
)

// algorithms that tokens may be signed with: asymmetric ones only, so that a
// public key can not be passed off as a shared secret, and never none (RFC 8725
// §3.1, §3.2).
var algorithms = []string{oidc.RS256, oidc.ES256, oidc.EdDSA}

// Provider is what is known of an issuer. It is asked at first use, so that this
// server starts without it, and again now and then, so that keys it gave up are
// given up here too. It is safe for concurrent use.
type Provider struct {
	cfg Config

	known  atomic.Pointer[discovered] // nil: never reached
	mu     sync.Mutex                 // who asks the issuer
	failed time.Time                  // guarded by mu
	pause  time.Duration              // guarded by mu; until it is tried again
}

// Config says which issuer it is, and for whom its tokens must be.
type Config struct {
	URL      string           // as in the iss claim. Required
	Audience string           // of tokens; of people's, the client's id. Required
	Client   *http.Client     // default: one that waits 10 seconds
	Now      func() time.Time // required
	Logger   *slog.Logger     // required
}

// New makes a Provider. It asks nothing yet.
func New(cfg Config) *Provider {
	if cfg.Client == nil {
		cfg.Client = &http.Client{Timeout: patience}
	}
	return &Provider{cfg: cfg}
}

type discovered struct {
	at       time.Time
	keys     oidc.KeySet
	endpoint oauth2.Endpoint
	issParam bool // it says that it sends iss in responses
}

// httpContext makes the libraries use our client, which does not wait forever.
func (p *Provider) httpContext(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, p.cfg.Client)
}

// get returns what is known of the issuer, asking it if need be. Nobody waits for
// an answer that somebody else waits for, unless nothing is known yet. What is
// known outlives an issuer that does not answer for a day.
func (p *Provider) get(ctx context.Context) (*discovered, error) {
	now := p.cfg.Now()
	known := p.known.Load()
	if known.younger(now, discoveryAge) {
		return known, nil
	}
	usable := known.younger(now, 24*discoveryAge)
	if !usable {
		p.mu.Lock()
	} else if !p.mu.TryLock() {
		return known, nil
	}
	defer p.mu.Unlock()
	if known = p.known.Load(); known.younger(now, discoveryAge) {
		return known, nil
	}
	err := ErrAway
	if now.Sub(p.failed) >= p.pause {
		var found *discovered
		if found, err = p.discover(ctx, now); err == nil {
			p.pause = 0
			p.known.Store(found)
			return found, nil
		}
		err = fmt.Errorf("%w: %w", ErrAway, err)
		p.failed, p.pause = now, min(retryLast, max(retryFirst, 2*p.pause))
		p.cfg.Logger.Warn("could not reach identity provider", "issuer", p.cfg.URL, "err", err)
	}
	if usable {
		return known, nil
	}
	return nil, err
}

func (d *discovered) younger(now time.Time, age time.Duration) bool {
	return d != nil && now.Sub(d.at) < age
}

func (p *Provider) discover(ctx context.Context, now time.Time) (*discovered, error) {
	ctx, cancel := context.WithTimeout(p.httpContext(context.WithoutCancel(ctx)), patience)
	defer cancel()
	found, err := oidc.NewProvider(ctx, p.cfg.URL)
	if err != nil {
		return nil, err
	}
	var meta struct {
		IssParam bool     `json:"authorization_response_iss_parameter_supported"`
		Methods  []string `json:"token_endpoint_auth_methods_supported"`
		Keys     string   `json:"jwks_uri"`
	}
	if err := found.Claims(&meta); err != nil {
		return nil, err
	}
	endpoint := found.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInHeader // the default of OpenID Connect Core §9
	if len(meta.Methods) > 0 && !slices.Contains(meta.Methods, "client_secret_basic") {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return &discovered{at: now, endpoint: endpoint, issParam: meta.IssParam, keys: oidc.NewRemoteKeySet(ctx, meta.Keys)}, nil
}

// verify checks a token's signature, algorithm, iss, aud, exp and nbf.
func (p *Provider) verify(ctx context.Context, d *discovered, raw string) (*oidc.IDToken, error) {
	keys := &watched{KeySet: d.keys}
	tok, err := oidc.NewVerifier(p.cfg.URL, keys, &oidc.Config{ClientID: p.cfg.Audience, SupportedSigningAlgs: algorithms, Now: p.cfg.Now}).Verify(ctx, raw)
	if keys.away != nil {
		return nil, fmt.Errorf("%w: %w", ErrAway, keys.away)
	}
	return tok, err
}

// watched tells keys that can not be had from signatures that do not fit: the
// library turns both into text. It is for one token.
type watched struct {
	oidc.KeySet
	away error
}

// VerifySignature is that of the keys.
func (w *watched) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	payload, err := w.KeySet.VerifySignature(ctx, jwt)
	if cause := errors.Unwrap(err); cause != nil { // of the way to the keys; a misfit has none
		w.away = cause
	}
	return payload, err
}
