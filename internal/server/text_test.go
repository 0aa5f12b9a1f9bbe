// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/access"
	"github.com/counterfoil/counterfoil/internal/custody"
	"github.com/counterfoil/counterfoil/internal/search"
)

const (
	turnPath  = searchPath + "/fulltext/refund-agent"
	savedPath = searchPath + "/saved"
)

// reasoned is a decision with a private reason.
func reasoned(id, reason string) string {
	return decision(id, fmt.Sprintf(`"decision":{"kind":"refund","status":"made","outcome":"denied","reason":%q}`, reason))
}

// TestText searches texts as every role: it takes what opening them takes.
func TestText(t *testing.T) {
	t.Parallel()
	r := guarded(t, options{})
	paula, why := "person:paula privacy", []string{"Counterfoil-Purpose", "audit"}
	for _, doc := range []string{reasoned("a", "Refund denied, fare rules"), reasoned("b", "nothing of note")} {
		r.as("key:bot source", records, doc).want(201)
	}
	q := ask(`"refund denied"`)
	if p := r.as(paula, q, "", why...).problem(400, "bad_query"); !strings.Contains(p.Detail, "column 1 of q") {
		t.Errorf("full text is off: %+v", p)
	}
	r.as(paula, turnPath, `{"on":true,"reason":"complaints"}`).want(200)
	r.as(paula, turnPath, `{"on":true}`).problem(409, "conflict")
	r.as(paula, searchPath+"/fulltext/not%20a%20code", `{"on":true}`).problem(400, "invalid")
	r.as(paula, q, "").problem(400, "purpose")
	for _, role := range access.Roles() {
		got := r.as("person:v "+string(role), q, "", why...)
		c, _ := access.Allowed(role, access.ReadValue)
		switch _, reads := access.Allowed(role, access.Read); {
		case role == access.Legal:
			if n := into[api.Found](got.want(200)).Total; n != 0 {
				t.Errorf("legal finds %d records that are not held", n)
			}
		case !reads || c != access.Stated:
			got.problem(403, "forbidden")
		default:
			f := into[api.Found](got.want(200))
			if f.Total != 1 || f.Text == nil || len(f.Text.Systems) != 1 || f.Text.Behind != 0 {
				t.Errorf("%s finds %+v, %+v", role, f.Total, f.Text)
			}
		}
	}
	r.as("person:v reviewer/main/refund-agent", q, "", why...).want(200)
	r.as("person:v reviewer/main/router", q, "", why...).problem(403, "forbidden")
	r.as("person:v reviewer", searchPath+"/export?q="+url.QueryEscape(`text:denied`), "", why...).want(200)
	r.as("person:v reviewer", searchPath+"/export?q="+url.QueryEscape(`text:denied`), "").problem(400, "purpose")
	noted := into[api.Found](r.as("person:v reviewer", ask("type:access access.act:search"), "").want(200))
	if noted.Total != 4 { // reviewer, privacy and legal, and the reviewer of one system
		t.Errorf("%d searches were recorded", noted.Total)
	}
	r.warranted(q, why)
	r.as(paula, turnPath, `{"on":false}`).want(200)
	if left := into[struct{ Items []search.TextState }](r.as(paula, searchPath+"/fulltext", "").want(200)); len(left.Items) != 0 {
		t.Errorf("left %+v", left)
	}
	r.audit()
}

// warranted lets an auditor search texts under a warrant for the system.
func (r *rig) warranted(q string, why []string) {
	r.t.Helper()
	ask := `{"purpose":"audit","ticket":"t-1","system":"refund-agent"}`
	w := into[custody.Request](r.as("person:aud auditor", inMain+"/warrants", ask).want(200))
	head := append(why, "Counterfoil-Warrant", w.ID)
	r.as("person:aud auditor", q, "", head...).problem(403, "forbidden")
	r.as("person:paula privacy", inMain+"/warrants/"+w.ID+"/verdict", `{"approve":true}`).want(200)
	if n := into[api.Found](r.as("person:aud auditor", q, "", head...).want(200)).Total; n != 1 {
		r.t.Errorf("under a warrant %d records are found", n)
	}
}

// TestSaved keeps queries under names.
func TestSaved(t *testing.T) {
	t.Parallel()
	r := guarded(t, options{})
	r.as("key:bot source", records, decision("a")).want(201)
	ann, bob, path := "person:ann reviewer", "person:bob owner", savedPath+"/denied"
	save := func(q string) string { return fmt.Sprintf(`{"query":%q}`, q) }
	if p := r.as(ann, path, save("outcome:denied systm:x")).problem(400, "bad_query"); !strings.Contains(p.Detail, "column 16") {
		t.Errorf("a broken query: %+v", p)
	}
	r.as(ann, path, save("principal:mia@example.com")).problem(400, "invalid")
	r.as(ann, path, save("outcome:denied"), "If-Match", "*").problem(412, "changed")
	tag := r.as(ann, path, save("outcome:denied"), "If-None-Match", "*").want(200).header.Get("ETag")
	r.as(ann, path, save("outcome:denied"), "If-None-Match", "*").problem(412, "changed")
	r.as(bob, path, save("outcome:denied")).problem(409, "conflict")
	r.as(bob, path+"/forget", `{}`).problem(409, "conflict")
	got := r.as(bob, path, "").want(200)
	if s := into[search.Saved](got); s.Owner != "person:ann" || s.Query != "outcome:denied" || got.header.Get("ETag") != tag {
		t.Errorf("%+v, %s and %s", s, got.header.Get("ETag"), tag)
	}
	r.as(bob, path, "", "If-None-Match", tag).want(http.StatusNotModified)
	if f := into[api.Found](r.as(bob, path+"/records?facets=outcome", "").want(200)); f.Total != 1 || len(f.Facets) != 1 {
		t.Errorf("it finds %+v", f)
	}
	r.as(ann, path, save("outcome:approved"), "If-Match", tag).want(200)
	r.as(ann, path, save("outcome:approved"), "If-Match", tag).problem(412, "changed")
	r.as(ann, path+"/forget", `{}`, "If-Match", tag).problem(412, "changed")
	if all := into[struct{ Items []search.Saved }](r.as(bob, savedPath, "").want(200)); len(all.Items) != 1 || all.Items[0].Query != "outcome:approved" {
		t.Errorf("listed %+v", all)
	}
	r.as(ann, path+"/forget", `{}`).want(200)
	r.as(ann, path+"/forget", `{}`).problem(404, "not_found")
	r.as(ann, path, "").problem(404, "not_found")
	r.as(ann, path+"/records", "").problem(404, "not_found")
}
