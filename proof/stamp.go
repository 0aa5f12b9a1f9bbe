// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/digitorus/pkcs7"
	"github.com/digitorus/timestamp"
)

// maxStamp bounds a time-stamp token, in bytes.
const maxStamp = 64 << 10

// CheckStamp verifies an RFC 3161 TimeStampToken (DER, a CMS ContentInfo) over
// text and returns the time it attests, in UTC. The imprint must be SHA-256 or
// stronger, the signature good, and the signer's certificate, which must be one
// for time stamping only, must chain to roots as of that time. roots must not
// be nil: a stamp of an unknown authority attests nothing.
func CheckStamp(token, text []byte, roots *x509.CertPool) (time.Time, error) {
	if roots == nil {
		return time.Time{}, errors.New("the trust policy names no time-stamp authority")
	}
	if len(token) > maxStamp {
		return time.Time{}, fmt.Errorf("the token has %d bytes, the limit is %d", len(token), maxStamp)
	}
	ts, err := timestamp.Parse(token)
	if err != nil {
		return time.Time{}, fmt.Errorf("read time-stamp token: %w", err)
	}
	if !slices.Contains([]crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512}, ts.HashAlgorithm) {
		return time.Time{}, fmt.Errorf("imprint algorithm %v is not accepted", ts.HashAlgorithm)
	}
	h := ts.HashAlgorithm.New()
	h.Write(text)
	if !slices.Equal(h.Sum(nil), ts.HashedMessage) {
		return time.Time{}, errors.New("the time stamp is over something else")
	}
	if err := checkSigner(token, ts.Time, roots); err != nil {
		return time.Time{}, err
	}
	return ts.Time.UTC(), nil
}

// checkSigner wants the one certificate whose key signed the token to be for time
// stamping only, and to chain to roots at the attested time.
func checkSigner(token []byte, at time.Time, roots *x509.CertPool) error {
	p7, err := pkcs7.Parse(token)
	if err != nil {
		return fmt.Errorf("read time-stamp token: %w", err)
	}
	if err := p7.Verify(); err != nil {
		return fmt.Errorf("the signature of the token is not good: %w", err)
	}
	signer := p7.GetOnlySigner()
	if signer == nil {
		return errors.New("the token must carry exactly one signer and its certificate")
	}
	if signer.IsCA || len(signer.ExtKeyUsage) != 1 || signer.ExtKeyUsage[0] != x509.ExtKeyUsageTimeStamping {
		return errors.New("the signer's certificate is not one for time stamping only")
	}
	pool := x509.NewCertPool()
	for _, c := range p7.Certificates {
		pool.AddCert(c)
	}
	_, err = signer.Verify(x509.VerifyOptions{Roots: roots, Intermediates: pool, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}})
	if err != nil {
		return fmt.Errorf("the time-stamp authority is not trusted: %w", err)
	}
	return nil
}
