// SPDX-License-Identifier: Apache-2.0

package paper

import (
	"bytes"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/counterfoil/counterfoil/proof"
)

// facts is what the proof panel says before anything was checked.
type facts struct {
	ID                 string
	Leaf, Root         string
	Index, Size        string
	Stamp              string
	Note               []run
	Path               []string
	Witnesses          []cosigner
	Keys               []key
	IDText, OriginText []run
	ReceiptText        string
	TrustText          string
	TrustRuns          []run
}

// cosigner is a witness line of the checkpoint, unchecked.
type cosigner struct {
	Name []run
	Time string
}

// key is one log key of the trust policy.
type key struct {
	NameText    []run
	Fingerprint []string // hex SHA-256 of the verifier key, in groups of four
}

// PlainID reports whether the id has nothing in it that a title could hide.
func (f facts) PlainID() bool {
	return isASCII(f.ID) && strings.IndexFunc(f.ID, unicode.IsControl) < 0
}

// CutLeaf is the leaf hash with its middle left out.
func (f facts) CutLeaf() string { return cut(f.Leaf) }

// CutRoot is the root with its middle left out.
func (f facts) CutRoot() string { return cut(f.Root) }

// readFacts takes from a receipt and a trust policy what stands in them.
func (w *words) readFacts(r *proof.Receipt, t *proof.Trust) (facts, error) {
	cp, err := proof.ParseCheckpoint(r.Note)
	if err != nil {
		return facts{}, err
	}
	leaf := tlog.RecordHash(r.Statement)
	f := facts{
		Leaf: leaf.String(), Root: cp.Root.String(), OriginText: w.short(cp.Origin),
		Index: fmt.Sprint(r.Index), Size: fmt.Sprint(cp.Size), Note: w.runs(string(r.Note)),
	}
	for _, h := range r.Path {
		f.Path = append(f.Path, h.String())
	}
	f.Witnesses = w.cosigners(r.Note, cp.Origin)
	if r.Timestamp != nil {
		at, err := stampTime(r.Timestamp)
		if err != nil {
			f.Stamp = "present, but not readable"
		} else {
			f.Stamp = moment(at.UTC().Format(time.RFC3339), ", ", false)
		}
	}
	for _, vkey := range t.Logs() {
		sum := sha256.Sum256([]byte(vkey))
		name, _, _ := strings.Cut(vkey, "+")
		k := key{NameText: w.short(name)}
		for h := hex.EncodeToString(sum[:]); h != ""; h = h[4:] {
			k.Fingerprint = append(k.Fingerprint, h[:4])
		}
		f.Keys = append(f.Keys, k)
	}
	return f, nil
}

// cosigners lists the signature lines that have the form of a cosignature/v1:
// four bytes of key hash, eight of time, sixty-four of signature.
func (w *words) cosigners(signed []byte, origin string) []cosigner {
	var out []cosigner
	for line := range strings.Lines(string(signed[bytes.LastIndex(signed, []byte("\n\n"))+2:])) {
		name, b64, _ := strings.Cut(strings.TrimPrefix(strings.TrimSuffix(line, "\n"), "— "), " ")
		sig, err := base64.StdEncoding.DecodeString(b64)
		if err != nil || len(sig) != 4+8+64 || name == origin {
			continue
		}
		at := time.Unix(int64(binary.BigEndian.Uint64(sig[4:12])&(1<<40-1)), 0).UTC()
		out = append(out, cosigner{Name: w.short(name), Time: moment(at.Format(time.RFC3339), ", ", false)})
	}
	return out
}

// stampTime reads the time that an RFC 3161 token claims. Its signature is not
// checked.
func stampTime(token []byte) (time.Time, error) {
	var outer struct {
		Type    asn1.ObjectIdentifier
		Content struct {
			Version    int
			Algorithms asn1.RawValue
			Info       struct {
				Type    asn1.ObjectIdentifier
				Content []byte `asn1:"explicit,tag:0"`
			}
		} `asn1:"explicit,tag:0"`
	}
	if err := unmarshalHead(token, &outer); err != nil {
		return time.Time{}, fmt.Errorf("read time stamp: %w", err)
	}
	var info struct {
		Version int
		Policy  asn1.ObjectIdentifier
		Imprint asn1.RawValue
		Serial  asn1.RawValue
		Time    time.Time `asn1:"generalized"`
	}
	if err := unmarshalHead(outer.Content.Info.Content, &info); err != nil {
		return time.Time{}, fmt.Errorf("read time stamp: %w", err)
	}
	return info.Time, nil
}

// unmarshalHead reads the first members of a DER sequence; what follows them is
// left alone by encoding/asn1.
func unmarshalHead(der []byte, into any) error {
	rest, err := asn1.Unmarshal(der, into)
	if err == nil && len(rest) > 0 {
		return errors.New("trailing bytes")
	}
	return err
}
