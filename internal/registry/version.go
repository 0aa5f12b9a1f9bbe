// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"time"
	"unicode/utf8"

	"github.com/counterfoil/counterfoil/internal/ledger"
)

// Describe describes a system or use case, or describes it anew. The text is that
// of a [Description]. What is in service goes on under its old description until
// another person confirms the new one: see [Registry.SetStatus].
func (r *Registry) Describe(ctx context.Context, by By, kind, name string, text []byte, reason string) (System, error) {
	d, err := ParseDescription(text)
	if err != nil {
		return System{}, err
	}
	if len(text) > MaxContent || !utf8.Valid(text) {
		return System{}, invalid("", "the description is not text of at most %d bytes", MaxContent)
	}
	a := &Act{act: act{Act: ledger.ActDescribe, Kind: kind, Name: name, Digest: Digest(text), Risk: d.Risk, Bytes: int64(len(text))}}
	private := map[string]any{"content": string(text), "owner": map[string]any{"person": d.Owner.Person, "team": d.Owner.Team}, "reason": reason}
	g, err := r.write(ctx, by, a, private, func(g *Register, a *Act) error {
		a.Version = g.state.systems[name].next()
		return nil
	})
	if err != nil {
		return System{}, err
	}
	return g.systems[name], nil
}

// SetStatus puts a system into service, suspends it at once, resumes or retires
// it. For a system in service, in_service with the number of the description that
// waits confirms that description.
func (r *Registry) SetStatus(ctx context.Context, by By, name, status, description, reason string) (System, error) {
	if status == Suspended && isBlank(reason) {
		return System{}, invalid("say why: it is kept private", "a suspension needs a reason")
	}
	a := &Act{act: act{Act: ledger.ActStatus, Kind: kindSystem, Name: name, Status: status, Version: description}}
	g, err := r.write(ctx, by, a, map[string]any{"reason": reason}, func(g *Register, a *Act) error {
		if y := g.state.systems[name]; y != nil {
			a.Kind = y.Kind
		}
		return nil
	})
	if err != nil {
		return System{}, err
	}
	return g.systems[name], nil
}

// Spec is a version to be added: its content, or where the content is and its
// digest.
type Spec struct {
	Kind, Name, Version string
	System              string // that it is for; empty: any
	Parent              string // version that it was made from
	Media               string
	Content             string
	Ref, Digest         string
	Note                string // what changed
}

// Add proposes a version. Its author is who acts.
func (r *Registry) Add(ctx context.Context, by By, s Spec) (Version, error) {
	private := map[string]any{"reason": s.Note}
	digest := s.Digest
	switch {
	case s.Content == "" && (s.Ref == "" || s.Digest == ""):
		return Version{}, invalid("send content, or ref and digest", "a version needs content")
	case s.Content != "" && (s.Ref != "" || s.Digest != "" && s.Digest != Digest([]byte(s.Content))):
		return Version{}, invalid("send content, or ref and digest", "the version has content, and another one elsewhere")
	case len(s.Content) > MaxContent:
		return Version{}, invalid("keep it elsewhere and send ref and digest", "the content is larger than %d bytes", MaxContent)
	case !utf8.ValidString(s.Content):
		return Version{}, invalid("keep it elsewhere and send ref and digest", "the content is not text in UTF-8")
	case s.Kind == "control" && s.Content == "":
		return Version{}, invalid("send its content", "a control can not be kept elsewhere: it is run here")
	case s.Content != "":
		digest, private["content"] = Digest([]byte(s.Content)), s.Content
	default:
		private["ref"] = s.Ref
	}
	a := &Act{System: s.System, act: act{Act: ledger.ActAdd, Kind: s.Kind, Name: s.Name, Version: s.Version, Digest: digest, Parent: s.Parent, Media: s.Media, Bytes: int64(len(s.Content))}}
	if s.Kind == "control" {
		if err := r.cfg.CheckControl([]byte(s.Content)); err != nil {
			return Version{}, err
		}
	}
	return r.change(ctx, by, a, private, nil)
}

// change writes an act about a version.
func (r *Registry) change(ctx context.Context, by By, a *Act, private map[string]any, prepare func(*Register, *Act) error) (Version, error) {
	g, err := r.write(ctx, by, a, private, prepare)
	if err != nil {
		return Version{}, err
	}
	return g.Version(a.Kind, a.Name, a.Version)
}

// Vote is a person's yes or no to a version, or the wish to put it into force. It
// names the digest that the person has looked at.
type Vote struct {
	Kind, Name, Version string
	Digest              string
	Reason              string
	Signature           *Signature // of an approval
}

func (v *Vote) act(word string) *Act {
	return &Act{act: act{Act: word, Kind: v.Kind, Name: v.Name, Version: v.Version, Digest: v.Digest, Signature: v.Signature}}
}

// Approve counts a person's approval. A control is checked once more.
func (r *Registry) Approve(ctx context.Context, by By, v Vote) (Version, error) {
	return r.change(ctx, by, v.act(ledger.ActApprove), map[string]any{"reason": v.Reason}, func(g *Register, a *Act) error {
		if known := g.state.versions[a.ref()]; known != nil {
			a.System, a.Request = known.System, known.Record
		}
		if a.Kind != "control" {
			return nil
		}
		c, err := r.Show(ctx, v.Kind, v.Name, v.Version)
		if err != nil {
			return err
		}
		text, err := c.must()
		if err != nil {
			return err
		}
		return r.cfg.CheckControl(text)
	})
}

// Refuse ends a proposal.
func (r *Registry) Refuse(ctx context.Context, by By, v Vote) (Version, error) {
	v.Signature = nil
	return r.change(ctx, by, v.act(ledger.ActRefuse), map[string]any{"reason": v.Reason}, r.about)
}

// about fills in what the register knows of a version.
func (r *Registry) about(g *Register, a *Act) error {
	if known := g.state.versions[a.ref()]; known != nil {
		a.System, a.Request = known.System, known.Record
		if a.Digest == "" {
			a.Digest = known.Digest
		}
	}
	return nil
}

// reviewIn is how many working days after an emergency it must be reviewed.
const reviewIn = 5

// Promote puts an approved version into force in an environment, in the place of
// the one before. In an emergency it need not be approved yet: somebody who did
// not write it promotes it, and another person reviews that.
func (r *Registry) Promote(ctx context.Context, by By, v Vote, env string, emergency bool) (Version, error) {
	if emergency && isBlank(v.Reason) {
		return Version{}, invalid("say why: it is kept private", "an emergency needs a reason")
	}
	a := v.act(ledger.ActPromote)
	a.Environment, a.Emergency, a.Signature = env, emergency, nil
	if emergency {
		a.Due = workingDays(r.cfg.Now(), reviewIn)
	}
	return r.change(ctx, by, a, map[string]any{"reason": v.Reason}, r.about)
}

// workingDays is the end of the n-th working day after a time, in UTC.
func workingDays(from time.Time, n int) time.Time {
	day := from.UTC().Truncate(24 * time.Hour)
	for n > 0 {
		day = day.AddDate(0, 0, 1)
		if w := day.Weekday(); w != time.Saturday && w != time.Sunday {
			n--
		}
	}
	return day.AddDate(0, 0, 1).Add(-time.Second)
}

// Rollback puts back the version that was in force before, in one act.
func (r *Registry) Rollback(ctx context.Context, by By, kind, name, env, reason string) (Version, error) {
	if isBlank(reason) {
		return Version{}, invalid("say why: it is kept private", "a rollback needs a reason")
	}
	a := &Act{act: act{Act: ledger.ActRollback, Kind: kind, Name: name, Environment: env}}
	var put string
	out, err := r.write(ctx, by, a, map[string]any{"reason": reason}, func(g *Register, a *Act) error {
		v := g.state.previous(env, kind, name)
		if v == nil {
			return conflict("promote another version", "there is no version of %s %s to put back in %s", kind, name, env)
		}
		a.Parent = g.state.places[placeKey(env, kind, name)].current()
		a.Version, a.Digest, a.System, put = v.Version, v.Digest, v.System, v.Version
		return nil
	})
	if err != nil {
		return Version{}, err
	}
	return out.Version(kind, name, put)
}

// Retire ends a version that is in force nowhere.
func (r *Registry) Retire(ctx context.Context, by By, v Vote) (Version, error) {
	v.Signature = nil
	return r.change(ctx, by, v.act(ledger.ActRetire), map[string]any{"reason": v.Reason}, r.about)
}

// Review judges, as another person, a promotion in an emergency.
func (r *Registry) Review(ctx context.Context, by By, v Vote, accept bool) (Version, error) {
	v.Signature = nil
	a := v.act(ledger.ActReview)
	a.Status = "rejected"
	if accept {
		a.Status = "accepted"
	}
	return r.change(ctx, by, a, map[string]any{"reason": v.Reason}, r.about)
}
