// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/proof"
	"github.com/counterfoil/counterfoil/record"
	"github.com/counterfoil/counterfoil/verify"
)

// TestRecord gets a statement: without private values, with all, with one.
func TestRecord(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	r.post(decision("a")).want(201)
	plain := r.get(records + "/a").want(200)
	e := into[api.Entry](plain)
	st, err := record.ParseStatement(e.Statement)
	must(t, err)
	if st.ID() != "a" || e.Record != nil || len(st.Seals()) != 2 || plain.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%+v", e)
	}
	for _, q := range []string{"?evidence=true", "?evidence=1", "?disclose=all", "?disclose=/subject&disclose=all"} {
		full := into[api.Entry](r.get(records + "/a" + q).want(200))
		if n := bytes.Count(full.Record, []byte(secret)); n != 2 || bytes.Contains(full.Record, []byte(`"seal"`)) || !bytes.Equal(full.Statement, e.Statement) {
			t.Errorf("%s: %s", q, full.Record)
		}
	}
	one := into[api.Entry](r.get(records + "/a?disclose=/subject").want(200))
	if !bytes.Contains(one.Record, []byte(`"subject":"`+secret+`customer"`)) || bytes.Count(one.Record, []byte(`"seal"`)) != 1 {
		t.Errorf("%s", one.Record)
	}
	if off := into[api.Entry](r.get(records + "/a?evidence=false").want(200)); off.Record != nil {
		t.Errorf("%s", off.Record)
	}
	for _, q := range []string{"?disclose=/nowhere", "?disclose=/decision/kind", "?disclose=subject", "?disclose="} {
		r.get(records+"/a"+q).problem(404, "not_found")
	}
	r.get(records+"/a?evidence=perhaps").problem(400, "bad_parameter")
}

// TestReceipt verifies receipts as an outsider would, with the trust policy
// that the server hands out.
func TestReceipt(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	r.post(decisions("a", 400)).want(201)
	trust, err := proof.ParseTrust(r.get("/v1/ledgers/main/trust").want(200).body)
	must(t, err)
	plain := r.get(records + "/a-300/receipt").want(200)
	if plain.header.Get("Content-Disposition") != `attachment; filename="a-300.receipt.json"` {
		t.Errorf("headers %v", plain.header)
	}
	for q, disclosed := range map[string]int{"": 0, "?disclose=all": 2, "?disclose=/subject": 1, "?disclose=/subject&disclose=/inputs/0/value": 2} {
		b := r.get(records + "/a-300/receipt" + q).want(200).body
		rc, err := proof.ParseReceipt(b)
		must(t, err)
		if len(rc.Disclosed) != disclosed || rc.Index != 300 {
			t.Errorf("%s: %d disclosed at %d", q, len(rc.Disclosed), rc.Index)
		}
		if res := verify.Receipt(b, trust); !res.Valid || res.ID != "a-300" {
			t.Errorf("%s: %+v", q, res)
		}
	}
	r.get(records+"/a-300/receipt?disclose=/nowhere").problem(404, "not_found")
	r.get(records+"/a-300/receipt?evidence=true").problem(400, "bad_parameter")
	r.get(records+"/a-400/receipt").problem(404, "not_found")
}

// TestHostilePaths asks for ids and ledgers that can not be.
func TestHostilePaths(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	r.post(decision("a")).want(201)
	for _, id := range []string{"..", ".", "%2e%2e", "a%00", "a%2F..%2Fa", "..%2f..%2fetc%2fpasswd", "%ff", "a'--", "a%22", "a%0d%0aX-Evil:%201",
		"%3Cscript%3E", strings.Repeat("a", 3000), strings.Repeat("a", 5000), "A", "a%20", "%25", "*", "a;b", "%F0%9F%92%A5"} {
		for _, path := range []string{records + "/" + id, records + "/" + id + "/receipt", "/v1/ledgers/" + id + "/stats", "/v1/ledgers/" + id + "/trust",
			"/v1/ledgers/" + id + "/records", "/log/" + id + "/checkpoint", "/log/main/" + id, "/problems/" + id} {
			p := r.get(path)
			p.problem(404, "not_found")
			if p.header.Get("X-Evil") != "" || p.header.Get("Content-Disposition") != "" {
				t.Errorf("%s: headers %v", path, p.header)
			}
		}
	}
	for _, path := range []string{"//v1/ledgers", "/v1//ledgers", "/v1/ledgers/", records + "/", records + "/a/", "/v1/../v1/ledgers", "/log/main/", "/log/main/tile/../checkpoint", "/nothing", "/v1"} {
		r.get(path).problem(404, "not_found")
	}
	for _, path := range []string{"//v1/ledgers", "/v1/ledgers//records", records + "/", "/nothing"} {
		r.do("POST", path, strings.NewReader("{}"), "Content-Type", "application/json").problem(404, "not_found")
	}
}

func TestStats(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 3, 9, 0, 0, 0, time.UTC)
	r := newRig(t, options{ledger: ledgerAt(now)})
	if s := into[api.Stats](r.get("/v1/ledgers/main/stats").want(200)); s.Size != 0 || s.Last != nil || s.Types == nil || s.Sources == nil {
		t.Errorf("empty: %+v", s)
	}
	body := "[" + decision("a", `"source":{"id":"s","seq":1}`) + "," + decision("b", `"source":{"id":"s","seq":4}`) + "," +
		decision("c", `"decision":{"kind":"refund","status":"made","outcome":"approved"}`) + "]"
	r.post(body).want(201)
	s := into[api.Stats](r.get("/v1/ledgers/main/stats").want(200))
	if s.Origin != origin || s.Size != 3 || s.Stored <= 0 || s.Last == nil || !s.Last.Equal(now) {
		t.Errorf("%+v", s)
	}
	if len(s.Types) != 1 || s.Types[0] != (api.Count{Name: "decision", Count: 3}) || len(s.Systems) != 1 || len(s.Outcomes) != 2 ||
		s.Outcomes[0] != (api.Count{Name: "denied", Count: 2}) {
		t.Errorf("%+v", s)
	}
	if len(s.Sources) != 1 || s.Sources[0] != (api.SourceCount{Source: "s", Count: 2, First: 1, Last: 4, Missing: 2}) {
		t.Errorf("%+v", s.Sources)
	}
}

func TestLedgers(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	l := into[api.Ledgers](r.get("/v1/ledgers").want(200)).Ledgers
	if len(l) != 1 || l[0] != (api.LedgerInfo{Name: "main", Origin: origin, VerifierKey: r.l.VerifierKey()}) {
		t.Errorf("%+v", l)
	}
	r.shelf.change(func(s *shelf) { s.ledgers = nil })
	if b := r.get("/v1/ledgers").want(200).body; string(b) != `{"ledgers":[]}`+"\n" {
		t.Errorf("%s", b)
	}
}

// TestHead asks for headers only: those of GET, without a body.
func TestHead(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	r.post(decisions("a", 300)).want(201)
	for _, path := range []string{"/", "/healthz", "/readyz", "/openapi.json", records, records + "/a-1", records + "/a-1/receipt", "/log/main/checkpoint", "/log/main/tile/0/000", records + "/none", "/log/main/tile/9/000"} {
		head, get := r.do("HEAD", path, nil), r.get(path)
		if head.status != get.status || len(head.body) > 0 {
			t.Errorf("%s: HEAD %d with %d bytes, GET %d", path, head.status, len(head.body), get.status)
		}
		for _, name := range []string{"Content-Type", "Cache-Control", "Link", "Content-Disposition"} {
			if head.header.Get(name) != get.header.Get(name) {
				t.Errorf("%s: %s is %q, with GET %q", path, name, head.header.Get(name), get.header.Get(name))
			}
		}
	}
}
