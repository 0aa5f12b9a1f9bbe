// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/counterfoil/counterfoil/internal/ledger"
)

// private is what is private of a registry record.
type private struct {
	text   []byte // nil: it is gone, or is elsewhere
	ref    string
	reason string
}

// Digest is how the register names a content.
func Digest(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// open reads the private values of a registry record.
func (r *Registry) open(ctx context.Context, id string) (private, error) {
	var out private
	openings, err := r.l.OpenRegistry(ctx, id)
	if err != nil {
		return out, err
	}
	for _, o := range openings {
		var s string
		if json.Unmarshal(o.Value, &s) != nil {
			continue // not one of ours
		}
		switch o.Pointer {
		case "/registry/content":
			out.text = []byte(s)
		case "/registry/ref":
			out.ref = s
		case "/registry/reason":
			out.reason = s
		}
	}
	return out, nil
}

// Content is a version with its content.
type Content struct {
	Version
	Content string `json:"content,omitempty"`
	Ref     string `json:"ref,omitempty"` // where it is, when it is not here
	Note    string `json:"note,omitempty"`
	Gone    bool   `json:"gone,omitempty"` // the content was here, and was erased
}

// Show returns a version with its content and change note.
func (r *Registry) Show(ctx context.Context, kind, name, ver string) (Content, error) {
	g, err := r.Fresh(ctx)
	if err != nil {
		return Content{}, err
	}
	v, err := g.Version(kind, name, ver)
	if err != nil {
		return Content{}, err
	}
	return r.content(ctx, v)
}

// Fetch returns the version in force of a name in an environment, with its
// content.
func (r *Registry) Fetch(ctx context.Context, kind, name, env string) (Content, error) {
	g, err := r.Fresh(ctx)
	if err != nil {
		return Content{}, err
	}
	v, ok := g.InForce(kind, name, env)
	if !ok {
		return Content{}, fault(ledger.NotFound, "promote one: counterfoil version promote", "no %s %q is in force in %s", kind, name, env)
	}
	return r.content(ctx, v)
}

func (r *Registry) content(ctx context.Context, v Version) (Content, error) {
	p, err := r.open(ctx, v.Record)
	if err != nil {
		return Content{}, err
	}
	out := Content{Version: v, Content: string(p.text), Ref: p.ref, Note: p.reason, Gone: p.text == nil && p.ref == ""}
	if p.text != nil && Digest(p.text) != v.Digest {
		return out, fault(ledger.Internal, "run counterfoil verify", "the content of %s@%s has another digest than its record says", v.Name, v.version.Version)
	}
	return out, nil
}

// must returns the content, or says why there is none.
func (c *Content) must() ([]byte, error) {
	at := c.Name + "@" + c.version.Version
	switch {
	case c.Gone:
		return nil, fault(ledger.NotFound, "its digest is still in the register", "the content of %s was erased, or its time was over", at)
	case c.Ref != "":
		return nil, fault(ledger.NotFound, fmt.Sprintf("its digest is %s", c.Digest), "the content of %s is kept elsewhere", at)
	}
	return []byte(c.Content), nil
}
