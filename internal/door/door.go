// SPDX-License-Identifier: Apache-2.0

package door

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the page, its style and its script
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/counterfoil/counterfoil/internal/access"
)

var (
	//go:embed assets/page.html.tmpl
	pageText string
	//go:embed assets/page.css
	css []byte
	//go:embed assets/bootstrap.js
	script []byte
)

// Config says what a [Door] works with.
type Config struct {
	// Book says who may enter; it also makes the cookies, and knows whether they
	// are for https ([access.Config].TLS). Required.
	Book *access.Book
	// Home is the path that people come to after signing in, when they were not on
	// their way elsewhere. Default: /auth/.
	Home string
	// Logger receives faults that are the server's. Default: none.
	Logger *slog.Logger
}

// Door is the handler of everything under /auth/. It is safe for concurrent use.
type Door struct {
	cfg      Config
	routes   []string
	handler  http.Handler
	page     *template.Template
	css, js  string // paths
	maxToken int64
}

// New makes a Door. It refuses a configuration without a Book, and a Home that is
// not a path of this server.
func New(cfg Config) (*Door, error) {
	var errs []error
	if cfg.Book == nil {
		errs = append(errs, errors.New("Book is required"))
	}
	if cfg.Home == "" {
		cfg.Home = "/auth/"
	}
	if back(cfg.Home) != cfg.Home {
		errs = append(errs, fmt.Errorf("Home %q is not a path of this server", cfg.Home))
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("make door: %w", err)
	}
	page, err := template.New("page").Funcs(template.FuncMap{"scope": scopeText}).Parse(pageText)
	if err != nil {
		return nil, fmt.Errorf("make door: %w", err)
	}
	d := &Door{cfg: cfg, page: page, css: assetPath("css", css), js: assetPath("js", script), maxToken: 4 << 10}
	mux := http.NewServeMux()
	for _, r := range []struct {
		pattern string
		handle  http.HandlerFunc
	}{
		{"GET /auth/{$}", d.home},
		{"GET /auth/login/{issuer}", d.login},
		{"GET /auth/callback/{issuer}", d.callback},
		{"GET /auth/bootstrap", d.bootstrapForm},
		{"POST /auth/bootstrap", d.bootstrap},
		{"POST /auth/logout", d.logout},
		{"POST /auth/logout-everywhere", d.logoutEverywhere},
		{"GET " + d.css, asset("text/css; charset=utf-8", css)},
		{"GET " + d.js, asset("text/javascript; charset=utf-8", script)},
	} {
		mux.HandleFunc(r.pattern, r.handle)
		d.routes = append(d.routes, r.pattern)
	}
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.refuse(w, r, &access.Error{Code: access.Forbidden, Message: "a browser says that the request comes from another site", Hint: "use the buttons of this server's own pages"})
	}))
	d.handler = headers(cross.Handler(mux))
	return d, nil
}

// Routes are the patterns that the Door answers, as of [http.ServeMux].
func (d *Door) Routes() []string { return slices.Clone(d.routes) }

// ServeHTTP answers requests for paths under /auth/.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.handler.ServeHTTP(w, r) }

// policy is the Content-Security-Policy (Level 3) of every page.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

func assetPath(ext string, content []byte) string {
	sum := sha256.Sum256(content)
	return "/auth/assets/door-" + hex.EncodeToString(sum[:8]) + "." + ext
}

// asset serves content whose path changes when it does.
func asset(kind string, content []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		w.Write(content)
	}
}

// back returns a path of this server to go back to, or "" for anything that a
// browser could take for another place.
func back(path string) string {
	u, err := url.Parse(path)
	odd := func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' }
	if err != nil || len(path) > 1024 || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") ||
		u.Scheme != "" || u.Host != "" || u.User != nil || strings.ContainsFunc(path, odd) || strings.ContainsFunc(u.Path, odd) ||
		strings.Contains(u.Path, "//") {
		return ""
	}
	return path
}

func scopeText(s string) string {
	switch s {
	case access.Any:
		return "any"
	case "":
		return "none"
	}
	return s
}

var statuses = map[access.Code]int{
	access.Unauthenticated: http.StatusUnauthorized,
	access.Forbidden:       http.StatusForbidden,
	access.Throttled:       http.StatusTooManyRequests,
	access.Invalid:         http.StatusBadRequest,
	access.Conflict:        http.StatusConflict,
	access.NotFound:        http.StatusNotFound,
	access.Unavailable:     http.StatusServiceUnavailable,
}

// refuse answers with an error page. What only an operator should read is logged.
func (d *Door) refuse(w http.ResponseWriter, r *http.Request, err error) {
	e, ok := errors.AsType[*access.Error](err)
	if !ok {
		d.cfg.Logger.Error("door failed", "route", r.Pattern, "err", err)
		d.show(w, http.StatusInternalServerError, view{Title: "That did not work", Fault: &access.Error{Message: "the server failed", Hint: "try again"}, Back: true})
		return
	}
	if e.Code == access.Unavailable {
		d.cfg.Logger.Warn("door unavailable", "route", r.Pattern, "err", err)
	}
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	}
	d.show(w, statuses[e.Code], view{Title: "That did not work", Fault: e, Back: true})
}

func (d *Door) show(w http.ResponseWriter, status int, v view) {
	v.CSS = d.css
	var b bytes.Buffer
	if err := d.page.Execute(&b, v); err != nil {
		d.cfg.Logger.Error("could not make page", "err", err)
		http.Error(w, "the server failed", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(b.Bytes())
}
