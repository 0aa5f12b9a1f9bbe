// SPDX-License-Identifier: Apache-2.0

package inquiry

import (
	"time"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

// trial judges acts by what stands before and behind them in the log. The order
// of the log counts, and not the times that records give: it can not be made up
// afterwards.
type trial struct {
	versions map[subject]*history
	needs    map[*act]int // of promotions
}

// history is what became of one version, in the order of the log.
type history struct {
	proposed  *act
	approvals []vote
	refusals  []*act
	reviews   []*act
	emergency *act
	inForce   map[string]spot // by environment: where it first was
}

// vote is a person's yes to a digest.
type vote struct {
	*act
	by, digest string
}

// author is who proposed the version; empty: nobody did.
func (h *history) author() string {
	if h.proposed == nil {
		return ""
	}
	return h.proposed.By
}

// digest is what an act is about: what it names, or else what was proposed.
func (h *history) digest(a *act) string {
	if a.Digest == "" && h.proposed != nil {
		return h.proposed.Digest
	}
	return a.Digest
}

// promotes says whether the act puts a version in force.
func (a *act) promotes() bool { return a.Act == ledger.ActPromote || a.Act == ledger.ActRollback }

func newTrial(acts []act) *trial {
	t := &trial{versions: map[subject]*history{}, needs: map[*act]int{}}
	risks := risks{}
	for n := range acts {
		a := &acts[n]
		if a.Act == ledger.ActDescribe || a.Act == ledger.ActStatus {
			risks.see(a)
			continue
		}
		h := t.versions[a.subject()]
		if h == nil {
			h = &history{inForce: map[string]spot{}}
			t.versions[a.subject()] = h
		}
		h.see(a)
		if a.promotes() {
			system := a.system
			if system == "" && h.proposed != nil {
				system = h.proposed.system
			}
			t.needs[a] = risks.need(system)
		}
	}
	return t
}

// see adds the next act on the version.
func (h *history) see(a *act) {
	switch {
	case a.Act == ledger.ActAdd && h.proposed == nil: // the same again changes nothing
		h.proposed = a
	case a.Act == ledger.ActApprove:
		h.approvals = append(h.approvals, vote{a, a.By, h.digest(a)})
	case a.Act == ledger.ActRefuse:
		h.refusals = append(h.refusals, a)
	case a.promotes():
		if _, ok := h.inForce[a.Environment]; !ok {
			h.inForce[a.Environment] = a.at
		}
		if a.Emergency && h.emergency == nil {
			h.emergency = a
		}
	case a.Act == ledger.ActReview:
		h.reviews = append(h.reviews, a)
		// Who promoted it in an emergency, and who accepted that, have both
		// approved it by then.
		if e := h.emergency; e != nil && a.Status == "accepted" && a.By != e.By {
			h.approvals = append(h.approvals, vote{a, e.By, h.digest(e)}, vote{a, a.By, h.digest(e)})
		}
	}
}

// approval is what is wrong with an approval.
func (t *trial) approval(a *act) []api.ChangeDefect {
	h := t.versions[a.subject()]
	var out []api.ChangeDefect
	if h.proposed != nil && h.proposed.By == a.By {
		out = append(out, api.ChangeDefect{Code: api.DefectAuthor, Act: a.RegistryAct, Author: h.author()})
	}
	if h.proposed != nil && h.digest(a) != h.proposed.Digest {
		out = append(out, api.ChangeDefect{Code: api.DefectOtherApproved, Act: a.RegistryAct, Author: h.author()})
	}
	return out
}

// promotion is what is wrong with a promotion. A rollback to what was in force
// there before is no new change; to anything else it is a promotion.
func (t *trial) promotion(a *act) []api.ChangeDefect {
	h := t.versions[a.subject()]
	var codes []string
	if h.proposed == nil || a.at.Before(h.proposed.at) {
		codes = append(codes, api.DefectUnproposed)
	} else if h.digest(a) != h.proposed.Digest {
		codes = append(codes, api.DefectOther)
	}
	defect := api.ChangeDefect{Act: a.RegistryAct, Author: h.author()}
	if back := a.Act == ledger.ActRollback && h.inForce[a.Environment].Before(a.at); !back {
		if len(h.refusals) > 0 && h.refusals[0].at.Before(a.at) {
			codes = append(codes, api.DefectRefused)
		}
		switch {
		case a.Emergency && a.By == h.author():
			codes = append(codes, api.DefectOwnEmergency)
		case !a.Emergency:
			defect.Need = t.needs[a]
			if defect.Have, defect.Late = h.votes(a); defect.Have < defect.Need {
				codes = append(codes, api.DefectUnapproved)
			}
		}
	}
	var out []api.ChangeDefect
	for _, code := range codes {
		d := defect
		d.Code = code
		out = append(out, d)
	}
	return out
}

// votes counts the people other than the author who had approved the digest of
// a promotion before it, and lists the approvals that came afterwards.
func (h *history) votes(a *act) (have int, late []api.RegistryAct) {
	who := map[string]bool{}
	for _, v := range h.approvals {
		switch {
		case v.digest != h.digest(a) || h.author() != "" && v.by == h.author():
		case v.at.Before(a.at):
			who[v.by] = true
		case v.by == v.By:
			late = append(late, v.RegistryAct)
		}
	}
	return len(who), late
}

// emergency is what became of the review of a promotion in an emergency: the
// first review behind it counts, by somebody else if there is one.
func (t *trial) emergency(a *act, now time.Time) api.Emergency {
	h := t.versions[a.subject()]
	out := api.Emergency{Act: a.RegistryAct, Author: h.author()}
	own := false
	for _, r := range h.reviews {
		if !a.at.Before(r.at) {
			continue
		}
		self := r.By == a.By || r.By == h.author()
		if out.Review == nil || !self {
			out.Review, own = &r.RegistryAct, self
		}
		if !self {
			break
		}
	}
	switch {
	case own:
		out.State = "own"
	case out.Review != nil && a.Due != nil && out.Review.Recorded.After(*a.Due):
		out.State = "done_late"
	case out.Review != nil:
		out.State = "done"
	case a.Due == nil:
		out.State = "undated"
	case now.After(*a.Due):
		out.State = "overdue"
	default:
		out.State = "open"
	}
	return out
}
