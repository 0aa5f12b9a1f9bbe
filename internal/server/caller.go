// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/counterfoil/counterfoil/internal/access"
	"github.com/counterfoil/counterfoil/internal/custody"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// Door says who asks. It is safe for concurrent use.
type Door interface {
	// Authenticate recognises the one credential of a request. An error that
	// wraps an [*access.Error] is answered as such.
	Authenticate(ctx context.Context, r *http.Request) (*access.Actor, error)
}

// Headers by which a caller says why private values are read, for which case,
// and under which approval; and, where nobody is asked to prove it, who they are.
const (
	headerPurpose = "Counterfoil-Purpose"
	headerTicket  = "Counterfoil-Ticket"
	headerWarrant = "Counterfoil-Warrant"
	headerActor   = "Counterfoil-Actor"
)

// open is the [Door] of a server without access control: everybody who reaches
// it is on the machine itself, may do everything, and is believed who they are.
type open struct{ principal string }

func (o open) Authenticate(_ context.Context, r *http.Request) (*access.Actor, error) {
	id := r.Header.Get(headerActor)
	if id == "" {
		id = o.principal
	}
	if !record.ValidID(id) {
		return nil, refused("bad_parameter", "use letters, digits and . _ : ~ -", "%s is not a code", headerActor)
	}
	return &access.Actor{ID: id, Kind: access.Local, Grants: access.Everything()}, nil
}

type localKey struct{}

// LocalContext marks the connections that come from the machine itself by a way
// that only its operator has: a socket in the data folder, or a call within the
// process. Who comes that way is believed, whatever the Door says.
func LocalContext(ctx context.Context) context.Context {
	return context.WithValue(ctx, localKey{}, true)
}

// authenticate finds out who asks, and how records name the writer.
func (s *Server) authenticate(r *http.Request) (*access.Actor, string, error) {
	if r.Context().Value(localKey{}) != nil {
		a, err := open{"local:cli"}.Authenticate(r.Context(), r)
		return a, "local:cli", err
	}
	a, err := s.cfg.Door.Authenticate(r.Context(), r)
	if err != nil {
		return nil, "", err
	}
	if a.Kind == access.Local {
		return a, s.cfg.Principal, nil
	}
	return a, a.ID, nil
}

// caller is who asks, in the ledger of the path.
type caller struct {
	*access.Actor
	ledger    string
	principal string // who was authenticated, as records have it
	role      access.Role
	systems   []string // that the action is limited to; nil: all
	held      bool     // limited to records under a legal hold
	purpose   string
	ticket    string
	warrant   string
}

type callerKey struct{}

// baseOf is the ledger that a closed shard, such as main.2026-11, belongs to: a
// grant is for a ledger with all its shards. Names of ledgers have no dot.
func baseOf(name string) string {
	base, _, _ := strings.Cut(name, ".")
	return base
}

// callerOf is who asks; every handler behind [Server.guarded] has one.
func callerOf(r *http.Request) *caller {
	c, ok := r.Context().Value(callerKey{}).(*caller)
	if !ok {
		panic("server: a handler without a caller: the route has no action") // programmer error
	}
	return c
}

// by is the caller for the room of custody.
func (c *caller) by() custody.By {
	return custody.By{Actor: c.ID, Role: string(c.role), Principal: c.principal}
}

// bounds are what the caller may see of the ledger.
func (c *caller) bounds() *ledger.Bounds {
	if c.systems == nil && !c.held {
		return nil
	}
	return &ledger.Bounds{Systems: c.systems, Held: c.held}
}

// actions that are bounded by system record by record; all others need a grant
// for every system.
var bySystem = []access.Action{access.Append, access.AskGuard, access.Read, access.SaveQuery, access.RequestWarrant, access.BreakGlass, access.FetchVersion, access.ReportDuties}

// guarded lets an action through to its handler, or refuses it and says so in
// the log.
func (s *Server) guarded(action access.Action, h func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		actor, principal, err := s.authenticate(r)
		if err != nil {
			return err
		}
		c := &caller{Actor: actor, ledger: r.PathValue("ledger"), principal: principal,
			purpose: r.Header.Get(headerPurpose), ticket: r.Header.Get(headerTicket), warrant: r.Header.Get(headerWarrant)}
		if err := c.check(); err != nil {
			return err
		}
		if err := s.allow(r.Context(), c, action); err != nil {
			return err
		}
		return h(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, c)))
	}
}

// check refuses headers that could not stand in a record.
func (c *caller) check() error {
	for name, v := range map[string]string{headerPurpose: c.purpose, headerTicket: c.ticket, headerWarrant: c.warrant} {
		if v != "" && !record.ValidID(v) {
			return refused("bad_parameter", "use up to 128 letters, digits and . _ : ~ -", "%s is not a code", name)
		}
	}
	return nil
}

// allow looks the action up in the table. Whoever has no grant in a ledger is
// not told that it exists.
func (s *Server) allow(ctx context.Context, c *caller, action access.Action) error {
	if c.ledger != "" {
		if _, ok := s.cfg.Ledgers.Ledger(c.ledger); !ok || !c.Sees(baseOf(c.ledger)) {
			return refused(string(ledger.NotFound), "GET /v1/ledgers lists those that you may see", "there is no ledger %q", c.ledger)
		}
	}
	if action == seeing {
		return nil
	}
	target := access.Target{Ledger: baseOf(c.ledger), Purpose: c.purpose}
	d := c.May(action, target)
	if !d.Allowed() && slices.Contains(bySystem, action) {
		systems, _ := c.Systems(action, baseOf(c.ledger))
		for _, name := range systems {
			target.System = name
			if one := c.May(action, target); one.Allowed() {
				d = one
				c.systems = append(c.systems, name)
			}
		}
	}
	if !d.Allowed() {
		return s.deny(ctx, c, action, "", "")
	}
	c.role, c.held = d.Role, d.Condition == access.Held
	return nil
}

// seeing stands for what everybody may who has any grant in the ledger.
const seeing access.Action = ""

// deny refuses an action, and writes that into the log of the ledger: an attempt
// is as telling as an access.
func (s *Server) deny(ctx context.Context, c *caller, action access.Action, about, why string) error {
	roles := make([]string, 0, 4)
	for _, row := range access.Matrix() {
		for _, role := range access.Roles() {
			if _, ok := row.Allow[role]; ok && row.Action == action {
				roles = append(roles, string(role))
			}
		}
	}
	if why == "" {
		why = "your roles do not allow it here"
	}
	if l, ok := s.cfg.Ledgers.Ledger(s.recordedIn(c)); ok {
		if s.denials.allow(c.ID) {
			err := l.Note(ctx, ledger.Access{Act: string(action), Actor: c.ID, Principal: c.principal, Purpose: c.purpose, Ticket: c.ticket, Warrant: c.warrant, About: about, Denied: true, Count: 1})
			if err != nil {
				s.cfg.Logger.Error("a refused access could not be recorded", "actor", c.ID, "action", string(action), "error", err)
			}
		}
	}
	return refused("forbidden", "it takes the role "+strings.Join(roles, " or ")+"; counterfoil access matrix shows the table", "%s: %s", action, why)
}

// recordedIn is the ledger that a refused attempt is written to: that of the path,
// or for one that is about no ledger the first that the caller has a grant in.
func (s *Server) recordedIn(c *caller) string {
	if c.ledger != "" {
		return c.ledger
	}
	for _, name := range s.cfg.Ledgers.Names() {
		if c.Sees(baseOf(name)) {
			return name
		}
	}
	return ""
}

// values decides which private values of a record the caller may open, of those
// asked for (nil: all), and what the access record will say. The condition of
// the role is seen to here.
func (s *Server) values(ctx context.Context, c *caller, st *record.Statement, pointers []string) (ledger.Access, []string, error) {
	f := st.Fields()
	a := ledger.Access{Act: "read", Actor: c.ID, Principal: c.principal, Purpose: c.purpose, Ticket: c.ticket, Warrant: c.warrant}
	if c.purpose == "" {
		return a, nil, noPurpose("private values are opened for a purpose only")
	}
	target := access.Target{Ledger: baseOf(c.ledger), System: f.System, Purpose: c.purpose}
	role, err := s.condition(ctx, c, access.ReadValue, target, &f, false)
	if err != nil {
		return a, nil, err
	}
	a.Role = string(role)
	all := pointers == nil
	if all {
		for _, seal := range st.Seals() {
			pointers = append(pointers, seal.Pointer)
		}
	}
	if !slices.ContainsFunc(pointers, isIdentity) {
		return a, pointers, nil
	}
	role, err = s.condition(ctx, c, access.ReadIdentity, target, &f, true)
	switch {
	case err == nil:
		a.Role = string(role)
	case all: // everything that may be seen
		return a, slices.DeleteFunc(pointers, isIdentity), nil
	}
	return a, pointers, err
}

// isIdentity says whether a value says who the person is.
func isIdentity(pointer string) bool {
	return pointer == "/subject" || pointer == "/interaction/external" || strings.HasPrefix(pointer, "/interaction/external/")
}

// condition sees to what a role must fulfil to open values of a record.
func (s *Server) condition(ctx context.Context, c *caller, action access.Action, t access.Target, f *record.Fields, identity bool) (access.Role, error) {
	if c.Kind == access.Local {
		return access.Privacy, nil
	}
	d := c.May(action, t)
	if (!d.Allowed() || d.Condition == access.Warrant) && c.warrant != "" {
		if custodian, ok := s.cfg.Ledgers.Custodian(c.ledger); ok {
			if r, err := custodian.Opens(ctx, c.ID, c.warrant, f.ID, f.System, identity); err != nil {
				return "", s.deny(ctx, c, action, f.ID, reasonOf(err))
			} else if glass := c.May(access.BreakGlass, t); d.Allowed() && r.Kind == custody.KindWarrant || glass.Allowed() && r.Kind == custody.KindGlass && !identity {
				return cmpRole(d.Role, glass.Role), nil
			}
		}
	}
	switch {
	case !d.Allowed():
		return "", s.deny(ctx, c, action, f.ID, "")
	case d.Condition == access.Warrant:
		return "", s.deny(ctx, c, action, f.ID, "it takes a warrant that a second person approved, named in "+headerWarrant)
	case d.Condition == access.Ticket && c.ticket == "":
		return "", refused("purpose", "name the case with the header "+headerTicket, "it is for a case only")
	case d.Condition == access.Held:
		l, err := s.ledgerNamed(c.ledger)
		if err != nil {
			return "", err
		}
		if held, err := l.IsHeld(ctx, f.ID); err != nil || !held {
			return "", errors.Join(err, s.deny(ctx, c, action, f.ID, "the record is under no legal hold"))
		}
	}
	return d.Role, nil
}

func cmpRole(a, b access.Role) access.Role {
	if a != "" {
		return a
	}
	return b
}

func reasonOf(err error) string {
	if e, ok := errors.AsType[*ledger.Error](err); ok {
		return e.Message
	}
	return "the warrant can not be read"
}

// sees says whether the caller may see a record, by its system and its holds.
func (s *Server) sees(ctx context.Context, c *caller, l *ledger.Ledger, st *record.Statement) (bool, error) {
	if c.systems != nil && !slices.Contains(c.systems, st.Fields().System) {
		return false, nil
	}
	if c.held {
		return l.IsHeld(ctx, st.ID())
	}
	return true, nil
}
