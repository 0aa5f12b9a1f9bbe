// SPDX-License-Identifier: Apache-2.0

package server

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/tlog"
	"github.com/counterfoil/counterfoil/record"
)

// get is the one handler of JSON reads: run, encode, answer.
func get[T any](h func(*http.Request) (T, error)) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		v, err := h(r)
		if err != nil {
			return err
		}
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		if l, ok := any(v).(interface{ link(*http.Request) string }); ok {
			if next := l.link(r); next != "" {
				w.Header().Set("Link", next)
			}
		}
		return send(w, "application/json", "no-store", append(b, '\n'))
	}
}

func send(w http.ResponseWriter, media, cache string, b []byte) error {
	w.Header().Set("Content-Type", media)
	w.Header().Set("Cache-Control", cache)
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	_, err := w.Write(b)
	return ignoreGone(err)
}

// ledger finds the ledger that the path names.
func (s *Server) ledger(r *http.Request) (*ledger.Ledger, error) {
	name := r.PathValue("ledger")
	l, ok := s.cfg.Ledgers.Ledger(name)
	if !ok {
		return nil, refused(string(ledger.NotFound), "GET /v1/ledgers lists those that you may see", "there is no ledger %q", name)
	}
	return l, nil
}

// record answers one statement, with private values where they were asked for.
func (s *Server) record(r *http.Request) (api.Entry, error) {
	l, err := s.ledger(r)
	if err != nil {
		return api.Entry{}, err
	}
	q, err := parameters(r, "disclose", "evidence")
	if err != nil {
		return api.Entry{}, err
	}
	e, err := l.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return api.Entry{}, err
	}
	out := api.Entry{Index: e.Index, Statement: e.Statement}
	openings, asked, err := s.openings(r, l, q)
	if err != nil || !asked {
		return out, err
	}
	st, err := record.ParseStatement(e.Statement)
	if err != nil {
		return out, err
	}
	out.Record, err = st.Open(openings)
	return out, err
}

// openings reads the private values that a request asks for: evidence=true or
// disclose=all for all, or each disclose=/pointer.
func (s *Server) openings(r *http.Request, l *ledger.Ledger, q url.Values) ([]record.Opening, bool, error) {
	all, err := boolean(q, "evidence")
	if err != nil {
		return nil, false, err
	}
	pointers := q["disclose"]
	if slices.Contains(pointers, "all") {
		all = true
	}
	if all {
		pointers = nil
	} else if len(pointers) == 0 {
		return nil, false, nil
	}
	o, err := l.Disclose(r.Context(), r.PathValue("id"), pointers)
	return o, true, err
}

// receipt answers the receipt file.
func (s *Server) receipt(w http.ResponseWriter, r *http.Request) error {
	l, err := s.ledger(r)
	if err != nil {
		return err
	}
	q, err := parameters(r, "disclose")
	if err != nil {
		return err
	}
	openings, _, err := s.openings(r, l, q)
	if err != nil {
		return err
	}
	rc, err := l.Receipt(r.Context(), r.PathValue("id"), openings)
	if err != nil {
		return err
	}
	b, err := rc.Marshal()
	if err != nil {
		return err
	}
	w.Header().Set("Content-Disposition", `attachment; filename="`+r.PathValue("id")+`.receipt.json"`)
	return send(w, "application/json", "no-store", b)
}

// page is a page that knows the link to the next.
type page struct{ api.Page }

func (p page) link(r *http.Request) string {
	if p.Next == "" {
		return ""
	}
	u := *r.URL
	q := u.Query()
	q.Set("cursor", p.Next)
	u.RawQuery = q.Encode()
	return "<" + u.RequestURI() + `>; rel="next"`
}

func (s *Server) list(r *http.Request) (page, error) {
	l, err := s.ledger(r)
	if err != nil {
		return page{}, err
	}
	q, err := listQuery(r)
	if err != nil {
		return page{}, err
	}
	res, err := l.List(r.Context(), q)
	if err != nil {
		return page{}, err
	}
	out := page{api.Page{Records: make([]api.Entry, len(res.Entries))}}
	for i, e := range res.Entries {
		out.Records[i] = api.Entry{Index: e.Index, Statement: e.Statement}
	}
	if res.More {
		out.Next = formatCursor(res.Cursor, q.Ascending)
	}
	return out, nil
}

func (s *Server) stats(r *http.Request) (api.Stats, error) {
	l, err := s.ledger(r)
	if err != nil {
		return api.Stats{}, err
	}
	if _, err := parameters(r); err != nil {
		return api.Stats{}, err
	}
	st, err := l.Stats(r.Context())
	if err != nil {
		return api.Stats{}, err
	}
	return api.Stats{Origin: st.Origin, Size: st.Size, Stored: st.Stored, Last: st.Last, Types: counts(st.Types),
		Systems: counts(st.Systems), Outcomes: counts(st.Outcome), Sources: sources(st.Sources)}, nil
}

func counts(in []ledger.Count) []api.Count {
	out := make([]api.Count, len(in))
	for i, c := range in {
		out[i] = api.Count(c)
	}
	return out
}

func sources(in []ledger.SourceStats) []api.SourceCount {
	out := make([]api.SourceCount, len(in))
	for i, c := range in {
		out[i] = api.SourceCount(c)
	}
	return out
}

func (s *Server) ledgers(r *http.Request) (api.Ledgers, error) {
	if _, err := parameters(r); err != nil {
		return api.Ledgers{}, err
	}
	out := api.Ledgers{Ledgers: []api.LedgerInfo{}}
	for _, name := range s.cfg.Ledgers.Names() {
		if l, ok := s.cfg.Ledgers.Ledger(name); ok {
			out.Ledgers = append(out.Ledgers, api.LedgerInfo{Name: name, Origin: l.Origin(), VerifierKey: l.VerifierKey()})
		}
	}
	return out, nil
}

// trust answers the trust policy for outsiders. They should compare it with one
// that they got another way.
func (s *Server) trust(w http.ResponseWriter, r *http.Request) error {
	if _, err := s.ledger(r); err != nil {
		return err
	}
	if _, err := parameters(r); err != nil {
		return err
	}
	b, err := s.cfg.Ledgers.Trust(r.PathValue("ledger"))
	if err != nil {
		return err
	}
	return send(w, "text/plain; charset=utf-8", "no-store", b)
}

// log serves the C2SP tlog-tiles paths of one log.
func (s *Server) log(w http.ResponseWriter, r *http.Request) error {
	l, err := s.ledger(r)
	if err != nil {
		return err
	}
	req, err := tlog.ParsePath(r.PathValue("path"))
	if err != nil {
		return refused(string(ledger.NotFound), "see c2sp.org/tlog-tiles: checkpoint, tile/<L>/<N>, tile/entries/<N>", "%v", err)
	}
	const immutable = "public, max-age=31536000, immutable"
	switch {
	case req.Checkpoint:
		b, err := l.Checkpoint(r.Context())
		if err != nil {
			return err
		}
		return send(w, "text/plain; charset=utf-8", "no-store", b)
	case req.Entries:
		b, err := l.Bundle(r.Context(), req.N, req.Width)
		if err != nil {
			return err
		}
		return send(w, "application/octet-stream", immutable, b)
	}
	b, err := l.Tile(r.Context(), req.Level, req.N, req.Width)
	if err != nil {
		return err
	}
	return send(w, "application/octet-stream", immutable, b)
}

func (s *Server) schema(w http.ResponseWriter, _ *http.Request) error {
	return send(w, "application/schema+json", "public, max-age=3600", record.Schema())
}

func (s *Server) document(w http.ResponseWriter, _ *http.Request) error {
	return send(w, "application/json", "public, max-age=3600", s.openapi)
}
