// SPDX-License-Identifier: Apache-2.0

package keyring_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/counterfoil/counterfoil/internal/keyring"
)

// TestMain runs the tests, or the child process of TestCrash.
func TestMain(m *testing.M) {
	if path := os.Getenv("KEYRING_TEST_ROTATE"); path != "" {
		rotateUntilKilled(path)
	}
	os.Exit(m.Run())
}

// service is a strict model of a KMS: a key for each URL that was made, AES-GCM
// with the aad, errors once it is down, and a failed test if a key is used
// after Close or closed twice.
type service struct {
	t         *testing.T
	ignoreAAD bool // as a service does that can not bind it
	lies      bool // returns another key

	mu       sync.Mutex
	down     bool
	open     int // keys open now
	decrypts int
}

func (s *service) options(ledger string) keyring.Options {
	return keyring.Options{Ledger: ledger, KMS: s.Open}
}

func (s *service) set(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

func (s *service) counts() (open, decrypts int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open, s.decrypts
}

func (s *service) Open(_ context.Context, url string) (keyring.KMS, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !strings.HasPrefix(url, "model://") {
		return nil, errors.New("no such service")
	}
	s.open++
	key := sha256.Sum256([]byte(url))
	block, _ := aes.NewCipher(key[:])
	aead, _ := cipher.NewGCMWithRandomNonce(block)
	return &serviceKey{service: s, aead: aead}, nil
}

type serviceKey struct {
	*service
	aead   cipher.AEAD
	closed bool
}

func (k *serviceKey) use() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		k.t.Error("a closed KMS is used")
	}
	if k.down {
		return errors.New("the service is down")
	}
	return nil
}

func (k *serviceKey) bind(aad []byte) []byte {
	if k.ignoreAAD {
		return nil
	}
	return aad
}

func (k *serviceKey) Encrypt(_ context.Context, plaintext, aad []byte) ([]byte, error) {
	return k.aead.Seal(nil, nil, plaintext, k.bind(aad)), k.use()
}

func (k *serviceKey) Decrypt(_ context.Context, ciphertext, aad []byte) ([]byte, error) {
	if err := k.use(); err != nil {
		return nil, err
	}
	k.mu.Lock()
	k.decrypts++
	k.mu.Unlock()
	plain, err := k.aead.Open(nil, nil, ciphertext, k.bind(aad))
	if k.lies && err == nil {
		plain[0] ^= 1
	}
	return plain, err
}

func (k *serviceKey) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		k.t.Error("a KMS is closed twice")
	}
	k.closed = true
	k.open--
	return nil
}

func keyFile(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "main.key")
}

// must fails the test on an error.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	return string(must(os.ReadFile(path))(t))
}

// opens asserts that the keyring opens the blob.
func opens(t *testing.T, k *keyring.Keyring, blob []byte) {
	t.Helper()
	if got, err := k.Unwrap("test", blob); err != nil || !bytes.Equal(got, secret) {
		t.Fatalf("unwrap: %q, %v", got, err)
	}
}

var secret = []byte("an evidence key")
