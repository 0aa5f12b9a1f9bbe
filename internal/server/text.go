// SPDX-License-Identifier: Apache-2.0

package server

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/access"
	"github.com/counterfoil/counterfoil/internal/custody"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/search"
)

// texts decides which systems' texts a query may look into: those of which the
// caller may open the values. What it finds there is as good as read, so that it
// takes a purpose, and an access record before the answer. A query that does not
// look into texts has none.
func (s *Server) texts(ctx context.Context, c *caller, x *search.Index, query string) (systems []string, a *ledger.Access, err error) {
	q, err := search.Parse(query, time.Now())
	if err != nil || !q.Text() {
		return nil, nil, nil // what is wrong with it is said where it is searched
	}
	if c.purpose == "" {
		return nil, nil, noPurpose("texts are searched for a purpose only")
	}
	on, err := x.TextStates(ctx)
	if err != nil {
		return nil, nil, err
	}
	a = &ledger.Access{Act: "search", Actor: c.ID, Principal: c.principal, Purpose: c.purpose, Ticket: c.ticket, Warrant: c.warrant, Query: query}
	systems = []string{}
	for _, state := range on {
		role, ok := s.opensTexts(ctx, c, state.System)
		if ok {
			systems = append(systems, state.System)
			a.Role = cmp.Or(a.Role, string(role))
		}
	}
	if len(systems) == 0 && (len(on) > 0 || c.Kind != access.Local && !may(c)) {
		return nil, nil, s.deny(ctx, c, access.ReadValue, "", "you may not open the values of a system of which the full text is on")
	}
	return systems, a, nil
}

// may says whether the caller has any role that opens values here.
func may(c *caller) bool {
	systems, all := c.Systems(access.ReadValue, baseOf(c.ledger))
	return all || len(systems) > 0
}

// opensTexts says whether the caller may open the values of a whole system.
func (s *Server) opensTexts(ctx context.Context, c *caller, system string) (access.Role, bool) {
	if c.Kind == access.Local {
		return access.Privacy, true
	}
	t := access.Target{Ledger: baseOf(c.ledger), System: system, Purpose: c.purpose}
	d := c.May(access.ReadValue, t)
	switch {
	case d.Allowed() && d.Condition == access.Stated:
		return d.Role, true
	case d.Allowed() && d.Condition == access.Held:
		return d.Role, c.held // nothing else is found then
	}
	custodian, ok := s.cfg.Ledgers.Custodian(c.ledger)
	if !ok || c.warrant == "" {
		return "", false
	}
	r, err := custodian.Opens(ctx, c.ID, c.warrant, "", system, false)
	if err != nil {
		return "", false
	}
	glass := c.May(access.BreakGlass, t)
	return cmp.Or(d.Role, glass.Role), d.Allowed() && r.Kind == custody.KindWarrant || glass.Allowed() && r.Kind == custody.KindGlass
}

func (s *Server) textStates(r *http.Request) (list[search.TextState], error) {
	x, err := s.index(r)
	if err != nil {
		return list[search.TextState]{}, err
	}
	items, err := x.TextStates(r.Context())
	return list[search.TextState]{items}, err
}

func (s *Server) turnText(r *http.Request, who *caller, in api.TextSetting) (list[search.TextState], error) {
	x, err := s.index(r)
	if err != nil {
		return list[search.TextState]{}, err
	}
	by := search.By{Actor: who.ID, Role: string(who.role), Principal: who.principal}
	if err := x.TurnText(r.Context(), by, r.PathValue("name"), in.On, in.Reason); err != nil {
		return list[search.TextState]{}, err
	}
	return s.textStates(r)
}
