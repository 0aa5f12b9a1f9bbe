// SPDX-License-Identifier: Apache-2.0

package server

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/access"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/registry"
)

// routeRegister lists the routes of the register of systems and versions.
func (s *Server) routeRegister() {
	const l = "/v1/ledgers/{ledger}"
	const one = l + "/versions/{kind}/{name}/{version}"
	s.handle("GET "+l+"/systems", access.ReadRegister, get(plain(s.systems)))
	s.handle("GET "+l+"/systems/{name}", access.ReadRegister, get(plain(s.system)))
	s.handle("POST "+l+"/systems", access.WriteRegister, post(s, s.describe))
	s.handle("POST "+l+"/systems/{name}/status", access.SuspendSystem, post(s, s.setStatus))
	s.handle("GET "+l+"/versions", access.ReadRegister, get(s.versions))
	s.handle("POST "+l+"/versions", access.WriteRegister, post(s, s.addVersion))
	s.handle("GET "+l+"/versions/{kind}/{name}", access.FetchVersion, s.fetchVersion)
	s.handle("GET "+one, access.ReadVersion, get(plain(s.version)))
	s.handle("GET "+one+"/diff", access.ReadVersion, get(s.diffVersion))
	s.handle("POST "+one+"/verdict", access.ApproveVersion, post(s, s.judgeVersion))
	s.handle("POST "+one+"/review", access.ApproveVersion, post(s, s.reviewVersion))
	s.handle("POST "+one+"/promote", access.PromoteVersion, post(s, s.promoteVersion))
	s.handle("POST "+one+"/retire", access.PromoteVersion, post(s, s.retireVersion))
	s.handle("POST "+l+"/versions/{kind}/{name}/rollback", access.PromoteVersion, post(s, s.rollback))
	s.handle("GET "+l+"/inforce", access.ReadRegister, get(s.inForce))
	s.handle("GET "+l+"/register/acts", access.ReadRegister, get(s.acts))
	s.handle("GET "+l+"/register/keys", access.ReadRegister, get(plain(s.personKeys)))
	s.handle("POST "+l+"/register/keys", access.ApproveVersion, post(s, s.addPersonKey))
	s.handle("POST "+l+"/register/keys/{owner}/{key}/confirm", access.ConfirmKey, post(s, s.confirmPersonKey))
	s.handle("POST "+l+"/register/keys/{owner}/{key}/retire", access.ConfirmKey, post(s, s.retirePersonKey))
	s.handle("POST "+l+"/register/rebuild", access.RebuildRegister, long(post(s, s.rebuild)))
}

// registry is the register of the ledger that the path names.
func (s *Server) registry(r *http.Request) (*registry.Registry, error) {
	c, ok := s.cfg.Ledgers.Registry(r.PathValue("ledger"))
	if !ok {
		return nil, refused(string(ledger.NotFound), "", "there is no ledger %q", r.PathValue("ledger"))
	}
	return c, nil
}

// register is the state of it now.
func (s *Server) register(r *http.Request) (*registry.Register, error) {
	c, err := s.registry(r)
	if err != nil {
		return nil, err
	}
	return c.Fresh(r.Context())
}

// acting is the caller for the room of the register.
func (c *caller) acting() registry.By {
	return registry.By{Actor: c.ID, Role: string(c.role), Principal: c.principal}
}

func (s *Server) systems(r *http.Request) (list[registry.System], error) {
	g, err := s.register(r)
	if err != nil {
		return list[registry.System]{}, err
	}
	return list[registry.System]{g.Systems()}, nil
}

func (s *Server) system(r *http.Request) (registry.System, error) {
	g, err := s.register(r)
	if err != nil {
		return registry.System{}, err
	}
	y, ok := g.System(r.PathValue("name"))
	if !ok {
		return y, refused(string(ledger.NotFound), "counterfoil system list shows those that there are", "there is no system %q", r.PathValue("name"))
	}
	return y, nil
}

func (s *Server) describe(r *http.Request, who *caller, in api.Describe) (registry.System, error) {
	c, err := s.registry(r)
	if err != nil {
		return registry.System{}, err
	}
	return c.Describe(r.Context(), who.acting(), cmp.Or(in.Kind, "system"), in.Name, []byte(in.Description), in.Reason)
}

func (s *Server) setStatus(r *http.Request, who *caller, in api.SystemStatus) (registry.System, error) {
	c, err := s.registry(r)
	if err != nil {
		return registry.System{}, err
	}
	if in.Status != registry.Suspended && !who.May(access.ApproveVersion, access.Target{Ledger: who.ledger, Purpose: who.purpose}).Allowed() {
		return registry.System{}, s.deny(r.Context(), who, access.ApproveVersion, "", "")
	}
	return c.SetStatus(r.Context(), who.acting(), r.PathValue("name"), in.Status, in.Description, in.Reason)
}

func (s *Server) versions(r *http.Request) (list[registry.Version], error) {
	q, err := parameters(r, "kind", "name", "status", "system")
	if err != nil {
		return list[registry.Version]{}, err
	}
	g, err := s.register(r)
	if err != nil {
		return list[registry.Version]{}, err
	}
	return list[registry.Version]{g.Versions(q.Get("kind"), q.Get("name"), q.Get("system"), q.Get("status"))}, nil
}

func (s *Server) addVersion(r *http.Request, who *caller, in api.NewVersion) (registry.Version, error) {
	c, err := s.registry(r)
	if err != nil {
		return registry.Version{}, err
	}
	return c.Add(r.Context(), who.acting(), registry.Spec{Kind: in.Kind, Name: in.Name, Version: in.Version, System: in.System, Parent: in.Parent,
		Media: in.Media, Content: in.Content, Ref: in.Ref, Digest: in.Digest, Note: in.Note})
}

// fetchAge is how long a program may use a version before it asks again.
const fetchAge = "private, max-age=60"

// fetchVersion answers the version in force, with an ETag that names its content.
func (s *Server) fetchVersion(w http.ResponseWriter, r *http.Request) error {
	q, err := parameters(r, "env")
	if err != nil {
		return err
	}
	c, err := s.registry(r)
	if err != nil {
		return err
	}
	v, err := c.Fetch(r.Context(), r.PathValue("kind"), r.PathValue("name"), cmp.Or(q.Get("env"), "production"))
	if err != nil {
		return err
	}
	who := callerOf(r)
	if who.systems != nil && v.System != "" && !slices.Contains(who.systems, v.System) {
		return s.deny(r.Context(), who, access.FetchVersion, "", "the version is for a system that is not yours")
	}
	if v.Gone {
		return refused(string(ledger.NotFound), "its digest is still in the register", "the content of %s was erased, or its time was over", v.Name)
	}
	out := api.Fetched{Kind: v.Kind, Name: v.Name, Version: v.Number(), Digest: v.Digest, Media: v.Media, Content: v.Content, Ref: v.Ref}
	tag := `"` + out.Version + "." + out.Digest + `"`
	w.Header().Set("ETag", tag)
	if strings.Contains(r.Header.Get("If-None-Match"), tag) {
		w.Header().Set("Cache-Control", fetchAge)
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	b, err := json.Marshal(out)
	if err != nil {
		return err
	}
	return send(w, "application/json", fetchAge, append(b, '\n'))
}

func (s *Server) version(r *http.Request) (registry.Content, error) {
	c, err := s.registry(r)
	if err != nil {
		return registry.Content{}, err
	}
	return c.Show(r.Context(), r.PathValue("kind"), r.PathValue("name"), r.PathValue("version"))
}

func (s *Server) diffVersion(r *http.Request) (*registry.Difference, error) {
	q, err := parameters(r, "to")
	if err != nil {
		return nil, err
	}
	c, err := s.registry(r)
	if err != nil {
		return nil, err
	}
	return c.Diff(r.Context(), r.PathValue("kind"), r.PathValue("name"), r.PathValue("version"), q.Get("to"))
}

func (s *Server) inForce(r *http.Request) (*registry.Moment, error) {
	q, err := parameters(r, "at", "diff", "system")
	if err != nil {
		return nil, err
	}
	at, span := time.Now(), registry.Span(0)
	if v := q.Get("at"); v != "" {
		if at, err = time.Parse(time.RFC3339, v); err != nil {
			return nil, refused("bad_parameter", "write it like 2026-03-03T09:00:00Z", "at is not a time")
		}
	}
	if v := q.Get("diff"); v != "" {
		if span, err = registry.ParseSpan(v); err != nil {
			return nil, refused("bad_parameter", "write it like P7D or PT4H", "diff is not a time span")
		}
	}
	g, err := s.register(r)
	if err != nil {
		return nil, err
	}
	return g.At(q.Get("system"), at, span)
}

func (s *Server) acts(r *http.Request) (list[registry.Act], error) {
	q, err := parameters(r, "kind", "name")
	if err != nil {
		return list[registry.Act]{}, err
	}
	c, err := s.registry(r)
	if err != nil {
		return list[registry.Act]{}, err
	}
	items, err := c.History(r.Context(), q.Get("kind"), q.Get("name"))
	return list[registry.Act]{items}, err
}
