// SPDX-License-Identifier: Apache-2.0

package witness_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/internal/witness"
)

func TestKeyFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys", "w.key")
	made, err := witness.CreateKey(path, name)
	if err != nil {
		t.Fatal(err)
	}
	for p, want := range map[string]fs.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
		if info, err := os.Stat(p); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", p, info.Mode(), err)
		}
	}
	read, err := witness.OpenKey(path)
	if err != nil || read.Verifier().String() != made.Verifier().String() || read.Name() != name {
		t.Fatalf("%v, %v", read, err)
	}
	if _, err := witness.CreateKey(path, name); !errors.Is(err, fs.ErrExist) {
		t.Errorf("create over a key: %v", err)
	}
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o620, 0o660} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := witness.OpenKey(path); !errors.Is(err, witness.ErrExposed) || !strings.Contains(err.Error(), path) {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
}

// TestKeyIsNotPrinted formats a signer in every common way, and makes every
// error of reading its file.
func TestKeyIsNotPrinted(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "w.key")
	s, err := witness.CreateKey(path, name)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	secret := strings.Fields(string(b))[2]
	raw, err := base64.StdEncoding.DecodeString(secret)
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	log := slog.New(slog.NewTextHandler(&said, nil))
	log.Info("x", "signer", s, "config", witness.Config{Signer: s})
	fmt.Fprintf(&said, "%v %+v %#v %v %+v", s, s, s, witness.Config{Signer: s}, witness.Config{Signer: s})
	j, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	said.Write(j)
	for _, text := range []string{
		"", "x", "counterfoil-witness-key-v1", string(b[:len(b)-3]), strings.Replace(string(b), " ", "  ", 1), string(b) + string(b),
		strings.Replace(string(b), name, "a+b", 1), strings.Replace(string(b), "v1", "v2", 1), strings.Replace(string(b), secret, secret[:40], 1),
		strings.Replace(string(b), name, strings.Repeat("n", 300), 1),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := witness.OpenKey(path); err == nil {
			t.Errorf("no error for %q", text)
		} else {
			fmt.Fprintln(&said, err)
		}
	}
	for _, shape := range []string{secret, secret[:20], string(raw), fmt.Sprintf("%x", raw), strings.Trim(fmt.Sprint(raw), "[]"), strings.Trim(fmt.Sprintf("%#v", raw), "[]byte{}")} {
		if strings.Contains(said.String(), shape) {
			t.Fatalf("the key was printed:\n%s", said.String())
		}
	}
}

func TestKeyNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i, bad := range []string{"", "a b", "a+b", "a\nb", strings.Repeat("n", 201)} {
		path := filepath.Join(dir, fmt.Sprint(i))
		if _, err := witness.CreateKey(path, bad); err == nil {
			t.Errorf("%q is a name", bad)
		}
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q left a file", bad)
		}
	}
	if _, err := witness.OpenKey(filepath.Join(dir, "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing key: %v", err)
	}
}
