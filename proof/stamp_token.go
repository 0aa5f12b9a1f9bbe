// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	_ "crypto/sha1" // for the older of two attributes: see checkIdentity
	"crypto/sha256"
	_ "crypto/sha512" // for signatures
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"
)

// Object identifiers of CMS (RFC 5652) and time stamps (RFC 3161, RFC 5816).
const (
	oidSignedData    = "1.2.840.113549.1.7.2"
	oidTSTInfo       = "1.2.840.113549.1.9.16.1.4"
	oidContentType   = "1.2.840.113549.1.9.3"
	oidMessageDigest = "1.2.840.113549.1.9.4"
	oidSigningCert   = "1.2.840.113549.1.9.16.2.12"
	oidSigningCertV2 = "1.2.840.113549.1.9.16.2.47"
	oidExtKeyUsage   = "2.5.29.37"
	oidSHA256        = "2.16.840.1.101.3.4.2.1"
	oidSHA384        = "2.16.840.1.101.3.4.2.2"
	oidSHA512        = "2.16.840.1.101.3.4.2.3"
)

// The wire forms. Fields that nobody reads hold a place.
type (
	contentInfo struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue `asn1:"explicit,tag:0"`
	}
	signedData struct {
		Version int
		Digests []pkix.AlgorithmIdentifier `asn1:"set"`
		Content struct {
			Type asn1.ObjectIdentifier
			Data []byte `asn1:"explicit,tag:0"`
		}
		Certificates asn1.RawValue `asn1:"optional,tag:0"`
		CRLs         asn1.RawValue `asn1:"optional,tag:1"`
		Signers      []signerInfo  `asn1:"set"`
	}
	signerInfo struct {
		Version   int
		ID        asn1.RawValue
		Digest    pkix.AlgorithmIdentifier
		Attrs     asn1.RawValue `asn1:"optional,tag:0"`
		Algorithm pkix.AlgorithmIdentifier
		Signature []byte
		Unsigned  asn1.RawValue `asn1:"optional,tag:1"`
	}
	issuerAndSerial struct {
		Issuer asn1.RawValue
		Serial *big.Int
	}
	attribute struct {
		Type   asn1.ObjectIdentifier
		Values []asn1.RawValue `asn1:"set"`
	}
	tstInfo struct {
		Version int
		Policy  asn1.ObjectIdentifier
		Imprint struct {
			Algorithm pkix.AlgorithmIdentifier
			Hash      []byte
		}
		Serial     *big.Int
		Time       time.Time        `asn1:"generalized"`
		Accuracy   accuracy         `asn1:"optional"`
		Ordering   bool             `asn1:"optional,default:false"`
		Nonce      *big.Int         `asn1:"optional"`
		TSA        asn1.RawValue    `asn1:"tag:0,optional"`
		Extensions []pkix.Extension `asn1:"tag:1,optional"`
	}
	accuracy struct {
		Seconds int64 `asn1:"optional"`
		Millis  int64 `asn1:"tag:0,optional"`
		Micros  int64 `asn1:"tag:1,optional"`
	}
	signingCertificate struct {
		Certs []struct {
			Hash pkix.AlgorithmIdentifier `asn1:"optional"` // version 2 only; none: SHA-256
			Sum  []byte
			ID   asn1.RawValue `asn1:"optional"`
		}
		Policies asn1.RawValue `asn1:"optional"`
	}
)

func parseStamp(token []byte) (*Stamp, error) {
	if len(token) > maxStamp {
		return nil, fmt.Errorf("%d bytes, the limit is %d", len(token), maxStamp)
	}
	var info contentInfo
	var sd signedData
	if err := decode(token, &info); err != nil {
		return nil, err
	}
	if info.Type.String() != oidSignedData {
		return nil, errors.New("it is not signed data")
	}
	if err := decode(info.Content.Bytes, &sd); err != nil {
		return nil, err
	}
	if sd.Content.Type.String() != oidTSTInfo {
		return nil, fmt.Errorf("what is signed has type %v, not that of a time stamp", sd.Content.Type)
	}
	if len(sd.Signers) != 1 {
		return nil, fmt.Errorf("it has %d signers, want one", len(sd.Signers))
	}
	certs, err := x509.ParseCertificates(sd.Certificates.Bytes)
	if err != nil {
		return nil, fmt.Errorf("certificates: %w", err)
	}
	s := &Stamp{others: certs}
	if err := s.readInfo(sd.Content.Data); err != nil {
		return nil, err
	}
	return s, s.checkSignature(&sd.Signers[0], sd.Content.Data)
}

// decode reads one DER value and nothing after it.
func decode(der []byte, v any) error {
	rest, err := asn1.Unmarshal(der, v)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d bytes too many", len(rest))
	}
	return err
}

func (s *Stamp) readInfo(data []byte) error {
	var info tstInfo
	if err := decode(data, &info); err != nil {
		return err
	}
	if _, offset := info.Time.Zone(); info.Version != 1 || offset != 0 {
		return errors.New("it is not of version 1 with a time in UTC")
	}
	if alg := info.Imprint.Algorithm.Algorithm.String(); alg != oidSHA256 || len(info.Imprint.Hash) != sha256.Size {
		return fmt.Errorf("the imprint algorithm is %s, not SHA-256", alg)
	}
	for _, e := range info.Extensions {
		if e.Critical {
			return fmt.Errorf("it has the critical extension %v, which is unknown here", e.Id)
		}
	}
	s.Time, s.Nonce, s.Imprint = info.Time.UTC(), info.Nonce, [sha256.Size]byte(info.Imprint.Hash)
	return nil
}

// checkSignature finds the certificate that the signer names, and verifies that
// its key signed the attributes, and that these are about data and it.
func (s *Stamp) checkSignature(si *signerInfo, data []byte) error {
	i := slices.IndexFunc(s.others, func(c *x509.Certificate) bool { return named(c, si.ID) })
	if i < 0 {
		return errors.New("it does not carry the signer's certificate")
	}
	s.Signer = s.others[i]
	if err := checkPurpose(s.Signer); err != nil {
		return err
	}
	attrs, err := signedAttributes(si.Attrs)
	if err != nil {
		return err
	}
	hash := hashOf(si.Digest.Algorithm.String())
	alg := signatureAlgorithm(si.Algorithm.Algorithm.String(), hash)
	if alg == 0 {
		return fmt.Errorf("the signature algorithm %v with digest %v is not accepted", si.Algorithm.Algorithm, si.Digest.Algorithm)
	}
	var contentType asn1.ObjectIdentifier
	var sum []byte
	if err := errors.Join(decode(attrs[oidContentType], &contentType), decode(attrs[oidMessageDigest], &sum)); err != nil {
		return fmt.Errorf("signed attributes: %w", err)
	}
	if contentType.String() != oidTSTInfo || !bytes.Equal(sum, digest(hash, data)) {
		return errors.New("the signed attributes are about another content")
	}
	if err := checkIdentity(s.Signer, attrs); err != nil {
		return err
	}
	// What is signed is the attributes as a SET OF, not with their tag [0].
	signed := bytes.Clone(si.Attrs.FullBytes)
	signed[0] = 0x31
	if err := s.Signer.CheckSignature(alg, signed, si.Signature); err != nil {
		return fmt.Errorf("the signature is bad: %w", err)
	}
	return nil
}

// named reports whether a signer identifier, issuer and serial number or [0]
// subject key identifier, is that of a certificate.
func named(c *x509.Certificate, id asn1.RawValue) bool {
	if id.Class == asn1.ClassContextSpecific {
		return id.Tag == 0 && len(c.SubjectKeyId) > 0 && bytes.Equal(id.Bytes, c.SubjectKeyId)
	}
	var is issuerAndSerial
	return decode(id.FullBytes, &is) == nil && is.Serial != nil && bytes.Equal(is.Issuer.FullBytes, c.RawIssuer) && is.Serial.Cmp(c.SerialNumber) == 0
}

// checkPurpose wants what RFC 3161 section 2.3 asks of a certificate, and a key
// that is not weaker than the hash.
func checkPurpose(c *x509.Certificate) error {
	critical := slices.ContainsFunc(c.Extensions, func(e pkix.Extension) bool { return e.Id.String() == oidExtKeyUsage && e.Critical })
	only := len(c.ExtKeyUsage) == 1 && c.ExtKeyUsage[0] == x509.ExtKeyUsageTimeStamping && len(c.UnknownExtKeyUsage) == 0
	signs := c.KeyUsage == 0 || c.KeyUsage&^(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) == 0
	if c.IsCA || !only || !critical || !signs {
		return errors.New("the signer's certificate is not one for time stamping only")
	}
	switch k := c.PublicKey.(type) {
	case *rsa.PublicKey:
		if k.N.BitLen() < 2048 {
			return fmt.Errorf("the signer's RSA key has %d bits, want 2048", k.N.BitLen())
		}
	case *ecdsa.PublicKey:
		if k.Curve.Params().BitSize < 256 {
			return fmt.Errorf("the signer's key is on %s, want P-256", k.Curve.Params().Name)
		}
	}
	return nil
}

// signedAttributes reads the attributes, each of which has one value and comes
// once.
func signedAttributes(raw asn1.RawValue) (map[string][]byte, error) {
	attrs := map[string][]byte{}
	for rest := raw.Bytes; len(rest) > 0; {
		var a attribute
		var err error
		if rest, err = asn1.Unmarshal(rest, &a); err != nil {
			return nil, fmt.Errorf("signed attributes: %w", err)
		}
		if len(a.Values) != 1 || attrs[a.Type.String()] != nil {
			return nil, fmt.Errorf("signed attribute %v has not one value", a.Type)
		}
		attrs[a.Type.String()] = a.Values[0].FullBytes
	}
	if len(attrs) == 0 {
		return nil, errors.New("it has no signed attributes")
	}
	return attrs, nil
}

// checkIdentity wants the signed attributes to name the certificate by its
// hash, so that a signature can not be passed off as another certificate's with
// the same key. The SHA-1 of the older attribute is enough for that: chain and
// signature do not lean on it.
func checkIdentity(c *x509.Certificate, attrs map[string][]byte) error {
	var id signingCertificate
	raw, sum := attrs[oidSigningCertV2], crypto.SHA256
	if raw == nil {
		raw, sum = attrs[oidSigningCert], crypto.SHA1
	}
	if err := decode(raw, &id); err != nil || len(id.Certs) == 0 {
		return errors.New("the signed attributes do not name the signer's certificate")
	}
	hash := sum
	if alg := id.Certs[0].Hash.Algorithm; sum == crypto.SHA256 && len(alg) > 0 {
		hash = hashOf(alg.String())
	}
	if hash == 0 || !bytes.Equal(digest(hash, c.Raw), id.Certs[0].Sum) {
		return errors.New("the signed attributes name another certificate than the signer's")
	}
	return nil
}

// hashOf is the hash function of an identifier, or 0.
func hashOf(oid string) crypto.Hash {
	switch oid {
	case oidSHA256:
		return crypto.SHA256
	case oidSHA384:
		return crypto.SHA384
	case oidSHA512:
		return crypto.SHA512
	}
	return 0
}

func digest(h crypto.Hash, b []byte) []byte {
	d := h.New()
	d.Write(b)
	return d.Sum(nil)
}

// signatureAlgorithm combines the identifiers of a signer's signature and digest
// algorithms, which must agree; 0: not accepted.
func signatureAlgorithm(signature string, hash crypto.Hash) x509.SignatureAlgorithm {
	const rsaAny, ecdsaAny, ed25519 = "1.2.840.113549.1.1.1", "1.2.840.10045.2.1", "1.3.101.112"
	type pair struct {
		rsa, ecdsa       x509.SignatureAlgorithm
		rsaOID, ecdsaOID string
	}
	p := map[crypto.Hash]pair{
		crypto.SHA256: {x509.SHA256WithRSA, x509.ECDSAWithSHA256, "1.2.840.113549.1.1.11", "1.2.840.10045.4.3.2"},
		crypto.SHA384: {x509.SHA384WithRSA, x509.ECDSAWithSHA384, "1.2.840.113549.1.1.12", "1.2.840.10045.4.3.3"},
		crypto.SHA512: {x509.SHA512WithRSA, x509.ECDSAWithSHA512, "1.2.840.113549.1.1.13", "1.2.840.10045.4.3.4"},
	}[hash]
	switch {
	case hash == 0:
		return 0
	case signature == rsaAny || signature == p.rsaOID:
		return p.rsa
	case signature == ecdsaAny || signature == p.ecdsaOID:
		return p.ecdsa
	case signature == ed25519 && hash == crypto.SHA512: // RFC 8419
		return x509.PureEd25519
	}
	return 0
}
