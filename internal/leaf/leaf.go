// SPDX-License-Identifier: Apache-2.0

// Package leaf is the form in which a statement stands in the database: as it
// is, or packed against a dictionary of what statements have in common.
//
//	{…                    the statement itself, as c2sp.org entry bundles have it
//	0x01 ‖ S2 block       the statement, compressed with the dictionary v1.dict
//
// The log knows nothing of it: hashes, proofs, bundles and receipts are of the
// statement. A statement of 1.8 KB, of which a third is seals, takes about half.
// It is read by whoever has the rows; nothing is hidden by it.
//
// # Invariants
//
//   - Unpack(Pack(s)) is s, for every s.
//   - v1.dict never changes, nor does what 0x01 means: old rows depend on both.
//     A better dictionary is another format with another first byte.
//   - Nothing unpacks to more than a statement may have, so a forged row costs
//     no more memory than an honest one.
package leaf

import (
	_ "embed"
	"errors"
	"fmt"

	"github.com/klauspost/compress/s2"

	"github.com/counterfoil/counterfoil/record"
)

const packedV1 = 0x01

//go:embed v1.dict
var dictionaryV1 []byte

// dictV1 is immutable and safe for concurrent use. The file is in the form of
// S2 dictionaries: a repeat offset, and the text.
var dictV1 = s2.NewDict(dictionaryV1)

// Pack returns the stored form of a statement. The statement is not changed or
// kept.
func Pack(statement []byte) []byte {
	b := make([]byte, 1+s2.MaxEncodedLen(len(statement)))
	b[0] = packedV1
	packed := dictV1.Encode(b[1:], statement)
	if len(packed) >= len(statement) {
		return append(b[:0], statement...)
	}
	return b[: 1+len(packed) : 1+len(packed)]
}

// Column scans a stored form from a row into a statement:
//
//	rows.Scan((*leaf.Column)(&statement))
type Column []byte

// Scan implements [database/sql.Scanner].
func (c *Column) Scan(stored any) error {
	b, ok := stored.([]byte)
	if !ok {
		return fmt.Errorf("unpack leaf: it is a %T, not bytes", stored)
	}
	var err error
	*c, err = Unpack(b)
	return err
}

// Unpack returns the statement of a stored form, in memory of its own. It does
// not say whether that is a statement; see [record.ParseStatement].
func Unpack(stored []byte) ([]byte, error) {
	if len(stored) == 0 {
		return nil, errors.New("unpack leaf: it is empty")
	}
	if stored[0] != packedV1 {
		return append(make([]byte, 0, len(stored)), stored...), nil
	}
	n, err := s2.DecodedLen(stored[1:])
	if err != nil || n > record.MaxStatement {
		return nil, errors.New("unpack leaf: its length is not that of a statement")
	}
	statement, err := dictV1.Decode(make([]byte, 0, n), stored[1:])
	if err != nil {
		return nil, fmt.Errorf("unpack leaf: %w", err)
	}
	return statement, nil
}
