// SPDX-License-Identifier: Apache-2.0

package kms_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/internal/keyring/kms"
)

func vaultRefuse(w http.ResponseWriter, message string) {
	w.WriteHeader(http.StatusBadRequest)
	json.NewEncoder(w).Encode(map[string][]string{"errors": {message}})
}

// vaultAnswer is Vault's transit engine, mounted at transit and at secrets/t,
// with the keys one and two of type aes256-gcm96.
func vaultAnswer(s *service, w http.ResponseWriter, r *http.Request, body []byte) {
	rest, ok := strings.CutPrefix(r.URL.Path, "/v1/transit/")
	if !ok {
		rest, ok = strings.CutPrefix(r.URL.Path, "/v1/secrets/t/")
	}
	verb, key, _ := strings.Cut(rest, "/")
	if !ok || key != "one" && key != "two" {
		w.WriteHeader(http.StatusNotFound)
		w.Write([]byte(`{"errors":[]}`))
		return
	}
	if r.Header.Get("X-Vault-Token") != credential || r.Header.Get("X-Vault-Request") != "true" || r.Header.Get("X-Vault-Namespace") != "team" {
		w.WriteHeader(http.StatusForbidden)
		w.Write([]byte(`{"errors":["permission denied"]}`))
		return
	}
	var in struct {
		Plaintext      *string `json:"plaintext"`
		Ciphertext     *string `json:"ciphertext"`
		AssociatedData string  `json:"associated_data"`
	}
	decode(s.t, body, &in)
	aad, err := base64.StdEncoding.DecodeString(in.AssociatedData)
	if err != nil {
		s.t.Errorf("associated_data: %v", err)
	}
	data := map[string]any{}
	switch {
	case verb == "encrypt" && in.Plaintext != nil && in.Ciphertext == nil:
		plain, err := base64.StdEncoding.DecodeString(*in.Plaintext)
		if err != nil {
			s.t.Errorf("plaintext: %v", err)
		}
		data["ciphertext"] = "vault:v1:" + base64.StdEncoding.EncodeToString(aead(key).Seal(nil, nil, plain, aad))
		data["key_version"] = 1
	case verb == "decrypt" && in.Ciphertext != nil && in.Plaintext == nil:
		b64, ok := strings.CutPrefix(*in.Ciphertext, "vault:v1:")
		sealed, err := base64.StdEncoding.DecodeString(b64)
		if !ok || err != nil {
			vaultRefuse(w, "invalid ciphertext: could not decode base64")
			return
		}
		plain, err := aead(key).Open(nil, nil, sealed, aad)
		if err != nil {
			vaultRefuse(w, "cipher: message authentication failed")
			return
		}
		data["plaintext"] = base64.StdEncoding.EncodeToString(plain)
	default:
		s.t.Errorf("%s %s", verb, body)
	}
	json.NewEncoder(w).Encode(map[string]any{"request_id": "1", "lease_id": "", "renewable": false, "data": data})
}

func vaultConfig(s *service) kms.Config {
	return kms.Config{
		VaultAddr:      s.URL + "/",
		VaultNamespace: "team",
		VaultToken:     func(context.Context) (string, error) { return credential + "\n", nil },
	}
}

func TestVault(t *testing.T) {
	t.Parallel()
	for _, q := range []string{"", "?engine=/secrets/t/"} {
		s := newService(t, vaultAnswer, vaultRefuse)
		contract(t, vaultConfig(s), s, "hashivault://one"+q, "hashivault://two"+q)
	}
}

func TestVaultRefuses(t *testing.T) {
	t.Parallel()
	s := newService(t, vaultAnswer, vaultRefuse)
	c := vaultConfig(s)
	k, err := c.Open(t.Context(), "hashivault://three")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Encrypt(t.Context(), []byte("x"), nil); err == nil || !strings.Contains(err.Error(), "Vault: 404: refused: check") {
		t.Errorf("unknown key: %v", err)
	}
	c.VaultNamespace = "other"
	k, err = c.Open(t.Context(), "hashivault://one")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Encrypt(t.Context(), []byte("x"), nil); err == nil || !strings.Contains(err.Error(), "Vault: 403: permission denied") {
		t.Errorf("no permission: %v", err)
	}
	for what, token := range map[string]func(context.Context) (string, error){
		"none":  nil,
		"empty": func(context.Context) (string, error) { return " \n", nil },
		"lines": func(context.Context) (string, error) { return "a\nb", nil },
		"error": func(context.Context) (string, error) { return "", errors.New("no file") },
	} {
		c.VaultToken = token
		if _, err := c.Open(t.Context(), "hashivault://one"); err == nil {
			t.Errorf("token %s: opened", what)
		}
	}
}
