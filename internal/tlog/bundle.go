// SPDX-License-Identifier: Apache-2.0

package tlog

import (
	"encoding/binary"
	"fmt"
)

// MaxEntry is the longest entry, in bytes, that a bundle can hold.
const MaxEntry = 1<<16 - 1

// AppendEntry adds one entry to an entry bundle, behind its length as a 16-bit
// big-endian number (c2sp.org/tlog-tiles). An entry longer than [MaxEntry] is
// refused, and dst returned as it was.
func AppendEntry(dst, entry []byte) ([]byte, error) {
	if len(entry) > MaxEntry {
		return dst, fmt.Errorf("bundle entry: %d bytes are more than %d", len(entry), MaxEntry)
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(entry)))
	return append(dst, entry...), nil
}

// AppendBundle adds entries whose length the caller has checked. It panics on
// one longer than [MaxEntry]: cut short, or with its length cut short, it would
// change the entries after it. Entries from storage go through [AppendEntry].
func AppendBundle(dst []byte, entries ...[]byte) []byte {
	for _, e := range entries {
		var err error
		if dst, err = AppendEntry(dst, e); err != nil {
			panic(err)
		}
	}
	return dst
}

// ParseBundle cuts a bundle into its entries, at most [Width], which share its
// memory. A bundle that ends within an entry is refused.
func ParseBundle(b []byte) ([][]byte, error) {
	var out [][]byte
	for len(b) > 0 {
		if len(out) == Width {
			return nil, fmt.Errorf("parse entry bundle: more than %d entries", Width)
		}
		if len(b) < 2 || len(b)-2 < int(binary.BigEndian.Uint16(b)) {
			return nil, fmt.Errorf("parse entry bundle: it ends within entry %d", len(out))
		}
		n := 2 + int(binary.BigEndian.Uint16(b))
		out, b = append(out, b[2:n:n]), b[n:]
	}
	return out, nil
}
