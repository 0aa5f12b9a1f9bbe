// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"regexp"
	"slices"
	"strings"

	"github.com/counterfoil/counterfoil/internal/ledger"
)

var (
	nameForm    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,89}$`)
	versionForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:+-]{0,89}$`)
	digestForm  = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
)

func forbidden(hint, format string, args ...any) error {
	return fault(ledger.Forbidden, hint, format, args...)
}

func conflict(hint, format string, args ...any) error {
	return fault(ledger.Conflict, hint, format, args...)
}

func invalid(hint, format string, args ...any) error {
	return fault(ledger.Invalid, hint, format, args...)
}

// check holds an act against the rules in a state of the register. It is pure.
// signed says that approvals must carry a signature there.
func check(s *state, a *Act, signed bool) error {
	if !nameForm.MatchString(a.Name) {
		return invalid("use up to 90 letters, digits and . _ : -", "%q is not a name", a.Name)
	}
	switch a.Act {
	case ledger.ActDescribe:
		return checkDescribe(s.systems[a.Name], a)
	case ledger.ActStatus:
		return checkStatus(s.systems[a.Name], a)
	case ledger.ActAddKey, ledger.ActConfirmKey, ledger.ActDropKey:
		return checkKey(s.keys[a.Name+"/"+a.Version], a)
	}
	if !slices.Contains(Kinds, a.Kind) {
		return invalid("use one of "+strings.Join(Kinds, ", "), "%q is not a kind of version", a.Kind)
	}
	if !versionForm.MatchString(a.Version) {
		return invalid("use up to 90 letters, digits and . _ : + -", "%q is not a version", a.Version)
	}
	v := s.versions[a.ref()]
	if a.Act == ledger.ActAdd {
		return checkAdd(s, v, a)
	}
	if v == nil {
		return fault(ledger.NotFound, "counterfoil version list shows those that were added", "there is no %s %s", a.Kind, a.target())
	}
	switch a.Act {
	case ledger.ActApprove, ledger.ActRefuse:
		return checkVote(s, v, a, signed)
	case ledger.ActPromote:
		return checkPromote(s, v, a)
	case ledger.ActRollback:
		return checkRollback(s, a)
	case ledger.ActRetire:
		return checkRetire(s, v, a)
	case ledger.ActReview:
		return checkReview(v, a, signed)
	}
	return invalid("", "%q is not an act of the register", a.Act)
}

func checkDescribe(y *system, a *Act) error {
	switch {
	case a.Kind != kindSystem && a.Kind != kindUseCase:
		return invalid("use system or use_case", "%q is not a kind of what is described", a.Kind)
	case y == nil:
		return nil
	case y.Kind != a.Kind:
		return conflict("choose another name", "%s is a %s", a.Name, y.Kind)
	case y.Status == Retired:
		return conflict("describe a new one under another name", "%s is retired", a.Name)
	}
	return nil
}

func checkStatus(y *system, a *Act) error {
	if y == nil {
		return fault(ledger.NotFound, "counterfoil system list shows those that there are", "there is no system %q", a.Name)
	}
	confirms := y.Pending
	if confirms != nil && a.Version != confirms.Version {
		confirms = nil
	}
	next := y.Description
	if confirms != nil {
		next = *confirms
	}
	switch {
	case y.Status == Retired:
		return conflict("describe a new one under another name", "%s is retired", a.Name)
	case a.Version != "" && a.Status != InService:
		return invalid("confirm it with in_service", "a description is confirmed by putting it into service")
	case a.Version != "" && confirms == nil && a.Version != y.Description.Version:
		return conflict("look at the system again", "description %s of %s does not wait", a.Version, a.Name)
	case a.Status == Retired && y.Status != Retired:
		return nil
	case a.Status == Suspended && y.Status == InService:
		return nil
	case a.Status != InService:
		return conflict("", "%s is %s, and can not become %s", a.Name, y.Status, a.Status)
	case y.Status == InService && confirms == nil:
		return conflict("", "%s is in service, and no description waits", a.Name)
	case next.Risk == "prohibited":
		return conflict("it may be recorded, and must not be used", "%s is of the risk class prohibited", a.Name)
	case y.Status == Draft && a.Actor == y.Description.Actor, confirms != nil && a.Actor == confirms.Actor:
		return forbidden("a second person must do it", "who describes a system does not put it into service")
	case y.Status == Suspended && a.Actor == y.By:
		return forbidden("a second person must do it", "who suspends a system does not resume it")
	}
	return nil
}

func checkAdd(s *state, old *version, a *Act) error {
	if old != nil && old.Digest == a.Digest {
		return conflict("it is the same content", "%s %s is there already", a.Kind, a.target())
	}
	if old != nil {
		return conflict("a version names one content for ever; give the new content a version of its own", "%s %s is there with other content", a.Kind, a.target())
	}
	if !digestForm.MatchString(a.Digest) {
		return invalid("write it as sha256: and 64 hex digits", "%q is not a digest", a.Digest)
	}
	if a.System != "" {
		if y := s.systems[a.System]; y == nil || y.Status == Retired {
			return fault(ledger.NotFound, "describe it first: counterfoil system describe", "there is no system %q in use", a.System)
		}
	}
	if a.Parent != "" && s.versions[a.Kind+"/"+a.Name+"@"+a.Parent] == nil {
		return fault(ledger.NotFound, "name a version of the same name that was added", "there is no %s %s@%s", a.Kind, a.Name, a.Parent)
	}
	return nil
}

// isOpen refuses acts about what was refused or retired.
func (v *version) isOpen() error {
	switch v.Status {
	case Refused:
		return forbidden("add the content again as another version", "%s@%s was refused", v.Name, v.Version)
	case Retired:
		return conflict("add the content again as another version", "%s@%s is retired", v.Name, v.Version)
	}
	return nil
}

func checkVote(s *state, v *version, a *Act, signed bool) error {
	if err := v.isOpen(); err != nil {
		return err
	}
	switch {
	case a.Digest != v.Digest:
		return forbidden("look at the content again: counterfoil version show", "the approval is of another digest than %s@%s has", a.Name, a.Version)
	case a.Act == ledger.ActRefuse && v.Status == Approved:
		return conflict("retire it", "%s@%s is approved", a.Name, a.Version)
	case a.Act == ledger.ActRefuse:
		return nil
	case a.Actor == v.Author:
		return forbidden("a second person must do it", "who wrote a version does not approve it")
	case v.approvedBy(a.Actor):
		return forbidden("a second person must do it", "you have approved %s@%s already", a.Name, a.Version)
	case s.risk(v.System) == "prohibited":
		return forbidden("", "the system %s is of the risk class prohibited", v.System)
	case v.Status == Approved && len(v.Approvals) >= s.needed(v.System):
		return conflict("", "%s@%s is approved by all who must", a.Name, a.Version)
	case a.Signature != nil:
		return checkSignature(s, a)
	case signed:
		return forbidden("counterfoil version approve --sign key.pem", "approvals of %s@%s must be signed by the approver's own key", a.Name, a.Version)
	}
	return nil
}

// approved says whether enough people have approved a version for the risk class
// that its systems have now.
func (s *state) approved(v *version) bool {
	return v.Status == Approved && len(v.Approvals) >= s.needed(v.System)
}

func checkPromote(s *state, v *version, a *Act) error {
	if err := v.isOpen(); err != nil {
		return err
	}
	if !slices.Contains(Environments, a.Environment) {
		return invalid("use one of "+strings.Join(Environments, ", "), "%q is not an environment", a.Environment)
	}
	if s.places[placeKey(a.Environment, a.Kind, a.Name)].current() == a.Version {
		return conflict("", "%s is in force in %s already", a.target(), a.Environment)
	}
	switch {
	case s.risk(v.System) == "prohibited":
		return forbidden("", "the system %s is of the risk class prohibited", v.System)
	case a.Digest != v.Digest:
		return forbidden("look at the content again: counterfoil version show", "the promotion is of another digest than %s has", a.target())
	case !a.Emergency && !s.approved(v):
		return conflict("have it approved first, or promote it in an emergency", "%s has %d of %d approvals", a.target(), len(v.Approvals), s.needed(v.System))
	case !a.Emergency:
		return nil
	case s.approved(v):
		return conflict("promote it as usual", "%s is approved", a.target())
	case v.Emergency != nil:
		return conflict("have it reviewed, or approved", "%s was promoted in an emergency before", a.target())
	case a.Actor == v.Author:
		return forbidden("a second person must do it", "who wrote a version does not promote it in an emergency")
	}
	return nil
}

// previous is what a rollback puts back: the version that was promoted before the
// one in force and is not retired.
func (s *state) previous(env, kind, name string) *version {
	p := s.places[placeKey(env, kind, name)]
	if p.current() == "" {
		return nil
	}
	for _, old := range slices.Backward(p.Stack) {
		v := s.versions[kind+"/"+name+"@"+old]
		if old != p.current() && v.isOpen() == nil && (v.Emergency == nil || v.Emergency.Verdict != "rejected") {
			return v
		}
	}
	return nil
}

func checkRollback(s *state, a *Act) error {
	v := s.previous(a.Environment, a.Kind, a.Name)
	if v == nil || v.Version != a.Version || v.Digest != a.Digest {
		return conflict("look at its history and try again", "the version before is another one now")
	}
	return nil
}

func checkRetire(s *state, v *version, a *Act) error {
	if v.Status == Retired {
		return conflict("", "%s is retired", a.target())
	}
	for _, env := range Environments {
		if s.places[placeKey(env, a.Kind, a.Name)].current() == a.Version {
			return conflict("promote another version, or roll back, first", "%s is in force in %s", a.target(), env)
		}
	}
	return nil
}

// checkReview judges who reviews an emergency. Its acceptance counts as approvals,
// so where these must be signed, they come first.
func checkReview(v *version, a *Act, signed bool) error {
	e := v.Emergency
	switch {
	case e == nil || e.Verdict != "":
		return conflict("", "no emergency of %s waits for review", a.target())
	case a.Status != "accepted" && a.Status != "rejected":
		return invalid("use accepted or rejected", "%q is not the result of a review", a.Status)
	case a.Actor == e.Actor || a.Actor == v.Author:
		return forbidden("another person must do it", "neither who wrote a version nor who promoted it reviews the emergency")
	case signed && a.Status == "accepted" && v.Status != Approved:
		return conflict("have it approved with signatures first", "approvals of %s must be signed by the approvers' own keys", a.target())
	}
	return nil
}
