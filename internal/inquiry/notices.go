// SPDX-License-Identifier: Apache-2.0

package inquiry

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// talk is an interaction in which AI answered.
type talk struct {
	where   api.Place
	system  text
	channel text
	reply   time.Time
	told    []notice
}

// notice is one that one talks to AI.
type notice struct {
	when             time.Time
	template, locale text
}

// notices says whether customers were told that they talk to AI before it first
// answered: question 17.
func notices(ctx context.Context, a *asking) error {
	a.columns("interaction", "system", "channel", "replied", "told", "late_s", "template", "locale")
	a.figures("interactions", "told", "no_notice", "late_notice", "rate")
	told, err := a.disclosures(ctx)
	if err != nil {
		return err
	}
	talks := map[string]*talk{}
	for _, kind := range []record.Type{record.Decision, record.Step} {
		err := a.sift(ctx, ledger.Query{Type: string(kind), System: a.System, Env: a.Env}, []string{`"kind":"message"`, `"kind":"audio"`}, func(at spot, s *statement) error {
			id := string(s.Interaction.ID)
			reply, ok := s.reply()
			if t := talks[id]; ok && id != "" && (t == nil || reply.Before(t.reply)) {
				talks[id] = &talk{where: a.place(at, s), system: s.System, channel: s.Interaction.Channel, reply: reply}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	ids := slices.SortedFunc(maps.Keys(talks), func(x, y string) int {
		return cmp.Or(talks[x].reply.Compare(talks[y].reply), cmp.Compare(x, y))
	})
	good := 0.0
	for _, id := range ids {
		t := talks[id]
		if !a.covers(t.reply) {
			continue
		}
		a.answer.Looked++
		a.add("interactions", 1)
		if t.told = earliest(told[id], func(n notice) int64 { return n.when.UnixNano() }); len(t.told) > 0 && !t.told[0].when.After(t.reply) {
			good++
			continue
		}
		a.untold(id, t)
	}
	a.add("told", good)
	a.add("rate", share(good, float64(a.answer.Looked)))
	return nil
}

// disclosures are the notices about AI, by interaction: their own, or that of the
// decision that they are about.
func (a *asking) disclosures(ctx context.Context) (map[string][]notice, error) {
	told, loose := map[string][]notice{}, map[string][]notice{}
	err := a.walk(ctx, ledger.Query{Type: string(record.Notice)}, func(_ spot, s *statement) error {
		n := notice{s.Notice.Delivered.Or(s.Time.Time), s.Notice.Template, s.Notice.Locale}
		switch {
		case !hasPart(string(s.Notice.Kind), "ai"):
		case s.Interaction.ID != "":
			told[string(s.Interaction.ID)] = append(told[string(s.Interaction.ID)], n)
		default:
			loose[string(s.About)] = append(loose[string(s.About)], n)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = a.Among(ctx, ledger.Query{}, slices.Sorted(maps.Keys(loose)), func(at spot, leaf []byte) error {
		s, err := parse(at, leaf)
		if err != nil || s.Interaction.ID == "" {
			return err
		}
		id := string(s.Interaction.ID)
		told[id] = append(told[id], loose[string(s.ID)]...)
		return nil
	})
	return told, err
}

// untold lists an interaction in which AI answered first.
func (a *asking) untold(id string, t *talk) {
	faults := []string{"no_notice"}
	v := map[string]any{"interaction": id}
	word(v, "system", t.system)
	word(v, "channel", t.channel)
	clock(v, "replied", t.reply)
	if len(t.told) > 0 {
		faults = []string{"late_notice"}
		n := t.told[0]
		clock(v, "told", n.when)
		v["late_s"] = n.when.Sub(t.reply).Seconds()
		word(v, "template", n.template)
		word(v, "locale", n.locale)
	}
	a.put(&t.where, faults, v)
}

// reply is when a record says that AI answered a customer. A draft is none: a
// person sends it, or nobody.
func (s *statement) reply() (first time.Time, ok bool) {
	for _, o := range s.Outputs {
		if o.Kind != "message" && o.Kind != "audio" {
			continue
		}
		if when := o.Delivered.Or(s.when()); !ok || when.Before(first) {
			first, ok = when, true
		}
	}
	return first, ok
}
