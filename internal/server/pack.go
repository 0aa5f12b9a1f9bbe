// SPDX-License-Identifier: Apache-2.0

package server

import (
	"net/http"
	"time"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/access"
	"github.com/counterfoil/counterfoil/internal/custody"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/packer"
)

// routePacks lists the routes of evidence packs.
func (s *Server) routePacks() {
	const l = "/v1/ledgers/{ledger}/packs"
	s.handle("GET "+l+"/profiles", access.ReadCustody, get(plain(s.packProfiles)))
	s.handle("POST "+l, access.RequestPack, post(s, s.askPack))
	s.handle("POST "+l+"/{id}/verdict", access.ApprovePack, post(s, s.judgePack))
	s.handle("POST "+l+"/{id}/make", access.RequestPack, long(s.makePack))
}

func (s *Server) packer(r *http.Request) (*packer.Packer, error) {
	p, ok := s.cfg.Ledgers.Packer(r.PathValue("ledger"))
	if !ok {
		return nil, refused(string(ledger.NotFound), "", "there is no ledger %q", r.PathValue("ledger"))
	}
	return p, nil
}

func (s *Server) packProfiles(*http.Request) (list[packer.Profile], error) {
	return list[packer.Profile]{packer.Profiles()}, nil
}

func (s *Server) askPack(r *http.Request, who *caller, in api.PackOrder) (custody.Request, error) {
	p, err := s.packer(r)
	if err != nil {
		return custody.Request{}, err
	}
	if err := s.ticketed(r, who, access.RequestPack, in.Purpose, in.Ticket); err != nil {
		return custody.Request{}, err
	}
	o := packer.Order{Purpose: in.Purpose, Ticket: in.Ticket, Recipient: in.Recipient, Reason: in.Reason, Query: in.Query, Profile: in.Profile, Related: !in.Alone, Leaves: !in.NoLeaves}
	req, err := p.Ask(r.Context(), who.by(), o, time.Now())
	return req, queryFault(err)
}

func (s *Server) judgePack(r *http.Request, who *caller, in api.Verdict) (custody.Request, error) {
	c, err := s.custodian(r)
	if err != nil {
		return custody.Request{}, err
	}
	return c.ApprovePack(r.Context(), who.by(), r.PathValue("id"), in.Approve, in.Reason)
}

// makePack answers a pack as a zip file. It changes the log, which gets the access
// record first, and therefore is a POST.
func (s *Server) makePack(w http.ResponseWriter, r *http.Request) error {
	p, err := s.packer(r)
	if err != nil {
		return err
	}
	v, err := parameters(r, "size")
	if err != nil {
		return err
	}
	size, err := whole("size", v.Get("size"))
	if err != nil {
		return err
	}
	c := callerOf(r)
	begun := false
	name := "pack-" + r.PathValue("id")
	z := packer.NewZip(w, name)
	_, err = p.Make(r.Context(), c.by(), r.PathValue("id"), size, z, func() {
		begun = true
		w.Header().Set("Content-Type", "application/zip")
		w.Header().Set("Content-Disposition", `attachment; filename="`+name+`.zip"`)
		w.Header().Set("Cache-Control", "no-store")
	})
	if err == nil {
		err = z.Close()
	}
	if err != nil && begun {
		s.cfg.Logger.Error("a pack ended early", "ledger", c.ledger, "error", err)
		panic(http.ErrAbortHandler) // the answer has begun: cut it off, so that nobody takes it for whole
	}
	return err
}
