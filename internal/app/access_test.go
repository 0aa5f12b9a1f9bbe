// SPDX-License-Identifier: Apache-2.0

package app_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/internal/app"
)

// authority signs certificates for these tests.
type authority struct {
	t    *testing.T
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t}
	der, key := a.sign(&x509.Certificate{Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	a.key = key
	var err error
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *authority) sign(template *x509.Certificate) ([]byte, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template.SerialNumber, template.NotBefore, template.NotAfter = big.NewInt(time.Now().UnixNano()), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	return der, key
}

func (a *authority) pair(template *x509.Certificate) (cert, key []byte) {
	a.t.Helper()
	der, k := a.sign(template)
	b, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		a.t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: b})
}

// TestCertificates lets a source in by its TLS client certificate, and nobody
// without one; and delivers the alarm of a broken glass.
func TestCertificates(t *testing.T) {
	t.Parallel()
	said := make(chan string, 1)
	pager := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		said <- string(b)
	}))
	t.Cleanup(pager.Close)
	ca, dir := newAuthority(t), t.TempDir()
	cert, key := ca.pair(&x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
	spiffe := &url.URL{Scheme: "spiffe", Host: "example.com", Path: "/gateway"}
	clientCert, clientKey := ca.pair(&x509.Certificate{URIs: []*url.URL{spiffe}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	for name, b := range map[string][]byte{"cert.pem": cert, "key.pem": key, "ca.pem": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.cert.Raw}), app.ConfigName: []byte(`
tls: {cert: cert.pem, key: key.pem, client_ca: ca.pem}
alert_url: ` + pager.URL + `
access:
  certificates:
    - {uri: "spiffe://example.com/gateway", actor: gateway, grants: [{role: source, ledger: main}]}
`)} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := app.LoadConfig(filepath.Join(dir, app.ConfigName), true)
	if err != nil {
		t.Fatal(err)
	}
	short, err := os.MkdirTemp("", "cf") // the path of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(short) })
	s := app.Store{Data: short}
	if err := s.Create(t.Context(), "main", "", ""); err != nil {
		t.Fatal(err)
	}
	a, _, _ := start(t, s, cfg)

	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	pair, err := tls.X509KeyPair(clientCert, clientKey)
	if err != nil {
		t.Fatal(err)
	}
	get := func(certs ...tls.Certificate) (int, string) {
		t.Helper()
		tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: certs}}
		defer tr.CloseIdleConnections()
		res, err := (&http.Client{Transport: tr}).Do(request(t, "GET", "https://"+a.Addr().String()+"/v1/access/me", nil))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(b)
	}
	if status, body := get(pair); status != 200 || !strings.Contains(body, `"certificate:gateway"`) {
		t.Errorf("with the certificate: %d %s", status, body)
	}
	if status, body := get(); status != 401 {
		t.Errorf("without: %d %s", status, body)
	}

	local := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", s.Socket())
	}}
	defer local.CloseIdleConnections()
	req := request(t, "POST", "http://localhost/v1/ledgers/main/glass", strings.NewReader(`{"purpose":"incident","ticket":"i-1","reason":"wrong refunds"}`))
	req.Header.Set("Content-Type", "application/json")
	res, err := (&http.Client{Transport: local}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	select {
	case what := <-said:
		if res.StatusCode != 200 || !strings.Contains(what, "the glass was broken") || strings.Contains(what, "wrong refunds") {
			t.Errorf("%d, the alarm says %s", res.StatusCode, what)
		}
	case <-t.Context().Done():
		t.Error("no alarm")
	}
}
