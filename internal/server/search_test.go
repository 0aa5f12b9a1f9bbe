// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"encoding/csv"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/counterfoil/counterfoil/api"
)

const searchPath = "/v1/ledgers/main/search"

func ask(q string, more ...string) string {
	return searchPath + "?q=" + url.QueryEscape(q) + strings.Join(more, "")
}

// TestSearch finds records over the API, page by page, and counts.
func TestSearch(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	for n := range 12 {
		r.post(decision(fmt.Sprintf("s%02d", n), fmt.Sprintf(`"decision":{"kind":"refund","status":"made","outcome":%q}`, []string{"denied", "approved", "referred"}[n%3]))).want(201)
	}
	p := into[api.Found](r.get(ask("outcome:denied,approved", "&limit=5&facets=outcome,type&top=1")).want(200))
	if p.Total != 8 || len(p.Records) != 5 || p.Size != 12 || p.Next == "" {
		t.Errorf("found %d of %d, %d listed, next %q", p.Total, p.Size, len(p.Records), p.Next)
	}
	if f := p.Facets[0]; f.Field != "outcome" || f.Values[0].Count != 4 || f.Others != 1 {
		t.Errorf("facet %+v", f)
	}
	p = into[api.Found](r.get(ask("outcome:denied,approved", "&limit=5&cursor="+p.Next)).want(200))
	if len(p.Records) != 3 || p.Next != "" {
		t.Errorf("the second page lists %d, next %q", len(p.Records), p.Next)
	}
	if problem := r.get(ask("outcome:denied systm:x")).problem(400, "bad_query"); !strings.Contains(problem.Detail, "column 16") || !strings.Contains(problem.Hint, "system") {
		t.Errorf("a bad query: %+v", problem)
	}
	for _, q := range []string{"&limit=0", "&limit=x", "&cursor=-1", "&facets=time", "&facets=nothing", "&sort=up"} {
		if status := r.get(ask("", q)).status; status != 400 && status != 422 {
			t.Errorf("%s: %d", q, status)
		}
	}
	if fields := into[api.SearchFields](r.get(searchPath + "/fields").want(200)); len(fields.Fields) < 100 {
		t.Errorf("%d fields", len(fields.Fields))
	}
}

// TestExport takes what was found as a file, in each format.
func TestExport(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	for n := range 900 {
		if n%300 == 0 {
			r.post(decision(fmt.Sprintf("e%03d", n))).want(201)
			continue
		}
		r.post(decision(fmt.Sprintf("e%03d", n), `"decision":{"kind":"refund","status":"made","outcome":"approved"}`)).want(201)
	}
	export := func(format, q string) *reply {
		return r.get(searchPath + "/export?format=" + format + "&q=" + url.QueryEscape(q))
	}
	lines := export("ndjson", "outcome:approved").want(200)
	if n := strings.Count(string(lines.body), "\n"); n != 897 || lines.header.Get("Counterfoil-Total") != "897" || strings.Contains(string(lines.body), secret) {
		t.Errorf("%d lines, total %s", n, lines.header.Get("Counterfoil-Total"))
	}
	rows, err := csv.NewReader(strings.NewReader(string(export("csv", "outcome:denied").want(200).body))).ReadAll()
	if err != nil || len(rows) != 4 || rows[0][1] != "id" || rows[1][1] != "e000" || rows[3][1] != "e600" {
		t.Errorf("CSV: %v %v", rows, err)
	}
	raw := string(export("parquet", "").want(200).body)
	type short struct {
		Index   int64  `parquet:"index"`
		ID      string `parquet:"id"`
		Outcome string `parquet:"outcome"`
	}
	table, err := parquet.Read[short](strings.NewReader(raw), int64(len(raw)))
	if err != nil || len(table) < 900 || table[1].ID != "e001" || table[1].Outcome != "approved" || table[1].Index != 1 {
		t.Errorf("Parquet: %d rows, %v", len(table), err)
	}
	if rows, err := csv.NewReader(strings.NewReader(string(export("csv", "outcome:nothing").want(200).body))).ReadAll(); err != nil || len(rows) != 1 {
		t.Errorf("an empty table: %v %v", rows, err)
	}
	export("xls", "").problem(400, "invalid")
	export("csv", "((").problem(400, "bad_query")
	noted := into[api.Found](r.get(ask("type:access access.act:export")).want(200))
	if noted.Total != 4 {
		t.Errorf("%d exports were recorded, want 4", noted.Total)
	}
	r.audit()
}
