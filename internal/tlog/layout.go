// SPDX-License-Identifier: Apache-2.0

package tlog

import (
	"fmt"
	"strconv"
	"strings"
)

// Request is what a path under a log's prefix asks for.
type Request struct {
	// Checkpoint asks for the checkpoint; the rest is zero then.
	Checkpoint bool
	// Entries asks for an entry bundle instead of a tile of hashes; Level is 0.
	Entries bool
	// Level and N are the tile's level, and its number within the level.
	Level int
	N     int64
	// Width is 256 for a full tile, and 1 to 255 for a partial one.
	Width int
}

// exists reports whether a tree of at most MaxSize leaves has such a tile.
func (r Request) exists() bool {
	count := int64(MaxSize) >> (Height * r.Level) // hashes of the level
	return r.Level >= 0 && r.Width >= 1 && r.Width <= Width && r.N >= 0 && r.N <= count/Width && r.N*Width+int64(r.Width) <= count
}

// ParsePath reads a path of c2sp.org/tlog-tiles, without a slash before it:
//
//	checkpoint
//	tile/<L>/<N>          tile/<L>/<N>.p/<W>
//	tile/entries/<N>      tile/entries/<N>.p/<W>
//
// with N in groups of three digits, all but the last behind an x. Each tile has
// one path, and every other string is refused; so are tiles that no tree of
// [MaxSize] leaves has, and N*256 does not overflow.
func ParsePath(path string) (Request, error) {
	if path == "checkpoint" {
		return Request{Checkpoint: true}, nil
	}
	r, ok := parseTile(path)
	if !ok {
		return Request{}, fmt.Errorf("parse path: %.100q names nothing of a tiled log", path)
	}
	return r, nil
}

func parseTile(path string) (r Request, ok bool) {
	rest, ok := strings.CutPrefix(path, "tile/")
	if !ok {
		return r, false
	}
	level, rest, _ := strings.Cut(rest, "/")
	if r.Entries = level == "entries"; !r.Entries {
		if r.Level, ok = parseNumber(level, 2); !ok {
			return r, false
		}
	}
	r.Width = Width
	if number, width, partial := strings.Cut(rest, ".p/"); partial {
		if r.Width, ok = parseNumber(width, 3); !ok {
			return r, false
		}
		rest = number
	}
	groups := strings.Split(rest, "/")
	if len(groups) > 6 { // 10^18 is more than any N
		return r, false
	}
	for _, group := range groups {
		digits, ok := parseNumber(strings.TrimPrefix(group, "x"), 3)
		if !ok {
			return r, false
		}
		r.N = r.N*1000 + int64(digits)
	}
	// What was lax above, such as a zero or an x too many, is written otherwise.
	return r, r.exists() && r.Path() == path
}

// parseNumber reads 1 to limit decimal digits.
func parseNumber(s string, limit int) (n int, ok bool) {
	if len(s) == 0 || len(s) > limit {
		return 0, false
	}
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

// Path writes the request as the path that ParsePath reads. The fields must be
// in their ranges.
func (r Request) Path() string {
	if r.Checkpoint {
		return "checkpoint"
	}
	b := append(make([]byte, 0, 48), "tile/"...)
	if r.Entries {
		b = append(b, "entries"...)
	} else {
		b = strconv.AppendInt(b, int64(r.Level), 10)
	}
	unit := int64(1)
	for r.N/unit >= 1000 {
		unit *= 1000
	}
	for ; unit > 0; unit /= 1000 {
		b = append(b, '/')
		if unit > 1 {
			b = append(b, 'x')
		}
		d := r.N / unit % 1000
		b = append(b, byte('0'+d/100), byte('0'+d/10%10), byte('0'+d%10))
	}
	if r.Width < Width {
		b = strconv.AppendInt(append(b, ".p/"...), int64(r.Width), 10)
	}
	return string(b)
}
