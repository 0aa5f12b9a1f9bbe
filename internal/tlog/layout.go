// SPDX-License-Identifier: Apache-2.0

package tlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// AppendBundle adds entries to an entry bundle: each behind its length as a
// 16-bit big-endian number (c2sp.org/tlog-tiles). No entry may be longer than
// 65,535 bytes.
func AppendBundle(dst []byte, entries ...[]byte) []byte {
	for _, e := range entries {
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(e)))
		dst = append(dst, e...)
	}
	return dst
}

// ParseBundle cuts a bundle into its entries, which share its memory.
func ParseBundle(b []byte) ([][]byte, error) {
	var out [][]byte
	for len(b) > 0 {
		if len(b) < 2 || len(b)-2 < int(binary.BigEndian.Uint16(b)) {
			return nil, errors.New("entry bundle ends in the middle of an entry")
		}
		n := int(binary.BigEndian.Uint16(b))
		out, b = append(out, b[2:2+n:2+n]), b[2+n:]
	}
	if len(out) > Width {
		return nil, fmt.Errorf("entry bundle of %d entries", len(out))
	}
	return out, nil
}

// Request is what a path under a log's prefix asks for.
type Request struct {
	// Checkpoint asks for the checkpoint; the rest is zero then.
	Checkpoint bool
	// Entries asks for an entry bundle instead of a tile of hashes.
	Entries bool
	Level   int
	N       int64
	// Width is 256 for a full tile, and 1 to 255 for a partial one.
	Width int
}

// maxLevel is the highest level that a tree of 2^62 leaves has tiles at.
const maxLevel = 7

// ParsePath reads a path of c2sp.org/tlog-tiles: "checkpoint", "tile/L/N",
// "tile/L/N.p/W", "tile/entries/N" or "tile/entries/N.p/W". It accepts only the
// one way in which each can be written.
func ParsePath(path string) (Request, error) {
	if path == "checkpoint" {
		return Request{Checkpoint: true}, nil
	}
	bad := fmt.Errorf("%q is not a tlog-tiles path", path)
	rest, ok := strings.CutPrefix(path, "tile/")
	if !ok {
		return Request{}, bad
	}
	level, rest, ok := strings.Cut(rest, "/")
	if !ok {
		return Request{}, bad
	}
	r := Request{Width: Width, Entries: level == "entries"}
	if !r.Entries {
		n, err := strconv.Atoi(level)
		if err != nil || n < 0 || n > maxLevel {
			return Request{}, bad
		}
		r.Level = n
	}
	if number, width, partial := strings.Cut(rest, ".p/"); partial {
		n, err := strconv.Atoi(width)
		if err != nil || n < 1 || n >= Width {
			return Request{}, bad
		}
		rest, r.Width = number, n
	}
	for i, group := range strings.Split(rest, "/") {
		digits := strings.TrimPrefix(group, "x")
		n, err := strconv.ParseUint(digits, 10, 64)
		if err != nil || len(digits) != 3 || i > 5 {
			return Request{}, bad
		}
		r.N = r.N*1000 + int64(n)
	}
	if r.Path() != path {
		return Request{}, bad
	}
	return r, nil
}

// Path writes the request as a path; ParsePath reads it back.
func (r Request) Path() string {
	if r.Checkpoint {
		return "checkpoint"
	}
	number := fmt.Sprintf("%03d", r.N%1000)
	for n := r.N / 1000; n > 0; n /= 1000 {
		number = fmt.Sprintf("x%03d/%s", n%1000, number)
	}
	level := strconv.Itoa(r.Level)
	if r.Entries {
		level = "entries"
	}
	path := "tile/" + level + "/" + number
	if r.Width < Width {
		path += ".p/" + strconv.Itoa(r.Width)
	}
	return path
}
