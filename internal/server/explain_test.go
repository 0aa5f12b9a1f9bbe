// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/internal/explain"
)

const (
	inDecisions = "/v1/ledgers/main/decisions"
	told        = `{"type":"decision","id":"x1","time":"2026-05-20T08:30:00Z","system":"refund-agent","interaction":{"id":"int-x","channel":"chat","locale":"en"},"decision":{"kind":"refund","status":"made","outcome":"denied","automation":"solely_automated","detail":{"owner":{"en":"the refund team"},"contact":{"en":"call 0800"}}},"factors":[{"code":"late","method":"rule","label":{"disclosure":"subject","en":"the return came after 30 days"}}]}`
)

// TestExplain explains, compares and delivers, as JSON, a page and text.
func TestExplain(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	r.post(told).want(201)
	r.post(decision("x2")).want(201)
	one := inDecisions + "/x1"
	closed := into[explain.Explanation](r.get(one + "/explanation").want(200))
	if len(closed.Stops) == 0 || strings.Contains(closed.Text(), "30 days") {
		t.Errorf("without a purpose: %+v", closed)
	}
	why := []string{"Counterfoil-Purpose", "complaint"}
	open := into[explain.Explanation](r.do("GET", one+"/explanation?disclose=all", nil, why...).want(200))
	if len(open.Stops) > 0 || !strings.Contains(open.Text(), "The main reason was: the return came after 30 days.") {
		t.Errorf("with a purpose: %+v", open)
	}
	text := r.do("GET", one+"/explanation?disclose=all&lang=en&audience=subject", nil, append(why, "Accept", "text/plain")...).want(200)
	if string(text.body) != open.Text() {
		t.Errorf("the text: %s", text.body)
	}
	page := r.do("GET", one+"/explanation?disclose=all", nil, append(why, "Accept", "text/html")...).want(200)
	if !strings.Contains(string(page.body), "<p>The main reason was") {
		t.Errorf("the page: %s", page.body)
	}
	for _, accept := range []string{"application/json", "text/plain", "text/html"} {
		b := r.do("GET", one+"/comparison?with=x2&disclose=all", nil, append(why, "Accept", accept)...).want(200)
		if strings.Contains(string(b.body), secret) || strings.Contains(string(b.body), "x2") {
			t.Errorf("the person reads of the other: %s", b.body)
		}
	}
	r.get(one+"/comparison").problem(400, "invalid")
	r.get(one+"/comparison?with=nobody").problem(404, "not_found")
	r.get(one+"/explanation?disclose=/subject").problem(400, "bad_parameter")
	r.get(one+"/explanation?lang=tlh").problem(400, "invalid")
	r.get(one+"/explanation?delivered=true").problem(404, "not_found")
	r.get(inDecisions+"/nobody/explanation").problem(404, "not_found")
	deliver(r, one, why...)
	r.audit()
}

// deliver delivers an explanation and asks for it again.
func deliver(r *rig, one string, why ...string) {
	r.t.Helper()
	const form = `{"audience":"subject","language":"en","channel":"email"}`
	head := []string{"Content-Type", "application/json"}
	r.do("POST", inDecisions+"/x2/explanations", strings.NewReader(form), head...).problem(409, "conflict")
	d := into[explain.Delivery](r.do("POST", one+"/explanations", strings.NewReader(form), append(head, why...)...).want(200))
	if d.Check() != nil || d.Decision != "x1" || !strings.Contains(d.Text, "30 days") {
		r.t.Errorf("delivered: %+v", d)
	}
	again := into[explain.Delivery](r.do("GET", one+"/explanation?delivered=true&disclose=all", nil, why...).want(200))
	if again != d {
		r.t.Errorf("delivered: %+v, then %+v", d, again)
	}
	text := r.do("GET", one+"/explanation?delivered=true&disclose=all", nil, append(why, "Accept", "text/plain")...).want(200)
	if string(text.body) != d.Text {
		r.t.Errorf("the text: %s", text.body)
	}
	// what somebody else sent as delivered is not shown if it does not fit
	r.post(`{"type":"explanation","id":"forged","time":"2026-05-20T09:00:00Z","about":"x1","explanation":{"audience":"auditor","text":"all is well","digest":"sha256:00"}}`).want(201)
	r.do("GET", one+"/explanation?delivered=true&audience=auditor&disclose=all", nil, why...).problem(409, "conflict")
}
