// SPDX-License-Identifier: Apache-2.0

package kms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"

	"github.com/counterfoil/counterfoil/internal/keyring"
)

const gcpScope = "https://www.googleapis.com/auth/cloudkms"

// gcp is a key of Google Cloud KMS: two calls of its REST API. Google's SDK
// would bring gRPC and some eighty modules; the credentials, which are the hard
// part, come from Google's oauth2 package.
type gcp struct {
	rest
	base string // ends in the key's name
}

func (c Config) openGCP(ctx context.Context, key string, q url.Values) (keyring.KMS, error) {
	if err := options(q); err != nil {
		return nil, err
	}
	if ok, _ := regexp.MatchString(`^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$`, key); !ok {
		return nil, errors.New("not a GCP key: want gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/K")
	}
	endpoint := c.GCPEndpoint
	if endpoint == "" {
		endpoint = "https://cloudkms.googleapis.com"
	}
	base, err := address("the endpoint of GCP KMS", endpoint)
	if err != nil {
		return nil, err
	}
	get := c.GCPToken
	if get == nil {
		get = c.gcpDefault
	}
	token, err := get(ctx)
	if err != nil {
		return nil, fmt.Errorf("get GCP token: %w", err)
	}
	return &gcp{
		rest: rest{name: "GCP KMS", client: c.client(), header: http.Header{"Authorization": {"Bearer " + token}}, token: token},
		base: base + "/v1/" + (&url.URL{Path: key}).EscapedPath(),
	}, nil
}

// gcpDefault gets a token of the application default credentials. Errors of
// the library may hold what a token server answered, and so are not passed on.
func (c Config) gcpDefault(ctx context.Context) (string, error) {
	ctx = context.WithValue(ctx, oauth2.HTTPClient, c.client())
	creds, err := google.FindDefaultCredentials(ctx, gcpScope)
	if err != nil {
		return "", errors.New("no default credentials are found, or they can not be read: run on a Google service account, or set GOOGLE_APPLICATION_CREDENTIALS")
	}
	token, err := creds.TokenSource.Token()
	if err != nil {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		return "", errors.New("the default credentials got no access token: check that they are valid, and the network")
	}
	return token.AccessToken, nil
}

// gcpText is the body of both calls. Byte slices are base64 in JSON, and
// Google sends and takes 64-bit numbers as strings.
type gcpText struct {
	Plaintext     []byte `json:"plaintext,omitempty"`
	PlaintextCRC  int64  `json:"plaintextCrc32c,omitempty,string"`
	Ciphertext    []byte `json:"ciphertext,omitempty"`
	CiphertextCRC int64  `json:"ciphertextCrc32c,omitempty,string"`
	AAD           []byte `json:"additionalAuthenticatedData,omitempty"`
	AADCRC        int64  `json:"additionalAuthenticatedDataCrc32c,omitempty,string"`
}

func crc(b []byte) int64 { return int64(crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))) }

// Encrypt returns the ciphertext, which names the version of the key. The
// checksums of both ways are compared.
func (g *gcp) Encrypt(ctx context.Context, plaintext, aad []byte) ([]byte, error) {
	in := gcpText{Plaintext: plaintext, PlaintextCRC: crc(plaintext), AAD: aad, AADCRC: crc(aad)}
	var out struct {
		gcpText
		VerifiedPlaintext bool `json:"verifiedPlaintextCrc32c"`
		VerifiedAAD       bool `json:"verifiedAdditionalAuthenticatedDataCrc32c"`
	}
	if err := g.call(ctx, "encrypt", in, &out); err != nil {
		return nil, err
	}
	if len(out.Ciphertext) == 0 || crc(out.Ciphertext) != out.CiphertextCRC || !out.VerifiedPlaintext || !out.VerifiedAAD && len(aad) > 0 {
		return nil, errors.New("GCP KMS: the checksums of the answer are wrong: try again")
	}
	return out.Ciphertext, nil
}

// Decrypt returns what Encrypt was given.
func (g *gcp) Decrypt(ctx context.Context, ciphertext, aad []byte) ([]byte, error) {
	in := gcpText{Ciphertext: ciphertext, CiphertextCRC: crc(ciphertext), AAD: aad, AADCRC: crc(aad)}
	var out gcpText
	if err := g.call(ctx, "decrypt", in, &out); err != nil {
		return nil, err
	}
	if len(out.Plaintext) == 0 || crc(out.Plaintext) != out.PlaintextCRC {
		return nil, errors.New("GCP KMS: the checksums of the answer are wrong: try again")
	}
	return out.Plaintext, nil
}

// Close does nothing: the token expires.
func (g *gcp) Close() error { return nil }

func (g *gcp) call(ctx context.Context, verb string, in gcpText, out any) error {
	return g.post(ctx, g.base+":"+verb, in, out, gcpError, encode(in.Plaintext))
}

func gcpError(body []byte) string {
	var e struct {
		Error struct{ Status, Message string }
	}
	if json.Unmarshal(body, &e) != nil || e.Error.Message == "" {
		return "refused: check the key's name and the credentials"
	}
	return strings.TrimSpace(e.Error.Status + ": " + e.Error.Message)
}
