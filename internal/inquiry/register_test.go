// SPDX-License-Identifier: Apache-2.0

package inquiry_test

import (
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/inquiry"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/registry"
)

// TestRegister lets people do anything with the register, at random. What its
// rules let happen is no defect, by what stands in the log; each attempt that
// they refuse because of who tried is in the answer.
func TestRegister(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	reg, err := registry.New(registry.Config{Ledger: r.Ledger, Now: r.Clock})
	must(t, err)
	must(t, reg.Start(t.Context()))
	refused, n := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		p := people{rt: rt, reg: reg, system: fmt.Sprintf("system-%d", n), name: fmt.Sprintf("prompt-%d", n)}
		for range rapid.IntRange(1, 25).Draw(rt, "acts") {
			if p.do(t) {
				refused++
			}
		}
		got, err := r.i.Unapproved(t.Context(), inquiry.Went{})
		must(t, err)
		for _, d := range got.Items {
			rt.Fatalf("%s: %s %s by %s, %d of %d", d.Code, d.Act.Act, d.Act.Version, d.Act.By, d.Have, d.Need)
		}
		if len(got.Refused) != refused {
			rt.Fatalf("%d attempts were refused, %d are answered", refused, len(got.Refused))
		}
		for _, e := range got.Emergencies {
			if e.State != "open" && e.State != "done" && e.State != "overdue" {
				rt.Fatalf("%s is %s", e.Act.Version, e.State)
			}
		}
		s, err := r.i.Suspension(t.Context(), p.system, nil)
		must(t, err)
		if y, ok := reg.Register().System(p.system); ok && y.Status != "draft" && y.Status != s.Status {
			rt.Fatalf("%s is %s, answered %s", p.system, y.Status, s.Status)
		}
	})
}

// people act on one system and the versions of one prompt that is for it.
type people struct {
	rt           *rapid.T
	reg          *registry.Registry
	system, name string
}

// do does one thing. It answers whether it was refused because of who did it.
func (p people) do(t *testing.T) bool {
	by := registry.By{Actor: rapid.SampledFrom([]string{"person:ann", "person:bob", "person:cid", "person:dee"}).Draw(p.rt, "by"), Role: "governance"}
	version := rapid.SampledFrom([]string{"1", "2"}).Draw(p.rt, "version")
	v := registry.Vote{Kind: "prompt", Name: p.name, Version: version, Reason: "because"}
	if known, err := p.reg.Register().Version("prompt", p.name, version); err == nil {
		v.Digest = known.Digest
	}
	env := rapid.SampledFrom([]string{"production", "staging"}).Draw(p.rt, "env")
	ctx, counted := t.Context(), false
	var err error
	switch rapid.IntRange(0, 9).Draw(p.rt, "act") {
	case 0:
		risk := rapid.SampledFrom([]string{"minimal", "high"}).Draw(p.rt, "risk")
		text := fmt.Sprintf("owner: {person: Ann Archer, team: Care}\nrole: deployer\npurpose: answers\nrisk: %s\njurisdictions: [DE]\nreaction_time: PT4H\ndwell_floor: PT20S\nmode: strict\non_guard_failure: fail_open\n", risk)
		_, err = p.reg.Describe(ctx, by, "system", p.system, []byte(text), "new")
	case 1:
		status := rapid.SampledFrom([]string{"in_service", "suspended", "retired"}).Draw(p.rt, "status")
		_, err = p.reg.SetStatus(ctx, by, p.system, status, rapid.SampledFrom([]string{"", "1", "2", "3"}).Draw(p.rt, "description"), "because")
	case 2:
		_, err = p.reg.Add(ctx, by, registry.Spec{Kind: "prompt", Name: p.name, Version: version, System: p.system, Content: "answer " + version, Note: "new"})
	case 3, 4:
		counted = true
		_, err = p.reg.Approve(ctx, by, v)
	case 5:
		_, err = p.reg.Rollback(ctx, by, "prompt", p.name, env, "because")
	case 6:
		counted = true
		_, err = p.reg.Review(ctx, by, v, rapid.Bool().Draw(p.rt, "accept"))
	case 7:
		_, err = p.reg.Refuse(ctx, by, v)
	default:
		counted = true
		_, err = p.reg.Promote(ctx, by, v, env, rapid.Bool().Draw(p.rt, "emergency"))
	}
	e, ok := errors.AsType[*ledger.Error](err)
	if err != nil && !ok {
		t.Fatal(err)
	}
	return counted && ok && e.Code == ledger.Forbidden
}
