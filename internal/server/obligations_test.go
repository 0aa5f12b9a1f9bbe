// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

const duties = inMain + "/reports/obligations"

// TestObligations asks for a report as people who may see all, one system, or
// none, and has one noted.
func TestObligations(t *testing.T) {
	t.Parallel()
	r := guarded(t, options{})
	r.as("key:bot source", records, decision("a")).want(201)
	const asked = duties + "?packs=uk-gdpr&quarter=2026Q1"
	find := func(o api.ObligationReport, id string) api.RuleResult {
		n := slices.IndexFunc(o.Rules, func(r api.RuleResult) bool { return r.ID == id })
		if n < 0 {
			t.Fatalf("no rule %s", id)
		}
		return o.Rules[n]
	}
	o := into[api.ObligationReport](r.as("person:a auditor", asked, "").want(200))
	if got := find(o, "CR-12"); got.Population != 1 || got.Failed != 1 || got.FailedIDs[0] != "a" || o.Made != nil || len(o.Packs) != 1 {
		t.Errorf("%+v", got)
	}
	o = into[api.ObligationReport](r.as("person:o owner/main/other-agent", asked, "").want(200))
	if find(o, "CR-12").Population != 0 || find(o, "CR-01").Status != "NOT-APPLICABLE" || len(o.Basis.Systems) != 1 {
		t.Errorf("an owner of another system learns %+v", o)
	}
	for _, badge := range []string{"person:m reviewer", "person:l legal", "key:bot source", "person:x admin"} {
		r.as(badge, asked, "").problem(403, "forbidden")
		r.as(badge, duties, `{"quarter":"2026Q1"}`).problem(403, "forbidden")
	}
	o = into[api.ObligationReport](r.as("person:g governance", duties, `{"quarter":"2026Q1","packs":["uk-gdpr"]}`).want(200))
	e := into[api.Entry](r.as("person:a auditor", records+"/"+o.Made.ID, "").want(200))
	if s := string(e.Statement); !strings.Contains(s, o.Made.Digest) || !strings.Contains(s, `"actor":"person:g"`) || o.Made.Index != e.Index {
		t.Errorf("the report is noted as %s", s)
	}
	r.audit()
}

// TestWholeReport lets every part of a report come up once: the clerk holds each
// against the document.
func TestWholeReport(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	for _, doc := range []string{
		decision("a"), decision("b"),
		`{"type":"finding","id":"f","time":"2026-03-03T09:12:44Z","about":"a","finding":{"code":"risk","status":"accepted","control":"CR-12","owner":"person:cora","due":"2030-01-01T00:00:00Z"}}`,
		`{"type":"registry","id":"s","time":"2026-03-03T09:12:44Z","registry":{"act":"attest","kind":"policy","name":"CR-60","actor":"person:cora","due":"2030-01-01T00:00:00Z","digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000"}}`,
	} {
		rec, err := record.Parse([]byte(doc))
		must(t, err)
		_, err = r.l.Append(t.Context(), ledger.Batch{Records: []*record.Record{rec}, Principal: "key:bot", Capture: "sdk"})
		must(t, err)
	}
	o := into[api.ObligationReport](r.get(duties + "?from=2026-01-01T00:00:00Z&to=2026-04-01T00:00:00Z&fail_only=false").want(200))
	if o.Quarter != "" || o.Tally["ATTESTED"] == 0 || o.Tally["FAIL"] == 0 || o.Count["FAIL"] == 0 {
		t.Errorf("%+v %+v", o.Tally, o.Count)
	}
}

func TestReportsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	for query, code := range map[string]string{"?packs=moon": "invalid", "?quarter=2026Q9": "invalid", "?from=March": "bad_parameter", "?from=2026-03-03T00:00:00Z": "invalid", "?fail_only=perhaps": "bad_parameter"} {
		if p := r.get(duties+query).problem(400, code); p.Hint == "" {
			t.Errorf("%s: no hint", query)
		}
	}
}

// TestReportFaults fails the database under a report.
func TestReportFaults(t *testing.T) {
	t.Parallel()
	f := &fuse{left: -1}
	r := newRig(t, options{db: f.config})
	r.post(decision("a")).want(201)
	for _, c := range faults {
		if c.status == 507 {
			continue // reading takes no space
		}
		f.light(false, false, true, 0, c.cause)
		r.get(duties).problem(c.status, c.code)
		f.out()
	}
	r.get(duties).want(200)
}
