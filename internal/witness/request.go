// SPDX-License-Identifier: Apache-2.0

package witness

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// maxProof is how many hashes a consistency proof may have; the specification
// sets this bound.
const maxProof = 63

// Request is the body of add-checkpoint.
type Request struct {
	// Old is the size that the sender thinks the witness knows.
	Old int64
	// Proof is that the checkpoint extends the log of size Old.
	Proof tlog.TreeProof
	// Note is the signed checkpoint.
	Note []byte
}

// ParseRequest reads an add-checkpoint body: "old N", the proof's hashes one a
// line, an empty line, the signed checkpoint. A body has one form only: Format
// of what was read gives back its bytes. The note is not looked into.
func ParseRequest(body []byte) (Request, error) {
	head, signed, ok := bytes.Cut(body, []byte("\n\n"))
	if !ok {
		return Request{}, errors.New("there is no empty line before the checkpoint")
	}
	lines := strings.SplitN(string(head), "\n", maxProof+2)
	size, ok := strings.CutPrefix(lines[0], "old ")
	if !ok {
		return Request{}, errors.New(`the first line is not "old <size>"`)
	}
	old, err := strconv.ParseInt(size, 10, 64)
	if err != nil || old < 0 || strconv.FormatInt(old, 10) != size {
		return Request{}, fmt.Errorf("the old size %.30q is not a number", size)
	}
	if len(lines)-1 > maxProof {
		return Request{}, fmt.Errorf("the proof has more than %d hashes", maxProof)
	}
	r := Request{Old: old, Note: signed}
	for _, l := range lines[1:] {
		h, err := base64.StdEncoding.Strict().DecodeString(l)
		if err != nil || len(h) != tlog.HashSize || strings.Contains(l, "\r") {
			return Request{}, fmt.Errorf("the proof line %.60q is not a hash", l)
		}
		r.Proof = append(r.Proof, tlog.Hash(h))
	}
	return r, nil
}

// Format writes the request as a body.
func (r Request) Format() []byte {
	b := fmt.Appendf(nil, "old %d\n", r.Old)
	for _, h := range r.Proof {
		b = fmt.Appendf(b, "%s\n", h)
	}
	b = append(b, '\n')
	return append(b, r.Note...)
}
