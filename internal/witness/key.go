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

// CreateKey draws an Ed25519 key for a witness of the given name (a schema-less
// URL) and writes it to path (0600), which must not exist.
func CreateKey(path, name string) (*torchwood.CosignatureSigner, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make witness key: %w", err)
	}
	s, err := torchwood.NewCosignatureSigner(name, key)
	if err != nil {
		return nil, fmt.Errorf("make witness key for %q: %w", name, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make key folder: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create witness key: %w", err)
	}
	_, err = fmt.Fprintf(f, "%s %s %s\n", keyHeader, name, base64.StdEncoding.EncodeToString(key.Seed()))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, fmt.Errorf("write witness key: %w", err)
	}
	return s, nil
}

// OpenKey reads a key file; it refuses one that others may read.
func OpenKey(path string) (*torchwood.CosignatureSigner, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open witness key: %w", err)
	}
	if os.PathSeparator == '/' && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("open witness key %s: mode %04o: others can read it; chmod 600 it", path, info.Mode().Perm())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read witness key: %w", err)
	}
	parts := strings.Fields(string(b))
	if len(parts) != 3 || parts[0] != keyHeader {
		return nil, fmt.Errorf("read witness key %s: it is not one", path)
	}
	seed, err := base64.StdEncoding.Strict().DecodeString(parts[2])
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("read witness key %s: bad seed", path)
	}
	s, err := torchwood.NewCosignatureSigner(parts[1], ed25519.NewKeyFromSeed(seed))
	if err != nil {
		return nil, fmt.Errorf("read witness key %s: %w", path, err)
	}
	return s, nil
}
