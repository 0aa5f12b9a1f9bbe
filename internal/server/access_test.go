// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/access"
	"github.com/counterfoil/counterfoil/internal/custody"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/keyring"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/registry"
	"github.com/counterfoil/counterfoil/internal/server"
	"github.com/counterfoil/counterfoil/record"
)

// badges is a door that believes what stands on the badge: a name and grants
// role/ledger/system/purpose, separated by spaces.
type badges struct{}

func (badges) Authenticate(_ context.Context, r *http.Request) (*access.Actor, error) {
	badge := strings.Fields(r.Header.Get("Badge"))
	if len(badge) == 0 {
		return nil, &access.Error{Code: access.Unauthenticated, Message: "no badge"}
	}
	if badge[0] == "hammer" {
		return nil, &access.Error{Code: access.Throttled, Message: "too many tries"}
	}
	a := &access.Actor{ID: badge[0], Kind: access.Person}
	for _, g := range badge[1:] {
		p := append(strings.Split(g, "/"), []string{"", "main", "*", "*"}[strings.Count(g, "/")+1:]...)
		a.Grants = append(a.Grants, access.Grant{Role: access.Role(p[0]), Ledger: p[1], System: p[2], Purpose: p[3]})
	}
	return a, nil
}

// guarded is a rig with a door.
func guarded(t *testing.T, o options) *rig {
	edit := o.server
	d, err := db.Create(t.Context(), dbtest.SQLite(t))
	must(t, err)
	t.Cleanup(func() { must(t, d.Close()) })
	must(t, access.Create(t.Context(), access.Config{DB: d}))
	book, err := access.Open(t.Context(), access.Config{DB: d})
	must(t, err)
	o.server = func(c *server.Config) {
		c.Door, c.Book = badges{}, book
		if edit != nil {
			edit(c)
		}
	}
	return newRig(t, o)
}

// as sends a request with a badge; a body makes it a POST.
func (r *rig) as(badge, path, body string, head ...string) *reply {
	r.t.Helper()
	head = append(head, "Badge", badge)
	if body == "" {
		return r.do("GET", path, nil, head...)
	}
	return r.do("POST", path, strings.NewReader(body), append(head, "Content-Type", "application/json")...)
}

const (
	inMain  = "/v1/ledgers/main"
	subject = `"` + secret + `customer"`
)

// sample is a request for each guarded operation: what it takes, and what body
// is right for it. An operation that is not here fails the test.
var sample = map[string]struct {
	action access.Action
	body   string
}{
	"append": {access.Append, "record"}, "list": {access.Read, ""}, "record": {access.Read, ""}, "receipt": {access.Read, ""}, "stats": {access.Read, ""},
	"search": {access.Read, ""}, "searchFields": {access.Read, ""}, "exportFound": {access.Read, ""}, "textStates": {access.Read, ""}, "turnText": {access.ManageText, `{"on":true}`},
	"savedQueries": {access.Read, ""}, "savedQuery": {access.Read, ""}, "runQuery": {access.Read, ""}, "saveQuery": {access.SaveQuery, `{"query":"type:decision"}`}, "forgetQuery": {access.SaveQuery, `{}`},
	"challenges": {access.ReadChallenge, ""}, "challengeRates": {access.ReadChallenge, ""}, "regimes": {access.ReadChallenge, ""}, "challenge": {access.ReadChallenge, ""},
	"receiveChallenge": {access.ReceiveChallenge, `{"kind":"complaint"}`}, "acknowledgeChallenge": {access.ActChallenge, `{}`}, "assignChallenge": {access.ActChallenge, `{"to":"person:z"}`},
	"extendChallenge": {access.ActChallenge, `{"reason":"r"}`}, "resolveChallenge": {access.ActChallenge, `{"outcome":"upheld","reason":"r"}`}, "withdrawChallenge": {access.ActChallenge, `{}`},
	"askGuard": {access.AskGuard, `{"type":"decision","id":"ask","time":"2026-01-01T00:00:00Z","system":"refund-agent","decision":{"kind":"refund","status":"requested"}}`}, "backtest": {access.TestControl, draftControl},
	"reviews": {access.ReadReview, ""}, "review": {access.ReadReview, ""}, "outcome": {access.AskGuard, ""}, "claimReview": {access.ActReview, `{}`}, "releaseReview": {access.ActReview, `{}`},
	"assignReview": {access.AssignReview, `{"to":"person:z"}`}, "showReview": {access.ActReview, `{}`}, "actReview": {access.ActReview, `{"act":"approve","shown":"x"}`},
	"stamps": {access.ReportReview, `{"month":"2026-05"}`}, "weak": {access.ReportReview, ""},
	"explanation": {access.Read, ""}, "comparison": {access.Read, ""}, "deliverExplanation": {access.DeliverExplanation, `{"audience":"subject","language":"en","channel":"email"}`},
	"story": {access.Read, ""}, "replay": {access.Read, ""}, "journey": {access.Read, ""},
	"log": {access.Read, ""}, "metrics": {access.ReadHealth, ""}, "requests": {access.ReadCustody, ""}, "holds": {access.ReadCustody, ""},
	"conflicts": {access.ReadCustody, ""}, "retention": {access.ReadCustody, ""}, "runRetention": {access.RunRetention, "{}"},
	"overrides": {access.Read, ""}, "unapproved": {access.Read, ""}, "suspension": {access.Read, ""}, "drift": {access.Read, ""}, "question": {access.Read, ""},
	"obligations": {access.ReportDuties, ""}, "noteObligations": {access.ReportDuties, `{}`},
	"rotateKey":       {access.RotateKeys, `{}`},
	"rotateMaster":    {access.RotateKeys, `{}`},
	"retireKey":       {access.RotateKeys, `{}`},
	"askWarrant":      {access.RequestWarrant, `{"purpose":"audit","ticket":"t-1","records":["a"]}`},
	"judgeWarrant":    {access.ApproveWarrant, `{"approve":true}`},
	"drawSample":      {access.DrawSample, `{"query":"kind:refund","size":3,"seed":"x"}`},
	"packProfiles":    {access.ReadCustody, ""},
	"askPack":         {access.RequestPack, `{"purpose":"audit","ticket":"t-1","query":"system:refund-agent","profile":"sealed"}`},
	"judgePack":       {access.ApprovePack, `{"approve":true}`},
	"makePack":        {access.RequestPack, "nothing"},
	"breakGlass":      {access.BreakGlass, `{"purpose":"incident","ticket":"t-1","reason":"now"}`},
	"reviewGlass":     {access.ReviewGlass, `{"reason":"fine"}`},
	"reportSubject":   {access.ReportSubject, `{"subject":` + subject + `,"purpose":"access-request","ticket":"t-1"}`},
	"accessLog":       {access.ReadAccess, `{"subject":` + subject + `,"purpose":"audit","ticket":"t-1"}`},
	"askErasure":      {access.RequestErasure, `{"subjects":[` + subject + `],"ticket":"t-1"}`},
	"judgeErasure":    {access.ApproveErasure, `{"approve":true}`},
	"executeErasures": {access.ExecuteErasure, `{"requests":["e-1"]}`},
	"placeHold":       {access.PlaceHold, `{"name":"h1","matter":"m","query":{"system":"refund-agent"}}`},
	"judgeHold":       {access.ApproveHold, `{"approve":true}`},
	"reviewHold":      {access.PlaceHold, `{"reason":"still"}`},
	"releaseHold":     {access.PlaceHold, `{"reason":"over"}`},
	"judgeRelease":    {access.ApproveHold, `{"approve":true}`},
	"systems":         {access.ReadRegister, ""}, "system": {access.ReadRegister, ""}, "versions": {access.ReadRegister, ""}, "inForce": {access.ReadRegister, ""},
	"acts": {access.ReadRegister, ""}, "personKeys": {access.ReadRegister, ""}, "fetchVersion": {access.FetchVersion, ""},
	"version": {access.ReadVersion, ""}, "diffVersion": {access.ReadVersion, ""},
	"describeSystem":   {access.WriteRegister, `{"name":"aria","description":"` + described + `"}`},
	"setStatus":        {access.SuspendSystem, `{"status":"suspended","reason":"now"}`},
	"addVersion":       {access.WriteRegister, `{"kind":"prompt","name":"p","version":"1","content":"be kind"}`},
	"judgeVersion":     {access.ApproveVersion, `{"approve":true,"digest":"sha256:00"}`},
	"reviewVersion":    {access.ApproveVersion, `{"accept":true}`},
	"promoteVersion":   {access.PromoteVersion, `{"environment":"production"}`},
	"retireVersion":    {access.PromoteVersion, `{"reason":"old"}`},
	"rollback":         {access.PromoteVersion, `{"environment":"production","reason":"worse"}`},
	"addPersonKey":     {access.ApproveVersion, `{"alg":"ed25519","key":"k0","value":"s0"}`},
	"confirmPersonKey": {access.ConfirmKey, `{}`},
	"retirePersonKey":  {access.ConfirmKey, `{}`},
	"rebuild":          {access.RebuildRegister, `{"replace":true}`},
}

// seeing are the operations for whoever has a grant in the ledger.
var seeing = map[string]bool{"trust": true, "ledgers": true, "matrix": true, "me": true}

// managing are the operations for administrators, of which TestManage tries the
// rest: what one manages is decided grant by grant.
var managing = map[string]string{
	"grants": "", "keys": "", "grant": `{"actor":"person:noah","role":"reviewer","ledger":"main"}`, "revokeGrant": `{"actor":"person:noah","role":"reviewer","ledger":"main"}`,
	"createKey": `{"name":"bot","grants":[{"role":"source","ledger":"main"}]}`, "revokeKey": `{}`, "replaceKey": `{}`, "endSessions": `{"actor":"person:noah"}`,
}

// public are the operations for everybody.
var public = map[string]bool{"schema": true, "openapi": true, "problem": true, "healthz": true, "readyz": true, "home": true}

// TestMatrix tries every operation as every role: the table decides.
func TestMatrix(t *testing.T) {
	t.Parallel()
	r := guarded(t, options{})
	r.as("key:bot source", records, decision("a")).want(201)
	tried := map[access.Action]bool{}
	for _, o := range answers.ops {
		path := fill.Replace(o.path)
		s, ok := sample[o.id]
		if body, is := managing[o.id]; is {
			tried[access.ManageAccess] = true
			r.as("", path, body).problem(401, "unauthenticated")
			for _, role := range access.Roles() {
				got := r.as(fmt.Sprintf("person:%s-%s %s/*", o.id, role, role), path, body)
				if role != access.Admin {
					got.problem(403, "forbidden")
				} else if got.status != 200 && got.status != 404 {
					t.Errorf("%s as %s: %d %s", o.id, role, got.status, got.body)
				}
			}
			continue
		}
		if !ok {
			if !seeing[o.id] && !public[o.id] {
				t.Errorf("%s: nobody tries it", o.id)
			}
			if seeing[o.id] {
				r.as("", path, s.body).problem(401, "unauthenticated")
				r.as("person:x records", path, s.body).want(200)
			}
			continue
		}
		tried[s.action] = true
		r.as("", path, s.body).problem(401, "unauthenticated")
		r.as("person:x", path, s.body).want(map[bool]int{true: 404, false: 403}[strings.Contains(o.path, "{ledger}")])
		for _, role := range access.Roles() {
			body := s.body
			if body == "record" {
				body = decision("by-" + string(role))
			}
			badge := fmt.Sprintf("person:%s-%s %s/*", o.id, role, role)
			got := r.as(badge, path, body)
			if o.method == "POST" != (body != "") {
				t.Fatalf("%s: the sample has the wrong method", o.id)
			}
			if _, may := access.Allowed(role, s.action); may == (got.status == 403) || got.status == 401 || got.status >= 500 {
				// Legal sees held records only, and no counts or tiles of the whole.
				if held := role == access.Legal && s.action == access.Read; !held {
					t.Errorf("%s as %s: %d %s", o.id, role, got.status, got.body)
				}
			}
		}
	}
	for _, row := range access.Matrix() {
		switch row.Action {
		case access.ReadValue, access.ReadIdentity: // TestValues
		default:
			if !tried[row.Action] {
				t.Errorf("no operation tries %s", row.Action)
			}
		}
	}
	r.audit()
}

// TestValues opens private values as every role, with and without what the
// condition asks for.
func TestValues(t *testing.T) {
	t.Parallel()
	r := guarded(t, options{})
	r.as("key:bot source", records, decision("a")).want(201)
	r.as("key:bot source", records, decision("b")).want(201)
	all := records + "/a?disclose=all"
	for _, role := range access.Roles() {
		badge := "person:v " + string(role)
		c, _ := access.Allowed(role, access.ReadValue)
		if _, ok := access.Allowed(role, access.Read); !ok {
			r.as(badge, all, "", "Counterfoil-Purpose", "audit").problem(403, "forbidden")
			continue
		}
		got := r.as(badge, all, "", "Counterfoil-Purpose", "audit")
		switch {
		case role == access.Legal: // sees no record that is not held
			got.problem(404, "not_found")
		case c != access.Stated:
			got.problem(403, "forbidden")
		default:
			if b := string(got.want(200).body); strings.Contains(b, secret+"customer") || !strings.Contains(b, secret+" a") {
				t.Errorf("%s sees %s", role, b)
			}
			r.as(badge, records+"/a?disclose=/subject", "", "Counterfoil-Purpose", "audit").problem(403, "forbidden")
		}
	}
	r.as("person:p privacy", all, "", "Counterfoil-Purpose", "").want(200) // the rig states one
	r.as("person:p privacy", all, "", "Counterfoil-Purpose", "two words").problem(400, "bad_parameter")
	r.as("person:p privacy/main/*/complaint", all, "", "Counterfoil-Purpose", "curiosity").problem(403, "forbidden")
	r.as("person:p privacy/main/*/complaint", all, "", "Counterfoil-Purpose", "complaint").want(200)
	r.as("person:p reviewer/main/other-agent", records+"/a", "").problem(404, "not_found")
	r.as("person:p reviewer/main/refund-agent", records+"/a", "").want(200)

	// A warrant: two people.
	w := into[custody.Request](r.as("person:anna auditor", inMain+"/warrants", `{"purpose":"audit","ticket":"t-9","records":["a"],"identity":true}`).want(200))
	read := func(path string) *reply {
		return r.as("person:anna auditor", path, "", "Counterfoil-Purpose", "audit", "Counterfoil-Ticket", "t-9", "Counterfoil-Warrant", w.ID)
	}
	read(all).problem(403, "forbidden")
	r.as("person:anna privacy", inMain+"/warrants/"+w.ID+"/verdict", `{"approve":true}`).problem(403, "forbidden")
	r.as("person:piet privacy", inMain+"/warrants/"+w.ID+"/verdict", `{"approve":true}`).want(200)
	r.as("person:piet privacy", inMain+"/warrants/"+w.ID+"/verdict", `{"approve":true}`).problem(409, "conflict")
	if b := string(read(all).want(200).body); !strings.Contains(b, secret+"customer") {
		t.Errorf("the warrant opens %s", b)
	}
	read(records+"/b?disclose=all").problem(403, "forbidden")
	r.as("person:x auditor", all, "", "Counterfoil-Purpose", "audit", "Counterfoil-Warrant", w.ID).problem(403, "forbidden")

	// A broken glass: at once, an hour, not the identity, and a review.
	g := into[custody.Request](r.as("person:olga owner", inMain+"/glass", `{"purpose":"incident","ticket":"i-1","reason":"wrong refunds"}`).want(200))
	glass := func(path string) *reply {
		return r.as("person:olga owner", path, "", "Counterfoil-Purpose", "incident", "Counterfoil-Warrant", g.ID)
	}
	if b := string(glass(all).want(200).body); strings.Contains(b, secret+"customer") || !strings.Contains(b, secret+" a") {
		t.Errorf("the glass opens %s", b)
	}
	glass(records+"/a?disclose=/subject").problem(403, "forbidden")
	r.as("person:olga privacy", inMain+"/glass/"+g.ID+"/review", `{"reason":"mine"}`).problem(403, "forbidden")
	r.as("person:piet privacy", inMain+"/glass/"+g.ID+"/review", `{"reason":"right"}`).want(200)
	r.as("person:piet privacy", inMain+"/glass/"+g.ID+"/review", `{"reason":"right"}`).problem(409, "conflict")

	// Legal sees what is held, and nothing else.
	r.as("person:lena legal", inMain+"/holds", `{"name":"h","matter":"m","records":["b"]}`).want(200)
	r.as("person:lena legal", records+"/b?disclose=all", "", "Counterfoil-Purpose", "litigation").want(200)
	r.as("person:lena legal", records+"/a", "").problem(404, "not_found")
	if p := into[api.Page](r.as("person:lena legal", records, "").want(200)); len(p.Records) != 1 {
		t.Errorf("legal lists %d records", len(p.Records))
	}
	r.audit()
}

// TestAccessRecords holds what was read against what the log says of it.
func TestAccessRecords(t *testing.T) {
	t.Parallel()
	r := guarded(t, options{})
	r.as("key:bot source", records, decision("a")).want(201)
	r.as("person:piet privacy", records+"/a?disclose=/inputs/0/value", "", "Counterfoil-Purpose", "complaint", "Counterfoil-Ticket", "c-7").want(200)
	r.as("person:mia reviewer", inMain+"/requests", "").problem(403, "forbidden")
	p := into[api.Page](r.as("person:piet privacy", records+"?type=access", "").want(200))
	if len(p.Records) != 2 {
		t.Fatalf("%d access records", len(p.Records))
	}
	denied, read := string(p.Records[0].Statement), string(p.Records[1].Statement)
	for _, want := range []string{`"actor":"person:piet"`, `"purpose":"complaint"`, `"ticket":"c-7"`, `"pointers":["/inputs/0/value"]`, `"result":"allowed"`, `"role":"privacy"`, `"about":"a"`, `"subject":{"seal"`} {
		if !strings.Contains(read, want) {
			t.Errorf("the record of the read lacks %s: %s", want, read)
		}
	}
	for _, want := range []string{`"actor":"person:mia"`, `"act":"custody.read"`, `"result":"denied"`} {
		if !strings.Contains(denied, want) {
			t.Errorf("the record of the attempt lacks %s: %s", want, denied)
		}
	}
	for _, forged := range []string{`{"type":"access","id":"x","time":"2026-03-03T09:12:44Z","access":{"act":"read","actor":"nobody","result":"allowed"}}`,
		`{"type":"erasure","id":"y","time":"2026-03-03T09:12:44Z","erasure":{"ground":"order","status":"executed","targets":[{"id":"a"}]}}`,
		`{"type":"hold","id":"z","time":"2026-03-03T09:12:44Z","hold":{"act":"release","name":"h","actor":"nobody"}}`} {
		r.as("key:bot source", records, forged).problem(403, "forbidden")
	}
	r.audit()
}

// TestReadNeedsItsRecord fails every write while a value is read: without an
// access record there is no answer.
func TestReadNeedsItsRecord(t *testing.T) {
	t.Parallel()
	f := &fuse{left: -1}
	r := guarded(t, options{db: f.config})
	r.as("key:bot source", records, decision("a")).want(201)
	f.light(true, false, true, 0, db.ErrFull)
	if b := r.as("person:piet privacy", records+"/a?disclose=all", "", "Counterfoil-Purpose", "complaint").want(507).body; strings.Contains(string(b), secret) {
		t.Errorf("answered %s", b)
	}
	r.as("person:piet privacy", records+"/a/receipt?disclose=all", "", "Counterfoil-Purpose", "complaint").want(507)
	r.as("person:piet privacy", records+"/a/replay", "", "Counterfoil-Purpose", "complaint").want(507)
	f.out()
	r.as("person:piet privacy", records+"/a?disclose=all", "", "Counterfoil-Purpose", "complaint").want(200)
}

// TestTenants lets the people of one ledger try everything on another.
func TestTenants(t *testing.T) {
	t.Parallel()
	r := guarded(t, options{})
	r.as("key:bot source", records, decision("a")).want(201)
	keys, err := keyring.New([]byte("another9another9another9another9"))
	must(t, err)
	d, err := db.Create(t.Context(), dbtest.SQLite(t))
	must(t, err)
	t.Cleanup(func() { must(t, d.Close()) })
	must(t, ledger.Create(t.Context(), ledger.Config{DB: d, Keys: keys}, "example.com/other"))
	other, err := ledger.Open(t.Context(), ledger.Config{DB: d, Keys: keys})
	must(t, err)
	custodian, err := custody.New(custody.Config{Ledger: other})
	must(t, err)
	register, err := registry.New(registry.Config{Ledger: other})
	must(t, err)
	r.shelf.change(func(s *shelf) {
		s.ledgers["other"], s.custody["other"], s.register["other"] = other, custodian, register
	})

	var all strings.Builder
	for _, role := range access.Roles() {
		all.WriteString(fmt.Sprintf(" %s/other", role))
	}
	none := strings.NewReplacer("/main", "/nowhere", "{id}", "a", "{path}", "checkpoint")
	tried := 0
	for _, o := range answers.ops {
		if !strings.Contains(o.path, "{ledger}") {
			continue
		}
		tried++
		body := sample[o.id].body
		if body == "record" {
			body = decision("b")
		}
		path := fill.Replace(o.path)
		got := r.as("person:eve"+all.String(), path, body).problem(404, "not_found")
		want := r.as("person:eve"+all.String(), none.Replace(path), body).problem(404, "not_found")
		if strings.ReplaceAll(got.Detail, "main", "nowhere") != want.Detail {
			t.Errorf("%s tells that the ledger exists: %s", o.id, got.Detail)
		}
	}
	if tried < 25 {
		t.Errorf("only %d operations", tried)
	}
	if b := string(r.as("person:eve"+all.String(), "/v1/ledgers", "").want(200).body); strings.Contains(b, "main") {
		t.Errorf("lists %s", b)
	}
	if r.size() != 1 {
		t.Errorf("size %d", r.size())
	}
}

// TestCustodyOverAPI walks every path of custody once, its conflicts included.
func TestCustodyOverAPI(t *testing.T) {
	t.Parallel()
	r := guarded(t, options{})
	legal, piet, paula, rosa := "person:lena legal", "person:piet privacy", "person:paula privacy", "person:rosa records"
	r.as("key:bot source", records, decision("a")).want(201)
	r.as(legal, inMain+"/holds", `{"name":"h","matter":"m","query":{"system":"refund-agent"}}`).want(200)
	r.as(legal, inMain+"/holds", `{"name":"h","matter":"m","query":{"system":"refund-agent"}}`).problem(409, "conflict")
	r.as(piet, inMain+"/holds/h/verdict", `{"approve":true}`).want(200)
	r.as(piet, inMain+"/holds/h/verdict", `{"approve":true}`).problem(409, "conflict")
	r.as(piet, inMain+"/holds/h/release/verdict", `{"approve":true}`).problem(409, "conflict")
	e := into[custody.Request](r.as(piet, inMain+"/erasures", sample["askErasure"].body).want(200))
	execute := fmt.Sprintf(`{"requests":[%q]}`, e.ID)
	r.as(rosa, inMain+"/erasures/execute", execute).problem(409, "conflict")
	r.as(paula, inMain+"/erasures/"+e.ID+"/verdict", `{"approve":true}`).want(200)
	r.as(paula, inMain+"/erasures/"+e.ID+"/verdict", `{"approve":true}`).problem(409, "conflict")
	out := into[struct{ Items []custody.Outcome }](r.as(rosa, inMain+"/erasures/execute", execute).want(200))
	if len(out.Items) != 1 || len(out.Items[0].Refusals) != 1 || out.Items[0].Refusals[0].Hold != "h" {
		t.Errorf("outcome %+v", out)
	}
	r.as(legal, inMain+"/holds/h/review", `{"reason":"still needed"}`).want(200)
	r.as(legal, inMain+"/holds/h/release", `{"reason":"over"}`).want(200)
	r.as(legal, inMain+"/holds/h/release", `{"reason":"over"}`).problem(409, "conflict")
	r.as(legal, inMain+"/holds/h/review", `{"reason":"still needed"}`).problem(409, "conflict")
	r.as(piet, inMain+"/holds/h/release/verdict", `{"approve":true}`).want(200)
	if h := into[struct{ Items []custody.Hold }](r.as(piet, inMain+"/holds", "").want(200)); len(h.Items) != 1 || h.Items[0].Held != 1 || h.Items[0].Status != custody.StatusReleased {
		t.Errorf("holds %+v", h)
	}
	r.as(piet, inMain+"/holds/conflicts", "").want(200)
	r.as(piet, inMain+"/requests?kind=erasure", "").want(200)
	r.as(piet, inMain+"/retention", "").want(200)
	r.as(rosa, inMain+"/retention/run", `{}`).want(200)
	rep := into[custody.Report](r.as(piet, inMain+"/subjects/report", sample["reportSubject"].body).want(200))
	if rep.Types["decision"] != 1 {
		t.Errorf("report %+v", rep)
	}
	r.as(piet, inMain+"/subjects/report", `{"subject":`+subject+`,"purpose":"access-request","ticket":""}`).problem(400, "purpose")
	r.as(piet, inMain+"/subjects/accesses", sample["accessLog"].body).want(200)
	r.audit()
}

// TestForms sends to each POST what is not right for it.
func TestForms(t *testing.T) {
	t.Parallel()
	f := &fuse{left: -1}
	r := newRig(t, options{db: f.config})
	small := newRig(t, options{server: func(c *server.Config) { c.Limits.InFlight = 1 }})
	r.post(decision("a")).want(201)
	book := guarded(t, options{})
	for id, body := range managing {
		for _, o := range answers.ops {
			if o.id != id || o.method != "POST" {
				continue
			}
			path := fill.Replace(o.path)
			root := func(media, body string) *reply {
				return book.do("POST", path, strings.NewReader(body), "Badge", "person:root admin/*", "Content-Type", media)
			}
			root("text/plain", body).problem(415, "media_type")
			root("application/json", `{"x":"`+strings.Repeat("x", 2<<20)+`"}`).problem(413, "body_too_large")
			root("application/json", `{`).problem(400, record.CodeSyntax)
			root("application/json", `{"nonsense":1}`).problem(422, record.CodeUnknownMember)
			small.do("POST", path, strings.NewReader(body), "Content-Type", "application/json").problem(429, "busy")
		}
	}
	r.shelf.change(func(s *shelf) { s.governs = governed{} })
	must(t, r.l.DB().Write(t.Context(), func(ctx context.Context, tx *db.Tx) error { return ledger.SetRegister(ctx, tx, 1) }))
	for _, o := range answers.ops {
		s, ok := sample[o.id]
		if !ok || !strings.HasPrefix(string(s.body), "{") && o.method == "POST" {
			continue
		}
		path := fill.Replace(o.path)
		if o.method == "POST" {
			r.do("POST", path, strings.NewReader(s.body), "Content-Type", "text/plain").problem(415, "media_type")
			r.do("POST", path, strings.NewReader(`{"x":"`+strings.Repeat("x", 2<<20)+`"}`), "Content-Type", "application/json").problem(413, "body_too_large")
			r.do("POST", path, strings.NewReader(`{`), "Content-Type", "application/json").problem(400, record.CodeSyntax)
			p := r.do("POST", path, strings.NewReader(`{"nonsense":1}`), "Content-Type", "application/json").problem(422, map[bool]string{true: record.CodeMissingMember, false: record.CodeUnknownMember}[o.id == "askGuard"])
			if o.id != "askGuard" && (len(p.Errors) != 1 || p.Errors[0].Pointer != "/nonsense") {
				t.Errorf("%s: %+v", o.id, p.Errors)
			}
			small.do("POST", path, strings.NewReader(s.body), "Content-Type", "application/json").problem(429, "busy")
		}
		if _, ok := o.answers[503]; !ok || o.id == "metrics" {
			continue
		}
		for _, c := range faults {
			for _, write := range []bool{false, true} {
				if c.status == 507 && !write {
					continue // reading takes no space
				}
				f.light(write, false, true, 0, c.cause)
				var got *reply
				if o.method == "POST" {
					got = r.do("POST", path, strings.NewReader(s.body), "Content-Type", "application/json")
				} else {
					got = r.get(path)
				}
				if f.out() > 0 && got.status != 404 {
					got.problem(c.status, c.code)
				}
			}
		}
	}
	r.audit()
}

// TestFullDisk lets each second person's word fail for want of space: nothing of
// it happens, and it can be said again.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	f := &fuse{left: -1}
	r := guarded(t, options{db: f.config})
	legal, piet, paula, rosa := "person:lena legal", "person:piet privacy", "person:paula privacy", "person:rosa records"
	r.as("hammer", records, decision("a")).problem(429, "throttled")
	r.as("key:bot source", records, decision("a")).want(201)
	try := func(badge, path, body string) {
		t.Helper()
		size := r.size()
		f.light(true, false, true, 0, db.ErrFull)
		r.as(badge, inMain+path, body).problem(507, "full")
		f.light(true, false, true, 0, db.ErrCorrupt)
		r.as(badge, inMain+path, body).problem(500, "internal")
		f.light(true, false, true, 0, db.ErrUnavailable)
		r.as(badge, inMain+path, body).problem(503, "unavailable")
		f.out()
		if r.size() != size {
			t.Errorf("%s: something was stored", path)
		}
		r.as(badge, inMain+path, body).want(200)
	}
	yes := `{"approve":true}`
	try("person:root admin", "/keys/rotate", `{}`)
	r.as("person:root admin", inMain+"/keys/rotate", `{}`).problem(409, "conflict")
	try("person:root admin", "/keys/retire", `{}`)
	try("person:root admin", "/keys/master", `{}`)
	r.as("person:root admin", inMain+"/keys/retire", `{}`).problem(409, "conflict")
	try(legal, "/holds", `{"name":"h","matter":"m","records":["a"]}`)
	try(piet, "/holds/h/verdict", yes)
	try(legal, "/holds/h/review", `{"reason":"r"}`)
	try(legal, "/holds/h/release", `{"reason":"r"}`)
	try(piet, "/holds/h/release/verdict", yes)
	e := into[custody.Request](r.as(piet, inMain+"/erasures", sample["askErasure"].body).want(200))
	try(paula, "/erasures/"+e.ID+"/verdict", yes)
	try(rosa, "/erasures/execute", fmt.Sprintf(`{"requests":[%q]}`, e.ID))
	w := into[custody.Request](r.as("person:anna auditor", inMain+"/warrants", sample["askWarrant"].body).want(200))
	try(piet, "/warrants/"+w.ID+"/verdict", yes)
	anna := "person:anna auditor"
	p := into[custody.Request](r.as(anna, inMain+"/packs", sample["askPack"].body).want(200))
	r.as(anna, inMain+"/packs/"+p.ID+"/make", "nothing").problem(409, "conflict")
	try(piet, "/packs/"+p.ID+"/verdict", yes)
	r.as(piet, inMain+"/packs/"+p.ID+"/verdict", yes).problem(403, "forbidden")
	try(legal, "/packs/"+p.ID+"/verdict", yes)
	r.as(paula, inMain+"/packs/"+p.ID+"/verdict", yes).problem(409, "conflict")
	try(anna, "/packs/"+p.ID+"/make", "nothing")
	r.as(anna, inMain+"/packs/"+p.ID+"/make?size=1", "nothing").problem(409, "conflict")
	r.as(anna, inMain+"/packs", strings.Replace(sample["askPack"].body, "sealed", "all", 1)).problem(400, "invalid")
	r.as(anna, inMain+"/packs", strings.Replace(sample["askPack"].body, "system:", "systm:", 1)).problem(400, "bad_query")
	g := into[custody.Request](r.as("person:olga owner", inMain+"/glass", sample["breakGlass"].body).want(200))
	try(piet, "/glass/"+g.ID+"/review", `{"reason":"r"}`)
	r.audit()
}

// TestManage gives roles and keys, and uses a key for real.
func TestManage(t *testing.T) {
	t.Parallel()
	r := guarded(t, options{server: func(c *server.Config) { c.Door = nil }}) // the book itself is the door
	// The operator of the machine makes the first key: an administrator of main.
	local := func(method, path, body string) *reply {
		req := httptest.NewRequestWithContext(server.LocalContext(t.Context()), method, "http://localhost"+path, strings.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		r.s.ServeHTTP(w, req)
		return &reply{t: t, status: w.Code, header: w.Header(), body: w.Body.Bytes()}
	}
	made := into[struct{ Secret string }](local("POST", "/v1/access/keys", `{"name":"root","grants":[{"role":"admin","ledger":"main"}]}`).want(200))
	root := []string{"Authorization", "Bearer " + made.Secret, "Content-Type", "application/json"}
	call := func(head []string, path, body string) *reply {
		if body == "" {
			return r.do("GET", path, nil, head...)
		}
		return r.do("POST", path, strings.NewReader(body), head...)
	}
	if me := into[access.Actor](call(root, "/v1/access/me", "").want(200)); me.ID != "key:root" || len(me.Grants) != 1 {
		t.Errorf("%+v", me)
	}
	bot := into[struct {
		Secret string
		Key    access.APIKey
	}](call(root, "/v1/access/keys", managing["createKey"]).want(200))
	call(root, "/v1/access/keys", managing["createKey"]).problem(409, "conflict")
	call(root, "/v1/access/keys", `{"name":"x","grants":[{"role":"source","ledger":"other"}]}`).problem(403, "forbidden")
	call(root, "/v1/access/grants", `{"actor":"key:root","role":"reviewer","ledger":"main"}`).want(403) // not to oneself
	call(root, "/v1/access/grants", managing["grant"]).want(200)
	call(root, "/v1/access/grants", `{"actor":"key:bot","role":"auditor","ledger":"main"}`).problem(409, "conflict") // who sends only sends
	call(root, "/v1/access/grants", `{"actor":"person:noah","role":"king","ledger":"main"}`).problem(400, "invalid")
	if l := into[struct{ Items []access.Given }](call(root, "/v1/access/grants", "").want(200)); len(l.Items) != 1 || l.Items[0].Actor != "person:noah" {
		t.Errorf("%+v", l)
	}
	head := []string{"Authorization", "Bearer " + bot.Secret, "Content-Type", "application/json"}
	call(head, records, decision("a")).want(201)
	call(head, records, "").problem(403, "forbidden")
	call(root, records, decision("b")).problem(403, "forbidden")
	if l := into[struct{ Items []access.APIKey }](call(root, "/v1/access/keys", "").want(200)); len(l.Items) != 2 {
		t.Errorf("%+v", l)
	}
	next := into[struct{ Secret string }](call(root, "/v1/access/keys/"+bot.Key.ID+"/rotate", `{"overlap_hours":1}`).want(200))
	call([]string{"Authorization", "Bearer " + next.Secret, "Content-Type", "application/json"}, records, decision("c")).want(201)
	call(root, "/v1/access/keys/"+bot.Key.ID+"/revoke", `{}`).want(200)
	call(head, records, decision("d")).problem(401, "unauthenticated")
	call(root, "/v1/access/grants/revoke", managing["revokeGrant"]).want(200)
	call(root, "/v1/access/grants/revoke", managing["revokeGrant"]).problem(404, "not_found")
	call(root, "/v1/access/sessions/end", managing["endSessions"]).problem(403, "forbidden") // sessions are of all ledgers
	local("POST", "/v1/access/sessions/end", managing["endSessions"]).want(200)
	call([]string{"Authorization", "Bearer cfk_nonsense"}, records, "").problem(401, "unauthenticated")
	r.audit()
}

// TestShardGrants gives who has a grant in a ledger its closed shards, too.
func TestShardGrants(t *testing.T) {
	t.Parallel()
	r := guarded(t, options{})
	r.as("key:bot source", records, decision("a")).want(201)
	r.shelf.change(func(s *shelf) { s.ledgers["main.2026-11"] = s.ledgers["main"] })
	r.as("person:a auditor", "/v1/ledgers/main.2026-11/records/a", "").want(200)
	r.as("person:a auditor/other", "/v1/ledgers/main.2026-11/records/a", "").problem(404, "not_found")
}
