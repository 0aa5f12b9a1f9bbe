// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/internal/access"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/door"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

// AccessConfig is who may enter. The YAML file has the same names; files are
// relative to it.
type AccessConfig struct {
	// TLS says that browsers reach the server by https, be it through a proxy.
	TLS bool `yaml:"tls"`
	// Proxies are the networks (CIDR) of proxies in front, whose word on where a
	// request comes from (X-Forwarded-For) is taken: sign-ins are throttled by it.
	Proxies []netip.Prefix `yaml:"proxies"`
	// IdleTimeout ends a session that is not used. Default: 30m.
	IdleTimeout Duration `yaml:"idle_timeout"`
	// AbsoluteTimeout ends every session. Default: 12h.
	AbsoluteTimeout Duration `yaml:"absolute_timeout"`
	// Issuers are OpenID providers where people sign in.
	Issuers []IssuerConfig `yaml:"issuers"`
	// Workloads are OpenID providers that vouch for programs.
	Workloads []WorkloadConfig `yaml:"workloads"`
	// Certificates map TLS client certificates.
	Certificates []CertificateConfig `yaml:"certificates"`
}

// GrantConfig is a role in a scope; system and purpose are any when absent.
type GrantConfig struct {
	Role    string `yaml:"role"`
	Ledger  string `yaml:"ledger"`
	System  string `yaml:"system"`
	Purpose string `yaml:"purpose"`
}

// IssuerConfig is an OpenID provider where people sign in.
type IssuerConfig struct {
	Name             string       `yaml:"name"`
	Title            string       `yaml:"title"`
	URL              string       `yaml:"url"`
	ClientID         string       `yaml:"client_id"`
	ClientSecretFile string       `yaml:"client_secret_file"`
	RedirectURL      string       `yaml:"redirect_url"`
	Scopes           []string     `yaml:"scopes"`
	Roles            []RoleConfig `yaml:"roles"`

	secret access.Secret
}

// RoleConfig grants something to people whose claim is, or lists, a value.
type RoleConfig struct {
	Claim  string        `yaml:"claim"`
	Value  string        `yaml:"value"`
	Grants []GrantConfig `yaml:"grants"`
}

// WorkloadConfig is an OpenID provider that vouches for programs.
type WorkloadConfig struct {
	URL      string `yaml:"url"`
	Audience string `yaml:"audience"`
	Rules    []struct {
		Claims map[string]string `yaml:"claims"`
		Actor  string            `yaml:"actor"`
		Grants []GrantConfig     `yaml:"grants"`
	} `yaml:"rules"`
}

// CertificateConfig says whom a client certificate stands for.
type CertificateConfig struct {
	URI        string        `yaml:"uri"`
	CommonName string        `yaml:"common_name"`
	Actor      string        `yaml:"actor"`
	Grants     []GrantConfig `yaml:"grants"`
}

// TLSConfig makes the server speak TLS itself. ClientCA asks for client
// certificates and verifies those that are given.
type TLSConfig struct {
	Cert     string `yaml:"cert"`
	Key      string `yaml:"key"`
	ClientCA string `yaml:"client_ca"`

	config *tls.Config
}

func (t *TLSConfig) load(dir string) error {
	cert, err := tls.LoadX509KeyPair(beside(dir, t.Cert), beside(dir, t.Key))
	if err != nil {
		return fmt.Errorf("tls: %w", err)
	}
	t.config = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	if t.ClientCA == "" {
		return nil
	}
	pem, err := os.ReadFile(beside(dir, t.ClientCA))
	if err != nil {
		return fmt.Errorf("tls: %w", err)
	}
	t.config.ClientCAs, t.config.ClientAuth = x509.NewCertPool(), tls.VerifyClientCertIfGiven
	if !t.config.ClientCAs.AppendCertsFromPEM(pem) {
		return fmt.Errorf("tls: %s holds no PEM certificate", t.ClientCA)
	}
	return nil
}

func beside(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// load reads the secrets of the issuers.
func (c *AccessConfig) load(dir string) error {
	for i := range c.Issuers {
		is := &c.Issuers[i]
		if is.ClientSecretFile == "" {
			continue
		}
		b, err := os.ReadFile(beside(dir, is.ClientSecretFile))
		if err != nil {
			return fmt.Errorf("access: issuer %s: %w", is.Name, err)
		}
		is.secret = access.Secret(strings.TrimSpace(string(b)))
	}
	return nil
}

func grants(in []GrantConfig) []access.Grant {
	out := make([]access.Grant, len(in))
	for i, g := range in {
		out[i] = access.Grant{Role: access.Role(g.Role), Ledger: g.Ledger, System: orAny(g.System), Purpose: orAny(g.Purpose)}
	}
	return out
}

func orAny(s string) string {
	if s == "" {
		return access.Any
	}
	return s
}

// book is the configuration as the room of access has it.
func (c *AccessConfig) book() access.Config {
	out := access.Config{TLS: c.TLS, IdleTimeout: time.Duration(c.IdleTimeout), AbsoluteTimeout: time.Duration(c.AbsoluteTimeout)}
	if len(c.Proxies) > 0 {
		out.Address = c.address
	}
	for _, is := range c.Issuers {
		issuer := access.Issuer{Name: is.Name, Title: is.Title, URL: is.URL, ClientID: is.ClientID, ClientSecret: is.secret, RedirectURL: is.RedirectURL, Scopes: is.Scopes}
		for _, r := range is.Roles {
			issuer.Roles = append(issuer.Roles, access.RoleRule{Claim: r.Claim, Value: r.Value, Grants: grants(r.Grants)})
		}
		out.Issuers = append(out.Issuers, issuer)
	}
	for _, w := range c.Workloads {
		workload := access.WorkloadIssuer{URL: w.URL, Audience: w.Audience}
		for _, r := range w.Rules {
			workload.Rules = append(workload.Rules, access.WorkloadRule{Claims: r.Claims, Actor: r.Actor, Grants: grants(r.Grants)})
		}
		out.Workloads = append(out.Workloads, workload)
	}
	for _, r := range c.Certificates {
		out.Certificates = append(out.Certificates, access.CertificateRule{URI: r.URI, CommonName: r.CommonName, Actor: r.Actor, Grants: grants(r.Grants)})
	}
	return out
}

// address is where a request comes from: what the last proxy of ours says, or who
// is connected.
func (c *AccessConfig) address(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	at := peer.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !slices.ContainsFunc(c.Proxies, func(p netip.Prefix) bool { return p.Contains(at) }) {
			break
		}
		next, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break
		}
		at = next.Unmap()
	}
	return at.String()
}

// bookDB is where the book of access is kept: beside the ledgers.
func (s Store) bookDB() db.Config {
	if s.Database != "" {
		return db.Config{URL: s.Database, Schema: "access_counterfoil", Hook: s.Hook}
	}
	return db.Config{URL: "sqlite:" + filepath.Join(s.Data, "access.db"), Hook: s.Hook}
}

// openBook opens the book of access, and makes it if there is none. home is the
// ledger that administrative acts are written to.
func (s Store) openBook(ctx context.Context, cfg access.Config, home *ledger.Ledger, logger *slog.Logger) (*access.Book, *db.DB, error) {
	d, err := db.Open(ctx, s.bookDB())
	if errors.Is(err, db.ErrNotExist) {
		d, err = db.Create(ctx, s.bookDB())
		if errors.Is(err, db.ErrExist) {
			d, err = db.Open(ctx, s.bookDB())
		}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("open book of access: %w", err)
	}
	cfg.DB, cfg.Logger = d, logger
	cfg.Record = func(ctx context.Context, e access.Event) error { return noteEvent(ctx, home, e) }
	if err := access.Create(ctx, cfg); err != nil {
		if e, ok := errors.AsType[*access.Error](err); !ok || e.Code != access.Conflict {
			return nil, nil, errors.Join(err, d.Close())
		}
	}
	b, err := access.Open(ctx, cfg)
	if err != nil {
		return nil, nil, errors.Join(err, d.Close())
	}
	return b, d, nil
}

// noteEvent writes what happened to who may enter into the log.
func noteEvent(ctx context.Context, home *ledger.Ledger, e access.Event) error {
	a := ledger.Access{Act: e.Act, Actor: e.Actor, Role: string(e.Role), Target: e.Target, Denied: e.Result == "denied", Count: e.Count, Reason: e.Reason, Principal: "local:access"}
	if a.Actor == "" {
		a.Actor = "unknown"
	}
	return home.Note(ctx, a)
}

// homeOf is the ledger that administrative acts are written to: main, or the
// first by name.
func homeOf(names []string) string {
	if i := slices.Index(names, "main"); i >= 0 || len(names) == 0 {
		return "main"
	}
	return names[0]
}

// openAccess wires the book of access and its pages, unless the server is open.
func (a *App) openAccess(ctx context.Context) error {
	cfg := a.opts.Config.Access
	if cfg == nil {
		return nil
	}
	home := a.ledgers[homeOf(a.Names())]
	b, d, err := a.opts.Store.openBook(ctx, cfg.book(), home.Ledger, a.opts.Logger)
	if err != nil {
		return err
	}
	a.down.push("book of access", func(context.Context) error { return d.Close() })
	a.book = b
	a.pages, err = door.New(door.Config{Book: b, Logger: a.opts.Logger})
	return err
}

// welcome prints the one-time link for the first administrator.
func (a *App) welcome(ctx context.Context) error {
	secret, created, err := a.book.Bootstrap(ctx)
	if err != nil || !created {
		return err
	}
	scheme := "http"
	if a.opts.Config.TLS != nil || a.opts.Config.Access.TLS {
		scheme = "https"
	}
	a.opts.Welcome(scheme + "://" + a.Addr().String() + "/auth/bootstrap#" + secret)
	return nil
}
