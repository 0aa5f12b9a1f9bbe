// SPDX-License-Identifier: Apache-2.0

package keyring

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
)

const (
	plainHeader   = "counterfoil-master-key-v1"
	wrappedHeader = "counterfoil-wrapped-key-v1"
)

// Parse reads master keys from their text, as it stands in a file or in an
// environment variable: a line for each, the current one first. It does no I/O
// and so refuses lines wrapped by a KMS, for which there is [ParseWith]. The
// errors name the line and what to do, and never hold a key.
func Parse(text string) (*Keyring, error) {
	return ParseWith(context.Background(), text, Options{})
}

// ParseWith is [Parse] for text that may have lines wrapped by a KMS, which is
// asked for each. The keyring has no file: it can not be rotated, and does not
// read the text again. The context bounds the calls to the KMS.
func ParseWith(ctx context.Context, text string, o Options) (*Keyring, error) {
	lines, err := parse(text)
	if err != nil {
		return nil, err
	}
	masters, err := openLines(ctx, lines, nil, o)
	if err != nil {
		return nil, err
	}
	return newKeyring(nil, masters), nil
}

// line is one line of a key file, taken apart and not yet opened.
type line struct {
	number int
	text   string
	url    string // of the KMS; empty for a plain line
	data   []byte // the master key, or the KMS's ciphertext
}

func (l line) digest() [sha256.Size]byte { return sha256.Sum256([]byte(l.text)) }

// parse takes a key file apart. Empty lines are skipped.
func parse(text string) ([]line, error) {
	var lines []line
	for i, s := range strings.Split(text, "\n") {
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		l, err := parseLine(s)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		if slices.ContainsFunc(lines, func(other line) bool { return other.text == l.text }) {
			return nil, fmt.Errorf("line %d repeats an earlier line: remove one of them", i+1)
		}
		l.number = i + 1
		lines = append(lines, l)
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf("not a master key: no line starts with %q; restore the key from its backup", plainHeader)
	}
	return lines, nil
}

func parseLine(s string) (line, error) {
	fields := strings.Fields(s)
	l := line{text: s}
	switch {
	case fields[0] == plainHeader && len(fields) == 2:
	case fields[0] == wrappedHeader && len(fields) == 3:
		l.url = fields[1]
		if err := checkURL(l.url); err != nil {
			return line{}, err
		}
	case fields[0] == plainHeader || fields[0] == wrappedHeader:
		return line{}, fmt.Errorf("not a master key: %d words after %s; restore the line from its backup", len(fields)-1, fields[0])
	default:
		return line{}, fmt.Errorf("not a master key: want a line that starts with %q or %q; restore it from its backup", plainHeader, wrappedHeader)
	}
	data, err := base64.StdEncoding.Strict().DecodeString(fields[len(fields)-1])
	if err != nil || len(data) == 0 {
		return line{}, errors.New("not a master key: bad base64; restore the line from its backup")
	}
	l.data = data
	return l, nil
}

// openLines makes the masters of the lines. Lines that are among known, by
// their digest, are not opened again. A KMS is opened once for each URL.
func openLines(ctx context.Context, lines []line, known []master, o Options) ([]master, error) {
	box := newBox(o)
	defer box.close()
	masters := make([]master, 0, len(lines))
	for _, l := range lines {
		m, err := openLine(ctx, l, known, box)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", l.number, err)
		}
		if slices.ContainsFunc(masters, func(other master) bool { return other.print == m.print }) {
			return nil, fmt.Errorf("line %d holds the same master key as an earlier line: remove one of them", l.number)
		}
		masters = append(masters, m)
	}
	return masters, nil
}

func openLine(ctx context.Context, l line, known []master, box *box) (master, error) {
	digest := l.digest()
	if i := slices.IndexFunc(known, func(m master) bool { return m.line == digest }); i >= 0 {
		return known[i], nil
	}
	key := l.data
	if l.url != "" {
		var err error
		if key, err = box.open(ctx, l.url, l.data); err != nil {
			return master{}, err
		}
	}
	defer clear(key)
	m, err := newMaster(key)
	m.line = digest
	return m, err
}

// draw makes a new master key and its line: wrapped by the KMS at url, or
// plain if url is empty.
func draw(ctx context.Context, url string, o Options) (string, master, error) {
	key := make([]byte, Size)
	defer clear(key)
	rand.Read(key)
	text := plainHeader + " " + base64.StdEncoding.EncodeToString(key)
	if url != "" {
		box := newBox(o)
		defer box.close()
		sealed, err := box.seal(ctx, url, key)
		if err != nil {
			return "", master{}, err
		}
		text = wrappedHeader + " " + url + " " + base64.StdEncoding.EncodeToString(sealed)
	}
	m, err := newMaster(key)
	m.line = sha256.Sum256([]byte(text))
	return text, m, err
}
