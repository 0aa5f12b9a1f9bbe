// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Flow is a sign-in under way: an authorization code under state, nonce and PKCE
// (RFC 6749 §4.1, RFC 7636, OpenID Connect Core §3.1). It travels in a sealed
// cookie, so that beginning one writes nothing.
type Flow struct {
	Issuer   string    `json:"i"` // name
	State    string    `json:"s"`
	Nonce    string    `json:"n"`
	Verifier string    `json:"v"`
	Back     string    `json:"b"`
	Expires  time.Time `json:"e"`
}

// NewFlow makes a Flow with secrets of its own.
func NewFlow(issuer, back string, expires time.Time) Flow {
	secret := func() string {
		b := make([]byte, 32)
		rand.Read(b)
		return base64.RawURLEncoding.EncodeToString(b)
	}
	return Flow{Issuer: issuer, State: secret(), Nonce: secret(), Verifier: oauth2.GenerateVerifier(), Back: back, Expires: expires}
}

// flowContext keeps the seal from fitting anything else under the same key.
const flowContext = "counterfoil sign-in v1"

func aead(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("key of sign-ins: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// Seal encrypts and authenticates a Flow (AES-256-GCM) for a cookie.
func (f Flow) Seal(key []byte) (string, error) {
	a, err := aead(key)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(f)
	if err != nil {
		return "", fmt.Errorf("encode sign-in: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(a.Seal(nil, nil, text, []byte(flowContext))), nil
}

// Open reverses [Flow.Seal]. Text that was not sealed with the key is an error.
func Open(key []byte, text string) (f Flow, err error) {
	a, err := aead(key)
	if err != nil {
		return f, err
	}
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return f, fmt.Errorf("decode sign-in: %w", err)
	}
	open, err := a.Open(nil, nil, sealed, []byte(flowContext))
	if err != nil {
		return f, fmt.Errorf("open sign-in: %w", err)
	}
	return f, json.Unmarshal(open, &f)
}

// Answers checks that a response is the one to this Flow: its state, and no
// parameter twice (RFC 6749 §3.1). Not so: [*Refusal].
func (f Flow) Answers(q url.Values) error {
	for _, name := range []string{"state", "code", "iss", "error"} {
		if len(q[name]) > 1 {
			return refuse(nil, "the response has "+name+" more than once")
		}
	}
	if subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(f.State)) != 1 {
		return refuse(nil, "the response belongs to another sign-in")
	}
	return nil
}

// Client is what we are to the issuer, beside the audience, which is our id.
type Client struct {
	Secret   string // empty: a public client
	Redirect string
	Scopes   []string
}

func (p *Provider) oauth(d *discovered, c Client) *oauth2.Config {
	e := d.endpoint
	if c.Secret == "" { // a public client names itself in the form (RFC 6749 §3.2.1)
		e.AuthStyle = oauth2.AuthStyleInParams
	}
	return &oauth2.Config{ClientID: p.cfg.Audience, ClientSecret: c.Secret, Endpoint: e, RedirectURL: c.Redirect, Scopes: c.Scopes}
}

// Ready says whether the issuer can be worked with now: else [ErrAway].
func (p *Provider) Ready(ctx context.Context) error {
	_, err := p.get(ctx)
	return err
}

// URL is where a browser is sent to begin the Flow. Issuer away: [ErrAway].
func (p *Provider) URL(ctx context.Context, c Client, f Flow) (string, error) {
	d, err := p.get(ctx)
	if err != nil {
		return "", err
	}
	return p.oauth(d, c).AuthCodeURL(f.State, oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)), nil
}

// Redeem trades the code of a response, which [Flow.Answers], for an ID token,
// and returns its subject and claims. It checks iss of the response (RFC 9207
// §2.4), and of the token all of OpenID Connect Core §3.1.3.7: signature,
// algorithm, iss, aud, azp, exp, iat, nonce, at_hash. Something is not to the
// letter: [*Refusal]. Issuer away: [ErrAway].
func (p *Provider) Redeem(ctx context.Context, c Client, f Flow, q url.Values) (subject string, claims Claims, err error) {
	d, err := p.get(ctx)
	if err != nil {
		return "", nil, err
	}
	switch {
	case q.Has("iss") && q.Get("iss") != p.cfg.URL, d.issParam && !q.Has("iss"):
		return "", nil, refuse(nil, "the response comes from another identity provider")
	case q.Has("error"):
		return "", nil, refuse(fmt.Errorf("%.100q", q.Get("error")), "the identity provider did not sign you in")
	case q.Get("code") == "":
		return "", nil, refuse(nil, "the response has no code")
	}
	tok, err := p.exchange(ctx, p.oauth(d, c), q.Get("code"), f.Verifier)
	if err != nil {
		return "", nil, refuse(err, "the identity provider did not accept the code")
	}
	raw, _ := tok.Extra("id_token").(string)
	id, err := p.verify(ctx, d, raw)
	if err != nil {
		return "", nil, refuse(err, "the ID token is not valid")
	}
	if err := id.Claims(&claims); err != nil {
		return "", nil, refuse(err, "the ID token is not valid")
	}
	azp, has := claims["azp"]
	switch {
	case subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(f.Nonce)) != 1:
		return "", nil, refuse(nil, "the ID token belongs to another sign-in")
	case has && azp != p.cfg.Audience, !has && len(id.Audience) > 1:
		return "", nil, refuse(nil, "the ID token was made for another party")
	case id.Subject == "" || len(id.Subject) > 255:
		return "", nil, refuse(nil, "the ID token names nobody")
	case id.IssuedAt.IsZero() || id.IssuedAt.After(p.cfg.Now().Add(skew)):
		return "", nil, refuse(nil, "the ID token comes from the future: the clocks do not agree")
	case id.AccessTokenHash != "" && id.VerifyAccessToken(tok.AccessToken) != nil:
		return "", nil, refuse(nil, "the ID token belongs to another access token")
	}
	return id.Subject, claims, nil
}

// exchange trades a code for tokens (RFC 6749 §4.1.3, RFC 7636 §4.5).
func (p *Provider) exchange(ctx context.Context, c *oauth2.Config, code, verifier string) (*oauth2.Token, error) {
	tok, err := c.Exchange(p.httpContext(ctx), code, oauth2.VerifierOption(verifier))
	if err == nil {
		return tok, nil
	}
	e, answered := errors.AsType[*oauth2.RetrieveError](err)
	if answered && e.Response.StatusCode < 500 { // its text may echo the code
		return nil, fmt.Errorf("token endpoint: %s %.100q", e.Response.Status, e.ErrorCode)
	}
	if _, lost := errors.AsType[*url.Error](err); lost || answered || ctx.Err() != nil {
		return nil, ErrAway
	}
	return nil, errors.New("token endpoint: the answer can not be read")
}
