// SPDX-License-Identifier: Apache-2.0

package inquiry

import (
	"context"
	"slices"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// versionKinds are the kinds of what has versions.
var versionKinds = []string{"model", "prompt", "policy", "config", "control", "dataset", "tool"}

// act is an act on the register, and where it stands.
type act struct {
	api.RegistryAct
	at     spot
	name   string // of the system or version
	number string // of the version or description
	system string // that a version is for
	risk   string
}

// subject is what acts are about: a kind and a name, or name@version.
type subject struct{ kind, version string }

func (a *act) subject() subject { return subject{a.Kind, a.Version} }

// acts are the acts on the register that keep wants, in the order of the log.
// Acts on a system count as of that system, though their records name none.
func (v *view) acts(ctx context.Context, keep func(*registry) bool) ([]act, error) {
	var out []act
	err := v.Whole().Each(ctx, ledger.Query{Type: string(record.Registry)}, spot{}, func(at spot, leaf []byte) error {
		s, err := parse(at, leaf)
		if err != nil {
			return err
		}
		if !ledger.ChangesRegister(string(s.Registry.Act)) || !keep(&s.Registry) || !v.may(s) {
			return nil
		}
		out = append(out, v.act(at, s))
		return nil
	})
	return out, err
}

// may says whether the caller may see an act.
func (v *view) may(s *statement) bool {
	name := s.System
	if isSystem(&s.Registry) {
		name = s.Registry.Name
	}
	return v.May(string(name))
}

func (v *view) act(at spot, s *statement) act {
	r := &s.Registry
	a := act{at: at, name: string(r.Name), number: string(r.Version), system: string(s.System), risk: string(r.Risk)}
	a.RegistryAct = api.RegistryAct{Place: v.place(at, s), Recorded: s.Recorded.Time, Act: string(r.Act), Kind: string(r.Kind), Version: r.full(),
		Digest: string(r.Digest), Environment: string(r.Environment), Status: string(r.Status), By: string(r.Actor),
		Emergency: string(r.Emergency) == "true", Reason: r.Reason != nil, Signed: r.Signature != nil}
	if a.By == "" {
		a.By = string(s.Writer)
	}
	if !r.Due.IsZero() {
		a.Due = &r.Due.Time
	}
	return a
}

// isVersion says whether an act is about something that has versions.
func isVersion(r *registry) bool { return slices.Contains(versionKinds, string(r.Kind)) }

// isSystem says whether an act is about a system or a use case.
func isSystem(r *registry) bool { return r.Kind == "system" || r.Kind == "use_case" }
