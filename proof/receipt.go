// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"filippo.io/torchwood"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/mod/sumdb/tlog"
)

// ReceiptFormat is the value of the "receipt" member of every receipt that
// this version writes.
const ReceiptFormat = "counterfoil/receipt/v1"

// MaxReceipt bounds a receipt, in bytes: a record of the largest size with all
// values disclosed, and its proof.
const MaxReceipt = 4 << 20

// Receipt proves one record. The zero value is empty; none of its claims is
// checked by parsing.
type Receipt struct {
	// Statement is the leaf: JCS bytes.
	Statement []byte
	// Index is the leaf's place, and Path its inclusion proof under Note.
	Index int64
	Path  tlog.RecordProof
	// Note is the signed checkpoint with all its signature lines.
	Note []byte
	// Timestamp is an RFC 3161 TimeStampToken (DER) over the text of Note, or nil.
	Timestamp []byte
	// Disclosed are private values that are opened.
	Disclosed []Disclosure
	// Erased are private values that a tombstone says are gone: a claim of
	// whoever made the receipt.
	Erased []Erasure
}

// Disclosure opens one seal. Value is JCS.
type Disclosure struct {
	Pointer string
	Salt    [16]byte
	Value   []byte
}

// Erasure names the tombstone record that accounts for a missing value.
type Erasure struct {
	Pointer   string
	Tombstone string
}

// The wire form. Field order does not matter: the file is written in JCS.
type receiptJSON struct {
	Format    string           `json:"receipt"`
	Statement jsontext.Value   `json:"statement"`
	Proof     string           `json:"proof"`
	Timestamp string           `json:"timestamp,omitempty"`
	Disclosed []disclosureJSON `json:"disclosed,omitempty"`
	Erased    []erasureJSON    `json:"erased,omitempty"`
}

type disclosureJSON struct {
	Pointer string         `json:"pointer"`
	Salt    string         `json:"salt"`
	Value   jsontext.Value `json:"value"`
}

type erasureJSON struct {
	Pointer   string `json:"pointer"`
	Tombstone string `json:"tombstone"`
}

// Marshal writes the receipt file: JCS and a newline. The same receipt always
// gives the same bytes.
func (r *Receipt) Marshal() ([]byte, error) {
	w := receiptJSON{Format: ReceiptFormat, Statement: r.Statement, Proof: string(torchwood.FormatProof(r.Index, r.Path, r.Note)),
		Timestamp: base64.StdEncoding.EncodeToString(r.Timestamp)}
	for _, d := range r.Disclosed {
		w.Disclosed = append(w.Disclosed, disclosureJSON{d.Pointer, base64.RawURLEncoding.EncodeToString(d.Salt[:]), d.Value})
	}
	for _, e := range r.Erased {
		w.Erased = append(w.Erased, erasureJSON(e))
	}
	b, err := json.Marshal(w)
	if err != nil {
		return nil, fmt.Errorf("write receipt: %w", err)
	}
	v := jsontext.Value(b)
	if err := v.Canonicalize(); err != nil {
		return nil, fmt.Errorf("write receipt: %w", err)
	}
	return append(v, '\n'), nil
}

// ParseReceipt reads a receipt file, strictly: duplicate and unknown members,
// invalid UTF-8, and any value that is not as the format says are refused. The
// file may be formatted in any way; values come out in JCS.
func ParseReceipt(data []byte) (*Receipt, error) {
	if len(data) > MaxReceipt {
		return nil, fmt.Errorf("read receipt: %d bytes, the limit is %d", len(data), MaxReceipt)
	}
	var w receiptJSON
	if err := json.Unmarshal(data, &w, json.RejectUnknownMembers(true), noNull()); err != nil {
		return nil, fmt.Errorf("read receipt: %w", plainly(err))
	}
	if w.Format != ReceiptFormat {
		return nil, fmt.Errorf("read receipt: /receipt is %q, want %q", w.Format, ReceiptFormat)
	}
	r := &Receipt{}
	var err error
	if r.Statement, err = canonical(w.Statement, "/statement"); err != nil {
		return nil, err
	}
	if err := r.parseProof(w.Proof); err != nil {
		return nil, fmt.Errorf("read receipt: /proof: %w", err)
	}
	if w.Timestamp != "" {
		if r.Timestamp, err = decodeText(base64.StdEncoding, w.Timestamp); err != nil {
			return nil, errors.New("read receipt: /timestamp is not base64")
		}
	}
	for i, d := range w.Disclosed {
		at := "/disclosed/" + strconv.Itoa(i)
		salt, err := decodeText(base64.RawURLEncoding, d.Salt)
		if err != nil || len(salt) != 16 {
			return nil, fmt.Errorf("read receipt: %s/salt is not 16 bytes of base64url", at)
		}
		value, err := canonical(d.Value, at+"/value")
		if err != nil {
			return nil, err
		}
		if d.Pointer == "" {
			return nil, fmt.Errorf("read receipt: %s/pointer is missing", at)
		}
		r.Disclosed = append(r.Disclosed, Disclosure{Pointer: d.Pointer, Salt: [16]byte(salt), Value: value})
	}
	for i, e := range w.Erased {
		if e.Pointer == "" {
			return nil, fmt.Errorf("read receipt: /erased/%d/pointer is missing", i)
		}
		r.Erased = append(r.Erased, Erasure(e))
	}
	return r, nil
}

func canonical(v jsontext.Value, at string) ([]byte, error) {
	if len(v) == 0 {
		return nil, fmt.Errorf("read receipt: %s is missing", at)
	}
	if tok := inexact(v); tok != "" {
		return nil, fmt.Errorf("read receipt: %s: the number %.40s does not round-trip as an IEEE 754 double", at, tok)
	}
	c := jsontext.Value(bytes.Clone(v))
	if err := c.Canonicalize(); err != nil {
		return nil, fmt.Errorf("read receipt: %s: %w", at, err)
	}
	return c, nil
}

// decodeText reads base64 that is written in the only way there is: no line
// breaks, and no bits set that are not used.
func decodeText(enc *base64.Encoding, s string) ([]byte, error) {
	b, err := enc.DecodeString(s)
	if err == nil && enc.EncodeToString(b) != s {
		err = base64.CorruptInputError(len(s))
	}
	return b, err
}

// parseProof reads the c2sp.org/tlog-proof inside.
func (r *Receipt) parseProof(s string) error {
	rest, ok := strings.CutPrefix(s, "c2sp.org/tlog-proof@v1\nindex ")
	if !ok {
		return errors.New("not a c2sp.org/tlog-proof@v1 without extra data")
	}
	index, rest, ok := strings.Cut(rest, "\n")
	if !ok {
		return errors.New("ends in the index line")
	}
	n, err := strconv.ParseInt(index, 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != index {
		return fmt.Errorf("index %q is not a number", index)
	}
	r.Index = n
	for {
		line, more, ok := strings.Cut(rest, "\n")
		if !ok {
			return errors.New("ends before the checkpoint")
		}
		rest = more
		if line == "" {
			break
		}
		h, err := decodeText(base64.StdEncoding, line)
		if err != nil || len(h) != tlog.HashSize || len(r.Path) >= 63 {
			return fmt.Errorf("line %q is not a hash of the path", line)
		}
		r.Path = append(r.Path, tlog.Hash(h))
	}
	if _, err := ParseCheckpoint([]byte(rest)); err != nil {
		return err
	}
	r.Note = []byte(rest)
	return nil
}
