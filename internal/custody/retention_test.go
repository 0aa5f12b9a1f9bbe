// SPDX-License-Identifier: Apache-2.0

package custody_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/internal/custody"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

func TestRetention(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		r := newRig(t, dbc, func(c *custody.Config) { c.Step = 3 })
		ctx := t.Context()
		for i := range 8 {
			r.decide(fmt.Sprint("plain-", i), fmt.Sprint("p", i), false)
			r.decide(fmt.Sprint("adverse-", i), fmt.Sprint("p", i), true)
		}
		r.pass(0, 1, 0)
		r.decide("april", "p0", false)
		must[custody.Request](t)(r.c.PlaceHold(ctx, lena, custody.HoldSpec{Name: "h", Records: []string{"plain-1"}, Matter: "m"}))

		r.pass(0, 11, 0) // March of the next year: nothing of March is a year old to the end
		run := must[custody.Run](t)(r.c.RunRetention(ctx, rosa, nil))
		if run.Months+run.Records != 0 {
			t.Fatalf("too early: %+v", run)
		}
		r.pass(0, 0, 29)
		run = must[custody.Run](t)(r.c.RunRetention(ctx, rosa, nil))
		if run.Records != 7 || run.Months != 0 || len(run.Refusals) != 1 || run.Refusals[0].Hold != "h" {
			t.Fatalf("with a hold in the month: %+v", run)
		}
		if r.open("plain-0") != 0 || r.open("plain-1") != 3 || r.open("adverse-0") != 3 || r.open("april") != 3 {
			t.Error("the wrong values expired")
		}
		r.whole()
		r.pass(2, 0, 0)
		stopped, cancel := context.WithCancelCause(ctx)
		errStop := errors.New("stop")
		_, err := r.c.RunRetention(stopped, rosa, func(run custody.Run) {
			if run.Months > 0 {
				cancel(errStop)
			}
		})
		if !errors.Is(err, errStop) {
			t.Fatalf("stopped with %v", err)
		}
		r.whole() // half swept
		run = must[custody.Run](t)(r.c.RunRetention(ctx, rosa, nil))
		if run.Rows == 0 {
			t.Errorf("the second run: %+v", run)
		}
		if r.open("plain-1") != 3 || r.open("adverse-0") != 0 || r.open("april") != 0 {
			t.Errorf("opens %d, %d, %d", r.open("plain-1"), r.open("adverse-0"), r.open("april"))
		}
		rep := r.whole()
		if rep.Erased == 0 {
			t.Error("the audit saw nothing erased")
		}
		rc, err := r.l.Receipt(ctx, "adverse-3", nil)
		if err != nil || len(rc.Erased) != 3 {
			t.Errorf("receipt says %+v, %v", rc, err)
		}
	})
}

func TestPolicyFaults(t *testing.T) {
	t.Parallel()
	for name, change := range map[string][2]string{
		"max below min":     {"max: P12M", "max: P5M"},
		"no default":        {"name: default", "name: other"},
		"bad period":        {"max: P12M", "max: 12 months"},
		"unknown trigger":   {"trigger: recorded", "trigger: sometime"},
		"unknown setting":   {"classes:", "clauses:"},
		"unknown erasure":   {"erasure: allow", "erasure: maybe"},
		"class twice":       {"name: adverse-24m", "name: custody-6y"},
		"min below nothing": {"min: P6M", "min: P"},
	} {
		text := strings.Replace(string(custody.DefaultPolicyText()), change[0], change[1], 1)
		if _, err := custody.ParsePolicy([]byte(text)); code(err) != ledger.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWarrants(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t), nil)
	ctx := t.Context()
	r.decide("d-1", "mia", false)
	anna := custody.By{Actor: "person:anna", Role: "auditor"}
	req := must[custody.Request](t)(r.c.AskWarrant(ctx, anna, custody.WarrantSpec{Purpose: "audit", Ticket: "a-7", Records: []string{"d-1"}, For: 24 * 3600e9}))
	opens := func(actor, id string, identity bool) error {
		_, err := r.c.Opens(ctx, actor, req.ID, id, "refund-agent", identity)
		return err
	}
	if err := opens(anna.Actor, "d-1", false); code(err) != ledger.Forbidden {
		t.Errorf("before approval: %v", err)
	}
	if _, err := r.c.ApproveWarrant(ctx, anna, req.ID, true, ""); code(err) != ledger.Forbidden {
		t.Errorf("approved alone: %v", err)
	}
	must[custody.Request](t)(r.c.ApproveWarrant(ctx, piet, req.ID, true, ""))
	if err := opens(anna.Actor, "d-1", false); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{"another person": opens("person:x", "d-1", false), "another record": opens(anna.Actor, "d-2", false), "identity": opens(anna.Actor, "d-1", true)} {
		if code(err) != ledger.Forbidden {
			t.Errorf("%s: %v", name, err)
		}
	}
	r.pass(0, 0, 2)
	if err := opens(anna.Actor, "d-1", false); code(err) != ledger.Forbidden {
		t.Errorf("after its end: %v", err)
	}
	glass := must[custody.Request](t)(r.c.BreakGlass(ctx, anna, custody.WarrantSpec{Purpose: "incident", Ticket: "i-1", Reason: "the agent sends wrong refunds"}))
	if len(r.said) != 1 || !strings.Contains(r.said[0], glass.ID) {
		t.Errorf("alarms: %v", r.said)
	}
	if _, err := r.c.Opens(ctx, anna.Actor, glass.ID, "d-1", "refund-agent", false); err != nil {
		t.Error(err)
	}
	r.now.Add(61 * 60e9)
	if _, err := r.c.Opens(ctx, anna.Actor, glass.ID, "d-1", "refund-agent", false); code(err) != ledger.Forbidden {
		t.Errorf("after an hour: %v", err)
	}
	if _, err := r.c.ReviewGlass(ctx, anna, glass.ID, "fine"); code(err) != ledger.Forbidden {
		t.Errorf("reviewed alone: %v", err)
	}
	must[custody.Request](t)(r.c.ReviewGlass(ctx, paula, glass.ID, "it was right"))
	r.whole()
}

func TestReportAndAccessLog(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t), nil)
	ctx := t.Context()
	r.decide("d-1", "mia", false)
	r.decide("d-2", "noah", false)
	r.open("d-1")
	rep := must[*custody.Report](t)(r.c.ReportSubject(ctx, piet, []byte(`"customer:mia"`), "access-request", "sar-1"))
	if rep.Types["decision"] != 1 || rep.Types["access"] < 1 || len(rep.Sources) != 1 || rep.Sources[0].Source != "oms" {
		t.Errorf("report %+v", rep)
	}
	if !strings.Contains(string(rep.Records[0].Record), "because of mia") || strings.Contains(string(rep.Records[0].Record), "noah") {
		t.Errorf("record %s", rep.Records[0].Record)
	}
	log := must[[]ledger.Entry](t)(r.c.AccessLog(ctx, piet, []byte(`"customer:mia"`), "audit", "a-1"))
	if len(log) != 3 { // the read, the report, and this question
		t.Errorf("%d accesses", len(log))
	}
	if other := must[[]ledger.Entry](t)(r.c.AccessLog(ctx, piet, []byte(`"customer:noah"`), "audit", "a-1")); len(other) != 1 {
		t.Errorf("%d accesses to another", len(other))
	}
	if _, err := r.c.ReportSubject(ctx, piet, []byte(`mia`), "p", "t"); code(err) != ledger.Invalid {
		t.Errorf("a person that is no JSON: %v", err)
	}
	r.whole()
}
