// SPDX-License-Identifier: Apache-2.0

package access

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/internal/db"
)

const (
	bootstrapPrefix = "cfb_"
	bootstrapLength = len(bootstrapPrefix) + 52
	bootstrapLife   = 30 * time.Minute
)

// Bootstrap makes a one-time token with which somebody becomes the first
// administrator, good for 30 minutes, to be shown to who starts the server and to
// nobody else. It makes none (created is false) when there is an administrator:
// by a grant, by a key in force, or by a rule of the configuration; nor while a
// token is unused and has not expired, since that one can not be shown again. Of
// several nodes that start at once one makes it.
func (b *Book) Bootstrap(ctx context.Context) (secret string, created bool, err error) {
	if b.adminByRule() {
		return "", false, nil
	}
	needed := func(ctx context.Context, tx *db.Tx) (bool, error) {
		var open int64
		err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM bootstrap WHERE used = 0 AND expires > ?`, b.cfg.Now().UnixMilli()).Scan(&open)
		if err != nil || open > 0 {
			return false, err
		}
		has, err := b.hasAdmin(ctx, tx)
		return !has, err
	}
	var need bool
	err = b.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		need, err = needed(ctx, tx)
		return err
	})
	if err != nil || !need {
		return "", false, storage("make bootstrap token", err)
	}
	if err := b.record(ctx, Event{Act: "bootstrap.create", Actor: "local", Role: Admin, Result: "allowed"}); err != nil {
		return "", false, err
	}
	text := bootstrapPrefix + random(32)
	err = b.change(ctx, "make bootstrap token", func(ctx context.Context, tx *db.Tx) (err error) {
		if need, err = needed(ctx, tx); err != nil || !need {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO bootstrap (hash, expires) VALUES (?, ?)`, digest(text), b.cfg.Now().Add(bootstrapLife).UnixMilli())
		return err
	})
	if err != nil || !need {
		return "", false, err
	}
	return text, true, nil
}

// adminByRule says whether the configuration makes somebody an administrator.
func (b *Book) adminByRule() bool {
	var all []Grant
	for _, is := range b.cfg.Issuers {
		for _, r := range is.Roles {
			all = append(all, r.Grants...)
		}
	}
	for _, w := range b.cfg.Workloads {
		for _, r := range w.Rules {
			all = append(all, r.Grants...)
		}
	}
	for _, r := range b.cfg.Certificates {
		all = append(all, r.Grants...)
	}
	return hasRole(all, Admin)
}

func hasRole(gs []Grant, role Role) bool {
	return slices.ContainsFunc(gs, func(g Grant) bool { return g.Role == role })
}

func (b *Book) hasAdmin(ctx context.Context, tx *db.Tx) (bool, error) {
	var n int64
	if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM given WHERE role = ?`, string(Admin)).Scan(&n); err != nil || n > 0 {
		return n > 0, err
	}
	keys, err := readKeys(ctx, tx, "")
	now := b.cfg.Now()
	return slices.ContainsFunc(keys, func(k APIKey) bool {
		return k.Revoked.IsZero() && k.Expires.After(now) && hasRole(k.Grants, Admin)
	}), err
}

// UseBootstrap trades a bootstrap token for a session of an administrator of
// everything, person:bootstrap-…, who can then grant roles to others. A token
// works once, also when two use it at the same moment. One that is unknown, used
// or expired, or not needed any more: [Unauthenticated]; after too many of them:
// [Throttled].
func (b *Book) UseBootstrap(ctx context.Context, r *http.Request, text string) (*SignIn, error) {
	const act = "bootstrap.use"
	if err := b.held(ctx, r, act); err != nil {
		return nil, err
	}
	bad := fault(Unauthenticated, "restart the server to get another, if there is no administrator yet", "the bootstrap token is not known, was used, or has expired")
	text = strings.TrimSpace(text)
	if len(text) != bootstrapLength || !strings.HasPrefix(text, bootstrapPrefix) {
		return nil, b.refuseAct(ctx, r, act, "", bad)
	}
	var has bool
	var n int64
	err := b.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if has, err = b.hasAdmin(ctx, tx); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `SELECT COUNT(*) FROM bootstrap WHERE hash = ? AND used = 0 AND expires > ?`, digest(text), b.cfg.Now().UnixMilli()).Scan(&n)
	})
	if err != nil {
		return nil, storage("use bootstrap token", err)
	}
	if n == 0 || has {
		return nil, b.refuseAct(ctx, r, act, "", bad)
	}
	actor := &Actor{ID: "person:bootstrap-" + random(5), Kind: Person, Grants: slices.Clone(everywhere)}
	if err := b.record(ctx, Event{Act: act, Actor: actor.ID, Role: Admin, Result: "allowed", Reason: "from " + place(b.cfg.Address(r))}); err != nil {
		return nil, err
	}
	var cookie *http.Cookie
	err = b.change(ctx, "use bootstrap token", func(ctx context.Context, tx *db.Tx) (err error) {
		now := b.cfg.Now().UnixMilli()
		if has, err = b.hasAdmin(ctx, tx); err != nil {
			return err
		}
		res, err := tx.Exec(ctx, `UPDATE bootstrap SET used = ? WHERE hash = ? AND used = 0 AND expires > ?`, now, digest(text), now)
		if err != nil {
			return err
		}
		if n, err = res.RowsAffected(); err != nil {
			return err
		}
		if n != 1 || has {
			return bad
		}
		cookie, err = b.begin(ctx, r, tx, actor.ID, actor.Grants)
		return err
	})
	if e, ok := errors.AsType[*Error](err); ok && e == bad {
		return nil, b.refuseAct(ctx, r, act, "", bad)
	}
	if err != nil {
		return nil, err
	}
	return &SignIn{Actor: actor, Cookies: []*http.Cookie{cookie}}, nil
}
