// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

func ledgerAt(now time.Time) func(*ledger.Config) {
	return func(c *ledger.Config) { c.Now = func() time.Time { return now } }
}

// list returns the ids of one page, and the next cursor.
func (r *rig) list(query string) (ids []string, next string) {
	r.t.Helper()
	p := r.get(records + query).want(200)
	page := into[api.Page](p)
	for _, e := range page.Records {
		st, err := record.ParseStatement(e.Statement)
		must(r.t, err)
		if e.Record != nil {
			r.t.Error("a list discloses")
		}
		ids = append(ids, st.ID())
	}
	if link := p.header.Get("Link"); (link != "") != (page.Next != "") {
		r.t.Errorf("next is %q, Link %q", page.Next, link)
	}
	return ids, page.Next
}

// filters find exactly the record of their name among all others.
var filters = []struct{ name, value, member string }{
	{"type", "finding", ""},
	{"system", "other-agent", ""},
	{"about", "decoy", `"about":"decoy"`},
	{"use_case", "refunds/eu", `"use_case":"refunds/eu"`},
	{"env", "shadow", `"env":"shadow"`},
	{"kind", "loan", `"decision":{"kind":"loan","status":"made"}`},
	{"status", "abandoned", `"decision":{"kind":"refund","status":"abandoned"}`},
	{"outcome", "granted", `"decision":{"kind":"refund","status":"made","outcome":"granted"}`},
	{"adverse", "true", `"decision":{"kind":"refund","status":"made","adverse":true}`},
	{"significant", "yes", `"decision":{"kind":"refund","status":"made","significant":"yes"}`},
	{"automation", "assistive", `"decision":{"kind":"refund","status":"made","automation":"assistive"}`},
	{"interaction", "int_1", `"interaction":{"id":"int_1"}`},
	{"journey", "jrn_1", `"interaction":{"id":"int_2","journey":"jrn_1"}`},
	{"channel", "voice", `"interaction":{"id":"int_3","channel":"voice"}`},
	{"source", "bot-3", `"source":{"id":"bot-3","seq":1}`},
	{"model", "score@3.2.1", `"versions":{"model":"score@3.2.1"}`},
	{"prompt", "reply@12", `"versions":{"prompt":"reply@12"}`},
	{"policy", "returns@5", `"versions":{"policy":["privacy@2","returns@5","other_@1"]}`},
	{"config", "eu@41", `"versions":{"config":"eu@41"}`},
	{"capture", "manual", ""},
}

// TestFilters tries every filter that the document declares.
func TestFilters(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	all := []string{decision("decoy", `"versions":{"policy":["returns@51","xreturns@5","otherx@1"],"model":"score@3"}`)}
	tried := []string{"cursor", "from", "limit", "order", "principal", "to"}
	for _, f := range filters {
		tried = append(tried, f.name)
		switch f.name {
		case "type":
			all = append(all, `{"type":"finding","id":"type","time":"2026-03-03T09:12:44Z","finding":{"code":"gap","status":"open"}}`)
		case "system":
			all = append(all, strings.Replace(decision("system"), "refund-agent", f.value, 1))
		case "capture":
			r.post(decision("capture"), "?capture=manual").want(201)
		default:
			all = append(all, decision(f.name, f.member))
		}
	}
	r.post("[" + strings.Join(all, ",") + "]").want(201)
	declared := answers.find("GET", records).query
	if slices.Sort(tried); !slices.Equal(tried, declared) {
		t.Errorf("tried %q, declared %q", tried, declared)
	}
	for _, f := range filters {
		q := "?" + f.name + "=" + url.QueryEscape(f.value)
		if ids, _ := r.list(q); !slices.Equal(ids, []string{f.name}) {
			t.Errorf("%s: %q", q, ids)
		}
		if ids, _ := r.list("?" + f.name + "=nobody"); ids != nil {
			t.Errorf("%s=nobody: %q", f.name, ids)
		}
	}
	if ids, _ := r.list("?principal=local:http"); len(ids) != len(filters)+1 {
		t.Errorf("principal: %q", ids)
	}
	if ids, _ := r.list("?principal=local"); ids != nil {
		t.Errorf("principal: %q", ids)
	}
	for q, want := range map[string]string{
		"?kind=loan&status=made": "kind", "?kind=loan&status=refused": "", "?policy=returns": "", "?policy=%25": "", "?policy=other%5F@1": "policy",
		"?policy=privacy@2%2Creturns@5": "policy", "?system=%27+OR+1=1--": "",
	} {
		if ids, _ := r.list(q); strings.Join(ids, " ") != want {
			t.Errorf("%s: %q, want %q", q, ids, want)
		}
	}
}

func TestTimeRange(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	var all []string
	for _, at := range []string{"1970-01-01T00:00:00Z", "2026-03-03T09:00:00Z", "2026-03-03T09:00:00.000001Z", "2026-03-03T12:00:00+02:00", "2261-01-01T00:00:00Z"} {
		all = append(all, strings.Replace(decision(fmt.Sprint("t", len(all))), "2026-03-03T09:12:44.120Z", at, 1))
	}
	r.post("[" + strings.Join(all, ",") + "]").want(201)
	for q, want := range map[string]string{
		"": "t0 t1 t2 t3 t4", "&from=2026-03-03T09:00:00Z": "t1 t2 t3 t4", "&to=2026-03-03T09:00:00Z": "t0", "&from=2026-03-03T09:00:00.000000001Z": "t2 t3 t4",
		"&from=2026-03-03T10:00:00Z&to=2026-03-03T10:00:00.1Z": "t3", "&from=2026-03-03T11:00:00%2B01:00&to=2026-03-04T00:00:00Z": "t3",
		"&to=9999-12-31T23:59:59Z": "t0 t1 t2 t3 t4", "&from=9999-12-31T23:59:59Z": "", "&from=0001-01-01T00:00:00Z": "t0 t1 t2 t3 t4",
		"&to=0001-01-01T00:00:00Z": "", "&to=1500-01-01T00:00:00Z": "", "&from=1500-01-01T00:00:00Z": "t0 t1 t2 t3 t4",
		"&from=2027-01-01T00:00:00Z&to=2026-01-01T00:00:00Z": "",
	} {
		if ids, _ := r.list("?order=oldest" + q); strings.Join(ids, " ") != want {
			t.Errorf("%s: %q, want %q", q, ids, want)
		}
	}
	for _, q := range []string{"?from=yesterday", "?to=2026-03-03", "?from=2026-13-03T00:00:00Z", "?limit=0", "?limit=1001", "?limit=-1", "?limit=1e2", "?order=up",
		"?cursor=x", "?cursor=%00", "?cursor=" + "ZDA", "?cursor=YTU", "?order=oldest&cursor=ZDU", "?type=a&type=b", "?from=2026-03-03T00:00:00Z&from=2026-03-03T00:00:00Z"} {
		if p := r.get(records+q).problem(400, "bad_parameter"); p.Detail == "" || p.Hint == "" {
			t.Errorf("%s: %+v", q, p)
		}
	}
}

// TestPaging walks the list in both directions while records are appended: each
// record that was there when the walk began is met once, in order.
func TestPaging(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	const n, page = 57, 7
	r.post(decisions("a", n)).want(201)
	appended := 0
	more := func() {
		r.post(decisions(fmt.Sprint("more", appended), 3)).want(201)
		appended += 3
	}
	walk := func(query string) (ids []string) {
		next := ""
		for first := true; first || next != ""; first = false {
			var some []string
			some, next = r.list(query + "&cursor=" + url.QueryEscape(next))
			if next != "" && len(some) != page {
				t.Errorf("%s: a page of %d", query, len(some))
			}
			ids = append(ids, some...)
			if appended < 120 {
				more()
			}
		}
		return ids
	}
	down := walk(fmt.Sprintf("?limit=%d", page))
	slices.Reverse(down)
	up := walk(fmt.Sprintf("?limit=%d&order=oldest", page))
	for i := range n {
		want := fmt.Sprint("a-", i)
		if down[i] != want || up[i] != want {
			t.Fatalf("at %d: %s down, %s up, want %s", i, down[i], up[i], want)
		}
	}
	if len(down) != n {
		t.Errorf("down met %d", len(down))
	}
	if len(up) < n+appended-3 { // the last append may follow the last page
		t.Errorf("up met %d of %d", len(up), n+appended)
	}
	// A filter and a cursor.
	start := n + appended
	seen := walk("?limit=7&kind=refund&outcome=denied")
	slices.Sort(seen)
	if unique := slices.Compact(slices.Clone(seen)); len(unique) != len(seen) || len(seen) != start {
		t.Errorf("%d records, %d different", len(seen), len(unique))
	}
	// The Link header leads where the cursor does.
	p := r.get(records + "?limit=2&env=").want(200)
	target, ok := strings.CutSuffix(p.header.Get("Link"), `>; rel="next"`)
	if !ok || !strings.HasPrefix(target, "<"+records) {
		t.Fatalf("Link %q", p.header.Get("Link"))
	}
	if first := into[api.Page](r.get(target[1:]).want(200)).Records[0]; first.Index != int64(n+appended-3) {
		t.Errorf("the next page begins at %d", first.Index)
	}
	if ids, _ := r.list(""); len(ids) != 100 {
		t.Errorf("a page has %d records by default", len(ids))
	}
	if ids, next := r.list("?limit=1000"); len(ids) != n+appended || next != "" {
		t.Errorf("%d records, next %q", len(ids), next)
	}
}
