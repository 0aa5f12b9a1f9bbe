// SPDX-License-Identifier: Apache-2.0

// Package keyring holds the master keys of a ledger and wraps every other key
// with them.
//
// A ledger has one current master key, and during a rotation older ones. None
// ever enters the database: the database holds the log's signing key and the
// evidence keys, each wrapped (AES-256-GCM, a fresh nonce, the purpose as
// additional data) under a master key. Whoever has only the database, or a
// backup of it, can therefore neither sign for the log nor read a private
// value; whoever loses the master key has lost both.
//
//	key file 0600 ─┐
//	text of a      ├─▶ master keys ──wrap──▶ signing key, evidence keys (database rows)
//	variable ──────┘        ▲
//	                        └── a line may hold its master wrapped by a KMS
//
// The text of the masters has a line for each. The first is the current one,
// which wraps; the others only open. A line is one of
//
//	counterfoil-master-key-v1 <base64 of 32 bytes>
//	counterfoil-wrapped-key-v1 <kms-url> <base64 of the KMS's ciphertext>
//
// A file that others can read is refused. A wrapped line is opened through
// [KMS], which its caller supplies: drivers are in the sub-package kms. What a
// KMS wraps is the master followed by a digest of [Options].Ledger, which is
// also given to the KMS as additional data; a line copied from one ledger's
// file to another's is refused either way.
//
// Rotation: [Keyring.AddCurrent] on one node; [Keyring.Reload] or a restart on
// every other; re-wrap each row for which [Keyring.IsCurrent] is false; then
// [Keyring.DropOld]. A crash between any two steps leaves every row readable,
// and each step can be run again.
//
// What this package does not do: it keeps no list of wrapped keys, re-wraps
// and destroys none (rows are their owners' business), and reads no
// environment. It trusts the file's folder: who can write there can take the
// ledger's keys away, though not read them.
package keyring

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// Size is the size of a master key in bytes.
const Size = 32

// reopen bounds what Unwrap may spend on a changed key file.
const reopen = 15 * time.Second

// Keyring is the master keys of a ledger, ready for use: a current one, and
// older ones that only open. It is safe for concurrent use, prints as
// [redacted], and must not be copied.
type Keyring struct {
	src     *source                  // the file it was read from; nil if there is none; never changes
	masters atomic.Pointer[[]master] // the current one first, never empty; lists are replaced, never changed
	load    sync.Mutex               // held from a read of src to the store into masters; nobody needs it to read masters
}

// master is one master key.
type master struct {
	aead  cipher.AEAD
	print [sha256.Size]byte // digest of the key, to find duplicates; never leaves memory
	line  [sha256.Size]byte // digest of its line, to know it again without asking the KMS
}

// New makes a keyring of one master key: [Size] bytes, which it does not keep.
// Anything else, and a key of zeroes, is an error.
func New(key []byte) (*Keyring, error) {
	m, err := newMaster(key)
	if err != nil {
		return nil, err
	}
	return newKeyring(nil, []master{m}), nil
}

func newKeyring(src *source, masters []master) *Keyring {
	k := &Keyring{src: src}
	k.masters.Store(&masters)
	return k
}

func newMaster(key []byte) (master, error) {
	if len(key) != Size || bytes.Equal(key, make([]byte, Size)) {
		return master{}, fmt.Errorf("not a master key: want %d bytes that are not all zero; make one with init, or restore it", Size)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return master{}, fmt.Errorf("make cipher: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return master{}, fmt.Errorf("make cipher: %w", err)
	}
	return master{aead: aead, print: sha256.Sum256(key)}, nil
}

// Wrap encrypts a key for storage under the current master key, and returns
// the nonce and the ciphertext. Unwrap must be given the same purpose, so that
// a wrapped key can not be passed off as another. It does no I/O and can not
// fail. Safe for concurrent use, also with a rotation: it uses the master that
// is current when it is called.
func (k *Keyring) Wrap(purpose string, key []byte) []byte {
	return (*k.masters.Load())[0].aead.Seal(nil, nil, key, []byte(purpose))
}

// Unwrap decrypts what Wrap returned for the purpose. It tries the current
// master key, then the older ones. If none opens it and the keyring came from
// a file, the file is read again, once, since another process may have rotated
// it; a KMS is asked only for lines not seen before, for at most 15 seconds.
// The error says that no master key opens it, and, if so, why the file could
// not be read again. Safe for concurrent use.
func (k *Keyring) Unwrap(purpose string, wrapped []byte) ([]byte, error) {
	if key, ok := open(*k.masters.Load(), purpose, wrapped); ok {
		return key, nil
	}
	if k.src == nil {
		return nil, fmt.Errorf("unwrap %s: this master key does not open it", purpose)
	}
	ctx, cancel := context.WithTimeout(context.Background(), reopen)
	defer cancel()
	if err := k.Reload(ctx); err != nil {
		return nil, fmt.Errorf("unwrap %s: this master key does not open it, and %w", purpose, err)
	}
	if key, ok := open(*k.masters.Load(), purpose, wrapped); ok {
		return key, nil
	}
	return nil, fmt.Errorf("unwrap %s: this master key does not open it", purpose)
}

func open(masters []master, purpose string, wrapped []byte) ([]byte, bool) {
	for _, m := range masters {
		if key, err := m.aead.Open(nil, nil, wrapped, []byte(purpose)); err == nil {
			return key, true
		}
	}
	return nil, false
}

// IsCurrent reports whether a wrapped key opens under the current master key,
// for the purpose: if not, a re-wrap has still to come by. It does no I/O; what
// is current is what this keyring last read, so [Keyring.Reload] goes first if
// another process may have rotated. Safe for concurrent use.
func (k *Keyring) IsCurrent(purpose string, wrapped []byte) bool {
	_, ok := open((*k.masters.Load())[:1], purpose, wrapped)
	return ok
}

// Masters is the number of master keys: 1, or more while a rotation lasts. Safe
// for concurrent use.
func (k *Keyring) Masters() int { return len(*k.masters.Load()) }

// String hides the keys.
func (k *Keyring) String() string { return "[redacted]" }

// GoString hides the keys.
func (k *Keyring) GoString() string { return "[redacted]" }

// Format hides the keys from every verb of fmt.
func (k *Keyring) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[redacted]") }

// MarshalText hides the keys.
func (k *Keyring) MarshalText() ([]byte, error) { return []byte("[redacted]"), nil }
