// SPDX-License-Identifier: Apache-2.0

package server

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/search"
)

// headers by which a change says of what it thinks to be a change.
const (
	headerMatch  = "If-Match"
	headerNoneIs = "If-None-Match"
)

// meant says whether a saved query is the one that a request means: If-Match with
// its ETag, or If-None-Match: * where there is none.
func meant(r *http.Request) func(*search.Saved) bool {
	match, none := r.Header.Get(headerMatch), r.Header.Get(headerNoneIs)
	return func(old *search.Saved) bool {
		if none == "*" && old != nil {
			return false
		}
		return match == "" || old != nil && (match == "*" || strings.Contains(match, `"`+old.Tag()+`"`))
	}
}

func savedFault(err error) error {
	if errors.Is(err, search.ErrChanged) {
		return refused("changed", "read it again, and send its ETag as "+headerMatch, "the saved query is not the one that was meant")
	}
	return queryFault(err)
}

func (s *Server) savedQueries(r *http.Request) (list[search.Saved], error) {
	x, err := s.index(r)
	if err != nil {
		return list[search.Saved]{}, err
	}
	items, err := x.SavedQueries(r.Context())
	return list[search.Saved]{items}, err
}

// savedQuery answers one, with an ETag that names this version of it.
func (s *Server) savedQuery(w http.ResponseWriter, r *http.Request) error {
	if _, err := parameters(r); err != nil {
		return err
	}
	x, err := s.index(r)
	if err != nil {
		return err
	}
	q, err := x.SavedQuery(r.Context(), r.PathValue("name"))
	if err != nil {
		return err
	}
	return sendSaved(w, r, q)
}

func sendSaved(w http.ResponseWriter, r *http.Request, q *search.Saved) error {
	tag := `"` + q.Tag() + `"`
	w.Header().Set("ETag", tag)
	if r.Method == http.MethodGet && strings.Contains(r.Header.Get(headerNoneIs), tag) {
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	b, err := json.Marshal(q)
	if err != nil {
		return err
	}
	return send(w, "application/json", "no-store", append(b, '\n'))
}

func (s *Server) saveQuery(w http.ResponseWriter, r *http.Request) error {
	if _, err := parameters(r); err != nil {
		return err
	}
	in, err := decode[api.QueryText](s, w, r)
	if err != nil {
		return err
	}
	x, err := s.index(r)
	if err != nil {
		return err
	}
	q, err := x.Save(r.Context(), callerOf(r).ID, r.PathValue("name"), in.Query, meant(r))
	if err != nil {
		return savedFault(err)
	}
	return sendSaved(w, r, q)
}

func (s *Server) forgetQuery(r *http.Request, who *caller, _ struct{}) (list[search.Saved], error) {
	x, err := s.index(r)
	if err != nil {
		return list[search.Saved]{}, err
	}
	if err := x.Forget(r.Context(), who.ID, r.PathValue("name"), meant(r)); err != nil {
		return list[search.Saved]{}, savedFault(err)
	}
	return s.savedQueries(r)
}

// runQuery searches with a saved query, as its owner wrote it, within what the
// caller may see.
func (s *Server) runQuery(r *http.Request) (api.Found, error) {
	v, err := parameters(r, "limit", "cursor", "facets", "top")
	if err != nil {
		return api.Found{}, err
	}
	x, err := s.index(r)
	if err != nil {
		return api.Found{}, err
	}
	q, err := x.SavedQuery(r.Context(), r.PathValue("name"))
	if err != nil {
		return api.Found{}, err
	}
	return s.findPage(r, x, q.Query, v)
}
