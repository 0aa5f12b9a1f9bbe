// SPDX-License-Identifier: Apache-2.0

package pack

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	gojson "github.com/go-json-experiment/json"
	"golang.org/x/mod/sumdb/note"

	"github.com/counterfoil/counterfoil/proof"
)

// The signed manifest is an in-toto Statement v1 in a DSSE envelope v1, signed by
// the log.
const (
	payloadType   = "application/vnd.in-toto+json"
	statementType = "https://in-toto.io/Statement/v1"
	predicateType = "https://github.com/counterfoil/counterfoil/pack/v1"
)

// Claim is what the maker of a pack says of it; it is the predicate that the log
// signs, and each part of it is checked.
type Claim struct {
	Origin string `json:"origin"`
	// Size is how many leaves of the log the pack is about, and Root its root.
	Size int64  `json:"size"`
	Root string `json:"root"`
	// Request is the request that two others approved: the records whose
	// /access/target it is belong to the pack.
	Request string `json:"request"`
	// Query is what was asked for, in words; the selection is what was run.
	Query string `json:"query"`
	// Related says whether records about those selected are in the pack.
	Related bool `json:"related"`
	// Profile is which private values were to be disclosed.
	Profile string `json:"profile"`
	// Leaves says whether all leaves are in the pack.
	Leaves    bool  `json:"leaves"`
	Records   int64 `json:"records"`
	Disclosed int64 `json:"disclosed"`
	Withheld  int64 `json:"withheld"`
	Erased    int64 `json:"erased"`
}

type envelope struct {
	Payload     string      `json:"payload"`
	PayloadType string      `json:"payloadType"`
	Signatures  []signature `json:"signatures"`
}

type signature struct {
	KeyID string `json:"keyid"`
	Sig   string `json:"sig"`
}

type inToto struct {
	Type    string `json:"_type"`
	Subject []struct {
		Name   string            `json:"name"`
		Digest map[string]string `json:"digest"`
	} `json:"subject"`
	PredicateType string `json:"predicateType"`
	Predicate     Claim  `json:"predicate"`
}

// PAE is what is signed of a payload (DSSE v1, pre-authentication encoding).
func PAE(payload []byte) []byte {
	out := []byte("DSSEv1 " + strconv.Itoa(len(payloadType)) + " " + payloadType + " " + strconv.Itoa(len(payload)) + " ")
	return append(out, payload...)
}

// Seal makes the envelope over a tag manifest; sign gives the name of a log key,
// as verifier keys have it, and its Ed25519 signature over the bytes.
func Seal(digest []byte, c Claim, sign func(msg []byte) (key string, sig []byte, err error)) ([]byte, error) {
	st := inToto{Type: statementType, PredicateType: predicateType, Predicate: c}
	st.Subject = append(st.Subject, struct {
		Name   string            `json:"name"`
		Digest map[string]string `json:"digest"`
	}{fileTags, map[string]string{"sha256": hex.EncodeToString(digest)}})
	payload, err := json.Marshal(st)
	if err != nil {
		return nil, fmt.Errorf("write claim: %w", err)
	}
	key, sig, err := sign(PAE(payload))
	if err != nil {
		return nil, fmt.Errorf("sign pack: %w", err)
	}
	b, err := json.MarshalIndent(envelope{base64.StdEncoding.EncodeToString(payload), payloadType, []signature{{key, base64.StdEncoding.EncodeToString(sig)}}}, "", "  ")
	return append(b, '\n'), err
}

// checkEnvelope checks the signed manifest, and returns what it claims.
func (c *check) checkEnvelope() bool {
	b, err := fs.ReadFile(c.fsys, fileEnvelope)
	if err != nil {
		c.fault(BadSignature, fileEnvelope, 0, "", "it can not be read: %v", err)
		return false
	}
	st, key, err := openEnvelope(b, c.trust)
	if err != nil {
		c.fault(BadSignature, fileEnvelope, 0, "", "%v", err)
		return false
	}
	tags, err := fs.ReadFile(c.fsys, fileTags)
	sum := sha256.Sum256(tags)
	if err != nil || st.Subject[0].Digest["sha256"] != hex.EncodeToString(sum[:]) {
		c.fault(BadSignature, fileTags, 0, "", "it is another than the one that was signed")
	} else {
		c.pass("signature", "%s signed the manifest", key)
	}
	c.r.Claim = st.Predicate
	c.checkStamp(b)
	return true
}

func openEnvelope(b []byte, trust *proof.Trust) (*inToto, string, error) {
	var e envelope
	if err := gojson.Unmarshal(b, &e, gojson.RejectUnknownMembers(true)); err != nil {
		return nil, "", fmt.Errorf("it is no envelope: %w", err)
	}
	payload, err := base64.StdEncoding.Strict().DecodeString(e.Payload)
	if err != nil || e.PayloadType != payloadType || len(e.Signatures) != 1 {
		return nil, "", errors.New("it is no envelope of one signature over an in-toto statement")
	}
	sig, err := base64.StdEncoding.Strict().DecodeString(e.Signatures[0].Sig)
	if err != nil {
		return nil, "", errors.New("its signature is not base64")
	}
	for _, k := range trust.Logs() {
		v, err := note.NewVerifier(k)
		if err != nil || keyName(v) != e.Signatures[0].KeyID || !v.Verify(PAE(payload), sig) {
			continue
		}
		var st inToto
		if err := gojson.Unmarshal(payload, &st, gojson.RejectUnknownMembers(true)); err != nil {
			return nil, "", fmt.Errorf("what was signed is no statement: %w", err)
		}
		if st.Type != statementType || st.PredicateType != predicateType || len(st.Subject) != 1 || st.Subject[0].Name != fileTags {
			return nil, "", errors.New("what was signed is not the manifest of a pack")
		}
		return &st, keyName(v), nil
	}
	return nil, "", errors.New("no log of the trust policy signed it")
}

// keyName is how a key is named: as its verifier key, without the key.
func keyName(v note.Verifier) string { return fmt.Sprintf("%s+%08x", v.Name(), v.KeyHash()) }

func (c *check) checkStamp(envelope []byte) {
	token, err := fs.ReadFile(c.fsys, fileStamp)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil && c.trust.Roots() == nil {
		c.pass("time stamp", "the pack has one, not checked: the trust policy names no time-stamp authority")
		return
	}
	var at time.Time
	if err == nil {
		at, err = proof.CheckStamp(token, envelope, c.trust.Roots())
	}
	if err != nil {
		c.fault(BadStamp, fileStamp, 0, "", "%s", strings.TrimSpace(err.Error()))
		return
	}
	c.r.Stamped = at
	c.pass("time stamp", "the pack existed at %s", at.Format(time.RFC3339))
}
