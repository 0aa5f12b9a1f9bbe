// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"testing"

	"github.com/counterfoil/counterfoil/internal/challenge"
)

// TestChallenges follows a contest over the API.
func TestChallenges(t *testing.T) {
	t.Parallel()
	r := guarded(t, options{})
	const at = inMain + "/challenges"
	r.as("key:bot source", records, decision("d1", `"versions":{"model":"m@1"}`)).want(201)
	desk, zoe := "person:desk privacy", "person:zoe reviewer"
	c := into[challenge.Case](r.as(desk, at, `{"kind":"contest","regime":"gdpr-12","about":"d1","text":"no"}`).want(200))
	r.as(desk, at, `{"kind":"contest","about":"nobody"}`).problem(404, "not_found")
	r.as(desk, at, `{"kind":"wish"}`).problem(400, "invalid")
	one := at + "/" + c.ID
	r.as(zoe, one+"/resolve", `{"outcome":"upheld","reason":"r"}`).problem(409, "conflict")
	r.as(desk, one+"/acknowledge", `{}`).want(200)
	r.as(desk, one+"/acknowledge", `{}`).problem(409, "conflict")
	r.as(desk, one+"/assign", `{"to":"key:bot"}`).problem(403, "forbidden")
	r.as(desk, one+"/assign", `{"to":"person:zoe"}`).want(200)
	r.as(desk, one+"/extend", `{"reason":"many systems"}`).want(200)
	r.as(desk, one+"/extend", `{"reason":"many systems"}`).problem(409, "conflict")
	r.as(zoe, one+"/resolve", `{"outcome":"partly","reason":"half of it"}`).want(200)
	for _, verb := range []string{"withdraw", "assign"} {
		r.as(desk, one+"/"+verb, map[string]string{"withdraw": `{}`, "assign": `{"to":"person:x"}`}[verb]).problem(409, "conflict")
	}
	other := into[challenge.Case](r.as(desk, at, `{"kind":"person_request"}`).want(200))
	r.as(desk, at+"/"+other.ID+"/withdraw", `{"reason":"solved"}`).want(200)
	all := into[struct{ Items []challenge.Case }](r.as("person:a auditor", at+"?status=resolved&late=false", "").want(200))
	if len(all.Items) != 1 || all.Items[0].Outcome != "partly" || all.Items[0].Model != "m@1" {
		t.Errorf("listed %+v", all.Items)
	}
	rates := into[struct{ Items []challenge.Rate }](r.as("person:a auditor", at+"/rates?from=2020-01-01T00:00:00Z", "").want(200))
	if len(rates.Items) != 2 || rates.Items[1].Rate != 1 {
		t.Errorf("rates %+v", rates.Items)
	}
	r.as("person:a auditor", at+"/rates?from=monday", "").problem(400, "bad_parameter")
	r.as("person:a auditor", at+"?late=perhaps", "").problem(400, "bad_parameter")
	if s := into[challenge.Case](r.as("person:a auditor", one, "").want(200)); len(s.Steps) != 5 {
		t.Errorf("%d steps", len(s.Steps))
	}
	r.as("person:a auditor", at+"/nobody", "").problem(404, "not_found")
	r.audit()
}
