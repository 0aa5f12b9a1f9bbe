// SPDX-License-Identifier: Apache-2.0

// Package blob keeps objects where nobody can delete them before a date: in S3
// with Object Lock, or in a folder.
//
//	Put(name, bytes, until) ─▶ kept ─ Extend(until) ─ … ─ Delete, once the date has come
//
// It is used for copies of evidence under a legal hold, which the caller has
// sealed before: this room sees ciphertext.
//
// # Invariants
//
//   - An object is durable when Put returns, and never changes: a second Put of
//     its name leaves it as it is.
//   - The date moves only later.
//   - Delete before the date fails with [ErrLocked], whoever asks.
//
// Trust: S3 in COMPLIANCE mode keeps its word against everybody, the account's
// owner included. A folder keeps it against this program and accidents, not
// against who administers the machine.
//
// What it does not do: it encrypts nothing, lists nothing and knows no records.
package blob

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

var (
	// ErrLocked is that the date of an object has not come.
	ErrLocked = errors.New("the object is locked")
	// ErrNotExist is that there is no such object.
	ErrNotExist = errors.New("there is no such object")
)

// Store keeps objects. Names are paths of segments of letters, digits and . _ : ~ -
// that do not begin with a dot.
// Implementations are safe for concurrent use.
type Store interface {
	// Put keeps an object until a date, to the second. One of that name that is
	// there stays as it is, and its date is moved if that is later.
	Put(ctx context.Context, name string, data []byte, until time.Time) error
	// Get returns an object, or [ErrNotExist].
	Get(ctx context.Context, name string) ([]byte, error)
	// Extend moves the date of an object, if that is later.
	Extend(ctx context.Context, name string, until time.Time) error
	// Delete takes an object away: [ErrLocked] before its date. One that is not
	// there is no error.
	Delete(ctx context.Context, name string) error
}

// Config says where objects are kept.
type Config struct {
	// URL is file:///path of a folder that is there, or
	// s3://bucket/prefix?endpoint=host[:port]&region=R[&insecure=1], whose bucket has
	// Object Lock. Credentials for S3 come from where the AWS tools look for them:
	// the environment, the shared file, the machine's role. Required.
	URL string
	// Now is the clock of a folder. Default: time.Now.
	Now func() time.Time
}

// Open opens a store, and sees that it can keep its word.
func Open(ctx context.Context, cfg Config) (Store, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil {
		return nil, errors.New("open vault: its URL can not be read")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	switch u.Scheme {
	case "file":
		return openFolder(u.Path, cfg.Now)
	case "s3":
		return openBucket(ctx, u)
	}
	return nil, fmt.Errorf("open vault: %q is neither file:///path nor s3://bucket/prefix", cfg.URL)
}

// checkName refuses names that could lead elsewhere.
func checkName(name string) error {
	for segment := range strings.SplitSeq(name, "/") {
		if segment == "" || segment[0] == '.' || strings.ContainsFunc(segment, func(r rune) bool {
			return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("._:~-", r))
		}) {
			return fmt.Errorf("%q is not the name of an object", name)
		}
	}
	return nil
}
