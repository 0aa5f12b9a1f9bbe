// SPDX-License-Identifier: Apache-2.0

package server

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/access"
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
	return s.ledgerNamed(r.PathValue("ledger"))
}

func (s *Server) ledgerNamed(name string) (*ledger.Ledger, error) {
	l, ok := s.cfg.Ledgers.Ledger(name)
	if !ok {
		return nil, refused(string(ledger.NotFound), "GET /v1/ledgers lists those that you may see", "there is no ledger %q", name)
	}
	return l, nil
}

// find reads the record that the path names, if the caller may see it.
func (s *Server) find(r *http.Request, l *ledger.Ledger) (ledger.Entry, *record.Statement, error) {
	e, err := l.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return e, nil, err
	}
	st, err := record.ParseStatement(e.Statement)
	if err != nil {
		return e, nil, err
	}
	if ok, err := s.sees(r.Context(), callerOf(r), l, st); err != nil || !ok {
		return e, nil, cmp.Or(err, refused(string(ledger.NotFound), "GET …/records lists those that you may see", "no record %q in this ledger", r.PathValue("id")))
	}
	return e, st, nil
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
	e, st, err := s.find(r, l)
	if err != nil {
		return api.Entry{}, err
	}
	out := api.Entry{Index: e.Index, Statement: e.Statement}
	gone, err := l.Erased(r.Context(), st.ID())
	if err != nil {
		return out, err
	}
	for _, g := range gone {
		out.Erased = append(out.Erased, api.Erased(g))
	}
	openings, asked, err := s.openings(r, l, st, q)
	if err != nil || !asked {
		return out, err
	}
	out.Record, err = st.Open(openings)
	return out, err
}

// openings reads the private values that a request asks for: evidence=true or
// disclose=all for all, or each disclose=/pointer.
func (s *Server) openings(r *http.Request, l *ledger.Ledger, st *record.Statement, q url.Values) ([]record.Opening, bool, error) {
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
	a, allowed, err := s.values(r.Context(), callerOf(r), st, pointers)
	if err != nil {
		return nil, true, err
	}
	if pointers == nil && len(allowed) == len(st.Seals()) {
		allowed = nil // all that are left
	}
	o, err := l.Disclose(r.Context(), st.ID(), allowed, a)
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
	_, st, err := s.find(r, l)
	if err != nil {
		return err
	}
	openings, _, err := s.openings(r, l, st, q)
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
	q.Within = callerOf(r).bounds()
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
	if callerOf(r).bounds() != nil {
		return api.Stats{}, s.deny(r.Context(), callerOf(r), access.Read, "", "counts are of the whole ledger, and you may see a part of it")
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
		if l, ok := s.cfg.Ledgers.Ledger(name); ok && callerOf(r).Sees(baseOf(name)) {
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

// wholeLog serves the log to who may read all of it.
func (s *Server) wholeLog(w http.ResponseWriter, r *http.Request) error {
	if c := callerOf(r); c.bounds() != nil && r.PathValue("path") != "checkpoint" {
		return s.deny(r.Context(), c, access.Read, "", "the tiles are of the whole ledger, and you may see a part of it")
	}
	return s.log(w, r)
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
