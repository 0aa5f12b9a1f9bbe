// SPDX-License-Identifier: Apache-2.0

package access

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/internal/db"
)

// Given is a grant that was given by hand.
type Given struct {
	Grant
	Actor string    `json:"actor"`
	By    string    `json:"by"`
	At    time.Time `json:"at"`
}

// checkGrants refuses grants that are no good by themselves, and roles that
// exclude each other. It joins all faults.
func checkGrants(gs []Grant) error {
	var errs []error
	for _, g := range gs {
		switch {
		case !slices.Contains(Roles(), g.Role):
			errs = append(errs, fmt.Errorf("there is no role %q", g.Role))
		case g.Ledger == "" || g.System == "":
			errs = append(errs, fmt.Errorf("the role %s names no ledger, or no system: a star stands for any", g.Role))
		case len(g.Ledger) > 200 || len(g.System) > 200 || len(g.Purpose) > 200:
			errs = append(errs, fmt.Errorf("the role %s has a scope of more than 200 bytes", g.Role))
		}
	}
	if a, b, bad := exclusive(gs); bad {
		errs = append(errs, fmt.Errorf("%s and %s exclude each other", a, b))
	}
	return errors.Join(errs...)
}

// exclusive finds two roles that one actor may not hold.
func exclusive(gs []Grant) (a, b Role, bad bool) {
	for i, x := range gs {
		for _, y := range gs[i+1:] {
			if Exclusive(x.Role, y.Role) {
				return x.Role, y.Role, true
			}
		}
	}
	return "", "", false
}

// may says whether an actor may manage access to all of what is granted, and
// records the denial when not.
func (b *Book) may(ctx context.Context, by Actor, act, target string, gs []Grant) (Role, error) {
	var role Role
	if len(gs) == 0 {
		gs = everywhere
	}
	for _, g := range gs {
		d := by.May(ManageAccess, Target{Ledger: g.Ledger, System: g.System, Purpose: g.Purpose})
		if !d.Allowed() {
			return "", b.deny(ctx, by, act, target, fault(Forbidden, "ask an administrator of that ledger and system", "%s may not manage access there", by.ID))
		}
		role = d.Role
	}
	return role, nil
}

func (b *Book) deny(ctx context.Context, by Actor, act, target string, e *Error) error {
	if err := b.record(ctx, Event{Act: act, Actor: by.ID, Result: "denied", Target: target, Reason: e.Message}); err != nil {
		return err
	}
	return e
}

// everywhere is the scope of who manages access to all.
var everywhere = []Grant{{Role: Admin, Ledger: Any, System: Any, Purpose: Any}}

var prefixes = []string{"person:", "key:", "workload:", "certificate:"}

func checkActor(actor string) error {
	for _, p := range prefixes {
		if name, ok := strings.CutPrefix(actor, p); ok && actorName.MatchString(name) {
			return nil
		}
	}
	return fault(Invalid, "such as person:7f3k… or key:voicebot", "%q is not the code of an actor", actor)
}

// Grant gives an actor a role by hand, in force at its next request; giving it
// twice is not an error. by must manage access to its whole scope and be someone
// else ([Forbidden]). Roles that exclude one the actor holds, by hand, by a rule,
// by a key or in a running session: [Conflict]. A role or actor that can not be:
// [Invalid].
func (b *Book) Grant(ctx context.Context, by Actor, actor string, g Grant) error {
	const act = "grant.give"
	if err := errors.Join(checkActor(actor), checkGrants([]Grant{g})); err != nil {
		return &Error{Code: Invalid, Message: "grant role", Cause: err}
	}
	if by.ID == actor {
		return b.deny(ctx, by, act, actor, fault(Forbidden, "ask another administrator", "nobody grants to themselves"))
	}
	if _, err := b.may(ctx, by, act, actor, []Grant{g}); err != nil {
		return err
	}
	check := func(ctx context.Context, tx *db.Tx) error { return b.conflicts(ctx, tx, actor, g) }
	if err := b.cfg.DB.Read(ctx, check); err != nil {
		if e, ok := errors.AsType[*Error](err); ok && e.Code == Conflict {
			return b.deny(ctx, by, act, actor, e)
		}
		return storage("grant role", err)
	}
	if err := b.record(ctx, Event{Act: act, Actor: by.ID, Role: g.Role, Result: "allowed", Target: actor, Reason: scope(g)}); err != nil {
		return err
	}
	return b.change(ctx, "grant role", func(ctx context.Context, tx *db.Tx) error {
		if err := check(ctx, tx); err != nil { // again, now that nobody else can change it
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO given (actor, role, ledger, system, purpose, given_by, given_at) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT DO NOTHING`, actor, string(g.Role), g.Ledger, g.System, g.Purpose, by.ID, b.cfg.Now().UnixMilli())
		return err
	})
}

func scope(g Grant) string {
	return fmt.Sprintf("ledger %s, system %s, purpose %s", g.Ledger, g.System, g.Purpose)
}

// conflicts refuses a grant whose role excludes one that the actor holds.
func (b *Book) conflicts(ctx context.Context, tx *db.Tx, actor string, g Grant) error {
	held := b.ruled(actor)
	given, err := readGiven(ctx, tx, givenOf, actor)
	if err != nil {
		return err
	}
	for _, h := range given {
		held = append(held, h.Grant)
	}
	rows, err := tx.Query(ctx, `SELECT grants FROM session WHERE actor = ? AND expires > ? AND seen > ?
		UNION ALL SELECT grants FROM api_key WHERE 'key:' || name = ? AND revoked = 0`,
		actor, b.cfg.Now().UnixMilli(), b.cfg.Now().Add(-b.cfg.IdleTimeout).UnixMilli(), actor)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return err
		}
		gs, err := decodeGrants(text)
		if err != nil {
			return err
		}
		held = append(held, gs...)
	}
	for _, h := range held {
		if Exclusive(h.Role, g.Role) {
			return fault(Conflict, "take that role away first", "%s holds the role %s, which excludes %s", actor, h.Role, g.Role)
		}
	}
	return rows.Err()
}

// ruled is what the configuration grants to a workload or certificate.
func (b *Book) ruled(actor string) (held []Grant) {
	for _, w := range b.cfg.Workloads {
		for _, r := range w.Rules {
			if "workload:"+r.Actor == actor {
				held = append(held, r.Grants...)
			}
		}
	}
	for _, r := range b.cfg.Certificates {
		if "certificate:"+r.Actor == actor {
			held = append(held, r.Grants...)
		}
	}
	return held
}

// Revoke takes away a grant that was given by hand, at once on this node, within
// five seconds on others. by must manage access to its scope ([Forbidden]). No
// such grant: [NotFound].
func (b *Book) Revoke(ctx context.Context, by Actor, actor string, g Grant) error {
	if _, err := b.may(ctx, by, "grant.take", actor, []Grant{g}); err != nil {
		return err
	}
	if err := b.record(ctx, Event{Act: "grant.take", Actor: by.ID, Role: g.Role, Result: "allowed", Target: actor, Reason: scope(g)}); err != nil {
		return err
	}
	return b.change(ctx, "revoke role", func(ctx context.Context, tx *db.Tx) error {
		res, err := tx.Exec(ctx, `DELETE FROM given WHERE actor = ? AND role = ? AND ledger = ? AND system = ? AND purpose = ?`,
			actor, string(g.Role), g.Ledger, g.System, g.Purpose)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, fault(NotFound, "see the list of grants", "%s was not given that", actor))
		}
		return nil
	})
}

// Grants lists what was given by hand, by actor and role. The caller sees to it
// that who asks may know.
func (b *Book) Grants(ctx context.Context) (out []Given, err error) {
	err = b.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		out, err = readGiven(ctx, tx, allGiven+` ORDER BY actor, role, ledger, system, purpose`)
		return err
	})
	return out, storage("list grants", err)
}

const (
	allGiven = `SELECT actor, role, ledger, system, purpose, given_by, given_at FROM given`
	givenOf  = allGiven + ` WHERE actor = ?`
)

func readGiven(ctx context.Context, tx *db.Tx, query string, args ...any) ([]Given, error) {
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Given
	for rows.Next() {
		var g Given
		var at int64
		if err := rows.Scan(&g.Actor, &g.Role, &g.Ledger, &g.System, &g.Purpose, &g.By, &at); err != nil {
			return nil, err
		}
		g.At = fromMilli(at)
		out = append(out, g)
	}
	return out, rows.Err()
}
