// SPDX-License-Identifier: Apache-2.0

package paper_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"testing"
	"time"

	"github.com/digitorus/timestamp"
)

// stampTime is when every time stamp is made.
func stampTime() time.Time { return time.Date(2026, 3, 3, 9, 12, 49, 0, time.UTC) }

func (w *world) newAuthority(t testing.TB) {
	t.Helper()
	var err error
	if w.authority, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	purpose, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}}) // time stamping, and nothing else
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test Time"}, NotBefore: stampTime().AddDate(-20, 0, 0), NotAfter: stampTime().AddDate(70, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: purpose}}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, w.authority.Public(), w.authority)
	if err != nil {
		t.Fatal(err)
	}
	if w.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
}

// stamp makes an RFC 3161 token over text.
func (w *world) stamp(t testing.TB, text []byte) []byte {
	t.Helper()
	ts := timestamp.Timestamp{HashAlgorithm: crypto.SHA256, HashedMessage: sha256Sum(text), Time: stampTime(), Policy: asn1.ObjectIdentifier{1, 2, 3}, AddTSACertificate: true}
	answer, err := ts.CreateResponseWithOpts(w.cert, w.authority, crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := timestamp.ParseResponse(answer)
	if err != nil {
		t.Fatal(err)
	}
	return parsed.RawToken
}
