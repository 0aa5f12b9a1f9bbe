// SPDX-License-Identifier: Apache-2.0

package server

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/access"
	"github.com/counterfoil/counterfoil/internal/explain"
	"github.com/counterfoil/counterfoil/record"
)

// routeExplain lists the routes that explain decisions.
func (s *Server) routeExplain() {
	const d = "/v1/ledgers/{ledger}/decisions/{id}"
	s.handle("GET "+d+"/explanation", access.Read, long(s.explanation))
	s.handle("GET "+d+"/comparison", access.Read, long(s.comparison))
	s.handle("POST "+d+"/explanations", access.DeliverExplanation, long(post(s, s.deliver)))
}

// explainer explains with what the caller may see, and open if they say why.
func (s *Server) explainer(r *http.Request, disclose bool) (*explain.Explainer, error) {
	l, err := s.ledger(r)
	if err != nil {
		return nil, err
	}
	c := callerOf(r)
	cfg := explain.Config{Ledger: l, Messages: s.cfg.Messages,
		Sees: func(ctx context.Context, st *record.Statement) (bool, error) { return s.sees(ctx, c, l, st) }}
	if disclose {
		cfg.Open = func(_ context.Context, st *record.Statement, pointers []string) ([]record.Opening, error) {
			o, _, err := s.openings(r, l, st, url.Values{"disclose": pointers})
			return o, err
		}
	}
	return explain.New(cfg)
}

// asked reads what is to be explained, and whether values are to be opened.
func asked(r *http.Request, v url.Values) (explain.Request, bool, error) {
	if d := v["disclose"]; len(d) > 1 || len(d) == 1 && d[0] != "all" {
		return explain.Request{}, false, refused("bad_parameter", "use disclose=all", "an explanation opens all values that it needs or none")
	}
	return explain.Request{Decision: r.PathValue("id"), Audience: cmp.Or(v.Get("audience"), explain.Subject), Language: cmp.Or(v.Get("lang"), "en")}, v.Has("disclose"), nil
}

func (s *Server) explanation(w http.ResponseWriter, r *http.Request) error {
	v, err := parameters(r, "audience", "lang", "disclose", "delivered")
	if err != nil {
		return err
	}
	req, disclose, err := asked(r, v)
	if err != nil {
		return err
	}
	delivered, err := boolean(v, "delivered")
	if err != nil {
		return err
	}
	x, err := s.explainer(r, disclose)
	if err != nil {
		return err
	}
	if delivered {
		req.Audience, req.Language = v.Get("audience"), v.Get("lang")
		d, err := x.Delivered(r.Context(), req)
		if err != nil {
			return err
		}
		return sendAs(w, r, d, d.Page, d.Text)
	}
	e, err := x.Explain(r.Context(), req)
	if err != nil {
		return err
	}
	return sendAs(w, r, e, e.Page, e.Text())
}

func (s *Server) comparison(w http.ResponseWriter, r *http.Request) error {
	v, err := parameters(r, "with", "audience", "lang", "disclose")
	if err != nil {
		return err
	}
	req, disclose, err := asked(r, v)
	if err != nil {
		return err
	}
	x, err := s.explainer(r, disclose)
	if err != nil {
		return err
	}
	c, err := x.Compare(r.Context(), req, v.Get("with"))
	if err != nil {
		return err
	}
	return sendAs(w, r, c, c.Page, c.Text())
}

// sendAs answers as JSON, as a page or as text, as the caller accepts.
func sendAs(w http.ResponseWriter, r *http.Request, v any, page func() ([]byte, error), text string) error {
	w.Header().Set("Vary", "Accept")
	accept := r.Header.Get("Accept")
	switch {
	case strings.Contains(accept, "text/html"):
		b, err := page()
		if err != nil {
			return err
		}
		w.Header().Set("Content-Security-Policy", explain.Policy)
		return send(w, "text/html; charset=utf-8", "no-store", b)
	case strings.Contains(accept, "text/plain"):
		return send(w, "text/plain; charset=utf-8", "no-store", []byte(text))
	}
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return send(w, "application/json", "no-store", append(b, '\n'))
}

func (s *Server) deliver(r *http.Request, who *caller, in api.ExplanationRequest) (*explain.Delivery, error) {
	x, err := s.explainer(r, who.purpose != "")
	if err != nil {
		return nil, err
	}
	return x.Deliver(r.Context(), explain.By{Actor: who.ID, Principal: who.principal},
		explain.Request{Decision: r.PathValue("id"), Audience: in.Audience, Language: in.Language}, in.Channel)
}
