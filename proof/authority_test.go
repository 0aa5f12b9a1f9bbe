// SPDX-License-Identifier: Apache-2.0

package proof_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/digitorus/timestamp"
)

// stampTime is when the test authority stamps.
func stampTime() time.Time { return time.Date(2026, 3, 3, 9, 12, 49, 0, time.UTC) }

// authority is a time-stamp authority: a root, and a certificate under it.
type authority struct {
	key        crypto.Signer
	cert, root *x509.Certificate
}

var (
	timeStamping = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 8}
	codeSigning  = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 3}
)

// purpose is the extended key usage of a certificate.
func purpose(t testing.TB, critical bool, of ...asn1.ObjectIdentifier) []pkix.Extension {
	t.Helper()
	b, err := asn1.Marshal(of)
	if err != nil {
		t.Fatal(err)
	}
	return []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: critical, Value: b}}
}

// newAuthority makes an authority; change, if not nil, spoils the certificates
// of the authority and of its root before they are signed.
func newAuthority(t testing.TB, change func(leaf, root *x509.Certificate)) *authority {
	t.Helper()
	leafKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return authorityWith(t, leafKey, change)
}

func authorityWith(t testing.TB, leafKey crypto.Signer, change func(leaf, root *x509.Certificate)) *authority {
	t.Helper()
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "Test Time"}, NotBefore: stampTime().AddDate(-1, 0, 0), NotAfter: stampTime().AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtraExtensions: purpose(t, true, timeStamping)}
	root := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test Root"}, NotBefore: stampTime().AddDate(-9, 0, 0), NotAfter: stampTime().AddDate(9, 0, 0),
		KeyUsage: x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true}
	if change != nil {
		change(leaf, root)
	}
	a := &authority{key: leafKey}
	create := func(template, parent *x509.Certificate, public any) *x509.Certificate {
		der, err := x509.CreateCertificate(rand.Reader, template, parent, public, rootKey)
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	a.root = create(root, root, rootKey.Public())
	a.cert = create(leaf, a.root, leafKey.Public())
	return a
}

func (a *authority) roots() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.root)
	return p
}

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.root.Raw})
}

// stamp makes a token over text; change, if not nil, spoils what it says.
func (a *authority) stamp(t testing.TB, text []byte, change func(ts *timestamp.Timestamp)) []byte {
	t.Helper()
	sum := sha256.Sum256(text)
	ts := timestamp.Timestamp{HashAlgorithm: crypto.SHA256, HashedMessage: sum[:], Time: stampTime(), Policy: asn1.ObjectIdentifier{1, 2, 3}, AddTSACertificate: true}
	if change != nil {
		change(&ts)
	}
	answer, err := ts.CreateResponseWithOpts(a.cert, a.key, crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	var response struct{ Status, Token asn1.RawValue }
	if _, err := asn1.Unmarshal(answer, &response); err != nil {
		t.Fatal(err)
	}
	return response.Token.FullBytes
}
