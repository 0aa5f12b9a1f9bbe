// SPDX-License-Identifier: Apache-2.0

package door_test

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/internal/access"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/door"
)

func TestMain(m *testing.M) {
	var err error
	if folder, err = os.MkdirTemp("", "cfdoor"); err != nil {
		panic(err)
	}
	code := dbtest.Main(m)
	os.RemoveAll(folder)
	os.Exit(code)
}

// site is a Door on a real port, and a browser's cookies.
type site struct {
	*httptest.Server
	t    testing.TB
	book *access.Book
	door *door.Door
	web  *http.Client // follows no redirects
	seen func(to string)
}

func newSite(t testing.TB, c db.Config, change func(cfg *access.Config, base string)) *site {
	t.Helper()
	d, err := db.Create(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	s := &site{t: t}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.door.ServeHTTP(w, r) }))
	t.Cleanup(s.Close)
	cfg := access.Config{DB: d}
	if change != nil {
		change(&cfg, s.URL)
	}
	if err := access.Create(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if s.book, err = access.Open(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if s.door, err = door.New(door.Config{Book: s.book}); err != nil {
		t.Fatal(err)
	}
	s.fresh()
	return s
}

// fresh is a browser that was never here.
func (s *site) fresh() {
	jar, _ := cookiejar.New(nil)
	s.web = &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

type answer struct {
	*http.Response
	body string
}

func (s *site) do(method, to string, form url.Values, headers ...string) answer {
	s.t.Helper()
	if strings.HasPrefix(to, "/") {
		to = s.URL + to
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, to, strings.NewReader(form.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := s.web.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{res, string(body)}
}

func (s *site) token() string {
	s.t.Helper()
	token, created, err := s.book.Bootstrap(context.Background())
	if err != nil || !created {
		s.t.Fatalf("no token: %v", err)
	}
	return token
}

func (s *site) enter() {
	s.t.Helper()
	if a := s.do("POST", "/auth/bootstrap", url.Values{"token": {s.token()}}, "Sec-Fetch-Site", "same-origin"); a.StatusCode != http.StatusSeeOther {
		s.t.Fatalf("%s\n%s", a.Status, a.body)
	}
}

func (s *site) inside() bool {
	s.t.Helper()
	a := s.do("GET", "/auth/", nil)
	if a.StatusCode != http.StatusOK {
		s.t.Fatalf("%s\n%s", a.Status, a.body)
	}
	return strings.Contains(a.body, "You are signed in")
}

func TestBootstrapAndOut(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, c db.Config) {
		s := newSite(t, c, nil)
		if s.inside() {
			t.Fatal("inside without a sign-in")
		}
		token := s.token()
		if a := s.do("POST", "/auth/bootstrap", url.Values{"token": {"cfb_wrong"}}); a.StatusCode != http.StatusUnauthorized || strings.Contains(a.body, "cfb_wrong") {
			t.Errorf("%s\n%s", a.Status, a.body)
		}
		for _, query := range []string{"/auth/bootstrap?token=" + token, "/auth/bootstrap"} { // in a query it counts for nothing
			s.do("GET", query, nil)
			if a := s.do("POST", query, url.Values{}); a.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s: %s", query, a.Status)
			}
		}
		a := s.do("POST", "/auth/bootstrap", url.Values{"token": {token}})
		if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/auth/" {
			t.Fatalf("%s %s", a.Status, a.Header.Get("Location"))
		}
		page := s.do("GET", "/auth/", nil).body
		if !strings.Contains(page, "person:bootstrap-") || !strings.Contains(page, "admin") {
			t.Errorf("got %s", page)
		}
		if a := s.do("POST", "/auth/logout", nil); a.StatusCode != http.StatusSeeOther || s.inside() {
			t.Errorf("still inside: %s", a.Status)
		}
		s.enter()
		kept := s.web.Jar.Cookies(must(url.Parse(s.URL)))
		s.do("POST", "/auth/logout-everywhere", nil)
		s.web.Jar.SetCookies(must(url.Parse(s.URL)), kept)
		if s.inside() {
			t.Error("a kept cookie still works after signing out everywhere")
		}
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestCrossSite sends what a hostile page can make a browser send, with its
// cookies, to everything that changes state.
func TestCrossSite(t *testing.T) {
	t.Parallel()
	s := newSite(t, dbtest.SQLite(t), nil)
	s.enter()
	posts := 0
	for _, route := range s.door.Routes() {
		method, path, _ := strings.Cut(route, " ")
		if method != "POST" {
			continue
		}
		posts++
		for _, h := range [][]string{
			{"Sec-Fetch-Site", "cross-site"},
			{"Sec-Fetch-Site", "same-site"},
			{"Origin", "https://evil.example"},
			{"Origin", "null"},
			{"Sec-Fetch-Site", "cross-site", "Origin", s.URL},
		} {
			if a := s.do("POST", path, url.Values{"token": {"x"}}, h...); a.StatusCode != http.StatusForbidden {
				t.Errorf("%s with %v: %s", path, h, a.Status)
			}
			if !s.inside() {
				t.Fatalf("%s with %v signed out", path, h)
			}
		}
		for _, other := range []string{"GET", "HEAD", "PUT", "DELETE"} {
			if path == "/auth/bootstrap" && (other == "GET" || other == "HEAD") {
				continue
			}
			if a := s.do(other, path, nil, "Sec-Fetch-Site", "same-origin"); a.StatusCode != http.StatusMethodNotAllowed || !s.inside() {
				t.Errorf("%s %s: %s", other, path, a.Status)
			}
		}
	}
	if posts != 3 {
		t.Errorf("%d routes were tried", posts)
	}
}

func TestHeadersOnEveryAnswer(t *testing.T) {
	t.Parallel()
	s := newSite(t, dbtest.SQLite(t), nil)
	page := s.do("GET", "/auth/bootstrap", nil)
	assets := regexp.MustCompile(`(?:href|src)="(/auth/assets/[^"]+)"`).FindAllStringSubmatch(page.body, -1)
	if len(assets) != 2 {
		t.Fatalf("assets: %v", assets)
	}
	for _, m := range assets {
		if a := s.do("GET", m[1], nil); a.StatusCode != http.StatusOK || !strings.Contains(a.Header.Get("Cache-Control"), "immutable") || a.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %s %v", m[1], a.Status, a.Header)
		}
	}
	for _, to := range []string{"/auth/", "/auth/bootstrap", "/auth/login/nobody", "/auth/callback/nobody", "/auth/nothing"} {
		a := s.do("GET", to, nil)
		for k, part := range map[string]string{"Content-Security-Policy": "default-src 'none'", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"} {
			if !strings.Contains(a.Header.Get(k), part) {
				t.Errorf("%s: %s is %q", to, k, a.Header.Get(k))
			}
		}
		csp := a.Header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "frame-ancestors 'none'") || !strings.Contains(csp, "base-uri 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: %s", to, csp)
		}
		for _, inline := range []string{"<style", " style=", " onclick=", "javascript:"} {
			if strings.Contains(a.body, inline) {
				t.Errorf("%s: the page has %q", to, inline)
			}
		}
		if strings.Contains(strings.ReplaceAll(a.body, `defer></script>`, ""), "</script>") {
			t.Errorf("%s: the page has an inline script", to)
		}
	}
}

// TestRedirects: the way back is one of this server, whatever a link says.
func TestRedirects(t *testing.T) {
	t.Parallel()
	s := newSite(t, dbtest.SQLite(t), func(c *access.Config, base string) {
		c.Issuers = []access.Issuer{{Name: "corp", Title: "<Corp>", URL: "https://idp.example", ClientID: "x", RedirectURL: base + "/auth/callback/corp"}}
	})
	link := regexp.MustCompile(`href="(/auth/login/corp[^"]*)"`)
	for back, want := range map[string]string{
		"":                              "/auth/login/corp",
		"/journeys?page=2#x":            "/auth/login/corp?back=%2Fjourneys%3Fpage%3D2%23x",
		"//evil.example":                "/auth/login/corp",
		"/\\evil.example":               "/auth/login/corp",
		"/%5cevil.example":              "/auth/login/corp",
		"/%2Fevil.example/..":           "/auth/login/corp",
		"/\tx":                          "/auth/login/corp",
		"/a//b":                         "/auth/login/corp",
		"https://evil.example/":         "/auth/login/corp",
		"javascript:alert(1)":           "/auth/login/corp",
		"evil.example":                  "/auth/login/corp",
		"/" + strings.Repeat("a", 2000): "/auth/login/corp",
	} {
		a := s.do("GET", "/auth/?"+url.Values{"back": {back}}.Encode(), nil)
		m := link.FindStringSubmatch(a.body)
		if m == nil || m[1] != want || !strings.Contains(a.body, "&lt;Corp&gt;") {
			t.Errorf("%q: %v, want %s", back, m, want)
		}
	}
	for _, home := range []string{"https://evil.example", "//evil.example", "x"} {
		if _, err := door.New(door.Config{Book: s.book, Home: home}); err == nil {
			t.Errorf("Home %q was taken", home)
		}
	}
	if _, err := door.New(door.Config{}); err == nil {
		t.Error("a door without a book")
	}
}

func TestStatuses(t *testing.T) {
	t.Parallel()
	s := newSite(t, dbtest.SQLite(t), nil)
	if a := s.do("GET", "/auth/login/nobody", nil); a.StatusCode != http.StatusNotFound {
		t.Errorf("got %s", a.Status)
	}
	if a := s.do("POST", "/auth/bootstrap", url.Values{"token": {strings.Repeat("x", 8<<10)}}); a.StatusCode != http.StatusBadRequest {
		t.Errorf("got %s", a.Status)
	}
	for range 30 {
		if a := s.do("POST", "/auth/bootstrap", url.Values{"token": {"x"}}); a.StatusCode == http.StatusTooManyRequests {
			if a.Header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
			return
		}
	}
	t.Error("never throttled")
}

func TestRoutesAreAnswered(t *testing.T) {
	t.Parallel()
	s := newSite(t, dbtest.SQLite(t), nil)
	routes := s.door.Routes()
	for _, r := range []string{"GET /auth/{$}", "GET /auth/login/{issuer}", "GET /auth/callback/{issuer}", "GET /auth/bootstrap", "POST /auth/bootstrap", "POST /auth/logout", "POST /auth/logout-everywhere"} {
		if !slices.Contains(routes, r) {
			t.Errorf("no route %s", r)
		}
	}
	mux := http.NewServeMux()
	for _, r := range routes { // they do not clash
		mux.Handle(r, s.door)
	}
}
