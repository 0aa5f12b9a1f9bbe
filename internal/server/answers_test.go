// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// questions are those of auditors, each with what it must be told.
var questions = []string{inMain + "/answers/overrides?approvals=true", inMain + "/answers/unapproved",
	inMain + "/answers/suspension?system=refund-agent", inMain + "/answers/drift?system=refund-agent", inMain + "/answers/reasons", inMain + "/answers/monitoring?system=refund-agent"}

// TestAnswers asks each question as people who may see all, one system, another
// one, or held records only.
func TestAnswers(t *testing.T) {
	t.Parallel()
	r := guarded(t, options{})
	r.as("key:bot source", records, decision("a")).want(201)
	r.as("key:bot source", records, `{"type":"oversight","id":"o","time":"2026-03-03T09:13:44Z","system":"refund-agent","about":"a","oversight":{"act":"override","actor":"person:mia"}}`).want(201)
	for _, q := range questions {
		b := into[struct{ Basis api.Basis }](r.as("person:a auditor", q, "").want(200)).Basis
		if b.Size < 2 || b.Origin != origin || !strings.HasPrefix(b.Checkpoint, origin+"\n") || b.Systems != nil || b.Complete == "" {
			t.Errorf("%s: basis %+v", q, b)
		}
		b = into[struct{ Basis api.Basis }](r.as("person:o owner/main/refund-agent", q, "").want(200)).Basis
		if len(b.Systems) != 1 || b.Systems[0] != "refund-agent" {
			t.Errorf("%s: basis of an owner %+v", q, b)
		}
		r.as("person:l legal", q, "").problem(403, "forbidden")
		other := r.as("person:o owner/main/other-agent", q, "")
		if strings.Contains(q, "system=") {
			other.problem(403, "forbidden")
		} else {
			other.want(200)
		}
	}
	o := into[api.Overrides](r.as("person:a auditor", inMain+"/answers/overrides?system=refund-agent&from=2026-03-03T00:00:00Z&to=2026-03-04T00:00:00Z", "").want(200))
	if o.Acts != 1 || o.Decisions != 1 || o.Items[0].Decision.ID != "a" || o.Items[0].Reviewer != "person:mia" {
		t.Errorf("%+v", o)
	}
	if o := into[api.Overrides](r.as("person:o owner/main/other-agent", inMain+"/answers/overrides?system=refund-agent", "").want(200)); o.Decisions != 0 || o.Acts != 0 || o.Astray != 0 {
		t.Errorf("an owner of another system learns %+v", o)
	}
	r.audit()
}

// TestWholeAnswers lets every part of an answer come up once: the clerk holds
// each against the document.
func TestWholeAnswers(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	act := func(id, act, more string) string {
		return `{"type":"registry","id":"` + id + `","time":"2026-03-03T09:00:00Z","registry":{"act":"` + act + `","actor":"person:dora","reason":"` + secret + `why",` + more + `}}`
	}
	const reply = `"kind":"prompt","name":"reply","version":"1","digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000"`
	for _, doc := range []string{
		act("add", ledger.ActAdd, reply), act("up", ledger.ActPromote, reply+`,"environment":"production"`), act("ok", ledger.ActApprove, reply),
		act("fast", ledger.ActPromote, reply+`,"environment":"staging","emergency":true,"due":"2026-03-09T00:00:00Z"`), act("seen", ledger.ActReview, reply+`,"status":"accepted"`),
		act("halt", ledger.ActStatus, `"kind":"system","name":"refund-agent","status":"suspended"`),
		`{"type":"notice","id":"told","time":"2026-03-03T09:00:00Z","about":"halt","notice":{"kind":"suspension"}}`,
		strings.Replace(decision("late"), `"type":"decision"`, `"type":"decision","steps":[{"op":"chat","provider":"acme","request_model":"m","response_model":"m-1"},{"op":"chat","provider":"acme","request_model":"m","response_model":"m-2"}],"versions":{"prompt":"reply@1"}`, 1),
		`{"type":"finding","id":"f","time":"2026-03-03T09:12:44Z","about":"late","finding":{"code":"model_changed","status":"open","severity":"high"}}`,
		`{"type":"oversight","id":"o","time":"2026-03-03T09:13:44Z","about":"late","oversight":{"act":"override","actor":"person:mia","role":"reviewer","before":"denied","after":"approved","reason_code":"goodwill","dwell_ms":5}}`,
	} {
		rec, err := record.Parse([]byte(doc))
		must(t, err)
		_, err = r.l.Append(t.Context(), ledger.Batch{Records: []*record.Record{rec}, Principal: "key:bot", Capture: "sdk", Custody: true})
		must(t, err)
	}
	must(t, r.l.Note(t.Context(), ledger.Access{Act: ledger.ActApprove, Actor: "person:dora", Target: "reply@1", Denied: true, Count: 1}))
	o := into[api.Overrides](r.get(questions[0]).want(200))
	c := into[api.Changes](r.get(questions[1]).want(200))
	s := into[api.Suspension](r.get(questions[2]).want(200))
	d := into[api.Drift](r.get(questions[3]).want(200))
	if len(o.Items) != 1 || len(o.Versions) != 1 || len(o.Versions[0].Acts) != 5 || o.Versions[0].Unbound != 1 {
		t.Errorf("overrides %+v", o)
	}
	if len(c.Items) != 3 || len(c.Emergencies) != 1 || c.Emergencies[0].State != "own" || len(c.Refused) != 1 {
		t.Errorf("changes %+v", c)
	}
	if s.Made != 1 || len(s.Periods[0].Informed) != 1 || len(s.Periods[0].Decisions[0].Findings) != 1 {
		t.Errorf("suspension %+v", s)
	}
	if len(d.Pairs) != 2 || len(d.Changes) != 1 || len(d.Findings) != 1 {
		t.Errorf("drift %+v", d)
	}
}

// TestListAnswers lets the questions of the list come up with rows: the clerk
// holds each against the document.
func TestListAnswers(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	for _, doc := range []string{
		`{"type":"decision","id":"d","time":"2026-03-03T09:12:44Z","system":"s","interaction":{"id":"i","channel":"chat","human_requested":"2026-03-03T09:12:00Z"},"source":{"id":"src","seq":4},` +
			`"decision":{"kind":"escalate","status":"made","outcome":"not_escalated","adverse":true,"significant":"yes","automation":"solely_automated","threshold":0.5},"versions":{"prompt":"p@1","policy":["q@1"],"model":"m@1"},` +
			`"inputs":[{"name":"voice","category":"employee_emotion"}],"factors":[{"code":"other"}],"outputs":[{"name":"a","kind":"message"},{"name":"b","kind":"draft","edit_ratio":0.5}]}`,
		`{"type":"decision","id":"e","time":"2026-03-03T09:14:44Z","system":"s","interaction":{"id":"i"},"source":{"id":"src","seq":9},"decision":{"kind":"refund","status":"made","automation":"meaningful_human"}}`,
		`{"type":"oversight","id":"o","time":"2026-03-03T09:13:44Z","about":"d","system":"s","oversight":{"act":"edit","actor":"person:mia","opened":["order"],"shown":"sha256:0000000000000000000000000000000000000000000000000000000000000000","dwell_ms":5}}`,
		`{"type":"explanation","id":"x","time":"2026-03-03T09:13:44Z","about":"d","system":"s","explanation":{"audience":"subject","types":["data"],"delivered":"2026-03-03T09:13:44Z"}}`,
		`{"type":"notice","id":"n","time":"2026-03-03T09:13:44Z","about":"d","system":"s","notice":{"kind":"ai_interaction"}}`,
		`{"type":"signal","id":"g1","time":"2026-03-04T00:00:00Z","system":"s","signal":{"name":"population","group":"a","value":200,"breached":true,"from":"2026-03-03T00:00:00Z","to":"2026-03-04T00:00:00Z"}}`,
		`{"type":"signal","id":"g2","time":"2026-03-04T00:00:00Z","system":"s","signal":{"name":"selected","group":"a","value":100,"from":"2026-03-03T00:00:00Z","to":"2026-03-04T00:00:00Z"}}`,
		`{"type":"incident","id":"inc","time":"2026-03-03T16:00:00Z","about":"d","system":"s","incident":{"code":"wrong","status":"open","severity":"critical"}}`,
	} {
		r.post(doc).want(201)
	}
	for word, query := range map[string]string{
		"completeness": "", "inventory": "?env=production", "human": "?id=d", "involvement": "?from=2026-01-01T00:00:00Z", "automated": "?system=s", "reasons": "?to=2027-01-01T00:00:00Z",
		"fairness": "?system=s", "escalations": "", "notices": "", "emotions": "", "drafts": "", "monitoring": "?system=s", "incident": "?id=inc",
	} {
		a := into[api.Answer](r.get(inMain + "/answers/" + word + query).want(200))
		if len(a.Rows) == 0 || a.Looked == 0 || a.Question == 0 || len(a.Figures) == 0 || len(a.Columns) == 0 {
			t.Errorf("%s: %+v", word, a)
		}
	}
	if a := into[api.Answer](r.get(inMain + "/answers/rubber-stamps").want(200)); a.Looked != 1 || len(a.Rows) != 0 {
		t.Errorf("one act is enough for figures about its reviewer: %+v", a)
	}
}

// TestQuestionsRefused sends what is no question.
func TestQuestionsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	for path, code := range map[string]string{
		"/answers/overrides?act=frown": "invalid", "/answers/overrides?model=refund-model": "invalid",
		"/answers/overrides?from=March": "bad_parameter", "/answers/overrides?approvals=perhaps": "bad_parameter",
		"/answers/unapproved?to=April": "bad_parameter", "/answers/suspension": "invalid", "/answers/drift": "invalid",
		"/answers/human": "invalid", "/answers/fairness": "invalid", "/answers/reasons?from=March": "bad_parameter",
	} {
		if p := r.get(inMain+path).problem(400, code); p.Hint == "" {
			t.Errorf("%s: no hint", path)
		}
	}
	for _, path := range []string{"/answers/everything", "/answers/human?id=nothing", "/answers/incident?id=nothing"} {
		if p := r.get(inMain+path).problem(404, "not_found"); p.Hint == "" {
			t.Errorf("%s: no hint", path)
		}
	}
}

// TestAnswerFaults fails the database under each question.
func TestAnswerFaults(t *testing.T) {
	t.Parallel()
	f := &fuse{left: -1}
	r := newRig(t, options{db: f.config})
	r.post(decision("a")).want(201)
	for _, q := range questions {
		for _, c := range faults {
			if c.status == 507 {
				continue // reading takes no space
			}
			f.light(false, false, true, 0, c.cause)
			r.get(q).problem(c.status, c.code)
			f.out()
		}
		r.get(q).want(200)
	}
}
