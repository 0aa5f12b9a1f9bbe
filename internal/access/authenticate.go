// SPDX-License-Identifier: Apache-2.0

package access

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"strings"
	"time"
)

// longestCredential bounds what is looked at.
const longestCredential = 16 << 10

// Authenticate says who asks. Exactly one credential counts: an Authorization
// header with a Bearer token (RFC 6750), which is an API key or a workload's JWT,
// or a session cookie, or, when the configuration maps any, a TLS client
// certificate. Two of them, or two of a kind: [Invalid]. None, or one that is not
// good: [Unauthenticated]; one of a known actor whose roles exclude each other:
// [Forbidden]; too many that were no good from one address: [Throttled]. A good
// key is never throttled, so that nobody can lock others out. Database or issuer
// away: [Unavailable]. The actor is shared: do not change it. No credential is
// logged, or part of an error.
func (b *Book) Authenticate(ctx context.Context, r *http.Request) (*Actor, error) {
	bearer := r.Header["Authorization"]
	var cookies []*http.Cookie
	if len(r.Header["Cookie"]) > 0 {
		cookies = r.CookiesNamed(b.sessionCookie())
	}
	certified := len(b.cfg.Certificates) > 0 && r.TLS != nil && len(r.TLS.PeerCertificates) > 0
	n := len(bearer) + len(cookies)
	if certified {
		n++
	}
	switch {
	case n == 0:
		return nil, fault(Unauthenticated, "sign in, or send an API key as Authorization: Bearer", "who asks is not known")
	case n > 1:
		return nil, fault(Invalid, "send one of Authorization, session cookie and client certificate, once", "the request has more than one credential")
	case certified:
		return b.byCertificate(ctx, r)
	case len(cookies) == 1:
		return b.bySession(ctx, r, cookies[0].Value)
	}
	scheme, text, _ := strings.Cut(bearer[0], " ")
	if !strings.EqualFold(scheme, "Bearer") || text == "" || len(text) > longestCredential {
		return nil, b.refuse(ctx, r, "", fault(Unauthenticated, "use Authorization: Bearer", "the Authorization header is not a bearer token"))
	}
	if strings.HasPrefix(text, keyPrefix) {
		return b.byKey(ctx, r, text)
	}
	return b.byToken(ctx, r, text)
}

// byKey looks a key up by its hash: how long that takes says nothing about
// secrets, since nobody can choose hashes.
func (b *Book) byKey(ctx context.Context, r *http.Request, text string) (*Actor, error) {
	if len(text) != keyLength {
		return nil, b.refuse(ctx, r, "", fault(Unauthenticated, "copy it whole", "the API key is mistyped"))
	}
	v, err := b.current(ctx)
	if err != nil {
		return nil, err
	}
	var buf [keyLength]byte
	copy(buf[:], text)
	e := v.keys[sha256.Sum256(buf[:])]
	now := b.cfg.Now()
	switch {
	case e == nil && !wellFormed(text):
		return nil, b.refuse(ctx, r, "", fault(Unauthenticated, "copy it whole", "the API key is mistyped: its checksum does not fit"))
	case e == nil:
		return nil, b.refuse(ctx, r, text[len(keyPrefix):len(keyPrefix)+idLength], fault(Unauthenticated, "", "the API key is not known"))
	case !e.Revoked.IsZero():
		return nil, b.refuse(ctx, r, e.ID, fault(Unauthenticated, "ask an administrator for a new one", "the API key was revoked"))
	case !now.Before(e.Expires):
		return nil, b.refuse(ctx, r, e.ID, fault(Unauthenticated, "ask an administrator for a new one", "the API key has expired"))
	case e.actor == nil:
		return nil, b.refuse(ctx, r, e.ID, conflicting(e.Actor))
	}
	e.use.touch(now)
	return e.actor, nil
}

func conflicting(actor string) *Error {
	return fault(Forbidden, "an administrator must take one away", "%s holds roles that exclude each other", actor)
}

// join puts the grants of a credential and those given by hand together.
func join(id string, kind Kind, own, given []Grant) (*Actor, error) {
	all := make([]Grant, 0, len(own)+len(given))
	all = append(append(all, own...), given...)
	if _, _, bad := exclusive(all); bad {
		return nil, conflicting(id)
	}
	return &Actor{ID: id, Kind: kind, Grants: all}, nil
}

// join adds what was given by hand, as it is now.
func (b *Book) join(ctx context.Context, id string, kind Kind, own []Grant) (*Actor, error) {
	v, err := b.current(ctx)
	if err != nil {
		return nil, err
	}
	return join(id, kind, own, v.given[id])
}

// admit is join, for a credential that is good.
func (b *Book) admit(ctx context.Context, r *http.Request, id string, kind Kind, own []Grant) (*Actor, error) {
	a, err := b.join(ctx, id, kind, own)
	if e, ok := errors.AsType[*Error](err); ok && e.Code == Forbidden {
		return nil, b.refuse(ctx, r, "", e)
	}
	return a, err
}

// byCertificate maps a certificate whose chain the TLS layer verified.
func (b *Book) byCertificate(ctx context.Context, r *http.Request) (*Actor, error) {
	if len(r.TLS.VerifiedChains) == 0 {
		return nil, b.refuse(ctx, r, "", fault(Unauthenticated, "", "the client certificate was not verified"))
	}
	leaf := r.TLS.PeerCertificates[0]
	if now := b.cfg.Now(); now.After(leaf.NotAfter) || now.Before(leaf.NotBefore) { // a connection may outlive it
		return nil, b.refuse(ctx, r, "", fault(Unauthenticated, "renew it", "the client certificate is not valid now"))
	}
	for _, rule := range b.cfg.Certificates {
		fits := rule.CommonName != "" && rule.CommonName == leaf.Subject.CommonName
		for _, u := range leaf.URIs {
			fits = fits || rule.URI != "" && rule.URI == u.String()
		}
		if fits {
			return b.admit(ctx, r, "certificate:"+rule.Actor, Certificate, rule.Grants)
		}
	}
	return nil, b.refuse(ctx, r, "", fault(Unauthenticated, "ask an administrator to map it", "the client certificate is nobody's here"))
}

// refuse counts, records and returns the refusal of a credential. key is the id
// that it claims, or empty.
func (b *Book) refuse(ctx context.Context, r *http.Request, key string, e *Error) error {
	return b.refuseAct(ctx, r, "credential", key, e)
}

func (b *Book) refuseAct(ctx context.Context, r *http.Request, act, key string, e *Error) error {
	now, from := b.cfg.Now(), place(b.cfg.Address(r))
	wait := b.throttle.fail(now, from)
	target := ""
	if key != "" {
		target = "key " + key
		wait = max(wait, b.throttle.fail(now, target))
	}
	if n := b.throttle.report(now, from); n > 0 {
		// The request may be gone by now: that does not make it forgotten.
		if err := b.record(context.WithoutCancel(ctx), Event{Act: act, Result: "denied", Target: target, Reason: e.Message + ", from " + from, Count: n}); err != nil {
			b.throttle.restore(n)
			return err
		}
	}
	if wait > 0 {
		return throttled(wait)
	}
	return e
}

// held refuses an address that is being throttled, before costly work.
func (b *Book) held(ctx context.Context, r *http.Request, act string) error {
	if b.throttle.wait(b.cfg.Now(), place(b.cfg.Address(r))) > 0 {
		return b.refuseAct(ctx, r, act, "", throttled(time.Second))
	}
	return nil
}

func throttled(wait time.Duration) *Error {
	e := fault(Throttled, "wait a little", "too many attempts that failed")
	e.RetryAfter = wait
	return e
}
