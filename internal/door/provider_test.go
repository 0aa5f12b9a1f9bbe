// SPDX-License-Identifier: Apache-2.0

package door_test

import (
	"bufio"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/counterfoil/counterfoil/internal/access"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
)

// folder is where the identity provider is built; TestMain makes and removes it.
var folder string

// built is the identity provider, built once from its own module.
var built = sync.OnceValues(func() (string, error) {
	bin := filepath.Join(folder, "provider")
	cmd := exec.Command("go", "build", "-o", bin, ".")
	cmd.Dir = filepath.FromSlash("../access/testdata/provider")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=-mod=readonly -buildvcs=false")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), err
	}
	return bin, nil
})

// provider starts it and returns its issuer.
func provider(t *testing.T, redirect string) string {
	t.Helper()
	bin, err := built()
	if err != nil {
		if os.Getenv(dbtest.Require) != "" {
			t.Fatalf("build identity provider: %v\n%s", err, bin)
		}
		t.Skipf("identity provider can not be built: %v\n%s", err, bin)
	}
	cmd := exec.Command(bin, redirect)
	in, err := cmd.StdinPipe() // it ends when this closes, however the test ends
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); cmd.Wait() })
	issuer, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(issuer)
}

// through signs in as a browser does, and returns the last answer.
func (s *site) through(user, password string) answer {
	s.t.Helper()
	a := s.do("GET", "/auth/?back=/auth/%3Fseen", nil)
	m := regexp.MustCompile(`href="(/auth/login/corp[^"]*)"`).FindStringSubmatch(a.body)
	if m == nil {
		s.t.Fatalf("no button:\n%s", a.body)
	}
	a = s.follow(s.do("GET", m[1], nil))
	id := regexp.MustCompile(`name="id" value="([^"]+)"`).FindStringSubmatch(a.body)
	if id == nil {
		s.t.Fatalf("no login form: %s\n%s", a.Status, a.body)
	}
	return s.follow(s.do("POST", a.Request.URL.String(), url.Values{"id": {id[1]}, "username": {user}, "password": {password}}))
}

// follow follows redirects, as a browser, and stops at a page.
func (s *site) follow(a answer) answer {
	s.t.Helper()
	for range 10 {
		to, err := a.Location()
		if err != nil {
			return a
		}
		if s.seen != nil {
			s.seen(to.String())
		}
		a = s.do("GET", to.String(), nil)
	}
	s.t.Fatal("redirected in circles")
	return a
}

// TestRealProviderReplays sends what the real provider answered with a second
// time, and from another browser.
func TestRealProviderReplays(t *testing.T) {
	t.Parallel()
	s := newSite(t, dbtest.SQLite(t), func(cfg *access.Config, base string) {
		redirect := base + "/auth/callback/corp"
		cfg.Issuers = []access.Issuer{{Name: "corp", URL: provider(t, redirect), ClientID: "counterfoil", ClientSecret: "a secret of the test", RedirectURL: redirect}}
	})
	callback := ""
	s.seen = func(to string) {
		if strings.Contains(to, "/auth/callback/") {
			callback = to
		}
	}
	if a := s.through("test-user@localhost", "verysecure"); !strings.Contains(a.body, "You are signed in") {
		t.Fatalf("%s\n%s", a.Status, a.body)
	}
	if a := s.do("GET", callback, nil); callback == "" || a.StatusCode != http.StatusUnauthorized {
		t.Errorf("again: %s", a.Status)
	}
	s.fresh()
	s.through("test-user2", "verysecure")
	s.fresh()
	if a := s.do("GET", callback, nil); a.StatusCode != http.StatusUnauthorized || s.inside() {
		t.Errorf("in another browser: %s", a.Status)
	}
}

// TestRealProvider signs people in at a provider that we did not write.
func TestRealProvider(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, c db.Config) {
		s := newSite(t, c, func(cfg *access.Config, base string) {
			redirect := base + "/auth/callback/corp"
			issuer := provider(t, redirect)
			cfg.Issuers = []access.Issuer{{Name: "corp", Title: "Corp", URL: issuer, ClientID: "counterfoil", ClientSecret: "a secret of the test", RedirectURL: redirect,
				Roles: []access.RoleRule{{Claim: "realm.groups", Value: "auditors", Grants: []access.Grant{{Role: access.Auditor, Ledger: "main", System: "*", Purpose: "*"}}}}}}
		})
		if a := s.through("test-user@localhost", "wrong"); strings.Contains(a.body, "You are signed in") {
			t.Fatal("in with a wrong password")
		}
		s.fresh()
		a := s.through("test-user@localhost", "verysecure")
		if a.StatusCode != http.StatusOK || a.Request.URL.RequestURI() != "/auth/?seen" || !strings.Contains(a.body, "Test User") || !strings.Contains(a.body, "auditor") {
			t.Fatalf("%s %s\n%s", a.Status, a.Request.URL, a.body)
		}
		first := regexp.MustCompile(`person:[a-z2-7]{12}`).FindString(a.body)
		s.do("POST", "/auth/logout", nil)
		if s.inside() {
			t.Fatal("still inside")
		}
		s.fresh()
		if a = s.through("test-user@localhost", "verysecure"); !strings.Contains(a.body, first) || first == "" {
			t.Error("the code changed")
		}
		s.fresh()
		a = s.through("test-user2", "verysecure")
		if strings.Contains(a.body, first) || strings.Contains(a.body, "auditor") || !strings.Contains(a.body, "Nothing yet") {
			t.Errorf("got %s", a.body)
		}
	})
}
