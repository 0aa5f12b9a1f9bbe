// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/internal/access"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
)

func withIssuer(p *idp) func(*access.Config) {
	return func(c *access.Config) {
		p.now = c.Now
		c.Issuers = []access.Issuer{{Name: "corp", URL: p.URL, ClientID: "counterfoil", ClientSecret: "hush", RedirectURL: "http://localhost/auth/callback/corp",
			Roles: []access.RoleRule{
				{Claim: "realm.groups", Value: "auditors", Grants: []access.Grant{all(access.Auditor)}},
				{Claim: "realm.groups", Value: "admins", Grants: []access.Grant{all(access.Admin)}},
				{Claim: "https://example.com/role", Value: "privacy", Grants: []access.Grant{all(access.Privacy)}},
			}}}
	}
}

// callback is the request that a browser comes back with.
func callback(q url.Values, cookies ...*http.Cookie) *http.Request {
	r := httptest.NewRequest("GET", "/auth/callback/corp?"+q.Encode(), nil)
	for _, c := range cookies {
		r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	return r
}

func (r *rig) begin(p *idp) (url.Values, *http.Cookie) {
	r.t.Helper()
	to, cookie, err := r.Begin(r.t.Context(), "corp", "/back")
	if err != nil {
		r.t.Fatal(err)
	}
	return p.authorize(to), cookie
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, c db.Config) {
		p := newIDP(t)
		r := newRig(t, c, withIssuer(p))
		ctx := t.Context()
		var first string
		for i := range 2 {
			q, cookie := r.begin(p)
			in, err := r.open().Finish(ctx, callback(q, cookie), "corp") // on another node
			want(t, err, "")
			if in.Back != "/back" || !strings.HasPrefix(in.Actor.ID, "person:") || len(in.Actor.ID) != 19 || strings.Contains(in.Actor.ID, "ada") {
				t.Fatalf("got %+v", in)
			}
			if i > 0 && in.Actor.ID != first {
				t.Error("the code changed")
			}
			first = in.Actor.ID
			a, err := r.Authenticate(ctx, with(in.Cookies[0]))
			want(t, err, "")
			if a.ID != first || a.Kind != access.Person || len(a.Grants) != 1 || !holds(a, access.Auditor) {
				t.Fatalf("got %+v", a)
			}
			want(t, r.Grant(ctx, admin, first, all(access.Privacy)), "")
			if a, _ = r.Authenticate(ctx, with(in.Cookies[0])); !holds(a, access.Privacy) {
				t.Error("a grant by hand is not in force in a running session")
			}
			want(t, r.Revoke(ctx, admin, first, all(access.Privacy)), "")
		}
		who, err := r.People(ctx, "")
		if err != nil || len(who) != 1 || who[0].Name != "Ada Lovelace" || who[0].Actor != first || who[0].Issuer != "corp" {
			t.Errorf("people: %+v, %v", who, err)
		}
		for _, e := range r.recorded("sign_in", "allowed") {
			if text := fmt.Sprintf("%+v", e); e.Actor != first || strings.Contains(text, "Ada") {
				t.Errorf("recorded %s", text)
			}
		}
		p.sub = "grace"
		q, cookie := r.begin(p)
		in, err := r.Finish(ctx, callback(q, cookie), "corp")
		if err != nil || in.Actor.ID == first {
			t.Error("two people with one code")
		}
	})
}

// TestRolesAreEvaluatedAtEachSignIn, and those that exclude each other do not
// let anybody in.
func TestRolesAreEvaluatedAtEachSignIn(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	r := newRig(t, dbtest.SQLite(t), withIssuer(p))
	try := func(spoil func(map[string]any)) (*access.SignIn, error) {
		p.spoil = func(c map[string]any) string { spoil(c); return "" }
		q, cookie := r.begin(p)
		return r.Finish(t.Context(), callback(q, cookie), "corp")
	}
	for _, c := range []struct {
		name  string
		claim string
		value any
		want  access.Role
	}{
		{"list", "realm", map[string]any{"groups": []any{1, "admins"}}, access.Admin},
		{"text", "realm", map[string]any{"groups": "auditors"}, access.Auditor},
		{"a name with dots", "https://example.com/role", "privacy", access.Privacy},
		{"part of a text", "realm", map[string]any{"groups": "auditors2"}, ""},
		{"an object", "realm", map[string]any{"groups": map[string]any{"auditors": true}}, ""},
		{"flat", "realm", "auditors", ""},
		{"none", "realm", nil, ""},
	} {
		in, err := try(func(m map[string]any) { delete(m, "realm"); m[c.claim] = c.value })
		if err != nil || c.want == "" && len(in.Actor.Grants) != 0 || c.want != "" && (len(in.Actor.Grants) != 1 || !holds(in.Actor, c.want)) {
			t.Errorf("%s: %+v, %v", c.name, in, err)
		}
	}
	_, err := try(func(m map[string]any) { m["realm"] = map[string]any{"groups": []string{"admins", "auditors"}} })
	want(t, err, access.Forbidden)
	if len(r.recorded("sign_in", "denied")) != 1 {
		t.Error("not recorded")
	}
}

// TestFaultyTokens: every way in which an ID token can be wrong.
func TestFaultyTokens(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	r := newRig(t, dbtest.SQLite(t), withIssuer(p))
	set := func(k string, v any) func(map[string]any) string {
		return func(c map[string]any) string {
			if v == nil {
				delete(c, k)
			} else {
				c[k] = v
			}
			return ""
		}
	}
	alg := func(a string) func(map[string]any) string { return func(map[string]any) string { return a } }
	for name, spoil := range map[string]func(map[string]any) string{
		"other issuer":          set("iss", "https://evil.example"),
		"no issuer":             set("iss", nil),
		"other audience":        set("aud", "another"),
		"no audience":           set("aud", nil),
		"audiences, no azp":     set("aud", []string{"counterfoil", "another"}),
		"other azp":             set("azp", "another"),
		"odd azp":               set("azp", 7),
		"other nonce":           set("nonce", "another"),
		"no nonce":              set("nonce", nil),
		"expired":               func(c map[string]any) string { c["exp"] = r.clock().Add(-time.Second).Unix(); return "" },
		"no expiry":             set("exp", nil),
		"from the future":       func(c map[string]any) string { c["iat"] = r.clock().Add(time.Hour).Unix(); return "" },
		"no time":               set("iat", nil),
		"not yet":               func(c map[string]any) string { c["nbf"] = r.clock().Add(time.Hour).Unix(); return "" },
		"no subject":            set("sub", nil),
		"long subject":          set("sub", strings.Repeat("x", 256)),
		"other access token":    set("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"),
		"alg none":              alg("none"),
		"HS256 with public key": alg("HS256 with public key"),
		"PS256, not allowed":    alg("PS256"),
		"a stranger's key":      alg("stranger"),
		"no token":              alg("missing"),
	} {
		p.spoil = spoil
		q, cookie := r.begin(p)
		in, err := r.Finish(t.Context(), callback(q, cookie), "corp")
		if code(err) != access.Unauthenticated || in != nil {
			t.Errorf("%s: %+v, %v", name, in, err)
		}
		r.pass(time.Minute)
	}
	if n := len(r.recorded("sign_in", "denied")); n != 22 {
		t.Errorf("%d denials recorded", n)
	}
	for _, a := range []string{"ES256", "EdDSA"} {
		p.spoil = alg(a)
		q, cookie := r.begin(p)
		_, err := r.Finish(t.Context(), callback(q, cookie), "corp")
		want(t, err, "")
	}
	p.spoil = func(c map[string]any) string {
		c["aud"], c["azp"] = []string{"counterfoil", "another"}, "counterfoil"
		return ""
	}
	q, cookie := r.begin(p)
	_, err := r.Finish(t.Context(), callback(q, cookie), "corp")
	want(t, err, "")
}

// TestFaultyResponses: every way in which the way back can be wrong.
func TestFaultyResponses(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, c db.Config) {
		p := newIDP(t)
		r := newRig(t, c, withIssuer(p))
		bad := func(name string, q url.Values, cookies ...*http.Cookie) {
			t.Helper()
			r.pass(time.Minute)
			in, err := r.Finish(t.Context(), callback(q, cookies...), "corp")
			if code(err) != access.Unauthenticated || in != nil {
				t.Errorf("%s: %+v, %v", name, in, err)
			}
		}
		change := func(k string, v ...string) (url.Values, *http.Cookie) {
			q, cookie := r.begin(p)
			q[k] = v
			return q, cookie
		}
		q, cookie := r.begin(p)
		bad("no cookie", q)
		bad("two cookies", q, cookie, cookie)
		bad("cookie changed", q, &http.Cookie{Name: cookie.Name, Value: cookie.Value[:len(cookie.Value)-2] + "AA"})
		other, _ := r.begin(p)
		bad("state of another sign-in", other, cookie)
		_, wrong := r.begin(p)
		bad("cookie of another sign-in (session swapping)", q, wrong)
		q, cookie = change("state")
		bad("no state", q, cookie)
		for _, twice := range []string{"state", "code", "iss", "error"} {
			q, cookie = r.begin(p)
			q[twice] = []string{q.Get(twice), q.Get(twice)}
			if twice == "iss" {
				q[twice] = []string{p.URL, p.URL}
			}
			bad("two of "+twice, q, cookie)
		}
		q, cookie = change("code")
		bad("no code", q, cookie)
		q, cookie = change("code", "guessed")
		bad("a code of nobody", q, cookie)
		q, cookie = change("iss", "https://evil.example")
		bad("another iss", q, cookie)
		q, cookie = change("error", "access_denied")
		bad("an error", q, cookie)
		q, cookie = r.begin(p)
		r.pass(10 * time.Minute)
		bad("too late", q, cookie)

		q, cookie = r.begin(p)
		for _, asked := range p.codes { // the provider never saw a challenge that fits
			asked.Set("code_challenge", strings.Repeat("x", 43))
		}
		bad("PKCE", q, cookie)

		q, cookie = change("iss", p.URL)
		asked := p.codes[q.Get("code")]
		_, err := r.Finish(t.Context(), callback(q, cookie), "corp")
		want(t, err, "")
		p.codes[q.Get("code")] = asked // a provider that would take a code twice
		bad("replayed", q, cookie)
		_, err = r.Finish(t.Context(), callback(q, cookie), "another")
		want(t, err, access.NotFound)
	})
}

// TestIssIsRequiredOnceItIsPromised is RFC 9207 §2.4.
func TestIssIsRequiredOnceItIsPromised(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	p.iss = true
	r := newRig(t, dbtest.SQLite(t), withIssuer(p))
	q, cookie := r.begin(p)
	_, err := r.Finish(t.Context(), callback(q, cookie), "corp")
	want(t, err, access.Unauthenticated)
	q, cookie = r.begin(p)
	q.Set("iss", p.URL)
	_, err = r.Finish(t.Context(), callback(q, cookie), "corp")
	want(t, err, "")
}

// TestProviderAway: the server starts without it, does not hammer it, and
// recovers.
func TestProviderAway(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	p.down = true
	r := newRig(t, dbtest.SQLite(t), withIssuer(p))
	for range 10 {
		_, _, err := r.Begin(t.Context(), "corp", "")
		want(t, err, access.Unavailable)
	}
	if n := p.calls["/.well-known/openid-configuration"]; n != 1 {
		t.Errorf("asked %d times", n)
	}
	p.down = false
	r.pass(time.Second)
	q, cookie := r.begin(p)
	p.down = true
	_, err := r.Finish(t.Context(), callback(q, cookie), "corp")
	want(t, err, access.Unavailable)
	r.pass(2 * time.Hour) // what is known of it still serves to begin
	_, _, err = r.Begin(t.Context(), "corp", "")
	want(t, err, "")
	r.pass(25 * time.Hour)
	_, _, err = r.Begin(t.Context(), "corp", "")
	want(t, err, access.Unavailable)
}

func TestWorkloadTokens(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, c db.Config) {
		p := newIDP(t)
		r := newRig(t, c, func(c *access.Config) {
			c.Workloads = []access.WorkloadIssuer{{URL: p.URL, Audience: "https://counterfoil", Rules: []access.WorkloadRule{
				{Claims: map[string]string{"kubernetes.io.serviceaccount.name": "voicebot", "sub": "bot"}, Actor: "voicebot", Grants: []access.Grant{all(access.Source)}}}}}
		})
		claims := func(change func(map[string]any)) map[string]any {
			m := map[string]any{"iss": p.URL, "aud": []string{"https://counterfoil"}, "sub": "bot", "iat": r.clock().Unix(), "exp": r.clock().Add(time.Hour).Unix(),
				"kubernetes.io": map[string]any{"serviceaccount": map[string]any{"name": "voicebot"}}}
			if change != nil {
				change(m)
			}
			return m
		}
		for _, alg := range []string{"RS256", "ES256", "EdDSA"} {
			a, err := r.Authenticate(t.Context(), bearer(sign(t, alg, claims(nil))))
			want(t, err, "")
			if a.ID != "workload:voicebot" || a.Kind != access.Workload || !holds(a, access.Source) {
				t.Errorf("%s: %+v", alg, a)
			}
		}
		if n := p.calls["/keys"]; n != 1 {
			t.Errorf("keys asked for %d times", n)
		}
		for name, token := range map[string]string{
			"none":           sign(t, "none", claims(nil)),
			"HS256":          sign(t, "HS256 with public key", claims(nil)),
			"PS256":          sign(t, "PS256", claims(nil)),
			"stranger":       sign(t, "stranger", claims(nil)),
			"other issuer":   sign(t, "", claims(func(m map[string]any) { m["iss"] = "https://evil.example" })),
			"other audience": sign(t, "", claims(func(m map[string]any) { m["aud"] = "another" })),
			"no audience":    sign(t, "", claims(func(m map[string]any) { delete(m, "aud") })),
			"expired":        sign(t, "", claims(func(m map[string]any) { m["exp"] = r.clock().Add(-time.Minute).Unix() })),
			"no expiry":      sign(t, "", claims(func(m map[string]any) { delete(m, "exp") })),
			"future":         sign(t, "", claims(func(m map[string]any) { m["iat"] = r.clock().Add(time.Hour).Unix() })),
			"not yet":        sign(t, "", claims(func(m map[string]any) { m["nbf"] = r.clock().Add(time.Hour).Unix() })),
			"other claim":    sign(t, "", claims(func(m map[string]any) { m["sub"] = "another" })),
			"claim missing":  sign(t, "", claims(func(m map[string]any) { delete(m, "kubernetes.io") })),
			"cut":            sign(t, "", claims(nil))[:100],
			"long":           strings.Repeat("a", 20<<10),
		} {
			r.pass(time.Minute)
			a, err := r.Authenticate(t.Context(), bearer(token))
			if code(err) != access.Unauthenticated || a != nil {
				t.Errorf("%s: %+v, %v", name, a, err)
			}
		}
		p.down = true
		r.pass(time.Minute)                                                             // keys may be asked for again
		_, err := r.Authenticate(t.Context(), bearer(sign(t, "stranger", claims(nil)))) // perhaps signed by a new key
		want(t, err, access.Unavailable)
		_, err = r.Authenticate(t.Context(), bearer(sign(t, "", claims(nil))))
		want(t, err, "")
		other := r.open()
		_, err = other.Authenticate(t.Context(), bearer(sign(t, "", claims(nil))))
		want(t, err, access.Unavailable)
	})
}
