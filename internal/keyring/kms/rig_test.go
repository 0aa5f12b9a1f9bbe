// SPDX-License-Identifier: Apache-2.0

package kms_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/counterfoil/counterfoil/internal/keyring"
	"github.com/counterfoil/counterfoil/internal/keyring/kms"
)

// credential stands for a token in every test; no error may hold it.
const credential = "credential-of-the-test"

// service is what the models of the three services share: keys by name,
// AES-GCM with the aad, and a mode. A request that the real service would not
// understand fails the test.
type service struct {
	*httptest.Server
	t    *testing.T
	mode atomic.Value // "", or how it fails: echo (of the request), redirect, garbage
}

// newService starts a model. answer handles a request in the normal mode;
// refuse writes a refusal with a message, as the service does.
func newService(t *testing.T, answer func(*service, http.ResponseWriter, *http.Request, []byte), refuse func(http.ResponseWriter, string)) *service {
	s := &service{t: t}
	s.mode.Store("")
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body bytes.Buffer
		body.ReadFrom(r.Body)
		if r.Method != http.MethodPost {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		if r.URL.Path == "/elsewhere" {
			t.Error("a redirect was followed")
		}
		switch s.mode.Load() {
		case "echo":
			refuse(w, "bad\nrequest "+body.String()+" of "+r.Header.Get("X-Vault-Token")+r.Header.Get("Authorization"))
		case "redirect":
			http.Redirect(w, r, s.URL+"/elsewhere", http.StatusTemporaryRedirect)
		case "garbage":
			w.Write([]byte("<html>a captive portal"))
		default:
			answer(s, w, r, body.Bytes())
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func aead(name string) cipher.AEAD {
	key := sha256.Sum256([]byte(name))
	block, _ := aes.NewCipher(key[:])
	a, _ := cipher.NewGCMWithRandomNonce(block)
	return a
}

// decode reads a request that may have known fields only.
func decode(t *testing.T, body []byte, into any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Errorf("request %s: %v", body, err)
	}
}

// contract is what every driver does. one and two are URLs of two keys.
func contract(t *testing.T, c kms.Config, s *service, one, two string) {
	t.Helper()
	ctx := t.Context()
	open := func(url string) keyring.KMS {
		t.Helper()
		k, err := c.Open(ctx, url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { k.Close() })
		return k
	}
	k, plain, aad := open(one), []byte("the master key, in plain"), []byte("ledger acme")
	sealed, err := k.Encrypt(ctx, plain, aad)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := open(one).Decrypt(ctx, sealed, aad); err != nil || !bytes.Equal(got, plain) {
		t.Fatalf("decrypt: %q, %v", got, err)
	}
	if bytes.Contains(sealed, plain) {
		t.Error("the ciphertext has the plaintext")
	}
	if _, err := open(two).Decrypt(ctx, sealed, aad); err == nil {
		t.Error("decrypted by another key")
	}
	if _, err := k.Decrypt(ctx, sealed, []byte("ledger other")); err == nil {
		t.Error("decrypted for another ledger")
	}
	if _, err := k.Decrypt(ctx, append(bytes.Clone(sealed[:len(sealed)-3]), "abc"...), aad); err == nil {
		t.Error("decrypted what was changed")
	}
	master(t, c, one)
	failures(t, s, k, plain, sealed, aad)
}

// failures asserts that errors are one line and without secrets.
func failures(t *testing.T, s *service, k keyring.KMS, plain, sealed, aad []byte) {
	t.Helper()
	check := func(what string, err error) {
		t.Helper()
		if err == nil {
			t.Fatalf("%s: no error", what)
		}
		for _, hide := range []string{credential, string(plain), base64.StdEncoding.EncodeToString(plain), "\n"} {
			if strings.Contains(err.Error(), hide) {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
	for _, mode := range []string{"echo", "redirect", "garbage", "down"} {
		s.mode.Store(mode)
		if mode == "down" {
			s.Close()
		}
		_, err := k.Encrypt(t.Context(), plain, aad)
		check(mode, err)
		_, err = k.Decrypt(t.Context(), sealed, aad)
		check(mode, err)
		if mode == "down" && !strings.Contains(err.Error(), "check the network") {
			t.Errorf("outage: %v", err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := k.Encrypt(ctx, plain, aad)
	check("canceled", err)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

// master runs the life of a key file over the driver.
func master(t *testing.T, c kms.Config, url string) {
	t.Helper()
	ctx, path := t.Context(), filepath.Join(t.TempDir(), "main.key")
	o := keyring.Options{Ledger: "acme", KMS: c.Open}
	k, err := keyring.CreateWrapped(ctx, path, url, o)
	if err != nil {
		t.Fatal(err)
	}
	old := k.Wrap("test", []byte("secret"))
	if err := k.AddCurrent(ctx, ""); err != nil {
		t.Fatal(err)
	}
	again, err := keyring.OpenWith(ctx, path, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.Unwrap("test", old); err != nil || !again.IsCurrent("test", k.Wrap("test", nil)) {
		t.Errorf("after the rotation: %v", err)
	}
	if err := again.DropOld(ctx); err != nil {
		t.Error(err)
	}
	o.Ledger = "other"
	if _, err := keyring.OpenWith(ctx, path, o); err == nil {
		t.Error("opened for another ledger")
	}
}
