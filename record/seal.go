// SPDX-License-Identifier: Apache-2.0

package record

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
)

// SaltSize is the size of a salt in bytes.
const SaltSize = 16

const sealDomain = "counterfoil/seal/v1\x00"

// sealObject is the length of {"seal":"<43 characters>"}.
const sealObject = len(`{"seal":""}`) + 43

// Opening is one private value with the salt that opens its seal. Value is the
// JCS form of the JSON value.
type Opening struct {
	Pointer string
	Salt    [SaltSize]byte
	Value   []byte
}

// Seal is one commitment as it stands in a statement.
type Seal struct {
	Pointer string
	Sum     [sha256.Size]byte
}

// Sum computes the seal of one private value:
//
//	SHA-256( "counterfoil/seal/v1" ‖ 0x00 ‖ salt ‖ len(id) ‖ id ‖ len(pointer) ‖ pointer ‖ len(value) ‖ value )
//
// with lengths as 32-bit big-endian integers. value must be in JCS form.
func Sum(id, pointer string, salt [SaltSize]byte, value []byte) [sha256.Size]byte {
	return sha256.Sum256(appendPreimage(make([]byte, 0, 256), id, pointer, salt, value))
}

func appendPreimage(b []byte, id, pointer string, salt [SaltSize]byte, value []byte) []byte {
	b = append(b, sealDomain...)
	b = append(b, salt[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(id)))
	b = append(b, id...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(pointer)))
	b = append(b, pointer...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(value)))
	return append(b, value...)
}

// appendSeal writes the object that replaces a private value.
func appendSeal(b []byte, sum [sha256.Size]byte) []byte {
	b = append(b, `{"seal":"`...)
	b = base64.RawURLEncoding.AppendEncode(b, sum[:])
	return append(b, `"}`...)
}

// parseSeal reads that object; ok is false if v is anything else.
func parseSeal(v []byte) (sum [sha256.Size]byte, ok bool) {
	if len(v) != sealObject || string(v[:9]) != `{"seal":"` || string(v[len(v)-2:]) != `"}` {
		return sum, false
	}
	n, err := base64.RawURLEncoding.Strict().Decode(sum[:], v[9:len(v)-2])
	return sum, err == nil && n == sha256.Size
}
