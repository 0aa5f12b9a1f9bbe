// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"net/http"

	"github.com/counterfoil/counterfoil/internal/access"
	"github.com/counterfoil/counterfoil/internal/reconstruct"
	"github.com/counterfoil/counterfoil/record"
)

// routeStory lists the routes that put decisions together again.
func (s *Server) routeStory() {
	const l = "/v1/ledgers/{ledger}"
	s.handle("GET "+l+"/records/{id}/story", access.Read, long(get(s.story((*reconstruct.Teller).Decision))))
	s.handle("GET "+l+"/journeys/{id}", access.Read, long(get(s.story((*reconstruct.Teller).Journey))))
}

// story tells of a decision, or of a journey, with what the caller may see of
// it, and open.
func (s *Server) story(tell func(*reconstruct.Teller, context.Context, string) (*reconstruct.Story, error)) func(*http.Request) (*reconstruct.Story, error) {
	return func(r *http.Request) (*reconstruct.Story, error) {
		l, err := s.ledger(r)
		if err != nil {
			return nil, err
		}
		q, err := parameters(r, "disclose")
		if err != nil {
			return nil, err
		}
		if v := q["disclose"]; len(v) > 1 || len(v) == 1 && v[0] != "all" {
			return nil, refused("bad_parameter", "use disclose=all, or GET …/records/{id} for single values", "a story opens all values or none")
		}
		c := callerOf(r)
		t, err := reconstruct.New(reconstruct.Config{Ledger: l,
			Sees: func(ctx context.Context, st *record.Statement) (bool, error) { return s.sees(ctx, c, l, st) },
			Open: func(_ context.Context, st *record.Statement) ([]record.Opening, error) {
				o, _, err := s.openings(r, l, st, q)
				return o, err
			}})
		if err != nil {
			return nil, err
		}
		return tell(t, r.Context(), r.PathValue("id"))
	}
}
