// SPDX-License-Identifier: Apache-2.0

package keyring_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/counterfoil/counterfoil/internal/keyring"
)

func TestCreateOpenWrap(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys", "main.key")
	if _, err := keyring.Open(path); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("open of a missing file: %v", err)
	}
	k, err := keyring.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keyring.Create(path); !errors.Is(err, os.ErrExist) {
		t.Fatalf("second create: %v", err)
	}
	again, err := keyring.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	secret := []byte("the signing key")
	wrapped := k.Wrap("signing", secret)
	got, err := again.Unwrap("signing", wrapped)
	if err != nil || string(got) != string(secret) {
		t.Fatalf("unwrap: %q, %v", got, err)
	}
	if _, err := again.Unwrap("evidence", wrapped); err == nil {
		t.Error("unwrapped under another purpose")
	}
	wrapped[len(wrapped)-1] ^= 1
	if _, err := again.Unwrap("signing", wrapped); err == nil {
		t.Error("unwrapped a changed key")
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "main.key")
	if _, err := keyring.Create(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := keyring.Open(path); !errors.Is(err, keyring.ErrExposed) {
		t.Errorf("open of a file that the group can read: %v", err)
	}
	for _, text := range []string{"", "hello", "counterfoil-master-key-v1 AAAA", "counterfoil-master-key-v1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "counterfoil-master-key-v1 !"} {
		if _, err := keyring.Parse(text); err == nil {
			t.Errorf("accepted %q", text)
		}
	}
}

func TestRedacted(t *testing.T) {
	t.Parallel()
	k, err := keyring.New([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	j, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{fmt.Sprint(k), fmt.Sprintf("%v", k), fmt.Sprintf("%#v", k), string(j)} {
		if s != "[redacted]" && s != `"[redacted]"` {
			t.Errorf("prints %s", s)
		}
	}
}
