// SPDX-License-Identifier: Apache-2.0

package publish_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"io"
	"math/big"
	"net/http"
	"testing"
	"time"

	"github.com/digitorus/timestamp"

	"github.com/counterfoil/counterfoil/internal/publish"
)

// authority is an RFC 3161 responder on loopback, with a test CA.
type authority struct {
	*front
	publish.Authority
	root, cert *x509.Certificate
	key        *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	rootKey, key := newECDSA(t), newECDSA(t)
	purpose, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}}) // time stamping, and nothing else
	if err != nil {
		t.Fatal(err)
	}
	from, to := time.Now().AddDate(-1, 0, 0), time.Now().AddDate(1, 0, 0)
	root := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name + " root"}, NotBefore: from, NotAfter: to,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: to,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: purpose}}}
	a := &authority{key: key}
	a.root = certify(t, root, root, &rootKey.PublicKey, rootKey)
	a.cert = certify(t, leaf, a.root, &key.PublicKey, rootKey)
	a.front = newFront(t, a.answer(nil))
	pool := x509.NewCertPool()
	pool.AddCert(a.root)
	a.Authority = publish.Authority{Name: name, URL: a.url, Roots: pool}
	return a
}

func newECDSA(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func certify(t *testing.T, template, parent *x509.Certificate, public, by any) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, by)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// answer stamps what is asked; edit, if not nil, spoils the stamp first.
func (a *authority) answer(edit func(*timestamp.Timestamp)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		der, err := a.stamp(r, edit)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/timestamp-reply")
		w.Write(der)
	}
}

// stamp is strict about the request.
func (a *authority) stamp(r *http.Request, edit func(*timestamp.Timestamp)) ([]byte, error) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	req, err := timestamp.ParseRequest(b)
	if err != nil {
		return nil, err
	}
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/timestamp-query" || req.HashAlgorithm != crypto.SHA256 || !req.Certificates || req.Nonce == nil {
		return timestamp.CreateErrorResponse(timestamp.Rejection, timestamp.BadRequest)
	}
	ts := timestamp.Timestamp{HashAlgorithm: req.HashAlgorithm, HashedMessage: req.HashedMessage, Nonce: req.Nonce, Time: time.Now(),
		Policy: asn1.ObjectIdentifier{1, 2, 3}, AddTSACertificate: true}
	if edit != nil {
		edit(&ts)
	}
	return ts.CreateResponseWithOpts(a.cert, a.key, crypto.SHA256)
}
