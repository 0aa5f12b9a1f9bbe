// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/access"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/search"
)

// routeSearch lists the routes that find records.
func (s *Server) routeSearch() {
	const l = "/v1/ledgers/{ledger}/search"
	s.handle("GET "+l, access.Read, long(get(s.search)))
	s.handle("GET "+l+"/fields", access.Read, get(plain(s.searchFields)))
	s.handle("GET "+l+"/export", access.Read, long(s.exportFound))
	s.handle("GET "+l+"/fulltext", access.Read, long(get(plain(s.textStates))))
	s.handle("POST "+l+"/fulltext/{name}", access.ManageText, long(post(s, s.turnText)))
	s.handle("GET "+l+"/saved", access.Read, get(plain(s.savedQueries)))
	s.handle("GET "+l+"/saved/{name}", access.Read, s.savedQuery)
	s.handle("GET "+l+"/saved/{name}/records", access.Read, long(get(s.runQuery)))
	s.handle("POST "+l+"/saved/{name}", access.SaveQuery, s.saveQuery)
	s.handle("POST "+l+"/saved/{name}/forget", access.SaveQuery, post(s, s.forgetQuery))
}

func (s *Server) index(r *http.Request) (*search.Index, error) {
	x, ok := s.cfg.Ledgers.Search(r.PathValue("ledger"))
	if !ok {
		return nil, refused(string(ledger.NotFound), "", "there is no ledger %q", r.PathValue("ledger"))
	}
	return x, nil
}

// whole reads a parameter that is a number from 1 on; 0 if it is absent.
func whole(name, v string) (int64, error) {
	if v == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < 1 {
		return 0, refused("bad_parameter", "use a whole number, from 1 on", "%s=%q is not a count", name, v)
	}
	return n, nil
}

func (s *Server) search(r *http.Request) (api.Found, error) {
	x, err := s.index(r)
	if err != nil {
		return api.Found{}, err
	}
	v, err := parameters(r, "q", "limit", "cursor", "facets", "top")
	if err != nil {
		return api.Found{}, err
	}
	return s.findPage(r, x, v.Get("q"), v)
}

// findPage answers a page of what a query finds.
func (s *Server) findPage(r *http.Request, x *search.Index, query string, v url.Values) (api.Found, error) {
	c := callerOf(r)
	q := search.Request{Query: query, Within: c.bounds()}
	var numbers [2]int64
	var err error
	for i, name := range []string{"limit", "top"} {
		if numbers[i], err = whole(name, v.Get(name)); err != nil {
			return api.Found{}, err
		}
	}
	q.Limit, q.Top = int(min(numbers[0], 1000)), int(min(numbers[1], 100))
	if q.Before, err = whole("cursor", v.Get("cursor")); err != nil {
		return api.Found{}, err
	}
	if f := v.Get("facets"); f != "" {
		q.Facets = strings.Split(f, ",")
	}
	if len(q.Facets) > 40 {
		return api.Found{}, refused("bad_parameter", "ask for 40 at most", "there are %d facets", len(q.Facets))
	}
	var a *ledger.Access
	if q.Texts, a, err = s.texts(r.Context(), c, x, query); err != nil {
		return api.Found{}, err
	}
	res, err := x.Find(r.Context(), q)
	if err != nil {
		return api.Found{}, queryFault(err)
	}
	if a != nil {
		l, err := s.ledgerNamed(c.ledger)
		if err != nil {
			return api.Found{}, err
		}
		a.Count = int(res.Total)
		if err := l.Note(r.Context(), *a); err != nil {
			return api.Found{}, fmt.Errorf("record the access: %w", err)
		}
	}
	return wireFound(res), nil
}

func wireFound(res *search.Result) api.Found {
	out := api.Found{Records: make([]api.Entry, len(res.Entries)), Total: res.Total, Size: res.Size}
	for i, e := range res.Entries {
		out.Records[i] = api.Entry{Index: e.Index, Statement: e.Statement}
	}
	if res.Next > 0 {
		out.Next = strconv.FormatInt(res.Next, 10)
	}
	for _, f := range res.Facets {
		a := api.Facet{Field: f.Field, Values: []api.Count{}, Others: f.Others, Without: f.Without}
		for _, c := range f.Values {
			a.Values = append(a.Values, api.Count{Name: c.Value, Count: c.Count})
		}
		out.Facets = append(out.Facets, a)
	}
	if c := res.Cover; c != nil {
		out.Text = &api.TextCover{Systems: c.Systems, Missing: c.Missing, Behind: c.Behind}
	}
	return out
}

// queryFault names the column of what is wrong with a query.
func queryFault(err error) error {
	f, ok := errors.AsType[*search.Fault](err)
	if !ok {
		return err // nil, too
	}
	return refused("bad_query", f.Hint, "column %d of q: %s", f.Column, f.Detail)
}

func (s *Server) searchFields(*http.Request) (api.SearchFields, error) {
	out := api.SearchFields{}
	for _, f := range search.Fields() {
		out.Fields = append(out.Fields, api.SearchField(f))
	}
	return out, nil
}

// exportFound answers all that a query finds as a file. It is an access record
// first: who takes how much out of the ledger.
func (s *Server) exportFound(w http.ResponseWriter, r *http.Request) error {
	x, err := s.index(r)
	if err != nil {
		return err
	}
	l, err := s.ledger(r)
	if err != nil {
		return err
	}
	v, err := parameters(r, "q", "format")
	if err != nil {
		return err
	}
	format := v.Get("format")
	if format == "" {
		format = search.NDJSON
	}
	c := callerOf(r)
	texts, read, err := s.texts(r.Context(), c, x, v.Get("q"))
	if err != nil {
		return err
	}
	begun := false
	_, err = x.Export(r.Context(), search.Request{Query: v.Get("q"), Within: c.bounds(), Texts: texts}, format, w, func(total int64) error {
		a := ledger.Access{Act: "export", Actor: c.ID, Role: string(c.role), Principal: c.principal, Purpose: c.purpose, Ticket: c.ticket, Count: int(total), Query: v.Get("q")}
		if read != nil {
			a.Role = read.Role // that opens values, too
		}
		if err := l.Note(r.Context(), a); err != nil {
			return fmt.Errorf("record the access: %w", err)
		}
		begun = true
		w.Header().Set("Content-Type", search.Formats[format])
		w.Header().Set("Content-Disposition", `attachment; filename="records.`+format+`"`)
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Counterfoil-Total", strconv.FormatInt(total, 10))
		return nil
	})
	if err != nil && begun {
		s.cfg.Logger.Error("an export ended early", "ledger", c.ledger, "error", err)
		panic(http.ErrAbortHandler) // the answer has begun: cut it off, so that nobody takes it for whole
	}
	return queryFault(err)
}
