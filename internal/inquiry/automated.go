// SPDX-License-Identifier: Apache-2.0

package inquiry

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// told is what somebody was told: an explanation or a notice.
type told struct {
	explanation
	id, kind string // the kind of a notice
	when     time.Time
}

// explained are the explanations for the persons concerned, by decision.
func (a *asking) explained(ctx context.Context) (map[string][]told, error) {
	return collect(ctx, a, ledger.Query{Type: string(record.Explanation)}, func(_ spot, s *statement) (string, told) {
		if s.Explanation.Audience != "" && s.Explanation.Audience != "subject" {
			return "", told{}
		}
		return string(s.About), told{explanation: s.Explanation, id: string(s.ID), when: s.Explanation.Delivered.Time}
	})
}

// notified are the notices, by what they are about.
func (a *asking) notified(ctx context.Context) (map[string][]told, error) {
	return collect(ctx, a, ledger.Query{Type: string(record.Notice)}, func(_ spot, s *statement) (string, told) {
		return string(s.About), told{id: string(s.ID), kind: string(s.Notice.Kind), when: s.Notice.Delivered.Or(s.Time.Time)}
	})
}

// listedRow waits until the rows that come before it are known.
type listedRow struct {
	where  api.Place
	faults []string
	values map[string]any
}

// automated lists the significant decisions that machines made alone, and what
// each person was told: question 11. Those without an explanation come first.
func automated(ctx context.Context, a *asking) error {
	a.columns("decided", "system", "outcome", "explanation", "delivered", "delay_s", "types", "notices", "rights_told")
	a.figures("decisions", "no_explanation", "not_delivered", "no_rights")
	explanations, err := a.explained(ctx)
	if err != nil {
		return err
	}
	notices, err := a.notified(ctx)
	if err != nil {
		return err
	}
	q := a.query(string(record.Decision))
	q.Automation, q.Significant, q.Status = "solely_automated", "yes", "made"
	var rest []listedRow
	err = a.walk(ctx, q, func(at spot, s *statement) error {
		a.answer.Looked++
		a.add("decisions", 1)
		r := listedRow{where: a.place(at, s)}
		r.faults, r.values = informed(s, explanations[string(s.ID)], notices[string(s.ID)])
		if slices.Contains(r.faults, "no_explanation") {
			a.put(&r.where, r.faults, r.values)
			return nil
		}
		if len(rest) == a.most { // it would be cut anyway
			a.answer.More = true
			for _, f := range r.faults {
				a.add(f, 1)
			}
			if len(r.faults) > 0 {
				a.answer.Wrong++
			}
			return nil
		}
		rest = append(rest, r)
		return nil
	})
	for n := range rest {
		a.put(&rest[n].where, rest[n].faults, rest[n].values)
	}
	return err
}

// informed says what somebody was told about a decision, and what is missing.
func informed(s *statement, explanations, notices []told) (faults []string, v map[string]any) {
	v = map[string]any{"rights_told": false}
	clock(v, "decided", s.when())
	word(v, "system", s.System)
	word(v, "outcome", s.Decision.Outcome)
	rights := false
	var kinds []string
	for _, n := range notices {
		kinds = append(kinds, n.kind)
		rights = rights || hasPart(n.kind, "rights", "right", "contest", "appeal")
	}
	if len(kinds) > 0 {
		v["notices"] = kinds
	}
	if len(explanations) == 0 {
		faults = append(faults, "no_explanation")
	} else {
		e := first(explanations)
		v["explanation"], v["types"] = e.id, words(e.Types)
		if e.when.IsZero() {
			faults = append(faults, "not_delivered")
		} else {
			clock(v, "delivered", e.when)
			v["delay_s"] = e.when.Sub(s.when()).Seconds()
		}
		for _, x := range explanations {
			for _, kind := range x.Types {
				rights = rights || hasPart(string(kind), "rights", "right", "contest", "appeal")
			}
		}
	}
	if v["rights_told"] = rights; !rights {
		faults = append(faults, "no_rights")
	}
	return faults, v
}

// first is what was delivered first, or else anything.
func first(all []told) told {
	return slices.MinFunc(all, func(x, y told) int {
		switch {
		case x.when.IsZero() && !y.when.IsZero():
			return 1
		case y.when.IsZero() && !x.when.IsZero():
			return -1
		}
		return x.when.Compare(y.when)
	})
}

// hasPart says whether a code has one of the words among its parts: voice_emotion
// has emotion.
func hasPart(code string, parts ...string) bool {
	for part := range strings.FieldsFuncSeq(strings.ToLower(code), func(r rune) bool { return strings.ContainsRune("_.:/-@+~", r) }) {
		if slices.Contains(parts, part) {
			return true
		}
	}
	return false
}
