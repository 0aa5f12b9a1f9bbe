// SPDX-License-Identifier: Apache-2.0

package witness

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/torchwood"
)

const keyHeader = "counterfoil-witness-key-v1"

// ErrExposed is wrapped when a key file can be read by others.
var ErrExposed = errors.New("key file is readable by others")

// CreateKey draws an Ed25519 key for a witness of the given name (a schema-less
// URL) and writes it to path (0600), which must not exist. The folder is made if
// it is missing (0700). The file is durable on return.
func CreateKey(path, name string) (*torchwood.CosignatureSigner, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make witness key: %w", err)
	}
	s, err := signer(name, key)
	if err != nil {
		return nil, fmt.Errorf("make witness key: %w", err)
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make key folder: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create witness key: %w", err)
	}
	_, err = fmt.Fprintf(f, "%s %s %s\n", keyHeader, name, base64.StdEncoding.EncodeToString(key.Seed()))
	if err := errors.Join(err, f.Sync(), f.Close(), syncDir(dir)); err != nil {
		return nil, fmt.Errorf("write witness key: %w", err)
	}
	return s, nil
}

func syncDir(dir string) error {
	if os.PathSeparator != '/' {
		return nil // Windows has no such thing
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// OpenKey reads a key file. It refuses one that group or others may read,
// wrapping [ErrExposed], and never creates one.
func OpenKey(path string) (*torchwood.CosignatureSigner, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open witness key: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("open witness key: %w", err)
	}
	if os.PathSeparator == '/' && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("open witness key %s (mode %04o): %w", path, info.Mode().Perm(), ErrExposed)
	}
	b := make([]byte, 1024) // more than the longest name
	n, err := f.Read(b)
	if err != nil {
		return nil, fmt.Errorf("read witness key: %w", err)
	}
	s, err := parseKey(string(b[:n]))
	if err != nil {
		return nil, fmt.Errorf("read witness key %s: %w", path, err)
	}
	return s, nil
}

func parseKey(text string) (*torchwood.CosignatureSigner, error) {
	parts := strings.Split(strings.TrimSuffix(text, "\n"), " ")
	if len(parts) != 3 || parts[0] != keyHeader {
		return nil, fmt.Errorf("not a witness key: want one line that starts with %q", keyHeader)
	}
	seed, err := base64.StdEncoding.Strict().DecodeString(parts[2])
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, errors.New("not a witness key: bad seed")
	}
	return signer(parts[1], ed25519.NewKeyFromSeed(seed))
}

func signer(name string, key ed25519.PrivateKey) (*torchwood.CosignatureSigner, error) {
	if len(name) > 200 {
		return nil, fmt.Errorf("the name has %d bytes, the limit is 200", len(name))
	}
	s, err := torchwood.NewCosignatureSigner(name, key)
	if err != nil {
		return nil, fmt.Errorf("the name %q: %w: use a schema-less URL without spaces or plus signs, for example witness.example.com/w1", name, err)
	}
	return s, nil
}
