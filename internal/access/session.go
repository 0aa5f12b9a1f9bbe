// SPDX-License-Identifier: Apache-2.0

package access

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"time"

	"github.com/counterfoil/counterfoil/internal/db"
)

// Who is a person behind a code. Its fields are private: they stay in this room
// and on administrators' screens.
type Who struct {
	Actor  string
	Issuer string // name of the [Issuer]
	Name   string // as the issuer tells it; may be empty
	Seen   time.Time
}

// SignIn is a session that was begun.
type SignIn struct {
	Actor   *Actor
	Cookies []*http.Cookie // to be set
	Back    string         // what [Book.Begin] was given
}

const sessionLength = 52 // 32 bytes

func (b *Book) sessionCookie() string { return b.cookieName("cfs") }

// cookieName has the prefix that keeps neighbours under the same domain, and
// plain http, from setting it (RFC 6265bis §4.1.3.2).
func (b *Book) cookieName(name string) string {
	if b.cfg.TLS {
		return "__Host-" + name
	}
	return name
}

// cookie is SameSite=Lax: with Strict, a browser that comes back from an
// identity provider would send none, and the sign-in could not be finished. What
// Lax lets through from other sites are navigations by GET, and no GET changes
// anything but a sign-in that this browser began.
func (b *Book) cookie(name, value string, life time.Duration) *http.Cookie {
	age := int(life / time.Second)
	if value == "" {
		age = -1
	}
	return &http.Cookie{Name: b.cookieName(name), Value: value, Path: "/", MaxAge: age, HttpOnly: true, Secure: b.cfg.TLS, SameSite: http.SameSiteLaxMode}
}

// Forget are cookies that clear those of a session and of a sign-in under way.
func (b *Book) Forget() []*http.Cookie {
	return []*http.Cookie{b.cookie("cfs", "", 0), b.cookie("cfl", "", 0)}
}

// begin makes a session with a new id, whatever the browser had before, and ends
// the session that it had: nobody's id can be planted in it (OWASP ASVS 4.0.3
// §3.2.1). mapped are the grants that hold until the next sign-in.
func (b *Book) begin(ctx context.Context, r *http.Request, tx *db.Tx, actor string, mapped []Grant) (*http.Cookie, error) {
	grants, err := encodeGrants(mapped)
	if err != nil {
		return nil, err
	}
	for _, c := range r.CookiesNamed(b.sessionCookie()) {
		if _, err := tx.Exec(ctx, `DELETE FROM session WHERE hash = ?`, digest(c.Value)); err != nil {
			return nil, err
		}
	}
	id, now := random(32), b.cfg.Now()
	_, err = tx.Exec(ctx, `INSERT INTO session (hash, actor, grants, seen, expires) VALUES (?, ?, ?, ?, ?)`,
		digest(id), actor, grants, now.UnixMilli(), now.Add(b.cfg.AbsoluteTimeout).UnixMilli())
	return b.cookie("cfs", id, b.cfg.AbsoluteTimeout), err
}

// bySession finds a running session. One that is not there is not held against
// the address: every browser comes back with one that has ended.
func (b *Book) bySession(ctx context.Context, r *http.Request, id string) (*Actor, error) {
	if len(id) != sessionLength {
		return nil, b.refuse(ctx, r, "", fault(Unauthenticated, "sign in again", "the session cookie is not one of ours"))
	}
	var actor, grants string
	var seen, expires int64
	err := b.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		return tx.QueryRow(ctx, `SELECT actor, grants, seen, expires FROM session WHERE hash = ?`, digest(id)).Scan(&actor, &grants, &seen, &expires)
	})
	now := b.cfg.Now()
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, fault(Unauthenticated, "sign in again", "the session has ended")
	case err != nil:
		return nil, storage("find session", err)
	case now.UnixMilli() >= expires || now.UnixMilli()-seen >= b.cfg.IdleTimeout.Milliseconds():
		return nil, fault(Unauthenticated, "sign in again", "the session has ended")
	}
	if now.UnixMilli()-seen >= min(time.Minute, b.cfg.IdleTimeout/2).Milliseconds() {
		if err := b.seen(ctx, digest(id), now); err != nil {
			b.cfg.Logger.Warn("could not note that a session is used", "actor", actor, "err", err)
		}
	}
	mapped, err := decodeGrants(grants)
	if err != nil {
		return nil, storage("find session", err)
	}
	return b.admit(ctx, r, actor, Person, mapped)
}

func (b *Book) seen(ctx context.Context, hash []byte, now time.Time) error {
	return b.cfg.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE session SET seen = ? WHERE hash = ? AND seen < ?`, now.UnixMilli(), hash, now.UnixMilli())
		return err
	})
}

// EndSession ends the session that the request presents: signing out here. A
// request without one is not an error.
func (b *Book) EndSession(ctx context.Context, r *http.Request) error {
	err := b.cfg.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, c := range r.CookiesNamed(b.sessionCookie()) {
			if _, err := tx.Exec(ctx, `DELETE FROM session WHERE hash = ?`, digest(c.Value)); err != nil {
				return err
			}
		}
		return nil
	})
	return storage("end session", err)
}

// EndSessions ends all sessions of an actor, on all nodes at once, and says how
// many there were. Who is not that actor must manage access everywhere
// ([Forbidden]).
func (b *Book) EndSessions(ctx context.Context, by Actor, actor string) (int, error) {
	var role Role
	if by.ID != actor {
		var err error
		if role, err = b.may(ctx, by, "session.end", actor, everywhere); err != nil {
			return 0, err
		}
	}
	if err := b.record(ctx, Event{Act: "session.end", Actor: by.ID, Role: role, Result: "allowed", Target: actor}); err != nil {
		return 0, err
	}
	var n int64
	err := b.cfg.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		res, err := tx.Exec(ctx, `DELETE FROM session WHERE actor = ?`, actor)
		if err != nil {
			return err
		}
		n, err = res.RowsAffected()
		return err
	})
	return int(n), storage("end sessions", err)
}

// People lists who has signed in, by code; code "" means all of them. The caller
// sees to it that who asks may know.
func (b *Book) People(ctx context.Context, code string) (out []Who, err error) {
	err = b.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		rows, err := tx.Query(ctx, `SELECT actor, issuer, name, seen FROM person WHERE ? = '' OR actor = ? ORDER BY actor`, code, code)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var w Who
			var seen int64
			if err := rows.Scan(&w.Actor, &w.Issuer, &w.Name, &seen); err != nil {
				return err
			}
			w.Seen = fromMilli(seen)
			out = append(out, w)
		}
		return rows.Err()
	})
	return out, storage("list people", err)
}
