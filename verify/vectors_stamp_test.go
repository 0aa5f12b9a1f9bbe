// SPDX-License-Identifier: Apache-2.0

package verify_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/digitorus/timestamp"

	"github.com/counterfoil/counterfoil/proof"
)

// authority is a time-stamp authority whose key anybody may know.
type authority struct {
	key  fixedSigner
	cert *x509.Certificate
}

// fixedSigner signs as RFC 6979 says: the same each time.
type fixedSigner struct{ *ecdsa.PrivateKey }

func (s fixedSigner) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return s.PrivateKey.Sign(nil, digest, opts)
}

func newAuthority(t *testing.T, n byte) *authority {
	t.Helper()
	sum := sha256.Sum256([]byte{'t', 's', 'a', n})
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), sum[:])
	a := &authority{key: fixedSigner{must(t, key, err)}}
	purpose, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}}) // time stamping, and nothing else
	template := &x509.Certificate{SerialNumber: big.NewInt(int64(n)), Subject: pkix.Name{CommonName: "Vector Time"}, NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2049, 1, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: must(t, purpose, err)}}}
	der, err := x509.CreateCertificate(nil, template, template, key.Public(), a.key)
	cert, err := x509.ParseCertificate(must(t, der, err))
	a.cert = must(t, cert, err)
	return a
}

// stamp makes a token over text for a receipt file. A token holds a random
// number and the time, so the one that the file has is kept if it will do.
func (a *authority) stamp(t *testing.T, file string, text []byte, at time.Time) []byte {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	if b, err := os.ReadFile(filepath.Join(vectors, "receipts", file+".receipt.json")); err == nil {
		if r, err := proof.ParseReceipt(b); err == nil && r.Timestamp != nil {
			s, err := proof.ParseStamp(r.Timestamp)
			if err == nil && s.Imprint == sha256.Sum256(text) && s.Time.Equal(at) && s.Signer.Equal(a.cert) {
				return r.Timestamp
			}
		}
	}
	sum := sha256.Sum256(text)
	ts := timestamp.Timestamp{HashAlgorithm: crypto.SHA256, HashedMessage: sum[:], Time: at, Policy: asn1.ObjectIdentifier{1, 2, 3}, AddTSACertificate: true}
	answer, err := ts.CreateResponseWithOpts(a.cert, a.key, crypto.SHA256)
	var response struct{ Status, Token asn1.RawValue }
	if _, err := asn1.Unmarshal(must(t, answer, err), &response); err != nil {
		t.Fatal(err)
	}
	return response.Token.FullBytes
}
