// SPDX-License-Identifier: Apache-2.0

package inquiry

import (
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/api"
)

// trial judges acts by what stands before and behind them in the log. The order
// of the log counts, and not the times that records give: it can not be made up
// afterwards.
type trial struct {
	versions map[subject]*history
	risks    map[string][]*act // what describes a system, in the order of the log
}

func newTrial(acts []act) *trial {
	t := &trial{versions: map[subject]*history{}, risks: map[string][]*act{}}
	for n := range acts {
		a := &acts[n]
		if a.Kind == "system" {
			if a.Act == actDescribe && a.risk != "" {
				name := systemOf(a)
				t.risks[name] = append(t.risks[name], a)
			}
			continue
		}
		h := t.versions[a.subject()]
		if h == nil {
			h = &history{}
			t.versions[a.subject()] = h
		}
		switch {
		case a.proposes() && h.proposed == nil: // the same again changes nothing
			h.proposed = a
		case a.Act == actApprove:
			h.approvals = append(h.approvals, a)
		case a.Act == actRefuse:
			h.refusals = append(h.refusals, a)
		case a.Act == actReview:
			h.reviews = append(h.reviews, a)
		}
	}
	return t
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

// promotion is what is wrong with a promotion, or with a rollback, which
// promotes as well.
func (t *trial) promotion(a *act) []api.ChangeDefect {
	h := t.versions[a.subject()]
	defect := api.ChangeDefect{Act: a.RegistryAct, Author: h.author()}
	var out []api.ChangeDefect
	add := func(code string) {
		d := defect
		d.Code = code
		out = append(out, d)
	}
	if h.proposed == nil || a.at.before(h.proposed.at) {
		add(api.DefectUnproposed)
	} else if h.digest(a) != h.proposed.Digest {
		add(api.DefectOther)
	}
	for _, r := range h.refusals {
		if r.at.before(a.at) {
			add(api.DefectRefused)
			break
		}
	}
	defect.Need = t.need(a)
	who := map[string]bool{}
	for _, p := range h.approvals {
		switch {
		case h.digest(p) != h.digest(a) || h.author() != "" && p.By == h.author():
		case p.at.before(a.at):
			who[p.By] = true
		default:
			defect.Late = append(defect.Late, p.RegistryAct)
		}
	}
	if defect.Have = len(who); defect.Have < defect.Need {
		add(api.DefectUnapproved)
	}
	return out
}

// need is how many approvals a promotion takes: two where the system's risk was
// high by then, one otherwise, and one in an emergency.
func (t *trial) need(a *act) int {
	h := t.versions[a.subject()]
	risk, system := a.risk, a.system
	if h.proposed != nil {
		if risk == "" {
			risk = h.proposed.risk
		}
		if system == "" {
			system = h.proposed.system
		}
	}
	if risk == "" {
		for _, d := range t.risks[system] {
			if d.at.before(a.at) {
				risk = d.risk
			}
		}
	}
	if risk == "high" && !a.Emergency {
		return 2
	}
	return 1
}

// emergency is what became of the review of a promotion in an emergency: the
// first review behind it counts, by somebody else if there is one.
func (t *trial) emergency(a *act, now time.Time) api.Emergency {
	h := t.versions[a.subject()]
	out := api.Emergency{Act: a.RegistryAct, Author: h.author()}
	for _, r := range h.reviews {
		if !a.at.before(r.at) {
			continue
		}
		if other := r.By != a.By; other || out.Review == nil {
			out.Review = &r.RegistryAct
			if other {
				break
			}
		}
	}
	switch {
	case out.Review != nil && out.Review.By == a.By:
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

// systemOf is the system that an act of the kind system is about.
func systemOf(a *act) string {
	name, _, _ := strings.Cut(a.Version, "@")
	return name
}
