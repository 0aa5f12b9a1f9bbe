// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/access"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/oversight"
)

// routeReviews lists the routes of decisions that need a person.
func (s *Server) routeReviews() {
	const l = "/v1/ledgers/{ledger}"
	s.handle("GET "+l+"/reviews", access.ReadReview, get(s.reviews))
	s.handle("GET "+l+"/reviews/{id}", access.ReadReview, get(plain(s.review)))
	s.handle("GET "+l+"/reviews/{id}/outcome", access.AskGuard, long(get(s.outcome)))
	s.handle("POST "+l+"/reviews/{id}/claim", access.ActReview, post(s, s.claimReview))
	s.handle("POST "+l+"/reviews/{id}/release", access.ActReview, post(s, s.releaseReview))
	s.handle("POST "+l+"/reviews/{id}/assign", access.AssignReview, post(s, s.assignReview))
	s.handle("POST "+l+"/reviews/{id}/show", access.ActReview, post(s, s.showReview))
	s.handle("POST "+l+"/reviews/{id}/acts", access.ActReview, post(s, s.actReview))
	s.handle("POST "+l+"/oversight/stamps", access.ReportReview, post(s, s.stamps))
	s.handle("GET "+l+"/oversight/weak", access.ReportReview, long(get(s.weak)))
}

func (s *Server) office(r *http.Request) (*oversight.Office, error) {
	o, ok := s.cfg.Ledgers.Office(r.PathValue("ledger"))
	if !ok {
		return nil, refused(string(ledger.NotFound), "", "there is no ledger %q", r.PathValue("ledger"))
	}
	return o, nil
}

func (c *caller) reviewer() oversight.By {
	return oversight.By{Actor: c.ID, Role: string(c.role), Principal: c.principal}
}

func (s *Server) reviews(r *http.Request) (list[oversight.Review], error) {
	v, err := parameters(r, "state", "system", "holder", "overdue", "limit")
	if err != nil {
		return list[oversight.Review]{}, err
	}
	f := oversight.Filter{State: v.Get("state"), System: v.Get("system"), Holder: v.Get("holder")}
	if f.Overdue, err = boolean(v, "overdue"); err != nil {
		return list[oversight.Review]{}, err
	}
	n, err := whole("limit", v.Get("limit"))
	if err != nil {
		return list[oversight.Review]{}, err
	}
	f.MaxItems = int(min(n, 1000))
	o, err := s.office(r)
	if err != nil {
		return list[oversight.Review]{}, err
	}
	items, err := o.List(r.Context(), f)
	return list[oversight.Review]{items}, err
}

func (s *Server) review(r *http.Request) (oversight.Review, error) {
	o, err := s.office(r)
	if err != nil {
		return oversight.Review{}, err
	}
	return o.Get(r.Context(), r.PathValue("id"))
}

// maxWait bounds a long poll.
const maxWait = 60 * time.Second

// outcome answers who asked the guard: as soon as the review is done, or when
// the time to wait is over. Of what people let go ahead it gives the token.
func (s *Server) outcome(r *http.Request) (oversight.Review, error) {
	v, err := parameters(r, "wait")
	if err != nil {
		return oversight.Review{}, err
	}
	wait := time.Duration(0)
	if w := v.Get("wait"); w != "" {
		if wait, err = time.ParseDuration(w); err != nil || wait < 0 {
			return oversight.Review{}, refused("bad_parameter", "write it like 30s", "wait=%q is not a span of time", w)
		}
	}
	o, err := s.office(r)
	if err != nil {
		return oversight.Review{}, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), min(wait, maxWait))
	defer cancel()
	rv, err := o.Wait(ctx, r.PathValue("id"))
	if err != nil {
		return rv, err
	}
	if goes := rv.Act == oversight.Approve || rv.Act == oversight.Edit || rv.Act == oversight.Override; rv.State == "done" && goes {
		g, err := s.guardOf(r)
		if err != nil {
			return rv, err
		}
		rv.Token = g.PersonToken(rv.ID, rv.System, rv.Kind)
	}
	return rv, nil
}

func (s *Server) claimReview(r *http.Request, who *caller, _ struct{}) (oversight.Review, error) {
	o, err := s.office(r)
	if err != nil {
		return oversight.Review{}, err
	}
	return o.Claim(r.Context(), who.reviewer(), r.PathValue("id"))
}

func (s *Server) releaseReview(r *http.Request, who *caller, _ struct{}) (oversight.Review, error) {
	o, err := s.office(r)
	if err != nil {
		return oversight.Review{}, err
	}
	return o.Release(r.Context(), who.reviewer(), r.PathValue("id"))
}

func (s *Server) assignReview(r *http.Request, _ *caller, in api.Assignment) (oversight.Review, error) {
	o, err := s.office(r)
	if err != nil {
		return oversight.Review{}, err
	}
	return o.Assign(r.Context(), r.PathValue("id"), in.To)
}

// showReview shows a decision to who has claimed it, with the values that they
// may open, and notes what was shown.
func (s *Server) showReview(r *http.Request, who *caller, _ struct{}) (api.ShownReview, error) {
	o, err := s.office(r)
	if err != nil {
		return api.ShownReview{}, err
	}
	l, err := s.ledger(r)
	if err != nil {
		return api.ShownReview{}, err
	}
	rv, err := o.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return api.ShownReview{}, err
	}
	if rv.Holder != who.ID {
		return api.ShownReview{}, refused(string(ledger.Conflict), "counterfoil review claim "+rv.ID, "you do not have it, or your claim has run out")
	}
	e, st, err := s.find(r, l)
	if err != nil {
		return api.ShownReview{}, err
	}
	out := api.ShownReview{Record: e.Statement}
	if len(st.Seals()) > 0 {
		if who.purpose == "" {
			who.purpose, who.ticket = "review", rv.ID
		}
		openings, _, err := s.openings(r, l, st, url.Values{"disclose": {"all"}})
		if err != nil {
			return api.ShownReview{}, err
		}
		if out.Record, err = st.Open(openings); err != nil {
			return api.ShownReview{}, err
		}
	}
	out.Shown, err = o.Shown(r.Context(), who.reviewer(), rv.ID, out.Record)
	return out, err
}

func (s *Server) actReview(r *http.Request, who *caller, in api.ReviewAct) (oversight.Review, error) {
	o, err := s.office(r)
	if err != nil {
		return oversight.Review{}, err
	}
	by := who.reviewer()
	by.Team = in.Team
	return o.Do(r.Context(), by, r.PathValue("id"), oversight.Act{Act: in.Act, After: in.After, Reason: in.Reason, Note: in.Note, Shown: in.Shown, Opened: in.Opened,
		Dwell: time.Duration(in.DwellMS) * time.Millisecond, Draft: in.Draft, Text: in.Text})
}

// monthRequest names a month.
type monthRequest struct {
	Month string `json:"month"`
}

func (s *Server) stamps(r *http.Request, _ *caller, in monthRequest) (*oversight.Stamps, error) {
	o, err := s.office(r)
	if err != nil {
		return nil, err
	}
	return o.Stamps(r.Context(), in.Month)
}

func (s *Server) weak(r *http.Request) (*oversight.Involvement, error) {
	v, err := parameters(r, "from", "to")
	if err != nil {
		return nil, err
	}
	var span [2]time.Time
	for i, name := range []string{"from", "to"} {
		if t := v.Get(name); t != "" {
			if span[i], err = time.Parse(time.RFC3339, t); err != nil {
				return nil, refused("bad_parameter", "write it like 2026-03-03T09:12:44Z", "%s=%s is not a time", name, strconv.Quote(t))
			}
		}
	}
	o, err := s.office(r)
	if err != nil {
		return nil, err
	}
	return o.Weak(r.Context(), span[0], span[1], nil)
}
