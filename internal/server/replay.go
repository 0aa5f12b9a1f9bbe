// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/counterfoil/counterfoil/internal/access"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/registry"
	"github.com/counterfoil/counterfoil/internal/replay"
)

// routeReplay lists the route that runs again what was in force.
func (s *Server) routeReplay() {
	s.handle("GET /v1/ledgers/{ledger}/records/{id}/replay", access.Read, long(get(s.replay)))
}

// maxWith bounds what is run beside that of then.
const maxWith = 20

// replay runs a decision again. What comes out tells of its private values, so
// whoever asks must be allowed to open them, and the access record is written first.
func (s *Server) replay(r *http.Request) (*replay.Result, error) {
	l, err := s.ledger(r)
	if err != nil {
		return nil, err
	}
	q, err := parameters(r, "with")
	if err != nil {
		return nil, err
	}
	if len(q["with"]) > maxWith {
		return nil, refused("bad_parameter", "ask several times", "there are more than %d versions to run", maxWith)
	}
	reg, err := s.registry(r)
	if err != nil {
		return nil, err
	}
	e, st, err := s.find(r, l)
	if err != nil {
		return nil, err
	}
	openings, _, err := s.openings(r, l, st, url.Values{"disclose": {"all"}})
	if err != nil {
		return nil, err
	}
	return replay.Run(r.Context(), l.Rules(), e, openings, contents(reg), q["with"])
}

// contents gives the texts of versions in a register.
func contents(reg *registry.Registry) replay.Text {
	return func(ctx context.Context, kind, version string) ([]byte, string, error) {
		name, number, _ := strings.Cut(version, "@")
		c, err := reg.Show(ctx, kind, name, number)
		switch {
		case err != nil:
			return nil, "", err
		case c.Gone:
			return nil, "", &ledger.Error{Code: ledger.NotFound, Message: "the text of " + version + " was erased, or its time was over"}
		case c.Ref != "":
			return nil, "", &ledger.Error{Code: ledger.NotFound, Message: "the text of " + version + " is kept elsewhere"}
		}
		return []byte(c.Content), c.Digest, nil
	}
}
