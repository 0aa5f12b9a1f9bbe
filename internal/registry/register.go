// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/internal/ledger"
)

// Register is the register at one size of the log. It never changes, and is safe
// for concurrent use.
type Register struct {
	state    *state
	size     int64
	read     bool // from the tables; else it is empty because nothing was read yet
	systems  map[string]System
	versions map[string]*version // by kind and name@version, as decisions write it
	controls map[string][]ControlContent
}

// System is an AI system or use case, with its description.
type System struct {
	Kind    string    `json:"kind"`
	Name    string    `json:"name"`
	Status  string    `json:"status"`
	Since   time.Time `json:"since"`
	By      string    `json:"by"`
	Version string    `json:"version"` // of the description
	Digest  string    `json:"digest"`
	Risk    string    `json:"risk"`
	Author  string    `json:"author"` // of the description
	// Pending is the description that waits for another person.
	Pending *Pending `json:"pending,omitempty"`
	// Described is false when the description was erased: the system is then
	// governed most strictly.
	Described   bool        `json:"described"`
	Description Description `json:"description"`
}

// Pending is a description that waits for another person.
type Pending struct {
	Version string `json:"version"`
	Digest  string `json:"digest"`
	Risk    string `json:"risk"`
	Author  string `json:"author"`
}

// ControlContent is a control in force.
type ControlContent struct {
	Name, Version, Digest string
	Content               []byte
	Owner                 string // who wrote it
	Status                string // approved, or proposed when it was promoted in an emergency
}

// newRegister opens what the register needs: descriptions, and controls in force.
// The caller holds the lock.
func (r *Registry) newRegister(ctx context.Context, s *state, size int64) (*Register, error) {
	out := &Register{state: s, size: size, read: true, systems: map[string]System{}, versions: make(map[string]*version, len(s.versions)), controls: map[string][]ControlContent{}}
	texts := map[string][]byte{} // those that are needed no more are dropped
	for name, y := range s.systems {
		text, err := r.text(ctx, y.Description.Record, texts)
		if err != nil {
			return nil, err
		}
		out.systems[name] = newSystem(y, text)
	}
	for _, v := range s.versions {
		out.versions[v.Kind+" "+v.Name+"@"+v.Version] = v
	}
	for _, p := range s.places {
		v := s.versions["control/"+p.Name+"@"+p.current()]
		if p.Kind != "control" || v == nil {
			continue
		}
		text, err := r.text(ctx, v.Record, texts)
		if err != nil {
			return nil, err
		}
		if text == nil {
			r.cfg.Logger.Error("a control in force has no content any more, and is not run", "control", v.Name, "version", v.Version)
			continue
		}
		out.controls[p.Environment] = append(out.controls[p.Environment], ControlContent{v.Name, v.Version, v.Digest, text, v.Author, v.Status})
	}
	for _, list := range out.controls {
		slices.SortFunc(list, func(a, b ControlContent) int { return cmp.Compare(a.Name, b.Name) })
	}
	r.texts = texts
	return out, nil
}

// text is the content of a record, nil when it is gone.
func (r *Registry) text(ctx context.Context, id string, into map[string][]byte) ([]byte, error) {
	t, ok := r.texts[id]
	if !ok {
		c, err := r.open(ctx, id)
		if err != nil {
			return nil, err
		}
		t = c.text
	}
	into[id] = t
	return t, nil
}

func newSystem(y *system, text []byte) System {
	d := y.Description
	out := System{Kind: y.Kind, Name: y.Name, Status: y.Status, Since: y.Since, By: y.By, Version: d.Version, Digest: d.Digest, Risk: d.Risk, Author: d.Actor}
	if p := y.Pending; p != nil {
		out.Pending = &Pending{p.Version, p.Digest, p.Risk, p.Actor}
	}
	if parsed, err := ParseDescription(text); err == nil {
		out.Described, out.Description = true, *parsed
	} else {
		out.Description = Description{Risk: d.Risk, Mode: Strict, OnGuardFailure: FailClosed, SecondReviewer: true, SignedApprovals: true}
	}
	return out
}

// Size is how many leaves the log had with the last act: see [ledger.ReadRegister].
func (g *Register) Size() int64 { return g.size }

// System returns one by its name.
func (g *Register) System(name string) (System, bool) {
	y, ok := g.systems[name]
	return y, ok
}

// Systems lists them by name.
func (g *Register) Systems() []System {
	out := make([]System, 0, len(g.systems))
	for _, y := range g.systems {
		out = append(out, y)
	}
	slices.SortFunc(out, func(a, b System) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// Resolve says which content a version has that a decision names as name@version,
// and how it stands in an environment (empty: production): approved, unapproved,
// retired, elsewhere (approved, and not in force there), or unknown.
func (g *Register) Resolve(kind, nameAtVersion, env string) (digest, state string) {
	v := g.versions[kind+" "+nameAtVersion]
	if v == nil {
		return "", Unknown
	}
	here := g.state.places[placeKey(cmp.Or(env, "production"), kind, v.Name)].current() == v.Version
	e := v.Emergency
	switch {
	case v.Status == Retired:
		return v.Digest, Retired
	case v.Status == Approved && here:
		return v.Digest, Approved
	case v.Status == Approved:
		return v.Digest, Elsewhere
	case v.Status == Proposed && here && e != nil && e.Verdict != "rejected" && e.Environment == cmp.Or(env, "production"):
		return v.Digest, Approved
	}
	return v.Digest, Unapproved
}

// InForce is the version in force of a name in an environment.
func (g *Register) InForce(kind, name, env string) (Version, bool) {
	p := g.state.places[placeKey(env, kind, name)]
	v := g.state.versions[kind+"/"+name+"@"+p.current()]
	if v == nil {
		return Version{}, false
	}
	return g.view(v), true
}

// Controls are those in force in an environment, by name.
func (g *Register) Controls(env string) []ControlContent { return g.controls[env] }

// Version is one version with what there is to know of it now.
type Version struct {
	version
	Needed  int      `json:"needed"`             // approvals, beside the author
	InForce []string `json:"in_force,omitempty"` // environments
}

// Number is what stands behind the @.
func (v *Version) Number() string { return v.version.Version }

func (g *Register) view(v *version) Version {
	out := Version{version: *v, Needed: g.state.needed(v.System)}
	for _, env := range Environments {
		if g.state.places[placeKey(env, v.Kind, v.Name)].current() == v.Version {
			out.InForce = append(out.InForce, env)
		}
	}
	return out
}

// Version returns one version, or [ledger.NotFound].
func (g *Register) Version(kind, name, ver string) (Version, error) {
	v := g.state.versions[kind+"/"+name+"@"+ver]
	if v == nil {
		return Version{}, fault(ledger.NotFound, "counterfoil version list shows those that were added", "there is no %s %s@%s", kind, name, ver)
	}
	return g.view(v), nil
}

// Versions lists versions by kind, name and age; empty values match all.
func (g *Register) Versions(kind, name, system, status string) []Version {
	out := []Version{}
	match := func(want, is string) bool { return want == "" || want == is }
	for _, v := range g.state.versions {
		if match(kind, v.Kind) && match(name, v.Name) && match(system, v.System) && match(status, v.Status) {
			out = append(out, g.view(v))
		}
	}
	slices.SortFunc(out, func(a, b Version) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), a.Added.Compare(b.Added), cmp.Compare(a.version.Version, b.version.Version))
	})
	return out
}

// Keys lists the public keys of persons.
func (g *Register) Keys() []Key {
	out := []Key{}
	for _, k := range g.state.keys {
		out = append(out, Key(*k))
	}
	slices.SortFunc(out, func(a, b Key) int { return cmp.Or(cmp.Compare(a.Actor, b.Actor), cmp.Compare(a.Key, b.Key)) })
	return out
}

// demands says whether approvals must be signed: some system that may use the
// version says so.
func (g *Register) demands(a *Act) bool {
	v := g.state.versions[a.ref()]
	if a.Act != ledger.ActApprove && a.Act != ledger.ActReview || v == nil {
		return false
	}
	for _, y := range g.systems {
		if y.Status != Retired && y.Description.SignedApprovals && (v.System == "" || v.System == y.Name) {
			return true
		}
	}
	return false
}

// next is the number of the next description.
func (y *system) next() string {
	if y == nil {
		return "1"
	}
	last := y.Description.Version
	if y.Pending != nil {
		last = y.Pending.Version
	}
	n, _ := strconv.Atoi(last) // we wrote it
	return strconv.Itoa(n + 1)
}

func isBlank(s string) bool { return strings.TrimSpace(s) == "" }
