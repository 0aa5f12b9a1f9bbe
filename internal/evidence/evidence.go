// SPDX-License-Identifier: Apache-2.0

// Package evidence turns the private values of a record into one sealed row
// and back.
//
// The values and their salts (the openings of a statement's seals) are framed,
// compressed and encrypted with AES-256-GCM under a key that belongs to this
// record alone, derived from an evidence key:
//
//	record key = HMAC-SHA256(evidence key, "counterfoil/evidence/v1" ‖ 0x00 ‖ record id)
//	row        = nonce (12) ‖ AES-256-GCM(record key, nonce, frame, additional data = record id)
//
// An evidence key serves one retention class and one month, combined with the
// key of the person whom the record is about ([Key.With]); both are stored
// wrapped by the ledger's master key. Destroying either, or the row, leaves the
// statement's seals shut for ever and the log whole. A key per record keeps the
// number of messages under one AES-GCM key at one write, however many records a
// month has; the record id as additional data makes a row that was moved to
// another record fail to open.
//
// Trust: whoever has the master key and the database can read the values;
// nobody can change one unnoticed, because the seal in the log would not open.
//
// What it does not do: it knows no tables, decides no retention, and does not
// check seals: that is record.Statement's business.
package evidence

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/klauspost/compress/s2"

	"github.com/counterfoil/counterfoil/record"
)

// KeySize is the size of an evidence key in bytes.
const KeySize = 32

const domain = "counterfoil/evidence/v1\x00"

// Formats of a frame: the first byte after decryption.
const (
	formatPlain byte = 0
	formatS2    byte = 1
)

// maxFrame bounds what a frame may decompress to: a record of the largest
// size, its salts, and its pointers.
const maxFrame = 4 * record.MaxRecord

// Key is one evidence key. It is immutable and safe for concurrent use. It
// prints as [redacted].
type Key struct {
	secret [KeySize]byte
}

// NewKey draws a fresh key.
func NewKey() *Key {
	k := new(Key)
	rand.Read(k.secret[:])
	return k
}

// OpenKey makes a key of its stored bytes.
func OpenKey(secret []byte) (*Key, error) {
	if len(secret) != KeySize {
		return nil, fmt.Errorf("open evidence key: have %d bytes, want %d", len(secret), KeySize)
	}
	return &Key{secret: [KeySize]byte(secret)}, nil
}

// Secret returns the key's bytes, to be wrapped and stored.
func (k *Key) Secret() []byte { return k.secret[:] }

const domainSubject = "counterfoil/evidence/subject/v1\x00"

// With combines an evidence key with the key of a person:
//
//	HMAC-SHA256(evidence key, "counterfoil/evidence/subject/v1" ‖ 0x00 ‖ subject key)
//
// What is sealed under the result can be opened by nobody once either key is
// destroyed: expiry takes the one, erasure the other. Neither key is changed.
func (k *Key) With(subject *Key) *Key {
	m := hmac.New(sha256.New, k.secret[:])
	m.Write([]byte(domainSubject))
	m.Write(subject.secret[:])
	return &Key{secret: [KeySize]byte(m.Sum(nil))}
}

// String hides the key.
func (k *Key) String() string { return "[redacted]" }

// GoString hides the key.
func (k *Key) GoString() string { return "[redacted]" }

func (k *Key) aead(id string) (cipher.AEAD, error) {
	m := hmac.New(sha256.New, k.secret[:])
	m.Write([]byte(domain))
	m.Write([]byte(id))
	block, err := aes.NewCipher(m.Sum(nil))
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// Seal frames and encrypts the openings of the record with the given id. The
// openings are not changed or kept.
func (k *Key) Seal(id string, openings []record.Opening) ([]byte, error) {
	aead, err := k.aead(id)
	if err != nil {
		return nil, err
	}
	frame := appendFrame(openings)
	plain := make([]byte, 1, 1+s2.MaxEncodedLen(len(frame)))
	plain[0] = formatS2
	if packed := s2.Encode(plain[1:cap(plain)], frame); len(packed) < len(frame) {
		plain = plain[:1+len(packed)]
	} else {
		plain = append(plain[:0], formatPlain)
		plain = append(plain, frame...)
	}
	return aead.Seal(make([]byte, 0, len(plain)+aead.Overhead()), nil, plain, []byte(id)), nil
}

// Open decrypts a row. It fails if the row was changed, or belongs to another
// record or another key.
func (k *Key) Open(id string, sealed []byte) ([]record.Opening, error) {
	aead, err := k.aead(id)
	if err != nil {
		return nil, err
	}
	plain, err := aead.Open(nil, nil, sealed, []byte(id))
	if err != nil {
		return nil, errors.New("open evidence: it was changed, or belongs to another record or key")
	}
	if len(plain) == 0 {
		return nil, errors.New("open evidence: empty frame")
	}
	frame := plain[1:]
	switch plain[0] {
	case formatPlain:
	case formatS2:
		if n, err := s2.DecodedLen(frame); err != nil || n > maxFrame {
			return nil, errors.New("open evidence: bad compression")
		}
		if frame, err = s2.Decode(nil, frame); err != nil {
			return nil, fmt.Errorf("open evidence: %w", err)
		}
	default:
		return nil, fmt.Errorf("open evidence: unknown format %d", plain[0])
	}
	return parseFrame(frame)
}

// appendFrame writes the openings one after the other: pointer length (uvarint),
// pointer, salt, value length (uvarint), value.
func appendFrame(openings []record.Opening) []byte {
	n := 0
	for _, o := range openings {
		n += len(o.Pointer) + len(o.Value) + record.SaltSize + 2*binary.MaxVarintLen32
	}
	b := make([]byte, 0, n)
	for _, o := range openings {
		b = binary.AppendUvarint(b, uint64(len(o.Pointer)))
		b = append(b, o.Pointer...)
		b = append(b, o.Salt[:]...)
		b = binary.AppendUvarint(b, uint64(len(o.Value)))
		b = append(b, o.Value...)
	}
	return b
}

func parseFrame(b []byte) ([]record.Opening, error) {
	errShort := errors.New("open evidence: short frame")
	take := func() ([]byte, bool) {
		n, w := binary.Uvarint(b)
		if w <= 0 || n > uint64(len(b)-w) {
			return nil, false
		}
		v := b[w : w+int(n) : w+int(n)]
		b = b[w+int(n):]
		return v, true
	}
	var out []record.Opening
	for len(b) > 0 {
		pointer, ok := take()
		if !ok || len(b) < record.SaltSize {
			return nil, errShort
		}
		o := record.Opening{Pointer: string(pointer), Salt: [record.SaltSize]byte(b)}
		b = b[record.SaltSize:]
		if o.Value, ok = take(); !ok {
			return nil, errShort
		}
		out = append(out, o)
	}
	return out, nil
}
