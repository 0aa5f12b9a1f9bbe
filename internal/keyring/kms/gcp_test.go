// SPDX-License-Identifier: Apache-2.0

package kms_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"hash/crc32"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/internal/keyring/kms"
)

const gcpRing = "projects/p/locations/global/keyRings/r/cryptoKeys/"

func gcpRefuse(w http.ResponseWriter, message string) {
	w.WriteHeader(http.StatusBadRequest)
	json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"code": 400, "message": message, "status": "INVALID_ARGUMENT"}})
}

func checksum(b []byte) string {
	return fmt.Sprint(crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
}

// gcpAnswer is the REST API of Cloud KMS, with the keys one and two.
func gcpAnswer(s *service, w http.ResponseWriter, r *http.Request, body []byte) {
	if r.Header.Get("Authorization") != "Bearer "+credential || r.Header.Get("Content-Type") != "application/json" {
		s.t.Errorf("headers %v", r.Header)
	}
	rest, ok := strings.CutPrefix(r.URL.Path, "/v1/"+gcpRing)
	key, verb, _ := strings.Cut(rest, ":")
	if !ok || key != "one" && key != "two" {
		gcpRefuse(w, "no such key")
		return
	}
	var in struct {
		Plaintext                         []byte `json:"plaintext"`
		PlaintextCrc32c                   string `json:"plaintextCrc32c"`
		Ciphertext                        []byte `json:"ciphertext"`
		CiphertextCrc32c                  string `json:"ciphertextCrc32c"`
		AdditionalAuthenticatedData       []byte `json:"additionalAuthenticatedData"`
		AdditionalAuthenticatedDataCrc32c string `json:"additionalAuthenticatedDataCrc32c"`
	}
	decode(s.t, body, &in)
	aad := in.AdditionalAuthenticatedData
	if in.AdditionalAuthenticatedDataCrc32c != checksum(aad) {
		s.t.Errorf("checksum of the aad: %s", body)
	}
	out := map[string]any{}
	switch {
	case verb == "encrypt" && in.PlaintextCrc32c == checksum(in.Plaintext) && in.Ciphertext == nil:
		sealed := aead(key).Seal(nil, nil, in.Plaintext, aad)
		out["name"] = gcpRing + key + "/cryptoKeyVersions/1"
		out["ciphertext"], out["ciphertextCrc32c"] = sealed, checksum(sealed)
		out["verifiedPlaintextCrc32c"], out["verifiedAdditionalAuthenticatedDataCrc32c"] = true, true
		out["protectionLevel"] = "SOFTWARE"
		if s.mode.Load() == "flipped" {
			sealed[0] ^= 1
		}
	case verb == "decrypt" && in.CiphertextCrc32c == checksum(in.Ciphertext) && in.Plaintext == nil:
		plain, err := aead(key).Open(nil, nil, in.Ciphertext, aad)
		if err != nil {
			gcpRefuse(w, "Decryption failed: verify that 'name' refers to the correct CryptoKey.")
			return
		}
		out["plaintext"], out["plaintextCrc32c"], out["usedPrimary"] = plain, checksum(plain), true
		if s.mode.Load() == "flipped" {
			plain[0] ^= 1
		}
	default:
		s.t.Errorf("%s %s", verb, body)
	}
	json.NewEncoder(w).Encode(out)
}

func TestGCP(t *testing.T) {
	t.Parallel()
	s := newService(t, gcpAnswer, gcpRefuse)
	c := kms.Config{GCPEndpoint: s.URL, GCPToken: func(context.Context) (string, error) { return credential, nil }}
	k, err := c.Open(t.Context(), "gcpkms://"+gcpRing+"one")
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := k.Encrypt(t.Context(), []byte("x"), []byte("y"))
	if err != nil {
		t.Fatal(err)
	}
	s.mode.Store("flipped")
	if _, err := k.Encrypt(t.Context(), []byte("x"), []byte("y")); err == nil || !strings.Contains(err.Error(), "checksums") {
		t.Errorf("a flipped bit: %v", err)
	}
	if _, err := k.Decrypt(t.Context(), sealed, []byte("y")); err == nil || !strings.Contains(err.Error(), "checksums") {
		t.Errorf("a flipped bit: %v", err)
	}
	s.mode.Store("")
	contract(t, c, s, "gcpkms://"+gcpRing+"one", "gcpkms://"+gcpRing+"two")
	c.GCPToken = func(context.Context) (string, error) { return "", errors.New("none today") }
	if _, err := c.Open(t.Context(), "gcpkms://"+gcpRing+"one"); err == nil || !strings.Contains(err.Error(), "none today") {
		t.Errorf("without a token: %v", err)
	}
}

// TestGCPDefaultCredentials uses the key file of a service account, as the
// environment names it, and a model of the server that gives tokens for it.
func TestGCPDefaultCredentials(t *testing.T) {
	answer := http.StatusOK
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" || strings.Count(r.FormValue("assertion"), ".") != 2 {
			t.Errorf("form %v", r.Form)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(answer)
		json.NewEncoder(w).Encode(map[string]any{"access_token": credential, "token_type": "Bearer", "expires_in": 60})
	}))
	defer tokens.Close()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	account, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "test@p.iam.gserviceaccount.com", "token_uri": tokens.URL,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "account.json")
	if err := os.WriteFile(path, account, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", path)
	s := newService(t, gcpAnswer, gcpRefuse)
	c := kms.Config{GCPEndpoint: s.URL}
	master(t, c, "gcpkms://"+gcpRing+"one")
	answer = http.StatusForbidden
	if _, err := c.Open(t.Context(), "gcpkms://"+gcpRing+"one"); err == nil || strings.Contains(err.Error(), credential) {
		t.Errorf("refused a token: %v", err)
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", path+".gone")
	if _, err := c.Open(t.Context(), "gcpkms://"+gcpRing+"one"); err == nil || !strings.Contains(err.Error(), "GOOGLE_APPLICATION_CREDENTIALS") {
		t.Errorf("without credentials: %v", err)
	}
}
