// SPDX-License-Identifier: Apache-2.0

// Package kms opens keys of key management services, for a keyring whose
// master key one of them wraps.
//
//	hashivault://KEY[?engine=transit]           HashiCorp Vault (or OpenBao), transit engine
//	awskms://KEY-ID-OR-ARN-OR-alias/NAME[?region=R][&profile=P]
//	gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/K
//
// The URL, which stands in the key file, names a key and no more. Where the
// service is and what opens it is in [Config], so that who can write the key
// file can not send a credential elsewhere. A service is spoken to over https;
// http is for the same host only. Redirects are refused, since they would carry
// the master key along.
//
// What binds a master key to its ledger (aad):
//
//	Vault  associated_data; since Vault 1.13, of AEAD keys (aes256-gcm96 is the
//	       default). Older ones ignore it; RSA keys refuse it.
//	AWS    encryption context, which CloudTrail shows; symmetric keys only.
//	GCP    additionalAuthenticatedData; symmetric keys only.
//
// The keyring binds the ledger inside of what is wrapped as well, so that a
// service that ignores it takes nothing away.
//
// Nothing runs on import, and nothing is kept between two [Config.Open]. This
// package reads no environment; the AWS SDK and Google's default credentials
// do, when one of their URLs is opened.
package kms

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/internal/keyring"
)

// Config says where the services are and what opens them. Only the fields of
// the service that a URL names are used. Do not print it.
type Config struct {
	// VaultAddr is the address of Vault, like https://vault.example:8200. No
	// default.
	VaultAddr string
	// VaultNamespace is a namespace of Vault Enterprise. Default: none.
	VaultNamespace string
	// VaultToken returns a token; it is asked each time a key is opened, since
	// tokens expire. No default. Its error must not hold the token.
	VaultToken func(context.Context) (string, error)
	// AWSEndpoint replaces the address of AWS KMS. Default: the region's.
	AWSEndpoint string
	// GCPEndpoint replaces https://cloudkms.googleapis.com.
	GCPEndpoint string
	// GCPToken returns an access token with the scope cloudkms. Default:
	// Google's application default credentials.
	GCPToken func(context.Context) (string, error)
	// Client does the HTTP requests; its CheckRedirect is not used. Default:
	// one with a timeout of 10 seconds.
	Client *http.Client
}

// Open opens the key that rawURL names; it is a [keyring.Opener]. It fails if
// the URL is none of the package's, or the configuration lacks something, and
// says what; AWS and GCP look for their credentials. The KMS it returns serves
// one goroutine at a time, holds nothing that Close has to free, and has errors
// without secrets. Open itself is safe for concurrent use.
func (c Config) Open(ctx context.Context, rawURL string) (keyring.KMS, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.User != nil {
		return nil, errors.New("not a KMS URL: want hashivault://KEY, awskms://KEY or gcpkms://KEY")
	}
	name := strings.Trim(u.Host+u.Path, "/")
	if u.Opaque != "" || u.Fragment != "" || name == "" || strings.Contains("/"+name+"/", "/../") {
		return nil, fmt.Errorf("not a KMS URL: %s names no key; want %s://KEY", u.Redacted(), u.Scheme)
	}
	switch u.Scheme {
	case "hashivault":
		return c.openVault(ctx, name, u.Query())
	case "awskms":
		return c.openAWS(ctx, name, u.Query())
	case "gcpkms":
		return c.openGCP(ctx, name, u.Query())
	}
	return nil, fmt.Errorf("no KMS driver for %s://: use hashivault://, awskms:// or gcpkms://", u.Scheme)
}

// client is the HTTP client, without redirects.
func (c Config) client() *http.Client {
	client := http.Client{Timeout: 10 * time.Second}
	if c.Client != nil {
		client = *c.Client
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client
}

// address checks the address of a service: https, or http on this host.
func address(what, raw string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return "", fmt.Errorf("%s is not an address: want one like https://host:port", what)
	}
	ip := net.ParseIP(u.Hostname())
	local := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	if u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return "", fmt.Errorf("%s is not safe: master keys go to it; want https://%s", what, u.Host)
	}
	return strings.TrimRight(raw, "/"), nil
}

// options refuses parameters of a URL other than those allowed.
func options(q url.Values, allowed ...string) error {
	for name := range q {
		found := false
		for _, a := range allowed {
			found = found || a == name
		}
		if !found {
			return fmt.Errorf("KMS URL: unknown parameter %q: remove it (known: %s)", name, strings.Join(append(allowed, "no other"), ", "))
		}
	}
	return nil
}

// clean makes text of a service fit for an error: one line, not long, and
// without the secrets, should the service have sent them back.
func clean(text string, secrets ...string) string {
	for _, s := range secrets {
		if s != "" {
			text = strings.ReplaceAll(text, s, "[redacted]")
		}
	}
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > 300 {
		text = string(r[:300]) + "…"
	}
	return strings.ToValidUTF8(text, "?")
}
