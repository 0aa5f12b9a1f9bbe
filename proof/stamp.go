// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// maxStamp bounds a time-stamp token, in bytes.
const maxStamp = 64 << 10

// Stamp is an RFC 3161 time stamp whose signature fits the certificate that it
// carries. Whether that certificate is anybody's is for [Stamp.Trusted] to say.
type Stamp struct {
	// Time is what the stamp attests, in UTC.
	Time time.Time
	// Imprint is the SHA-256 of what was stamped.
	Imprint [sha256.Size]byte
	// Nonce repeats that of the request; nil if there was none.
	Nonce *big.Int
	// Signer is the authority's certificate.
	Signer *x509.Certificate

	others []*x509.Certificate // certificates that may lead to a root
}

// CheckStamp verifies an RFC 3161 TimeStampToken (DER, a CMS ContentInfo) over
// text and returns the time it attests, in UTC. All that [ParseStamp] and
// [Stamp.Trusted] ask for must hold, and the imprint must be the SHA-256 of
// text. roots must not be nil: a stamp of an unknown authority attests nothing.
func CheckStamp(token, text []byte, roots *x509.CertPool) (time.Time, error) {
	if roots == nil {
		return time.Time{}, errors.New("the trust policy names no time-stamp authority")
	}
	s, err := ParseStamp(token)
	if err != nil {
		return time.Time{}, err
	}
	if s.Imprint != sha256.Sum256(text) {
		return time.Time{}, errors.New("the time stamp is over something else")
	}
	if err := s.Trusted(roots); err != nil {
		return time.Time{}, err
	}
	return s.Time, nil
}

// ParseStamp reads a TimeStampToken, strictly: DER; exactly one signer, named
// by the signed attributes and present as a certificate that is for time
// stamping only (critical) and signs nothing else; no algorithm weaker than
// SHA-256, RSA 2048 or P-256; an imprint of SHA-256; no critical extension.
func ParseStamp(token []byte) (*Stamp, error) {
	s, err := parseStamp(token)
	if err != nil {
		return nil, fmt.Errorf("read time-stamp token: %w", err)
	}
	return s, nil
}

// Trusted reports whether the signer's certificate chains to roots for the
// purpose of time stamping, every certificate of the chain being valid at the
// time that the stamp attests. Revocation is not looked up: it needs a network.
func (s *Stamp) Trusted(roots *x509.CertPool) error {
	between := x509.NewCertPool()
	for _, c := range s.others {
		between.AddCert(c)
	}
	_, err := s.Signer.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: s.Time,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}})
	if err != nil {
		return fmt.Errorf("the time-stamp authority is not trusted: %w", err)
	}
	return nil
}
