// SPDX-License-Identifier: Apache-2.0

package server

import (
	"net/http"

	"github.com/counterfoil/counterfoil/internal/access"
)

// routeAccess lists the routes of who may do what.
func (s *Server) routeAccess() {
	s.handle("GET /v1/access/matrix", seeing, get(plain(s.matrix)))
	s.handle("GET /v1/access/me", seeing, get(plain(s.me)))
}

func (s *Server) matrix(*http.Request) (list[access.Row], error) {
	return list[access.Row]{access.Matrix()}, nil
}

func (s *Server) me(r *http.Request) (*access.Actor, error) { return callerOf(r).Actor, nil }
