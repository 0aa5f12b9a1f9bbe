// SPDX-License-Identifier: Apache-2.0

package access

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/counterfoil/counterfoil/internal/access/token"
	"github.com/counterfoil/counterfoil/internal/db"
)

const flowLife = 10 * time.Minute

// Issuers lists where people can sign in, without secrets, in the order of the
// configuration.
func (b *Book) Issuers() []Issuer {
	out := slices.Clone(b.cfg.Issuers)
	for i := range out {
		out[i].ClientSecret = ""
	}
	return out
}

func (b *Book) issuer(name string) (*Issuer, *token.Provider, error) {
	for i := range b.cfg.Issuers {
		if is := &b.cfg.Issuers[i]; is.Name == name {
			return is, b.issuers[name], nil
		}
	}
	return nil, nil, fault(NotFound, "", "there is no such identity provider")
}

func (is *Issuer) as() token.Client {
	return token.Client{Secret: string(is.ClientSecret), Redirect: is.RedirectURL, Scopes: is.Scopes}
}

// issued gives what package token reports its code.
func issued(err error) error {
	if errors.Is(err, token.ErrAway) {
		return &Error{Code: Unavailable, Message: "the identity provider does not answer", Hint: "try again in a minute", Cause: err}
	}
	if refusal, ok := errors.AsType[*token.Refusal](err); ok {
		return fault(Unauthenticated, "sign in again", "%s", refusal.Message)
	}
	return err
}

// Begin starts a sign-in: the browser is to be given the cookie and sent to the
// URL, which asks for a code under state, nonce and PKCE with S256 (RFC 6749
// §4.1, RFC 7636, OpenID Connect Core §3.1). back is returned by [Book.Finish].
// Nothing is written. No such issuer: [NotFound]; it does not answer:
// [Unavailable].
func (b *Book) Begin(ctx context.Context, issuer, back string) (url string, cookie *http.Cookie, err error) {
	is, p, err := b.issuer(issuer)
	if err != nil {
		return "", nil, err
	}
	f := token.NewFlow(issuer, back, b.cfg.Now().Add(flowLife))
	sealed, err := f.Seal(b.flows)
	if err != nil {
		return "", nil, err
	}
	if url, err = p.URL(ctx, is.as(), f); err != nil {
		return "", nil, issued(err)
	}
	return url, b.cookie("cfl", sealed, flowLife), nil
}

// Finish ends a sign-in with the request that the identity provider sent the
// browser back with, and begins a session under a new id. It works once for each
// Begin, in the browser that began. A response, or an ID token, that is not to
// the letter what was asked for: [Unauthenticated], recorded, and counted against
// the address ([Throttled]). Roles that exclude each other: [Forbidden]. Issuer or
// database away: [Unavailable]. Whatever the answer, clear the cookies of
// [Book.Forget] first.
func (b *Book) Finish(ctx context.Context, r *http.Request, issuer string) (*SignIn, error) {
	const act = "sign_in"
	is, p, err := b.issuer(issuer)
	if err != nil {
		return nil, err
	}
	if err := b.held(ctx, r, act); err != nil {
		return nil, err
	}
	if err := p.Ready(ctx); err != nil { // before anything is spent
		return nil, issued(err)
	}
	f, err := b.returned(ctx, r, is)
	if err == nil {
		var subject string
		var claims token.Claims
		if subject, claims, err = p.Redeem(ctx, is.as(), f, r.URL.Query()); err == nil {
			return b.enter(ctx, r, is, f.Back, subject, claims)
		}
		if refusal, ok := errors.AsType[*token.Refusal](err); ok && refusal.Cause != nil {
			b.cfg.Logger.Info("sign-in refused", "issuer", issuer, "err", refusal.Cause)
		}
	}
	err = issued(err)
	if e, ok := errors.AsType[*Error](err); ok && e.Code == Unauthenticated {
		return nil, b.refuseAct(ctx, r, act, "", e)
	}
	return nil, err
}

// returned checks that a response is the answer to a sign-in that this browser
// began, and spends it.
func (b *Book) returned(ctx context.Context, r *http.Request, is *Issuer) (f token.Flow, err error) {
	strange := fault(Unauthenticated, "sign in again", "this browser did not begin the sign-in, or took too long")
	cookies := r.CookiesNamed(b.cookieName("cfl"))
	if len(cookies) != 1 {
		return f, strange
	}
	if f, err = token.Open(b.flows, cookies[0].Value); err != nil || f.Issuer != is.Name || !b.cfg.Now().Before(f.Expires) {
		return f, strange
	}
	if err := f.Answers(r.URL.Query()); err != nil {
		return f, err
	}
	err = b.cfg.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO spent (hash, expires) VALUES (?, ?)`, digest(f.State), f.Expires.UnixMilli())
		return err
	})
	if db.IsUnique(err) {
		return f, fault(Unauthenticated, "sign in again", "the response was used before")
	}
	return f, storage("spend sign-in", err)
}

// enter begins the session of a person that the issuer vouches for.
func (b *Book) enter(ctx context.Context, r *http.Request, is *Issuer, back, subject string, claims token.Claims) (*SignIn, error) {
	id, hash := b.pseudonym(is.URL, subject)
	var mapped []Grant
	for _, rule := range is.Roles {
		if claims.Is(rule.Claim, rule.Value) {
			mapped = append(mapped, rule.Grants...)
		}
	}
	actor, err := b.join(ctx, id, Person, mapped)
	if e, ok := errors.AsType[*Error](err); ok && e.Code == Forbidden {
		return nil, b.deny(ctx, Actor{ID: id}, "sign_in", id, e)
	}
	if err != nil {
		return nil, err
	}
	if err := b.record(ctx, Event{Act: "sign_in", Actor: id, Result: "allowed", Reason: "issuer " + is.Name + ", from " + place(b.cfg.Address(r))}); err != nil {
		return nil, err
	}
	var cookie *http.Cookie
	err = b.cfg.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := b.meet(ctx, tx, id, is.Name, hash, nameOf(claims)); err != nil {
			return err
		}
		cookie, err = b.begin(ctx, r, tx, id, mapped)
		return err
	})
	if err != nil {
		return nil, storage("begin session", err)
	}
	return &SignIn{Actor: actor, Cookies: []*http.Cookie{cookie}, Back: back}, nil
}

// pseudonym is the code of a person: it says nothing about who it is without the
// key, and is the same at every sign-in.
func (b *Book) pseudonym(issuer, subject string) (string, []byte) {
	mac := hmac.New(sha256.New, b.pseudonyms)
	fmt.Fprintf(mac, "%d:%s%s", len(issuer), issuer, subject)
	hash := mac.Sum(nil)
	return "person:" + encoding.EncodeToString(hash)[:12], hash
}

// meet notes whom a code stands for. Should two people ever share a code, the
// second does not get in.
func (b *Book) meet(ctx context.Context, tx *db.Tx, id, issuer string, hash []byte, name string) error {
	res, err := tx.Exec(ctx, `INSERT INTO person (actor, issuer, subject, name, seen) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (actor) DO UPDATE SET issuer = excluded.issuer, name = excluded.name, seen = excluded.seen WHERE person.subject = excluded.subject`,
		id, issuer, hash, name, b.cfg.Now().UnixMilli())
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, fault(Conflict, "tell the maintainers", "the code %s is somebody else's", id))
	}
	return nil
}

// nameOf is what to call a person, on their own screen and administrators'.
func nameOf(claims token.Claims) string {
	for _, c := range []string{"name", "preferred_username", "email"} {
		if s, _ := claims[c].(string); s != "" {
			return string([]rune(s)[:min(100, len([]rune(s)))])
		}
	}
	return ""
}
