// SPDX-License-Identifier: Apache-2.0

package proof_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/digitorus/timestamp"

	"github.com/counterfoil/counterfoil/proof"
)

var stamped = []byte("counterfoil.example/main\n5\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")

func rsaKey(t testing.TB, bits int) crypto.Signer {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestCheckStamp(t *testing.T) {
	t.Parallel()
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, a := range map[string]*authority{"P-256": newAuthority(t, nil), "P-384": authorityWith(t, p384, nil), "RSA": authorityWith(t, rsaKey(t, 2048), nil)} {
		nonce := big.NewInt(77)
		token := a.stamp(t, stamped, func(ts *timestamp.Timestamp) { ts.Nonce, ts.Accuracy = nonce, 1500*time.Millisecond })
		at, err := proof.CheckStamp(token, stamped, a.roots())
		if err != nil || !at.Equal(stampTime()) || at.Location() != time.UTC {
			t.Errorf("%s: %v, %v", name, at, err)
		}
		s, err := proof.ParseStamp(token)
		if err != nil || s.Nonce.Cmp(nonce) != 0 || !s.Signer.Equal(a.cert) {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
}

func TestStampRefused(t *testing.T) {
	t.Parallel()
	leaf := func(change func(c *x509.Certificate)) *authority {
		return newAuthority(t, func(l, _ *x509.Certificate) { change(l) })
	}
	for name, c := range map[string]struct {
		authority *authority
		change    func(ts *timestamp.Timestamp)
		want      string
	}{
		"over something else": {newAuthority(t, nil), func(ts *timestamp.Timestamp) { ts.HashedMessage[0] ^= 1 }, "over something else"},
		"another hash":        {newAuthority(t, nil), func(ts *timestamp.Timestamp) { ts.HashAlgorithm, ts.HashedMessage = crypto.SHA512, make([]byte, 64) }, "not SHA-256"},
		"a hash cut short":    {newAuthority(t, nil), func(ts *timestamp.Timestamp) { ts.HashedMessage = ts.HashedMessage[:20] }, "not SHA-256"},
		"no certificate":      {newAuthority(t, nil), func(ts *timestamp.Timestamp) { ts.AddTSACertificate = false }, "does not carry"},
		"a critical extension": {newAuthority(t, nil), func(ts *timestamp.Timestamp) {
			ts.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 9}, Critical: true, Value: []byte{5, 0}}}
		}, "critical extension"},
		"for something else":        {leaf(func(c *x509.Certificate) { c.ExtraExtensions = purpose(t, true, codeSigning) }), nil, "time stamping only"},
		"for more than time stamps": {leaf(func(c *x509.Certificate) { c.ExtraExtensions = purpose(t, true, timeStamping, codeSigning) }), nil, "time stamping only"},
		"purpose not critical":      {leaf(func(c *x509.Certificate) { c.ExtraExtensions = purpose(t, false, timeStamping) }), nil, "time stamping only"},
		"for any purpose":           {leaf(func(c *x509.Certificate) { c.ExtraExtensions = nil }), nil, "time stamping only"},
		"an authority that is a CA": {leaf(func(c *x509.Certificate) {
			c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
		}), nil, "time stamping only"},
		"a CA that does not say so": {leaf(func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = true, true }), nil, "time stamping only"},
		"a short RSA key":           {authorityWith(t, rsaKey(t, 1024), nil), nil, "1024 bits"},
		"expired when it stamped":   {leaf(func(c *x509.Certificate) { c.NotAfter = stampTime().Add(-time.Second) }), nil, "expired"},
		"not yet valid then":        {leaf(func(c *x509.Certificate) { c.NotBefore = stampTime().Add(time.Second) }), nil, "not yet valid"},
		"root expired then":         {newAuthority(t, func(_, r *x509.Certificate) { r.NotAfter = stampTime().Add(-time.Second) }), nil, "expired"},
		"a root that may not sign":  {newAuthority(t, func(_, r *x509.Certificate) { r.IsCA, r.KeyUsage = false, x509.KeyUsageDigitalSignature }), nil, "not trusted"},
		"a root for something else": {newAuthority(t, func(_, r *x509.Certificate) { r.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }), nil, "not trusted"},
		"valid now but not at stamp": {leaf(func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		}), func(ts *timestamp.Timestamp) { ts.Time = stampTime().AddDate(-5, 0, 0) }, "not yet valid"},
	} {
		at, err := proof.CheckStamp(c.authority.stamp(t, stamped, c.change), stamped, c.authority.roots())
		if err == nil || !strings.Contains(err.Error(), c.want) || !at.IsZero() {
			t.Errorf("%s: %v, %v, want %q", name, at, err, c.want)
		}
	}
	a := newAuthority(t, nil)
	token := a.stamp(t, stamped, nil)
	if _, err := proof.CheckStamp(token, stamped, newAuthority(t, nil).roots()); err == nil || !strings.Contains(err.Error(), "not trusted") {
		t.Errorf("an unknown root: %v", err)
	}
	if _, err := proof.CheckStamp(token, stamped, nil); err == nil {
		t.Error("a stamp is believed without any root")
	}
	if _, err := proof.CheckStamp(append(bytes.Clone(token), 0), stamped, a.roots()); err == nil || !strings.Contains(err.Error(), "too many") {
		t.Errorf("a byte too many: %v", err)
	}
	if _, err := proof.ParseStamp(make([]byte, 65<<10)); err == nil || !strings.Contains(err.Error(), "limit") {
		t.Errorf("a token without end: %v", err)
	}
}

// TestStampOtherKey has another key sign in the authority's name.
func TestStampOtherKey(t *testing.T) {
	t.Parallel()
	a, thief := newAuthority(t, nil), newAuthority(t, nil)
	forged := authority{key: thief.key, cert: a.cert, root: a.root}
	if _, err := proof.CheckStamp(forged.stamp(t, stamped, nil), stamped, a.roots()); err == nil || !strings.Contains(err.Error(), "signature is bad") {
		t.Error(err)
	}
}

// TestStampEveryByte flips every bit of a token: it must be refused, or still
// attest the same time.
func TestStampEveryByte(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, nil)
	token := a.stamp(t, stamped, nil)
	roots, unnoticed := a.roots(), 0
	for i := range token {
		for bit := range 8 {
			changed := bytes.Clone(token)
			changed[i] ^= 1 << bit
			at, err := proof.CheckStamp(changed, stamped, roots)
			if err == nil && !at.Equal(stampTime()) {
				t.Errorf("byte %d, bit %d: attests %v", i, bit, at)
			}
			if err == nil {
				unnoticed++
			}
		}
	}
	if unnoticed > 8*len(token)/20 { // version numbers, null parameters and the like
		t.Errorf("%d of %d changes went unnoticed", unnoticed, 8*len(token))
	}
}

// FuzzParseStamp wants no panic, and none but tokens of the one authority to be
// trusted.
func FuzzParseStamp(f *testing.F) {
	a := newAuthority(f, nil)
	token := a.stamp(f, stamped, nil)
	f.Add(token)
	for _, b := range vectorReceipts(f) {
		if r, err := proof.ParseReceipt(b); err == nil && r.Timestamp != nil {
			f.Add(r.Timestamp)
		}
	}
	roots := a.roots()
	f.Fuzz(func(t *testing.T, b []byte) {
		if at, err := proof.CheckStamp(b, stamped, roots); err == nil && !at.Equal(stampTime()) {
			t.Fatalf("a forged token attests %v", at)
		}
	})
}
