// SPDX-License-Identifier: Apache-2.0

package access

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"time"

	"github.com/counterfoil/counterfoil/internal/db"
)

// Secret is text that prints as [redacted], however it is printed.
type Secret string

// String hides it.
func (Secret) String() string { return "[redacted]" }

// GoString hides it from %#v.
func (Secret) GoString() string { return "[redacted]" }

// MarshalText hides it from encoders, and from slog.
func (Secret) MarshalText() ([]byte, error) { return []byte("[redacted]"), nil }

// Event is what happened to who may enter, to be recorded before it takes effect.
type Event struct {
	Act    string // grant.give, grant.take, key.create, key.rotate, key.revoke, session.end, sign_in, credential, bootstrap.create, bootstrap.use
	Actor  string // who acts; empty: not known
	Role   Role   // that allows it, or is given or taken; may be empty
	Result string // "allowed" or "denied"
	Target string // the actor or key that it is about; may be empty
	Reason string // private: may name an address
	Count  int    // of refusals that this event stands for; else 1
}

// Config says what a [Book] works with.
type Config struct {
	// DB holds the Book's tables, and no other room's. Required. The Book does
	// not close it.
	DB *db.DB
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Logger receives what only an operator needs to know, and no credential.
	// Default: none.
	Logger *slog.Logger
	// Record is called before an administrative act, a sign-in, or the refusal of
	// a sign-in or credential takes effect. Its error refuses the act. It must be
	// safe for concurrent use and must not call the Book. Default: none.
	Record func(ctx context.Context, e Event) error
	// TLS says that browsers reach the server by https, be it through a proxy:
	// cookies are Secure and named __Host-…. Default: false, for loopback.
	TLS bool
	// Address names where a request comes from, to throttle by: behind a proxy,
	// what the proxy vouches for. Default: the host of RemoteAddr.
	Address func(*http.Request) string
	// Issuers are where people sign in. Default: none.
	Issuers []Issuer
	// Workloads are issuers whose tokens programs present. Default: none.
	Workloads []WorkloadIssuer
	// Certificates map TLS client certificates, whose chains the TLS layer
	// verified. Default: none, and certificates do not count as credentials.
	Certificates []CertificateRule
	// IdleTimeout ends a session that is not used. Default: 30 minutes.
	IdleTimeout time.Duration
	// AbsoluteTimeout ends every session. Default: 12 hours.
	AbsoluteTimeout time.Duration
}

// Issuer is an OpenID provider where people sign in.
type Issuer struct {
	Name         string       // in paths: a-z, 0-9 and dashes
	Title        string       // on the button. Default: Name
	URL          string       // as in the iss claim: https, or loopback
	ClientID     string       // required
	ClientSecret Secret       // empty: a public client
	RedirectURL  string       // of this server: …/auth/callback/NAME
	Scopes       []string     // default: openid, profile
	Roles        []RoleRule   // what claims are worth
	Client       *http.Client // default: one that waits 10 seconds
}

// RoleRule grants something to people whose claim is, or lists, a value.
type RoleRule struct {
	Claim  string // dots reach into objects: realm_access.roles
	Value  string
	Grants []Grant
}

// WorkloadIssuer is an OpenID provider that vouches for programs: a cloud, a
// cluster, a CI.
type WorkloadIssuer struct {
	URL      string         // as in the iss claim: https, or loopback
	Audience string         // that the tokens are for: this server, nobody else
	Rules    []WorkloadRule // the first that fits counts
	Client   *http.Client   // default: one that waits 10 seconds
}

// WorkloadRule says which program a token stands for.
type WorkloadRule struct {
	Claims map[string]string // all must be, or list, these values
	Actor  string            // name; the code is workload:NAME
	Grants []Grant
}

// CertificateRule says whom a client certificate stands for. Exactly one of URI
// and CommonName is set.
type CertificateRule struct {
	URI        string // a subject alternative name, such as spiffe://…
	CommonName string // of the subject
	Actor      string // name; the code is certificate:NAME
	Grants     []Grant
}

// actorName is what follows the colon of a code.
var actorName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

func (c *Config) validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.DB == nil {
		bad("DB is required")
	}
	if c.IdleTimeout < 0 || c.AbsoluteTimeout < 0 {
		bad("IdleTimeout and AbsoluteTimeout must not be negative")
	}
	c.defaults()
	seen := map[string]bool{}
	for i := range c.Issuers {
		is := &c.Issuers[i]
		if seen[is.Name] {
			bad("issuer %q is there twice", is.Name)
		}
		seen[is.Name] = true
		errs = append(errs, is.validate())
	}
	for i := range c.Workloads {
		w := &c.Workloads[i]
		if seen["workload "+w.URL] {
			bad("workload issuer %q is there twice", w.URL)
		}
		seen["workload "+w.URL] = true
		if slices.ContainsFunc(c.Issuers, func(is Issuer) bool { return is.URL == w.URL && is.ClientID == w.Audience }) {
			bad("workload issuer %q: people's tokens have the same audience", w.URL)
		}
		errs = append(errs, w.validate())
	}
	for _, r := range c.Certificates {
		if (r.URI == "") == (r.CommonName == "") {
			bad("certificate of %q: one of URI and CommonName is required", r.Actor)
		}
		errs = append(errs, checkRule("certificate", r.Actor, r.Grants))
	}
	return errors.Join(errs...)
}

func (c *Config) defaults() {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Record == nil {
		c.Record = func(context.Context, Event) error { return nil }
	}
	if c.Address == nil {
		c.Address = func(r *http.Request) string {
			host, _, err := net.SplitHostPort(r.RemoteAddr)
			if err != nil {
				return r.RemoteAddr
			}
			return host
		}
	}
	if c.IdleTimeout == 0 {
		c.IdleTimeout = 30 * time.Minute
	}
	if c.AbsoluteTimeout == 0 {
		c.AbsoluteTimeout = 12 * time.Hour
	}
	c.Issuers, c.Workloads, c.Certificates = slices.Clone(c.Issuers), slices.Clone(c.Workloads), slices.Clone(c.Certificates)
}

var issuerName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

func (is *Issuer) validate() error {
	var errs []error
	if !issuerName.MatchString(is.Name) {
		errs = append(errs, fmt.Errorf("issuer %q: the name has other characters than a-z, 0-9 and dashes", is.Name))
	}
	errs = append(errs, checkURL("issuer "+is.Name+": URL", is.URL), checkURL("issuer "+is.Name+": RedirectURL", is.RedirectURL))
	if is.ClientID == "" {
		errs = append(errs, fmt.Errorf("issuer %q: ClientID is required", is.Name))
	}
	for _, r := range is.Roles {
		if r.Claim == "" || r.Value == "" {
			errs = append(errs, fmt.Errorf("issuer %q: a role needs a claim and a value", is.Name))
		}
		if err := checkGrants(r.Grants); err != nil {
			errs = append(errs, fmt.Errorf("issuer %q, claim %q: %w", is.Name, r.Claim, err))
		}
	}
	if is.Title == "" {
		is.Title = is.Name
	}
	if len(is.Scopes) == 0 {
		is.Scopes = []string{"profile"}
	}
	if !slices.Contains(is.Scopes, "openid") {
		is.Scopes = append([]string{"openid"}, is.Scopes...)
	}
	return errors.Join(errs...)
}

func (w *WorkloadIssuer) validate() error {
	errs := []error{checkURL("workload issuer", w.URL)}
	if w.Audience == "" {
		errs = append(errs, fmt.Errorf("workload issuer %q: Audience is required", w.URL))
	}
	for _, r := range w.Rules {
		if len(r.Claims) == 0 {
			errs = append(errs, fmt.Errorf("workload %q: a rule without claims would fit every program", r.Actor))
		}
		errs = append(errs, checkRule("workload", r.Actor, r.Grants))
	}
	return errors.Join(errs...)
}

func checkRule(kind, actor string, grants []Grant) error {
	if !actorName.MatchString(actor) {
		return fmt.Errorf("%s %q: the name has other characters than a-z, 0-9, dots and dashes", kind, actor)
	}
	if err := checkGrants(grants); err != nil {
		return fmt.Errorf("%s %q: %w", kind, actor, err)
	}
	return nil
}

// checkURL wants https, or a server on this machine.
func checkURL(what, text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.RawQuery != "" {
		return fmt.Errorf("%s %q is not a plain URL", what, text)
	}
	ip := net.ParseIP(u.Hostname())
	if u.Scheme != "https" && (u.Scheme != "http" || u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())) {
		return fmt.Errorf("%s %q must start with https", what, text)
	}
	return nil
}
