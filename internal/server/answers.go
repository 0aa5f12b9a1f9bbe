// SPDX-License-Identifier: Apache-2.0

package server

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/access"
	"github.com/counterfoil/counterfoil/internal/inquiry"
)

// routeAnswers lists the questions of auditors. They are reads, and may take
// their time.
func (s *Server) routeAnswers() {
	const l = "/v1/ledgers/{ledger}/answers"
	s.handle("GET "+l+"/overrides", access.Read, long(get(s.overrides)))
	s.handle("GET "+l+"/unapproved", access.Read, long(get(s.unapproved)))
	s.handle("GET "+l+"/suspension", access.Read, long(get(s.suspension)))
	s.handle("GET "+l+"/drift", access.Read, long(get(s.drift)))
	s.handle("GET "+l+"/{question}", access.Read, long(get(s.question)))
}

// inquire reads the parameters of a question, and finds who answers it. Who may
// see single records only, whatever their system, gets no counts.
func (s *Server) inquire(r *http.Request, known ...string) (*inquiry.Inquirer, url.Values, error) {
	q, err := parameters(r, known...)
	if err != nil {
		return nil, nil, err
	}
	l, err := s.ledger(r)
	if err != nil {
		return nil, nil, err
	}
	if c := callerOf(r); c.held {
		return nil, nil, s.deny(r.Context(), c, access.Read, "", "answers count over systems, and you may see held records only")
	}
	i, err := inquiry.New(inquiry.Config{Ledger: l})
	return i, q, err
}

// oneSystem is the system that a question is about, if the caller may see it. An
// answer that leaves out what it is about would mislead.
func (s *Server) oneSystem(r *http.Request, q url.Values) (string, error) {
	name, c := q.Get("system"), callerOf(r)
	if name != "" && c.systems != nil && !slices.Contains(c.systems, name) {
		return "", s.deny(r.Context(), c, access.Read, "", "ask about a system that is yours")
	}
	return name, nil
}

func (s *Server) overrides(r *http.Request) (*api.Overrides, error) {
	i, q, err := s.inquire(r, "act", "system", "env", "outcome", "model", "prompt", "policy", "config", "from", "to", "approvals")
	if err != nil {
		return nil, err
	}
	a := inquiry.Asked{Act: q.Get("act"), System: q.Get("system"), Env: q.Get("env"), Outcome: q.Get("outcome"), Model: q.Get("model"),
		Prompt: q.Get("prompt"), Policy: q.Get("policy"), Config: q.Get("config"), Within: callerOf(r).bounds()}
	if a.From, a.To, err = span(q); err != nil {
		return nil, err
	}
	if a.Approvals, err = boolean(q, "approvals"); err != nil {
		return nil, err
	}
	return i.Overrides(r.Context(), a)
}

func (s *Server) unapproved(r *http.Request) (*api.Changes, error) {
	i, q, err := s.inquire(r, "env", "from", "to")
	if err != nil {
		return nil, err
	}
	w := inquiry.Went{Env: q.Get("env"), Within: callerOf(r).bounds()}
	if w.From, w.To, err = span(q); err != nil {
		return nil, err
	}
	return i.Unapproved(r.Context(), w)
}

func (s *Server) suspension(r *http.Request) (*api.Suspension, error) {
	i, q, err := s.inquire(r, "system")
	if err != nil {
		return nil, err
	}
	name, err := s.oneSystem(r, q)
	if err != nil {
		return nil, err
	}
	return i.Suspension(r.Context(), name, callerOf(r).bounds())
}

func (s *Server) drift(r *http.Request) (*api.Drift, error) {
	i, q, err := s.inquire(r, "system")
	if err != nil {
		return nil, err
	}
	name, err := s.oneSystem(r, q)
	if err != nil {
		return nil, err
	}
	return i.Drift(r.Context(), name, callerOf(r).bounds())
}

// question answers one of the questions of the list, by its word.
func (s *Server) question(r *http.Request) (*api.Answer, error) {
	i, q, err := s.inquire(r, "id", "system", "env", "from", "to")
	if err != nil {
		return nil, err
	}
	t := inquiry.Terms{ID: q.Get("id"), Env: q.Get("env"), Within: callerOf(r).bounds()}
	if t.System, err = s.oneSystem(r, q); err != nil {
		return nil, err
	}
	if t.From, t.To, err = span(q); err != nil {
		return nil, err
	}
	return i.Ask(r.Context(), r.PathValue("question"), t)
}
