// SPDX-License-Identifier: Apache-2.0

package inquiry

import (
	"context"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// The states of a system in which it must not decide.
const (
	suspended = "suspended"
	retired   = "retired"
)

// period is a time in which a system must not decide, by the order of the log
// and by the clock.
type period struct {
	began *act
	ended *act // nil: it has not ended
	api.Period
}

// listed is where an answer lists a decision.
type listed struct {
	in *period
	n  int
}

// Suspension says when a system was suspended or retired, by whom, and what it
// decided then.
//
// A decision was made in a period when its source says so by its time, whenever
// it was recorded behind the act; one that was recorded in the period and says
// that it was made before is counted apart, because only its source says so.
func (i *Inquirer) Suspension(ctx context.Context, system string, within *ledger.Bounds) (*api.Suspension, error) {
	if system == "" {
		return nil, fault(ledger.Invalid, "name a system, as the register has it", "a suspension is that of a system")
	}
	v, err := i.look(ctx, within)
	if err != nil {
		return nil, err
	}
	acts, err := v.statusActs(ctx, system)
	if err != nil {
		return nil, err
	}
	out := &api.Suspension{Basis: v.Basis, System: system, Acts: []api.RegistryAct{}, Periods: []api.Period{}}
	for _, a := range acts {
		out.Acts = append(out.Acts, a.RegistryAct)
		out.Status = a.Status
	}
	all := periods(acts)
	if len(all) == 0 {
		return out, nil
	}
	late, err := v.decided(ctx, all, system, i.cfg.Most)
	if err != nil {
		return nil, err
	}
	if err := v.followed(ctx, all, late); err != nil {
		return nil, err
	}
	for _, p := range all {
		out.Made += p.Made
		out.Periods = append(out.Periods, p.Period)
	}
	return out, nil
}

// statusActs are the acts that gave a system its status. One that confirms a new
// description gives it the same again.
func (v *view) statusActs(ctx context.Context, system string) ([]act, error) {
	return v.acts(ctx, func(r *registry) bool {
		return string(r.Act) == ledger.ActStatus && isSystem(r) && string(r.Name) == system
	})
}

// periods are the times in which a system was suspended or retired.
func periods(acts []act) []*period {
	var out []*period
	var now *period
	for n := range acts {
		a := &acts[n]
		if now != nil && now.Status == a.Status {
			continue
		}
		if now != nil {
			now.ended, now.Ended = a, &a.RegistryAct
			now = nil
		}
		if a.Status == suspended || a.Status == retired {
			now = &period{began: a}
			now.Period = api.Period{Status: a.Status, Began: a.RegistryAct, Decisions: []api.LateDecision{}, Informed: []api.FollowUp{}}
			out = append(out, now)
		}
	}
	return out
}

// decided counts what a system decided in each period, in one walk, and says
// where the decisions are listed.
func (v *view) decided(ctx context.Context, all []*period, system string, most int) (map[string][]listed, error) {
	late := map[string][]listed{}
	q := ledger.Query{Type: string(record.Decision), System: system}
	err := v.Each(ctx, q, all[0].began.at, func(at spot, leaf []byte) error {
		s, err := parse(at, leaf)
		if err != nil {
			return err
		}
		for _, p := range all {
			if at.Before(p.began.at) {
				break
			}
			if !p.count(at, s) {
				continue
			}
			if len(p.Decisions) == most {
				p.More = true
				continue
			}
			id := string(s.ID)
			late[id] = append(late[id], listed{p, len(p.Decisions)})
			p.Decisions = append(p.Decisions, api.LateDecision{Place: v.place(at, s), Recorded: s.Recorded.Time, Env: s.env(),
				Outcome: string(s.Decision.Outcome), Findings: []api.FollowUp{}})
		}
		return nil
	})
	return late, err
}

// count counts a decision that stands behind the act that began the period. It
// answers whether it was made in the period.
func (p *period) count(at spot, s *statement) bool {
	recorded := p.ended == nil || at.Before(p.ended.at)
	within := !s.when().Before(p.began.Time) && (p.ended == nil || s.when().Before(p.ended.Time))
	switch {
	case !recorded && !within:
		return false
	case !s.made():
		p.Attempts++
		return false
	case recorded && s.when().Before(p.began.Time):
		p.Backdated++
		return false
	}
	p.Made++
	if p.ByEnv == nil {
		p.ByEnv = map[string]int64{}
	}
	p.ByEnv[s.env()]++
	return true
}

// followed adds what the log has about the decisions of periods, and who was
// told of the acts.
func (v *view) followed(ctx context.Context, all []*period, late map[string][]listed) error {
	for _, p := range all {
		err := v.Each(ctx, ledger.Query{Type: string(record.Notice), About: p.Began.ID}, p.began.at, func(at spot, leaf []byte) error {
			f, err := v.followUp(at, leaf)
			p.Informed = append(p.Informed, f)
			return err
		})
		if err != nil {
			return err
		}
	}
	if len(late) == 0 {
		return nil
	}
	return v.Each(ctx, ledger.Query{Type: string(record.Finding)}, all[0].began.at, func(at spot, leaf []byte) error {
		f, err := v.followUp(at, leaf)
		for _, w := range late[f.About] {
			d := &w.in.Decisions[w.n]
			d.Findings = append(d.Findings, f)
		}
		return err
	})
}

// followUp reads a finding or a notice.
func (v *view) followUp(at spot, leaf []byte) (api.FollowUp, error) {
	s, err := parse(at, leaf)
	if err != nil {
		return api.FollowUp{}, err
	}
	f := api.FollowUp{Place: v.place(at, s), About: string(s.About), Code: string(s.Finding.Code), Status: string(s.Finding.Status), Severity: string(s.Finding.Severity)}
	if f.Code == "" {
		f.Code = string(s.Notice.Kind)
	}
	return f, nil
}
