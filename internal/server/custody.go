// SPDX-License-Identifier: Apache-2.0

package server

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/access"
	"github.com/counterfoil/counterfoil/internal/custody"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

// routeCustody lists the routes of what must be kept, what must go, and who may
// open it meanwhile.
func (s *Server) routeCustody() {
	const l = "/v1/ledgers/{ledger}"
	s.handle("GET "+l+"/requests", access.ReadCustody, get(s.requests))
	s.handle("POST "+l+"/warrants", access.RequestWarrant, post(s, s.askWarrant))
	s.handle("POST "+l+"/warrants/{id}/verdict", access.ApproveWarrant, post(s, s.judgeWarrant))
	s.handle("POST "+l+"/glass", access.BreakGlass, post(s, s.breakGlass))
	s.handle("POST "+l+"/glass/{id}/review", access.ReviewGlass, post(s, s.reviewGlass))
	s.handle("POST "+l+"/subjects/report", access.ReportSubject, post(s, s.reportSubject))
	s.handle("POST "+l+"/subjects/accesses", access.ReadAccess, post(s, s.accessLog))
	s.handle("POST "+l+"/erasures", access.RequestErasure, post(s, s.askErasure))
	s.handle("POST "+l+"/erasures/{id}/verdict", access.ApproveErasure, post(s, s.judgeErasure))
	s.handle("POST "+l+"/erasures/execute", access.ExecuteErasure, long(post(s, s.executeErasures)))
	s.handle("GET "+l+"/holds", access.ReadCustody, get(plain(s.holds)))
	s.handle("GET "+l+"/holds/conflicts", access.ReadCustody, long(get(plain(s.conflicts))))
	s.handle("POST "+l+"/holds", access.PlaceHold, post(s, s.placeHold))
	s.handle("POST "+l+"/holds/{id}/verdict", access.ApproveHold, long(post(s, s.judgeHold)))
	s.handle("POST "+l+"/holds/{id}/review", access.PlaceHold, post(s, s.reviewHold))
	s.handle("POST "+l+"/holds/{id}/release", access.PlaceHold, post(s, s.releaseHold))
	s.handle("POST "+l+"/holds/{id}/release/verdict", access.ApproveHold, post(s, s.judgeRelease))
	s.handle("GET "+l+"/retention", access.ReadCustody, get(plain(s.retention)))
	s.handle("POST "+l+"/retention/run", access.RunRetention, long(post(s, s.runRetention)))
}

// custodian is the custody of the ledger that the path names.
func (s *Server) custodian(r *http.Request) (*custody.Custodian, error) {
	c, ok := s.cfg.Ledgers.Custodian(r.PathValue("ledger"))
	if !ok {
		return nil, refused(string(ledger.NotFound), "", "there is no ledger %q", r.PathValue("ledger"))
	}
	return c, nil
}

// judged answers whether the condition of the caller's role is fulfilled for an
// action that is not about one record.
func (s *Server) ticketed(r *http.Request, c *caller, action access.Action, purpose, ticket string) error {
	d := c.May(action, access.Target{Ledger: baseOf(c.ledger), Purpose: purpose})
	switch {
	case !d.Allowed():
		return s.deny(r.Context(), c, action, "", "your grants do not cover this purpose")
	case d.Condition == access.Ticket && ticket == "":
		return refused("purpose", "name the case as ticket", "it is for a case only")
	}
	return nil
}

type list[T any] struct {
	Items []T `json:"items"`
}

func (s *Server) requests(r *http.Request) (list[custody.Request], error) {
	q, err := parameters(r, "kind", "status")
	if err != nil {
		return list[custody.Request]{}, err
	}
	c, err := s.custodian(r)
	if err != nil {
		return list[custody.Request]{}, err
	}
	items, err := c.Requests(r.Context(), q.Get("kind"), q.Get("status"))
	return list[custody.Request]{items}, err
}

func (s *Server) askWarrant(r *http.Request, who *caller, in api.WarrantRequest) (custody.Request, error) {
	c, err := s.custodian(r)
	if err != nil {
		return custody.Request{}, err
	}
	if in.Days == 0 {
		in.Days = 7
	}
	if who.systems != nil && (in.System == "" || !slices.Contains(who.systems, in.System)) {
		return custody.Request{}, s.deny(r.Context(), who, access.RequestWarrant, "", "ask for a system that is yours")
	}
	return c.AskWarrant(r.Context(), who.by(), custody.WarrantSpec{Purpose: in.Purpose, Ticket: in.Ticket, Records: in.Records, System: in.System,
		Identity: in.Identity, Reason: in.Reason, For: time.Duration(in.Days) * 24 * time.Hour})
}

func (s *Server) judgeWarrant(r *http.Request, who *caller, in api.Verdict) (custody.Request, error) {
	c, err := s.custodian(r)
	if err != nil {
		return custody.Request{}, err
	}
	return c.ApproveWarrant(r.Context(), who.by(), r.PathValue("id"), in.Approve, in.Reason)
}

func (s *Server) breakGlass(r *http.Request, who *caller, in api.GlassRequest) (custody.Request, error) {
	c, err := s.custodian(r)
	if err != nil {
		return custody.Request{}, err
	}
	if who.systems != nil && !slices.Contains(who.systems, in.System) {
		return custody.Request{}, s.deny(r.Context(), who, access.BreakGlass, "", "name a system that is yours")
	}
	return c.BreakGlass(r.Context(), who.by(), custody.WarrantSpec{Purpose: in.Purpose, Ticket: in.Ticket, Reason: in.Reason, Records: in.Records, System: in.System})
}

func (s *Server) reviewGlass(r *http.Request, who *caller, in api.Review) (custody.Request, error) {
	c, err := s.custodian(r)
	if err != nil {
		return custody.Request{}, err
	}
	return c.ReviewGlass(r.Context(), who.by(), r.PathValue("id"), in.Reason)
}

func (s *Server) reportSubject(r *http.Request, who *caller, in api.SubjectRequest) (*custody.Report, error) {
	c, err := s.custodian(r)
	if err == nil {
		err = s.ticketed(r, who, access.ReportSubject, in.Purpose, in.Ticket)
	}
	if err != nil {
		return nil, err
	}
	return c.ReportSubject(r.Context(), who.by(), in.Subject, in.Purpose, in.Ticket)
}

func (s *Server) accessLog(r *http.Request, who *caller, in api.SubjectRequest) (api.Page, error) {
	c, err := s.custodian(r)
	if err != nil {
		return api.Page{}, err
	}
	entries, err := c.AccessLog(r.Context(), who.by(), in.Subject, in.Purpose, in.Ticket)
	out := api.Page{Records: make([]api.Entry, len(entries))}
	for i, e := range entries {
		out.Records[i] = api.Entry{Index: e.Index, Statement: e.Statement}
	}
	return out, err
}

func (s *Server) askErasure(r *http.Request, who *caller, in api.ErasureRequest) (custody.Request, error) {
	c, err := s.custodian(r)
	if err != nil {
		return custody.Request{}, err
	}
	return c.AskErasure(r.Context(), who.by(), custody.ErasureSpec{Subjects: in.Subjects, Records: in.Records, Ground: in.Ground, Ticket: in.Ticket, Reason: in.Reason})
}

func (s *Server) judgeErasure(r *http.Request, who *caller, in api.Verdict) (custody.Request, error) {
	c, err := s.custodian(r)
	if err != nil {
		return custody.Request{}, err
	}
	return c.ApproveErasure(r.Context(), who.by(), r.PathValue("id"), in.Approve, in.Reason)
}

func (s *Server) executeErasures(r *http.Request, who *caller, in api.Execution) (list[custody.Outcome], error) {
	c, err := s.custodian(r)
	if err != nil {
		return list[custody.Outcome]{}, err
	}
	out, err := c.ExecuteErasures(r.Context(), who.by(), in.Requests)
	return list[custody.Outcome]{out}, err
}

func (s *Server) holds(r *http.Request) (list[custody.Hold], error) {
	c, err := s.custodian(r)
	if err != nil {
		return list[custody.Hold]{}, err
	}
	items, err := c.Holds(r.Context())
	return list[custody.Hold]{items}, err
}

func (s *Server) conflicts(r *http.Request) (list[custody.Conflict], error) {
	c, err := s.custodian(r)
	if err != nil {
		return list[custody.Conflict]{}, err
	}
	items, err := c.CheckDisposals(r.Context())
	return list[custody.Conflict]{items}, err
}

func (s *Server) placeHold(r *http.Request, who *caller, in api.HoldRequest) (custody.Request, error) {
	c, err := s.custodian(r)
	if err != nil {
		return custody.Request{}, err
	}
	spec := custody.HoldSpec{Name: in.Name, Subject: in.Subject, Records: in.Records, Matter: in.Matter, Reason: in.Reason, Review: in.Review}
	if len(in.Query) > 0 {
		values := url.Values{}
		for k, v := range in.Query {
			values.Set(k, v)
		}
		if spec.Query, err = listQuery(&http.Request{URL: &url.URL{RawQuery: values.Encode()}}); err != nil {
			return custody.Request{}, err
		}
		scope, err := json.Marshal(in.Query) // sorted by name
		if err != nil {
			return custody.Request{}, err
		}
		spec.Scope = string(scope)
	}
	return c.PlaceHold(r.Context(), who.by(), spec)
}

func (s *Server) judgeHold(r *http.Request, who *caller, in api.Verdict) (custody.Request, error) {
	c, err := s.custodian(r)
	if err != nil {
		return custody.Request{}, err
	}
	return c.ApproveHold(r.Context(), who.by(), r.PathValue("id"), in.Approve, in.Reason)
}

func (s *Server) reviewHold(r *http.Request, who *caller, in api.HoldReview) (custody.Request, error) {
	c, err := s.custodian(r)
	if err != nil {
		return custody.Request{}, err
	}
	return c.ReviewHold(r.Context(), who.by(), r.PathValue("id"), in.Next, in.Reason)
}

func (s *Server) releaseHold(r *http.Request, who *caller, in api.Review) (custody.Request, error) {
	c, err := s.custodian(r)
	if err != nil {
		return custody.Request{}, err
	}
	return c.ReleaseHold(r.Context(), who.by(), r.PathValue("id"), in.Reason)
}

func (s *Server) judgeRelease(r *http.Request, who *caller, in api.Verdict) (custody.Request, error) {
	c, err := s.custodian(r)
	if err != nil {
		return custody.Request{}, err
	}
	return c.ApproveRelease(r.Context(), who.by(), r.PathValue("id"), in.Approve, in.Reason)
}

// classes are the retention classes in force.
type classes struct {
	Digest string `json:"digest"`
	*custody.Policy
}

func (s *Server) retention(r *http.Request) (classes, error) {
	c, err := s.custodian(r)
	if err != nil {
		return classes{}, err
	}
	return classes{c.Policy().Digest(), c.Policy()}, nil
}

func (s *Server) runRetention(r *http.Request, who *caller, _ struct{}) (custody.Run, error) {
	c, err := s.custodian(r)
	if err != nil {
		return custody.Run{}, err
	}
	return c.RunRetention(r.Context(), who.by(), nil)
}
