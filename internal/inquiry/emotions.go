// SPDX-License-Identifier: Apache-2.0

package inquiry

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// Parts of codes that name emotions, and people at work.
var (
	emotionWords  = []string{"emotion", "emotions", "emotional"}
	employeeWords = []string{"employee", "employees", "staff", "worker", "workplace", "agent", "agents", "colleague"}
	customerWords = []string{"customer", "customers", "caller", "callers"}
)

// audience is where emotions of somebody are inferred.
type audience struct{ system, of string }

// reading is how that was done.
type reading struct {
	first, last api.Place
	records     int64
	talks       map[string]bool
	cases       map[string]bool
}

// emotions says where emotions are inferred, and whether people were told:
// question 18.
func emotions(ctx context.Context, a *asking) error {
	a.columns("system", "audience", "risk", "use_cases", "records", "interactions", "told", "notice_rate", "first", "last")
	a.figures("systems", "prohibited", "no_notice", "risk_unknown")
	found := map[audience]*reading{}
	told := map[string]bool{} // by interaction
	of := map[string]string{} // the interaction of a record that infers emotions
	see := func(at spot, s *statement) error {
		who, ok := s.emotion()
		if !ok || !a.covers(s.Time.Time) {
			return nil
		}
		r := found[who]
		if r == nil {
			r = &reading{first: a.place(at, s), talks: map[string]bool{}, cases: map[string]bool{}}
			found[who] = r
		}
		r.last = a.place(at, s)
		r.records++
		if id := string(cmp.Or(s.Interaction.ID, s.ID)); id != "" {
			r.talks[id], of[string(s.ID)] = true, id
		}
		if s.UseCase != "" {
			r.cases[string(s.UseCase)] = true
		}
		return nil
	}
	for _, kind := range []record.Type{record.Decision, record.Step} {
		if err := a.sift(ctx, ledger.Query{Type: string(kind), System: a.System, Env: a.Env}, spelled(emotionWords), see); err != nil {
			return err
		}
	}
	err := a.walk(ctx, ledger.Query{Type: string(record.Notice)}, func(_ spot, s *statement) error {
		if hasPart(string(s.Notice.Kind), emotionWords...) {
			told[cmp.Or(string(s.Interaction.ID), of[string(s.About)])] = true
		}
		return nil
	})
	if err != nil {
		return err
	}
	known, err := a.register(ctx)
	if err != nil {
		return err
	}
	for _, who := range slices.SortedFunc(maps.Keys(found), func(x, y audience) int {
		return cmp.Or(cmp.Compare(x.system, y.system), cmp.Compare(x.of, y.of))
	}) {
		a.emotion(who, found[who], told, known)
	}
	return nil
}

// emotion says whether a record infers emotions, in which system, and of whom.
// Its inputs, its kind and its use case tell; that it is about text does not
// count, because sentiment is not called emotion.
func (s *statement) emotion() (audience, bool) {
	codes := []string{string(s.Decision.Kind), string(s.UseCase)}
	for _, i := range s.Inputs {
		codes = append(codes, string(i.Category), string(i.Name))
	}
	who, found := audience{string(s.System), "unknown"}, false
	for _, c := range codes {
		found = found || hasPart(c, emotionWords...)
	}
	for _, c := range codes {
		switch {
		case hasPart(c, emotionWords...) && hasPart(c, employeeWords...), hasPart(c, employeeWords[:4]...):
			who.of = "employee"
		case who.of == "unknown" && hasPart(c, customerWords...):
			who.of = "customer"
		}
	}
	return who, found
}

func (a *asking) emotion(who audience, r *reading, told map[string]bool, known risks) {
	a.answer.Looked++
	a.add("systems", 1)
	n := 0.0
	for id := range r.talks {
		if told[id] {
			n++
		}
	}
	v := map[string]any{"audience": who.of, "records": r.records, "interactions": len(r.talks), "told": n, "notice_rate": share(n, float64(len(r.talks)))}
	if who.system != "" {
		v["system"] = who.system
	}
	if len(r.cases) > 0 {
		v["use_cases"] = slices.Sorted(maps.Keys(r.cases))
	}
	clock(v, "first", r.first.Time)
	clock(v, "last", r.last.Time)
	var faults []string
	if d := known[who.system]; d != nil && d.risk != "" {
		v["risk"] = d.risk
	} else {
		faults = append(faults, "risk_unknown")
	}
	if who.of == "employee" {
		faults = append(faults, "prohibited")
	}
	if n < float64(len(r.talks)) {
		faults = append(faults, "no_notice")
	}
	a.put(&r.first, faults, v)
}

// register is what the register's acts say about systems.
func (a *asking) register(ctx context.Context) (risks, error) {
	acts, err := a.acts(ctx, func(r *registry) bool { return r.Kind == "system" })
	known := risks{}
	for n := range acts {
		known.see(&acts[n])
	}
	return known, err
}
