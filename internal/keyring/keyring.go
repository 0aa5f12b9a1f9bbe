// SPDX-License-Identifier: Apache-2.0

// Package keyring holds the master key of a ledger and wraps every other key
// with it.
//
// A ledger has one master key. It never enters the database: the database holds
// the log's signing key and the evidence keys, each wrapped (AES-256-GCM, a
// fresh nonce, the purpose as additional data) under the master key. Whoever
// has only the database, or a backup of it, can therefore neither sign for the
// log nor read a private value; whoever loses the master key has lost both.
//
//	master key (file 0600, or the environment) ──wraps──▶ signing key, evidence keys (database rows)
//
// The master key lives in a file of one line, readable by its owner only; a
// file that others can read is refused. What this package does not do: it keeps
// no list of keys and destroys none; rows are their owners' business.
package keyring

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Size is the size of a master key in bytes.
const Size = 32

const header = "counterfoil-master-key-v1 "

// ErrExposed is wrapped when a key file can be read by others.
var ErrExposed = errors.New("key file is readable by others")

// Keyring is one master key, ready for use. It is immutable, safe for
// concurrent use, and prints as [redacted].
type Keyring struct {
	aead cipher.AEAD
}

// Create draws a new master key and writes it to path, which must not exist.
// The folder is made if it is missing (0700). The file is durable on return.
func Create(path string) (*Keyring, error) {
	var key [Size]byte
	rand.Read(key[:])
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make key folder: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create master key: %w", err)
	}
	_, err = f.WriteString(header + base64.StdEncoding.EncodeToString(key[:]) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, fmt.Errorf("write master key: %w", err)
	}
	return New(key[:])
}

// Open reads a master key file. It refuses a file that group or others may
// read, wrapping [ErrExposed], and never creates one.
func Open(path string) (*Keyring, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open master key: %w", err)
	}
	if exposed(info) {
		return nil, fmt.Errorf("open master key %s (mode %04o): %w", path, info.Mode().Perm(), ErrExposed)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read master key: %w", err)
	}
	k, err := Parse(string(b))
	if err != nil {
		return nil, fmt.Errorf("read master key %s: %w", path, err)
	}
	return k, nil
}

func exposed(info fs.FileInfo) bool {
	return os.PathSeparator == '/' && info.Mode().Perm()&0o077 != 0
}

// Parse reads a master key from its text, as it stands in the file.
func Parse(text string) (*Keyring, error) {
	b64, ok := strings.CutPrefix(strings.TrimSpace(text), header)
	if !ok {
		return nil, fmt.Errorf("not a master key: want a line that starts with %q", strings.TrimSpace(header))
	}
	key, err := base64.StdEncoding.Strict().DecodeString(b64)
	if err != nil {
		return nil, errors.New("not a master key: bad base64")
	}
	return New(key)
}

// New makes a keyring of a master key of [Size] bytes.
func New(key []byte) (*Keyring, error) {
	if len(key) != Size || bytes.Equal(key, make([]byte, Size)) {
		return nil, fmt.Errorf("not a master key: want %d bytes that are not all zero", Size)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	return &Keyring{aead: aead}, nil
}

// Wrap encrypts a key for storage. Unwrap must be given the same purpose, so
// that a wrapped key can not be passed off as another.
func (k *Keyring) Wrap(purpose string, key []byte) []byte {
	return k.aead.Seal(nil, nil, key, []byte(purpose))
}

// Unwrap decrypts a wrapped key.
func (k *Keyring) Unwrap(purpose string, wrapped []byte) ([]byte, error) {
	key, err := k.aead.Open(nil, nil, wrapped, []byte(purpose))
	if err != nil {
		return nil, fmt.Errorf("unwrap %s: this master key does not open it", purpose)
	}
	return key, nil
}

// String hides the key.
func (k *Keyring) String() string { return "[redacted]" }

// GoString hides the key.
func (k *Keyring) GoString() string { return "[redacted]" }

// MarshalText hides the key.
func (k *Keyring) MarshalText() ([]byte, error) { return []byte("[redacted]"), nil }
