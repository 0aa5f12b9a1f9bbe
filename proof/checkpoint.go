// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"bytes"
	"errors"
	"fmt"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// maxNote bounds a signed note, in bytes: room for a few hundred cosignatures.
const maxNote = 64 << 10

// Checkpoint is what a log commits to: its origin, its size and its root.
type Checkpoint struct {
	Origin string
	Size   int64
	Root   tlog.Hash
}

// Sign writes the checkpoint as a note signed by signer, whose name should be
// the origin.
func Sign(cp Checkpoint, signers ...note.Signer) ([]byte, error) {
	text := torchwood.Checkpoint{Origin: cp.Origin, Tree: tlog.Tree{N: cp.Size, Hash: cp.Root}}.String()
	b, err := note.Sign(&note.Note{Text: text}, signers...)
	if err != nil {
		return nil, fmt.Errorf("sign checkpoint: %w", err)
	}
	return b, nil
}

// Text returns the part of a signed note that is signed: all up to and
// including the newline before the empty line.
func Text(signed []byte) ([]byte, error) {
	if len(signed) > maxNote {
		return nil, fmt.Errorf("the checkpoint has %d bytes, the limit is %d", len(signed), maxNote)
	}
	i := bytes.LastIndex(signed, []byte("\n\n"))
	if i < 0 {
		return nil, errors.New("the checkpoint has no empty line between text and signatures")
	}
	return signed[:i+1], nil
}

// ParseCheckpoint reads the text of a signed note. No signature is checked.
func ParseCheckpoint(signed []byte) (Checkpoint, error) {
	text, err := Text(signed)
	if err != nil {
		return Checkpoint{}, err
	}
	cp, err := torchwood.ParseCheckpoint(string(text))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("read checkpoint: %w", err)
	}
	return Checkpoint{Origin: cp.Origin, Size: cp.N, Root: cp.Hash}, nil
}
