// SPDX-License-Identifier: Apache-2.0

package kms_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/internal/keyring/kms"
)

func awsRefuse(w http.ResponseWriter, message string) { awsFail(w, "ValidationException", message) }

func awsFail(w http.ResponseWriter, code, message string) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(http.StatusBadRequest)
	json.NewEncoder(w).Encode(map[string]string{"__type": code, "message": message})
}

var sigV4 = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=AKIDTEST/\d{8}/eu-central-1/kms/aws4_request, SignedHeaders=[a-z0-9;-]*host[a-z0-9;-]*, Signature=[0-9a-f]{64}$`)

// awsAnswer is AWS KMS in eu-central-1, with two symmetric keys.
func awsAnswer(s *service, w http.ResponseWriter, r *http.Request, body []byte) {
	if got := r.Header.Get("Authorization"); !sigV4.MatchString(got) || r.Header.Get("X-Amz-Date") == "" {
		s.t.Errorf("Authorization: %s", got)
	}
	if r.URL.Path != "/" || r.Header.Get("Content-Type") != "application/x-amz-json-1.1" {
		s.t.Errorf("%s %s", r.URL, r.Header.Get("Content-Type"))
	}
	var in struct {
		KeyId             string
		Plaintext         []byte
		CiphertextBlob    []byte
		EncryptionContext map[string]string
	}
	decode(s.t, body, &in)
	if len(in.EncryptionContext) != 1 || in.EncryptionContext["counterfoil"] == "" {
		s.t.Errorf("encryption context %v", in.EncryptionContext)
	}
	aad, _ := json.Marshal(in.EncryptionContext)
	arn := map[string]string{"alias/one": "arn:one", "arn:aws:kms:eu-central-1:111122223333:key/two": "arn:two"}[in.KeyId]
	if arn == "" {
		awsFail(w, "NotFoundException", "Invalid keyId "+in.KeyId)
		return
	}
	out := map[string]any{"KeyId": arn, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}
	switch target := r.Header.Get("X-Amz-Target"); {
	case target == "TrentService.Encrypt" && len(in.Plaintext) > 0 && in.CiphertextBlob == nil:
		out["CiphertextBlob"] = append([]byte(arn), aead(arn).Seal(nil, nil, in.Plaintext, aad)...)
	case target == "TrentService.Decrypt" && len(in.CiphertextBlob) > 0 && in.Plaintext == nil:
		sealed, ok := strings.CutPrefix(string(in.CiphertextBlob), arn)
		if !ok {
			awsFail(w, "IncorrectKeyException", "The key ID in the request does not identify a CMK that can perform this operation.")
			return
		}
		plain, err := aead(arn).Open(nil, nil, []byte(sealed), aad)
		if err != nil {
			awsFail(w, "InvalidCiphertextException", "")
			return
		}
		out["Plaintext"] = plain
	default:
		s.t.Errorf("%s %s", target, body)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	json.NewEncoder(w).Encode(out)
}

// awsEnvironment is what the SDK reads, so that nothing of this host's is.
func awsEnvironment(t *testing.T) {
	for _, e := range os.Environ() {
		if name, value, _ := strings.Cut(e, "="); strings.HasPrefix(name, "AWS_") {
			os.Unsetenv(name)
			t.Cleanup(func() { os.Setenv(name, value) })
		}
	}
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "config"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "credentials"))
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
}

func TestAWS(t *testing.T) {
	awsEnvironment(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDTEST")
	t.Setenv("AWS_SECRET_ACCESS_KEY", credential)
	s := newService(t, awsAnswer, awsRefuse)
	c := kms.Config{AWSEndpoint: s.URL}
	if _, err := c.Open(t.Context(), "awskms://alias/one"); err == nil || !strings.Contains(err.Error(), "?region=") {
		t.Errorf("without a region: %v", err)
	}
	k, err := c.Open(t.Context(), "awskms://alias/three?region=eu-central-1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Encrypt(t.Context(), []byte("x"), []byte("y")); err == nil || err.Error() != "AWS KMS: NotFoundException: Invalid keyId alias/three" {
		t.Errorf("unknown key: %v", err)
	}
	if _, err := k.Encrypt(t.Context(), []byte("x"), []byte("\xff")); err == nil || !strings.Contains(err.Error(), "UTF-8") {
		t.Errorf("aad that is not UTF-8: %v", err)
	}
	contract(t, c, s, "awskms://alias/one?region=eu-central-1", "awskms:///arn:aws:kms:eu-central-1:111122223333:key/two?region=eu-central-1")
}

func TestAWSWithoutCredentials(t *testing.T) {
	awsEnvironment(t)
	s := newService(t, awsAnswer, awsRefuse)
	k, err := kms.Config{AWSEndpoint: s.URL}.Open(t.Context(), "awskms://alias/one?region=eu-central-1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Encrypt(t.Context(), []byte("x"), []byte("y")); err == nil || !strings.Contains(err.Error(), "credentials") {
		t.Errorf("encrypt: %v", err)
	}
}
