// SPDX-License-Identifier: Apache-2.0

package server

import (
	"net/http"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/access"
)

// routeAccess lists the routes of who may do what.
func (s *Server) routeAccess() {
	s.handle("GET /v1/access/matrix", seeing, get(plain(s.matrix)))
	s.handle("GET /v1/access/me", seeing, get(plain(s.me)))
	s.handle("POST /v1/ledgers/{ledger}/keys/rotate", access.RotateKeys, post(s, s.rotateKey))
	s.handle("POST /v1/ledgers/{ledger}/keys/master", access.RotateKeys, post(s, s.rotateMaster))
	s.handle("POST /v1/ledgers/{ledger}/keys/retire", access.RotateKeys, post(s, s.retireKey))
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
