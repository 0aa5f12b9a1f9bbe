// SPDX-License-Identifier: Apache-2.0

package keyring

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"
)

// KMS is a key of a key management service, which wraps master keys and never
// leaves it. Its methods may be called from one goroutine at a time; their
// errors must not hold what was to be encrypted, or a credential.
type KMS interface {
	// Encrypt returns the ciphertext of a short plaintext. Decrypt must be
	// given the same aad, which is valid UTF-8 and no secret: an
	// implementation whose service binds no such data ignores it.
	Encrypt(ctx context.Context, plaintext, aad []byte) ([]byte, error)
	// Decrypt returns what was encrypted, in memory that the caller may
	// clear. It fails if the ciphertext is of another key, or was changed.
	Decrypt(ctx context.Context, ciphertext, aad []byte) ([]byte, error)
	// Close frees what the KMS holds. It is called once.
	Close() error
}

// Opener opens the KMS key that a URL names. It may be called by several
// goroutines at once.
type Opener func(ctx context.Context, url string) (KMS, error)

// Options are what is needed to open and make lines that a KMS wraps. The zero
// value does for plain ones. It prints no secret: it holds none.
type Options struct {
	// Ledger is the ledger's name or origin, which must never change: a master
	// key that was wrapped for one ledger is refused for another. No default:
	// it is required for wrapped lines.
	Ledger string
	// KMS opens what wrapped lines name, as Open of the package kms does. Nil
	// refuses wrapped lines.
	KMS Opener
}

// ErrNoKMS is wrapped when a line is wrapped by a KMS and there is no opener.
var ErrNoKMS = errors.New("the master key is wrapped by a KMS that is not configured")

// ErrOtherLedger is wrapped when a KMS opens a line, and it is of another
// ledger.
var ErrOtherLedger = errors.New("the wrapped master key belongs to another ledger")

// box opens and seals master keys with the KMS keys that the lines of a text
// name, and keeps each of them open until close. It serves one goroutine.
type box struct {
	o    Options
	keys map[string]KMS
}

func newBox(o Options) *box { return &box{o: o, keys: map[string]KMS{}} }

func (b *box) close() {
	for _, k := range b.keys {
		_ = k.Close() // nothing was left to write
	}
}

func (b *box) kms(ctx context.Context, url string) (KMS, error) {
	if b.o.KMS == nil {
		return nil, fmt.Errorf("%w: configure %s, and open the keyring with a KMS opener", ErrNoKMS, url)
	}
	if b.o.Ledger == "" {
		return nil, errors.New("open KMS: say which ledger the key is for (Options.Ledger)")
	}
	if k, ok := b.keys[url]; ok {
		return k, nil
	}
	k, err := b.o.KMS(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("open KMS: %w", err)
	}
	b.keys[url] = k
	return k, nil
}

// aad is what binds a wrapped key to its ledger.
func (b *box) aad() []byte { return []byte("counterfoil master key of " + b.o.Ledger) }

// payload is what the KMS gets to wrap: the key, and the digest of the aad,
// since not every KMS can bind the latter.
func (b *box) payload(key []byte) []byte {
	sum := sha256.Sum256(b.aad())
	return append(append(make([]byte, 0, Size+len(sum)), key...), sum[:]...)
}

// seal wraps a new key, and proves that it opens again: what is written down
// without that proof may be lost.
func (b *box) seal(ctx context.Context, url string, key []byte) ([]byte, error) {
	if err := checkURL(url); err != nil {
		return nil, err
	}
	k, err := b.kms(ctx, url)
	if err != nil {
		return nil, err
	}
	plain := b.payload(key)
	defer clear(plain)
	sealed, err := k.Encrypt(ctx, plain, b.aad())
	if err != nil {
		return nil, fmt.Errorf("wrap master key with the KMS: %w", err)
	}
	again, err := b.open(ctx, url, sealed)
	if err != nil {
		return nil, fmt.Errorf("try the new wrapped master key: %w", err)
	}
	defer clear(again)
	if subtle.ConstantTimeCompare(again, key) != 1 {
		return nil, errors.New("try the new wrapped master key: the KMS returned another key; do not use this KMS")
	}
	return sealed, nil
}

// open unwraps a master key.
func (b *box) open(ctx context.Context, url string, sealed []byte) ([]byte, error) {
	k, err := b.kms(ctx, url)
	if err != nil {
		return nil, err
	}
	plain, err := k.Decrypt(ctx, sealed, b.aad())
	if err != nil {
		return nil, fmt.Errorf("unwrap master key with the KMS: %w", err)
	}
	sum := sha256.Sum256(b.aad())
	if len(plain) != Size+len(sum) {
		clear(plain)
		return nil, errors.New("not a master key: the KMS returned something else; restore the line from its backup")
	}
	if subtle.ConstantTimeCompare(plain[Size:], sum[:]) != 1 {
		clear(plain)
		return nil, fmt.Errorf("%w, not to %s: restore this ledger's key file", ErrOtherLedger, b.o.Ledger)
	}
	return plain[:Size:Size], nil
}

// checkURL refuses what can not stand in a line, or should not.
func checkURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Scheme == "" || strings.ContainsFunc(s, unicode.IsSpace):
		return errors.New("not a KMS URL: want one like hashivault://KEY, awskms://KEY or gcpkms://KEY, without spaces")
	case u.User != nil:
		return errors.New("not a KMS URL: it holds a user or a password; configure credentials outside the key file")
	}
	return nil
}
