// SPDX-License-Identifier: Apache-2.0

package inquiry

import (
	"context"
	"slices"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// The acts of registry records that answers are made of. Others are passed over.
const (
	actAdd      = "add"
	actPropose  = "propose"
	actApprove  = "approve"
	actRefuse   = "refuse"
	actPromote  = "promote"
	actRollback = "rollback"
	actReview   = "review"
	actRetire   = "retire"
	actDescribe = "describe"
	actStatus   = "status"
	actSuspend  = "suspend"
	actResume   = "resume"
)

// versionKinds are the kinds of what has versions.
var versionKinds = []string{"model", "prompt", "policy", "config", "control", "dataset", "tool"}

// act is an act on the register, and where it stands.
type act struct {
	api.RegistryAct
	at     spot
	system string // that the record names
	risk   string
}

// subject is what acts are about: a kind and a name, or name@version.
type subject struct{ kind, version string }

func (a *act) subject() subject { return subject{a.Kind, a.Version} }

// proposes says whether the act brings a version into the register.
func (a *act) proposes() bool { return a.Act == actAdd || a.Act == actPropose }

// promotes says whether the act puts a version in force.
func (a *act) promotes() bool { return a.Act == actPromote || a.Act == actRollback }

// acts are the acts on the register that keep wants, in the order of the log.
func (v *view) acts(ctx context.Context, keep func(*registry) bool) ([]act, error) {
	var out []act
	err := v.each(ctx, ledger.Query{Type: string(record.Registry)}, spot{}, func(at spot, leaf []byte) error {
		s, err := parse(at, leaf)
		if err != nil {
			return err
		}
		if keep(&s.Registry) {
			out = append(out, v.act(at, s))
		}
		return nil
	})
	return out, err
}

func (v *view) act(at spot, s *statement) act {
	r := &s.Registry
	a := act{at: at, system: string(s.System), risk: string(r.Risk)}
	a.RegistryAct = api.RegistryAct{Place: v.place(at, s), Recorded: s.Recorded.Time, Act: string(r.Act), Kind: string(r.Kind), Version: r.full(),
		Digest: string(r.Digest), Environment: string(r.Environment), Status: string(r.Status), By: string(r.Actor),
		Emergency: string(r.Emergency) == "true", Reason: r.Reason != nil, Signed: r.Signature != nil}
	if slices.Contains([]string{actApprove, actRefuse, actReview}, a.Act) && r.Approver != "" {
		a.By = string(r.Approver)
	}
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
