// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/access"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

// routeAccess lists the routes of who may do what.
func (s *Server) routeAccess() {
	s.handle("GET /v1/access/matrix", seeing, get(plain(s.matrix)))
	s.handle("GET /v1/access/me", seeing, get(plain(s.me)))
	s.handle("GET /v1/access/grants", seeing, get(plain(s.grants)))
	s.handle("POST /v1/access/grants", seeing, post(s, s.grant))
	s.handle("POST /v1/access/grants/revoke", seeing, post(s, s.revokeGrant))
	s.handle("GET /v1/access/keys", seeing, get(plain(s.keys)))
	s.handle("POST /v1/access/keys", seeing, post(s, s.createKey))
	s.handle("POST /v1/access/keys/{id}/revoke", seeing, post(s, s.revokeKey))
	s.handle("POST /v1/access/keys/{id}/rotate", seeing, post(s, s.replaceKey))
	s.handle("POST /v1/access/sessions/end", seeing, post(s, s.endSessions))
	s.handle("POST /v1/ledgers/{ledger}/keys/rotate", access.RotateKeys, post(s, s.rotateKey))
	s.handle("POST /v1/ledgers/{ledger}/keys/master", access.RotateKeys, long(post(s, s.rotateMaster)))
	s.handle("POST /v1/ledgers/{ledger}/keys/retire", access.RotateKeys, post(s, s.retireKey))
}

// people is the book of access, for a caller who manages access somewhere.
func (s *Server) people(r *http.Request, c *caller) (*access.Book, error) {
	if s.cfg.Book == nil {
		return nil, refused(string(ledger.NotFound), "start it without --open", "this server has no access control")
	}
	for _, g := range c.Grants {
		if g.Role == access.Admin {
			return s.cfg.Book, nil
		}
	}
	return nil, s.deny(r.Context(), c, access.ManageAccess, "", "")
}

// manages says whether the caller manages access to all of some grants.
func (c *caller) manages(grants []access.Grant) bool {
	for _, g := range grants {
		if !c.May(access.ManageAccess, access.Target{Ledger: g.Ledger, System: g.System, Purpose: g.Purpose}).Allowed() {
			return false
		}
	}
	return true
}

func (s *Server) grants(r *http.Request) (out list[access.Given], err error) {
	c := callerOf(r)
	book, err := s.people(r, c)
	if err != nil {
		return out, err
	}
	all, err := book.Grants(r.Context())
	out.Items = slices.DeleteFunc(all, func(g access.Given) bool { return !c.manages([]access.Grant{g.Grant}) })
	if out.Items == nil {
		out.Items = []access.Given{}
	}
	return out, err
}

func (s *Server) grant(r *http.Request, c *caller, in api.GrantRequest) (access.Given, error) {
	return s.changeGrant(r, c, in, (*access.Book).Grant)
}

func (s *Server) revokeGrant(r *http.Request, c *caller, in api.GrantRequest) (access.Given, error) {
	return s.changeGrant(r, c, in, (*access.Book).Revoke)
}

func (s *Server) changeGrant(r *http.Request, c *caller, in api.GrantRequest, change func(*access.Book, context.Context, access.Actor, string, access.Grant) error) (access.Given, error) {
	book, err := s.people(r, c)
	if err != nil {
		return access.Given{}, err
	}
	g := scoped(in.Scope)
	return access.Given{Grant: g, Actor: in.Actor, By: c.ID, At: time.Now().UTC()}, change(book, r.Context(), *c.Actor, in.Actor, g)
}

// scoped fills in any where a scope says nothing.
func scoped(in api.Scope) access.Grant {
	g := access.Grant{Role: access.Role(in.Role), Ledger: in.Ledger, System: in.System, Purpose: in.Purpose}
	for _, s := range []*string{&g.System, &g.Purpose} {
		if *s == "" {
			*s = access.Any
		}
	}
	return g
}

func (s *Server) keys(r *http.Request) (out list[access.APIKey], err error) {
	c := callerOf(r)
	book, err := s.people(r, c)
	if err != nil {
		return out, err
	}
	all, err := book.Keys(r.Context())
	out.Items = slices.DeleteFunc(all, func(k access.APIKey) bool { return !c.manages(k.Grants) })
	if out.Items == nil {
		out.Items = []access.APIKey{}
	}
	return out, err
}

func (s *Server) createKey(r *http.Request, c *caller, in api.KeyRequest) (madeKey, error) {
	book, err := s.people(r, c)
	if err != nil {
		return madeKey{}, err
	}
	spec := access.KeySpec{Name: in.Name, Expires: expiry(in.Days)}
	for _, g := range in.Grants {
		spec.Grants = append(spec.Grants, scoped(g))
	}
	secret, k, err := book.CreateKey(r.Context(), *c.Actor, spec)
	return madeKey{Secret: secret, Key: k}, err
}

// madeKey is a new key, whose secret is shown this once.
type madeKey struct {
	Secret string        `json:"secret"`
	Key    access.APIKey `json:"key"`
}

// expiry is when a key of so many days ends; 90 when none are given.
func expiry(days int) time.Time {
	if days == 0 {
		days = 90
	}
	return time.Now().AddDate(0, 0, days)
}

func (s *Server) revokeKey(r *http.Request, c *caller, _ struct{}) (done, error) {
	book, err := s.people(r, c)
	if err != nil {
		return done{}, err
	}
	return done{Done: 1}, book.RevokeKey(r.Context(), *c.Actor, r.PathValue("id"))
}

func (s *Server) replaceKey(r *http.Request, c *caller, in api.KeyRotation) (madeKey, error) {
	book, err := s.people(r, c)
	if err != nil {
		return madeKey{}, err
	}
	secret, k, err := book.RotateKey(r.Context(), *c.Actor, r.PathValue("id"), expiry(in.Days), time.Duration(in.OverlapHours)*time.Hour)
	return madeKey{Secret: secret, Key: k}, err
}

// done counts what was changed.
type done struct {
	Done int `json:"done"`
}

func (s *Server) endSessions(r *http.Request, c *caller, in api.ActorRequest) (done, error) {
	book, err := s.people(r, c)
	if err != nil {
		return done{}, err
	}
	n, err := book.EndSessions(r.Context(), *c.Actor, in.Actor)
	return done{Done: n}, err
}

func (s *Server) matrix(*http.Request) (list[access.Row], error) {
	return list[access.Row]{access.Matrix()}, nil
}

// rotateKey gives the log a new signing key, which the old one announces.
func (s *Server) rotateKey(r *http.Request, c *caller, _ struct{}) (api.LogKey, error) {
	l, err := s.ledger(r)
	if err != nil {
		return api.LogKey{}, err
	}
	key, err := l.RotateKey(r.Context(), c.ID)
	return api.LogKey{VerifierKey: key, Known: l.VerifierKeys()}, err
}

// rotateMaster gives the ledger a new master key, and destroys the old one.
func (s *Server) rotateMaster(r *http.Request, c *caller, in api.MasterRotation) (api.MasterRotated, error) {
	l, err := s.ledger(r)
	if err != nil {
		return api.MasterRotated{}, err
	}
	n, err := l.RotateMaster(r.Context(), c.ID, in.KMS, nil)
	return api.MasterRotated{Keys: n}, err
}

// retireKey ends a rotation.
func (s *Server) retireKey(r *http.Request, c *caller, _ struct{}) (api.LogKey, error) {
	l, err := s.ledger(r)
	if err != nil {
		return api.LogKey{}, err
	}
	key, err := l.RetireKey(r.Context(), c.ID)
	return api.LogKey{VerifierKey: key, Known: l.VerifierKeys()}, err
}

func (s *Server) me(r *http.Request) (*access.Actor, error) { return callerOf(r).Actor, nil }
