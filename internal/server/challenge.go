// SPDX-License-Identifier: Apache-2.0

package server

import (
	"net/http"
	"time"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/access"
	"github.com/counterfoil/counterfoil/internal/challenge"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

// routeChallenges lists the routes of what people ask for and complain about.
func (s *Server) routeChallenges() {
	const l = "/v1/ledgers/{ledger}/challenges"
	s.handle("GET "+l, access.ReadChallenge, get(s.challenges))
	s.handle("GET "+l+"/rates", access.ReadChallenge, get(s.challengeRates))
	s.handle("GET "+l+"/regimes", access.ReadChallenge, get(plain(s.regimes)))
	s.handle("GET "+l+"/{id}", access.ReadChallenge, get(plain(s.challenge)))
	s.handle("POST "+l, access.ReceiveChallenge, post(s, s.receiveChallenge))
	s.handle("POST "+l+"/{id}/acknowledge", access.ActChallenge, post(s, s.acknowledgeChallenge))
	s.handle("POST "+l+"/{id}/assign", access.ActChallenge, post(s, s.assignChallenge))
	s.handle("POST "+l+"/{id}/extend", access.ActChallenge, post(s, s.extendChallenge))
	s.handle("POST "+l+"/{id}/resolve", access.ActChallenge, post(s, s.resolveChallenge))
	s.handle("POST "+l+"/{id}/withdraw", access.ActChallenge, post(s, s.withdrawChallenge))
}

func (s *Server) desk(r *http.Request) (*challenge.Desk, error) {
	d, ok := s.cfg.Ledgers.Desk(r.PathValue("ledger"))
	if !ok {
		return nil, refused(string(ledger.NotFound), "", "there is no ledger %q", r.PathValue("ledger"))
	}
	return d, nil
}

func (c *caller) challenger() challenge.By { return challenge.By{Actor: c.ID, Principal: c.principal} }

func (s *Server) challenges(r *http.Request) (list[challenge.Case], error) {
	v, err := parameters(r, "status", "kind", "system", "assignee", "late")
	if err != nil {
		return list[challenge.Case]{}, err
	}
	late, err := boolean(v, "late")
	if err != nil {
		return list[challenge.Case]{}, err
	}
	d, err := s.desk(r)
	if err != nil {
		return list[challenge.Case]{}, err
	}
	items, err := d.List(r.Context(), challenge.Filter{Status: v.Get("status"), Kind: v.Get("kind"), System: v.Get("system"), Assignee: v.Get("assignee"), Late: late})
	return list[challenge.Case]{items}, err
}

func (s *Server) challengeRates(r *http.Request) (list[challenge.Rate], error) {
	v, err := parameters(r, "from", "to")
	if err != nil {
		return list[challenge.Rate]{}, err
	}
	var span [2]time.Time
	for i, name := range []string{"from", "to"} {
		if v.Get(name) == "" {
			continue
		}
		if span[i], err = time.Parse(time.RFC3339, v.Get(name)); err != nil {
			return list[challenge.Rate]{}, refused("bad_parameter", "write it like 2026-03-03T09:12:44Z", "%s=%q is not a time", name, v.Get(name))
		}
	}
	d, err := s.desk(r)
	if err != nil {
		return list[challenge.Rate]{}, err
	}
	items, err := d.Rates(r.Context(), span[0], span[1])
	return list[challenge.Rate]{items}, err
}

func (s *Server) regimes(r *http.Request) (*challenge.Regimes, error) {
	d, err := s.desk(r)
	if err != nil {
		return nil, err
	}
	return d.Regimes(), nil
}

func (s *Server) challenge(r *http.Request) (challenge.Case, error) {
	d, err := s.desk(r)
	if err != nil {
		return challenge.Case{}, err
	}
	return d.Get(r.Context(), r.PathValue("id"))
}

func (s *Server) receiveChallenge(r *http.Request, who *caller, in api.ChallengeRequest) (challenge.Case, error) {
	d, err := s.desk(r)
	if err != nil {
		return challenge.Case{}, err
	}
	return d.Receive(r.Context(), who.challenger(), challenge.Challenge(in))
}

func (s *Server) acknowledgeChallenge(r *http.Request, who *caller, _ struct{}) (challenge.Case, error) {
	d, err := s.desk(r)
	if err != nil {
		return challenge.Case{}, err
	}
	return d.Acknowledge(r.Context(), who.challenger(), r.PathValue("id"))
}

func (s *Server) assignChallenge(r *http.Request, who *caller, in api.Assignment) (challenge.Case, error) {
	d, err := s.desk(r)
	if err != nil {
		return challenge.Case{}, err
	}
	return d.Assign(r.Context(), who.challenger(), r.PathValue("id"), in.To)
}

func (s *Server) extendChallenge(r *http.Request, who *caller, in api.Review) (challenge.Case, error) {
	d, err := s.desk(r)
	if err != nil {
		return challenge.Case{}, err
	}
	return d.Extend(r.Context(), who.challenger(), r.PathValue("id"), in.Reason)
}

func (s *Server) resolveChallenge(r *http.Request, who *caller, in api.Resolution) (challenge.Case, error) {
	d, err := s.desk(r)
	if err != nil {
		return challenge.Case{}, err
	}
	return d.Resolve(r.Context(), who.challenger(), r.PathValue("id"), in.Outcome, in.Reason)
}

func (s *Server) withdrawChallenge(r *http.Request, who *caller, in api.Review) (challenge.Case, error) {
	d, err := s.desk(r)
	if err != nil {
		return challenge.Case{}, err
	}
	return d.Withdraw(r.Context(), who.challenger(), r.PathValue("id"), in.Reason)
}
