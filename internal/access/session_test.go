// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/internal/access"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
)

// enter begins a session with a bootstrap token.
func (r *rig) enter(from *http.Request) *access.SignIn {
	r.t.Helper()
	token, created, err := r.Bootstrap(r.t.Context())
	if err != nil || !created {
		r.t.Fatalf("no token: %v", err)
	}
	in, err := r.UseBootstrap(r.t.Context(), from, token)
	if err != nil {
		r.t.Fatal(err)
	}
	return in
}

func TestSessionLimits(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, c db.Config) {
		r := newRig(t, c, nil)
		idle, busy := r.enter(with()), r.enter(with())
		other := r.open()
		for range 24 { // 12 hours
			a, err := other.Authenticate(t.Context(), with(busy.Cookies[0]))
			want(t, err, "")
			if a.ID != busy.Actor.ID || !holds(a, access.Admin) {
				t.Fatalf("got %+v", a)
			}
			r.pass(29 * time.Minute)
			_, err = r.Authenticate(t.Context(), with(busy.Cookies[0]))
			want(t, err, "")
			r.pass(time.Minute)
		}
		_, err := r.Authenticate(t.Context(), with(busy.Cookies[0]))
		want(t, err, access.Unauthenticated) // absolute
		_, err = r.Authenticate(t.Context(), with(idle.Cookies[0]))
		want(t, err, access.Unauthenticated)
		young := r.enter(with())
		r.pass(30 * time.Minute)
		_, err = r.Authenticate(t.Context(), with(young.Cookies[0]))
		want(t, err, access.Unauthenticated) // idle
		want(t, r.Keep(t.Context()), "")
		_, err = r.Authenticate(t.Context(), with(young.Cookies[0]))
		want(t, err, access.Unauthenticated)
	})
}

func TestSessionIsNewAtSignIn(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, c db.Config) {
		r := newRig(t, c, nil)
		first := r.enter(with())
		planted := &http.Cookie{Name: "cfs", Value: strings.Repeat("a", 52)}
		second := r.enter(with(planted))
		if second.Cookies[0].Value == planted.Value {
			t.Fatal("the id was planted")
		}
		third := r.enter(with(first.Cookies[0]))
		_, err := r.Authenticate(t.Context(), with(planted))
		want(t, err, access.Unauthenticated)
		_, err = r.Authenticate(t.Context(), with(first.Cookies[0]))
		want(t, err, access.Unauthenticated) // ended by the third
		_, err = r.Authenticate(t.Context(), with(third.Cookies[0]))
		want(t, err, "")
	})
}

func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, c db.Config) {
		r := newRig(t, c, nil)
		a, b := r.enter(with()), r.enter(with())
		want(t, r.EndSession(t.Context(), with(a.Cookies[0])), "")
		want(t, r.EndSession(t.Context(), with()), "")
		_, err := r.Authenticate(t.Context(), with(a.Cookies[0]))
		want(t, err, access.Unauthenticated)
		stranger := access.Actor{ID: "person:x", Grants: []access.Grant{all(access.Legal)}}
		_, err = r.EndSessions(t.Context(), stranger, b.Actor.ID)
		want(t, err, access.Forbidden)
		_, err = r.Authenticate(t.Context(), with(b.Cookies[0]))
		want(t, err, "")
		n, err := r.EndSessions(t.Context(), *b.Actor, b.Actor.ID)
		if err != nil || n != 1 {
			t.Fatalf("ended %d, %v", n, err)
		}
		_, err = r.open().Authenticate(t.Context(), with(b.Cookies[0]))
		want(t, err, access.Unauthenticated)
	})
}

func TestSessionCookies(t *testing.T) {
	t.Parallel()
	for _, https := range []bool{false, true} {
		r := newRig(t, dbtest.SQLite(t), func(c *access.Config) { c.TLS = https })
		for _, c := range append(r.enter(with()).Cookies, r.Forget()...) {
			if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.Secure != https || strings.HasPrefix(c.Name, "__Host-") != https {
				t.Errorf("got %+v", c)
			}
		}
	}
}

func TestExactlyOneCredential(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t), func(c *access.Config) {
		c.Certificates = []access.CertificateRule{{URI: "spiffe://bank/voicebot", Actor: "voicebot", Grants: []access.Grant{all(access.Source)}}, {CommonName: "reader", Actor: "reader", Grants: []access.Grant{all(access.Auditor)}}}
	})
	secret, _ := r.key("a", all(access.Source))
	session := r.enter(with()).Cookies[0]
	uri, _ := url.Parse("spiffe://bank/voicebot")
	leaf := func(cn string, uris ...*url.URL) *tls.ConnectionState {
		c := &x509.Certificate{Subject: pkix.Name{CommonName: cn}, URIs: uris, NotBefore: start, NotAfter: start.Add(time.Hour)}
		return &tls.ConnectionState{PeerCertificates: []*x509.Certificate{c}, VerifiedChains: [][]*x509.Certificate{{c}}}
	}
	unverified := leaf("reader")
	unverified.VerifiedChains = nil
	for _, c := range []struct {
		name   string
		auth   []string
		cookie []*http.Cookie
		tls    *tls.ConnectionState
		want   access.Code
		actor  string
	}{
		{name: "none", want: access.Unauthenticated},
		{name: "key", auth: []string{"Bearer " + secret}, actor: "key:a"},
		{name: "key, other case", auth: []string{"bearer " + secret}, actor: "key:a"},
		{name: "two keys", auth: []string{"Bearer " + secret, "Bearer " + secret}, want: access.Invalid},
		{name: "key and session", auth: []string{"Bearer " + secret}, cookie: []*http.Cookie{session}, want: access.Invalid},
		{name: "two sessions", cookie: []*http.Cookie{session, session}, want: access.Invalid},
		{name: "other cookies", auth: []string{"Bearer " + secret}, cookie: []*http.Cookie{{Name: "theme", Value: "dark"}}, actor: "key:a"},
		{name: "certificate and key", auth: []string{"Bearer " + secret}, tls: leaf("reader"), want: access.Invalid},
		{name: "certificate and session", cookie: []*http.Cookie{session}, tls: leaf("reader"), want: access.Invalid},
		{name: "certificate by name", tls: leaf("reader"), actor: "certificate:reader"},
		{name: "certificate by URI", tls: leaf("", uri), actor: "certificate:voicebot"},
		{name: "certificate of nobody", tls: leaf("stranger"), want: access.Unauthenticated},
		{name: "certificate without a name", tls: leaf(""), want: access.Unauthenticated},
		{name: "certificate not verified", tls: unverified, want: access.Unauthenticated},
		{name: "basic", auth: []string{"Basic YTpi"}, want: access.Unauthenticated},
		{name: "no token", auth: []string{"Bearer "}, want: access.Unauthenticated},
		{name: "short session", cookie: []*http.Cookie{{Name: "cfs", Value: "x"}}, want: access.Unauthenticated},
		{name: "empty key", auth: []string{"Bearer cfk_"}, want: access.Unauthenticated},
	} {
		req := httptest.NewRequest("GET", "/", nil)
		req.Header["Authorization"] = c.auth
		if c.auth == nil {
			delete(req.Header, "Authorization")
		}
		for _, k := range c.cookie {
			req.AddCookie(&http.Cookie{Name: k.Name, Value: k.Value})
		}
		req.TLS = c.tls
		a, err := r.Authenticate(t.Context(), req)
		if code(err) != c.want || c.want == "" && (err != nil || a.ID != c.actor) {
			t.Errorf("%s: %+v, %v", c.name, a, err)
		}
	}
	r.pass(2 * time.Hour) // the connection outlives the certificate
	req := httptest.NewRequest("GET", "/", nil)
	req.TLS = leaf("reader")
	_, err := r.Authenticate(t.Context(), req)
	want(t, err, access.Unauthenticated)
}

func TestBootstrap(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, c db.Config) {
		r := newRig(t, c, nil)
		ctx := t.Context()
		token, created, err := r.Bootstrap(ctx)
		if err != nil || !created || len(token) != 56 {
			t.Fatalf("%q %v %v", token, created, err)
		}
		if again, created, err := r.open().Bootstrap(ctx); created || again != "" || err != nil {
			t.Error("a second token while one is good")
		}
		for _, bad := range []string{"", "cfb_", token[:55], token[:55] + "!", "cfb_" + strings.Repeat("a", 52)} {
			_, err := r.UseBootstrap(ctx, with(), bad)
			want(t, err, access.Unauthenticated)
		}
		r.pass(30 * time.Minute)
		_, err = r.UseBootstrap(ctx, with(), token)
		want(t, err, access.Unauthenticated) // expired
		token, created, err = r.Bootstrap(ctx)
		if err != nil || !created {
			t.Fatal("no second token")
		}
		in, err := r.UseBootstrap(ctx, with(), " "+token+"\n")
		want(t, err, "")
		if !strings.HasPrefix(in.Actor.ID, "person:bootstrap-") || !holds(in.Actor, access.Admin) || len(in.Actor.Grants) != 1 {
			t.Errorf("got %+v", in.Actor)
		}
		_, err = r.UseBootstrap(ctx, with(), token)
		want(t, err, access.Unauthenticated) // used
		token, _, err = r.Bootstrap(ctx)
		want(t, err, "")
		want(t, r.Grant(ctx, *in.Actor, "person:ada", all(access.Admin)), "")
		_, err = r.UseBootstrap(ctx, with(), token)
		want(t, err, access.Unauthenticated) // not needed any more
		r.pass(time.Hour)
		if _, created, err := r.Bootstrap(ctx); created || err != nil {
			t.Error("a token although there is an administrator")
		}
		for _, e := range append(r.recorded("bootstrap.use", "denied"), r.recorded("bootstrap.use", "allowed")...) {
			if strings.Contains(fmt.Sprintf("%+v", e), token[4:20]) {
				t.Error("a record holds the token")
			}
		}
	})
	r := newRig(t, dbtest.SQLite(t), func(c *access.Config) {
		c.Certificates = []access.CertificateRule{{CommonName: "ada", Actor: "ada", Grants: []access.Grant{all(access.Admin)}}}
	})
	if _, created, err := r.Bootstrap(t.Context()); created || err != nil {
		t.Error("a token although a rule makes an administrator")
	}
}

// TestBootstrapRace lets many nodes make, and then use, tokens at one moment.
func TestBootstrapRace(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, c db.Config) {
		r := newRig(t, c, nil)
		const n = 8
		var mu sync.Mutex
		var tokens []string
		var entered int
		race := func(do func(b *access.Book)) {
			var wg sync.WaitGroup
			gate := make(chan struct{})
			for range n {
				b := r.open()
				wg.Go(func() {
					<-gate
					do(b)
				})
			}
			close(gate)
			wg.Wait()
		}
		race(func(b *access.Book) {
			token, created, err := b.Bootstrap(t.Context())
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			if created {
				tokens = append(tokens, token)
			}
		})
		if len(tokens) != 1 {
			t.Fatalf("%d tokens", len(tokens))
		}
		race(func(b *access.Book) {
			in, err := b.UseBootstrap(t.Context(), with(), tokens[0])
			mu.Lock()
			defer mu.Unlock()
			if in != nil {
				entered++
			} else if code(err) != access.Unauthenticated {
				t.Error(err)
			}
		})
		if entered != 1 {
			t.Fatalf("%d entered", entered)
		}
	})
}

func TestThrottle(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t), nil)
	good, _ := r.key("a", all(access.Source))
	try := func(address, secret string) error {
		req := bearer(secret)
		req.RemoteAddr = address
		_, err := r.Authenticate(t.Context(), req)
		return err
	}
	const here, elsewhere = "192.0.2.1:1234", "192.0.2.2:1234"
	for i := range 20 {
		if err := try(fmt.Sprintf("192.0.2.1:%d", 1000+i), "nonsense"); code(err) != access.Unauthenticated {
			t.Fatalf("attempt %d: %v", i, err)
		}
	}
	err := try(here, "nonsense")
	want(t, err, access.Throttled)
	if e, _ := err.(*access.Error); e.RetryAfter < time.Second || e.RetryAfter > 3*time.Second {
		t.Errorf("retry after %v", e.RetryAfter)
	}
	want(t, try(here, "a.b.c"), access.Throttled)
	want(t, try(here, good), "") // others behind the address are not locked out
	want(t, try(elsewhere, "nonsense"), access.Unauthenticated)
	_, err = r.UseBootstrap(t.Context(), func() *http.Request { q := with(); q.RemoteAddr = here; return q }(), "x")
	want(t, err, access.Throttled)
	r.pass(3 * time.Second)
	want(t, try(here, "nonsense"), access.Unauthenticated)
	want(t, try(here, "nonsense"), access.Throttled)

	for i := range 20 { // one network of IPv6 is one place
		want(t, try(fmt.Sprintf("[2001:db8::%x]:1", i+1), "nonsense"), access.Unauthenticated)
	}
	want(t, try("[2001:db8::ffff]:1", "nonsense"), access.Throttled)
	want(t, try("[2001:db8:0:1::1]:1", "nonsense"), access.Unauthenticated)
}

// TestThrottleByKey: many addresses that try secrets of one key.
func TestThrottleByKey(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t), nil)
	secret, k := r.key("a", all(access.Source))
	want(t, r.RevokeKey(t.Context(), local, k.ID), "")
	for i := range 21 {
		req := bearer(secret)
		req.RemoteAddr = fmt.Sprintf("192.0.2.%d:1", i)
		_, err := r.Authenticate(t.Context(), req)
		if i < 20 {
			want(t, err, access.Unauthenticated)
		} else {
			want(t, err, access.Throttled)
		}
	}
}

// TestFloodOfRefusals: every refusal is accounted for, by few records.
func TestFloodOfRefusals(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t), nil)
	const n = 20000
	for i := range n {
		req := bearer("nonsense")
		req.RemoteAddr = fmt.Sprintf("10.%d.%d.%d:1", i%7, i/256%256, i%256)
		if _, err := r.Authenticate(t.Context(), req); err == nil {
			t.Fatal("let in")
		}
	}
	want(t, r.Keep(t.Context()), "")
	es := r.recorded("credential", "denied")
	sum := 0
	for _, e := range es {
		sum += e.Count
	}
	if len(es) > 61 || sum != n {
		t.Errorf("%d records for %d of %d refusals", len(es), sum, n)
	}
}
