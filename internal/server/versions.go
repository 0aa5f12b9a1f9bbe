// SPDX-License-Identifier: Apache-2.0

package server

import (
	"net/http"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/registry"
)

// vote is what a caller says about the version of the path.
func vote(r *http.Request, digest, reason string) registry.Vote {
	return registry.Vote{Kind: r.PathValue("kind"), Name: r.PathValue("name"), Version: r.PathValue("version"), Digest: digest, Reason: reason}
}

func signature(in *api.ActSignature) *registry.Signature {
	if in == nil {
		return nil
	}
	return &registry.Signature{Alg: in.Alg, Key: in.Key, Value: in.Value}
}

func (s *Server) judgeVersion(r *http.Request, who *caller, in api.VersionVerdict) (registry.Version, error) {
	c, err := s.registry(r)
	if err != nil {
		return registry.Version{}, err
	}
	v := vote(r, in.Digest, in.Reason)
	if !in.Approve {
		return c.Refuse(r.Context(), who.acting(), v)
	}
	v.Signature = signature(in.Signature)
	return c.Approve(r.Context(), who.acting(), v)
}

func (s *Server) reviewVersion(r *http.Request, who *caller, in api.EmergencyReview) (registry.Version, error) {
	c, err := s.registry(r)
	if err != nil {
		return registry.Version{}, err
	}
	return c.Review(r.Context(), who.acting(), vote(r, "", in.Reason), in.Accept)
}

func (s *Server) promoteVersion(r *http.Request, who *caller, in api.Promotion) (registry.Version, error) {
	c, err := s.registry(r)
	if err != nil {
		return registry.Version{}, err
	}
	return c.Promote(r.Context(), who.acting(), vote(r, in.Digest, in.Reason), in.Environment, in.Emergency)
}

func (s *Server) retireVersion(r *http.Request, who *caller, in api.Review) (registry.Version, error) {
	c, err := s.registry(r)
	if err != nil {
		return registry.Version{}, err
	}
	return c.Retire(r.Context(), who.acting(), vote(r, "", in.Reason))
}

func (s *Server) rollback(r *http.Request, who *caller, in api.Rollback) (registry.Version, error) {
	c, err := s.registry(r)
	if err != nil {
		return registry.Version{}, err
	}
	return c.Rollback(r.Context(), who.acting(), r.PathValue("kind"), r.PathValue("name"), in.Environment, in.Reason)
}

func (s *Server) personKeys(r *http.Request) (list[registry.Key], error) {
	g, err := s.register(r)
	if err != nil {
		return list[registry.Key]{}, err
	}
	return list[registry.Key]{g.Keys()}, nil
}

func (s *Server) addPersonKey(r *http.Request, who *caller, in api.ActSignature) (registry.Key, error) {
	c, err := s.registry(r)
	if err != nil {
		return registry.Key{}, err
	}
	return c.AddKey(r.Context(), who.acting(), *signature(&in))
}

func (s *Server) confirmPersonKey(r *http.Request, who *caller, _ struct{}) (registry.Key, error) {
	c, err := s.registry(r)
	if err != nil {
		return registry.Key{}, err
	}
	return c.ConfirmKey(r.Context(), who.acting(), r.PathValue("owner"), r.PathValue("key"))
}

func (s *Server) retirePersonKey(r *http.Request, who *caller, _ struct{}) (registry.Key, error) {
	c, err := s.registry(r)
	if err != nil {
		return registry.Key{}, err
	}
	return c.RetireKey(r.Context(), who.acting(), r.PathValue("owner"), r.PathValue("key"))
}

func (s *Server) rebuild(r *http.Request, _ *caller, in api.Rebuild) (*registry.Report, error) {
	c, err := s.registry(r)
	if err != nil {
		return nil, err
	}
	return c.Rebuild(r.Context(), in.Replace)
}
