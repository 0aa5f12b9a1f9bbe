// SPDX-License-Identifier: Apache-2.0

package paper_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"slices"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/counterfoil/counterfoil/proof"
	"github.com/counterfoil/counterfoil/record"
)

const origin = "counterfoil.example/main"

// seeded is a source of bytes that a test can repeat.
type seeded struct {
	seed string
	n    uint64
	rest []byte
}

func (s *seeded) Read(p []byte) (int, error) {
	for len(s.rest) < len(p) {
		sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(s.seed), s.n))
		s.rest, s.n = append(s.rest, sum[:]...), s.n+1
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// world is a log of one record among many, with its keys, its witnesses and a
// time-stamp authority.
type world struct {
	authority *ecdsa.PrivateKey
	cert      *x509.Certificate
	signer    note.Signer
	vkey      string
	witnesses []*witness
}

// witness cosigns at a fixed time.
type witness struct {
	*torchwood.CosignatureSigner
	key ed25519.PrivateKey
}

func (w *witness) Sign(text []byte) ([]byte, error) {
	at := time.Date(2026, 3, 3, 9, 12, 47, 0, time.UTC).Unix()
	sig := ed25519.Sign(w.key, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, text))
	return append(binary.BigEndian.AppendUint64(nil, uint64(at)), sig...), nil
}

func newWorld(t testing.TB) *world {
	t.Helper()
	skey, vkey, err := note.GenerateKey(&seeded{seed: "log"}, origin)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{vkey: vkey}
	if w.signer, err = note.NewSigner(skey); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"witness-a.example", "witness-b.example"} {
		seed := sha256.Sum256([]byte(name))
		key := ed25519.NewKeyFromSeed(seed[:])
		s, err := torchwood.NewCosignatureSigner(name, key)
		if err != nil {
			t.Fatal(err)
		}
		w.witnesses = append(w.witnesses, &witness{s, key})
	}
	w.newAuthority(t)
	return w
}

// trust is a policy with both witnesses, of which quorum must have signed.
func (w *world) trust(t testing.TB, quorum int) []byte {
	t.Helper()
	var known []proof.Witness
	for _, s := range w.witnesses {
		known = append(known, proof.Witness{Name: s.Name(), Key: s.Verifier().String()})
	}
	b, err := proof.FormatTrust([]string{w.vkey}, known, quorum, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.cert.Raw}))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// options say how the receipt of a record is made.
type options struct {
	size     int64    // of the log; 1 when zero
	index    int64    // of the record
	disclose []string // pointers; nil discloses nothing
	erased   []string
	stamp    bool
}

// receipt puts a record into a log and proves it.
func (w *world) receipt(t testing.TB, raw string, o options) *proof.Receipt {
	t.Helper()
	r, err := record.Parse([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	st, openings, err := r.Seal(record.Completion{Recorded: time.Date(2026, 3, 3, 9, 12, 45, 123456000, time.UTC), Principal: "key:voicebot", Capture: "sdk"}, &seeded{seed: "salt"})
	if err != nil {
		t.Fatal(err)
	}
	out := w.prove(t, st.Bytes(), o)
	for _, op := range openings {
		switch {
		case slices.Contains(o.disclose, op.Pointer):
			out.Disclosed = append(out.Disclosed, proof.Disclosure{Pointer: op.Pointer, Salt: op.Salt, Value: op.Value})
		case slices.Contains(o.erased, op.Pointer):
			out.Erased = append(out.Erased, proof.Erasure{Pointer: op.Pointer, Tombstone: "tombstone-17"})
		}
	}
	if len(out.Disclosed) != len(o.disclose) {
		t.Fatalf("%d of %d values disclosed; private are %v", len(out.Disclosed), len(o.disclose), r.Private())
	}
	return out
}

// hashes is a log in memory, for tlog.
type hashes []tlog.Hash

func (h hashes) ReadHashes(at []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(at))
	for i, n := range at {
		out[i] = h[n]
	}
	return out, nil
}

func (w *world) prove(t testing.TB, leaf []byte, o options) *proof.Receipt {
	t.Helper()
	size := max(o.size, 1)
	var stored hashes
	for n := range size {
		data := fmt.Appendf(nil, "other record %d", n)
		if n == o.index {
			data = leaf
		}
		more, err := tlog.StoredHashes(n, data, stored)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, more...)
	}
	root, err := tlog.TreeHash(size, stored)
	if err != nil {
		t.Fatal(err)
	}
	path, err := tlog.ProveRecord(size, o.index, stored)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := proof.Sign(proof.Checkpoint{Origin: origin, Size: size, Root: root}, w.signer)
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(signed, note.VerifierList(mustVerifier(t, w.vkey)))
	if err != nil {
		t.Fatal(err)
	}
	signers := make([]note.Signer, len(w.witnesses))
	for i, s := range w.witnesses {
		signers[i] = s
	}
	if signed, err = note.Sign(n, signers...); err != nil {
		t.Fatal(err)
	}
	r := &proof.Receipt{Statement: leaf, Index: o.index, Path: path, Note: signed}
	if o.stamp {
		r.Timestamp = w.stamp(t, []byte(n.Text))
	}
	return r
}

func mustVerifier(t testing.TB, vkey string) note.Verifier {
	t.Helper()
	v, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func marshal(t testing.TB, r *proof.Receipt) []byte {
	t.Helper()
	b, err := r.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// refund is the decision that most tests show.
const refund = `{"type":"decision","id":"0192f3a4-6c1e-7d2b-9f10-3b8f5a1c77e0","time":"2026-03-03T09:12:44.120Z",
 "source":{"id":"voicebot-eu-3","seq":48211},"system":"refund-agent","use_case":"refunds","env":"production",
 "interaction":{"id":"int_7Qk2","channel":"chat","journey":"jrn_19","locale":"en-GB","jurisdiction":"IE","external":{"crm":"case-5512"}},
 "subject":"customer:12345",
 "decision":{"kind":"refund","status":"made","outcome":"denied","adverse":true,"significant":"yes","reversible":true,
   "automation":"solely_automated","confidence":0.82,"threshold":0.7,"decided":"2026-03-03T09:12:44.101Z",
   "reason":"The order came back 41 days after delivery; the returns policy allows 30.",
   "alternatives":[{"option":"approved","score":0.18}]},
 "versions":{"model":"fraud-score@3.2.1","prompt":"refund-reply@12","policy":["returns@5","goodwill@2"],"config":"refunds-eu@41"},
 "inputs":[{"name":"order","source":"oms","category":"order","origin":"provided","as_of":"2026-03-03T09:12:40Z",
            "value":{"order_id":"W123","total":89.9,"delivered":"2026-01-21","items":[{"sku":"K-20","count":1}]}},
           {"name":"call","source":"telephony","category":"conversation","origin":"observed","special":false,"ref":"s3://rec/9f","digest":"sha256:00"}],
 "factors":[{"code":"late_return","direction":"against","method":"rule","input":"order","weight":0.41,"label":"returned after 30 days"},
            {"code":"loyal_customer","direction":"for","method":"rule","weight":0.12,"label":"customer for more than five years"}],
 "steps":[{"op":"chat","provider":"openai","request_model":"gpt-4o","response_model":"gpt-4o-2024-08-06",
           "started":"2026-03-03T09:12:41Z","ended":"2026-03-03T09:12:43Z","usage":{"input_tokens":812,"output_tokens":96},"finish_reasons":["stop"]},
          {"op":"execute_tool","tool":"get_order","side_effect":"none","arguments":{"id":"W123"},"result":{"status":"delivered"}}],
 "outputs":[{"name":"reply","kind":"message","locale":"en-GB","delivered":"2026-03-03T09:12:44.119Z","value":"I’m sorry, but we can not refund this order: it was sent back 41 days after it arrived, and our returns policy allows 30 days. You can ask for a person to look at this again.","marked_ai":true}],
 "controls":[{"id":"pii-in-reply","result":"pass","by":"gateway","severity":"high"},{"id":"return-window","result":"pass","by":"gateway","severity":"medium"},
             {"id":"tone-check","result":"error","by":"gateway","severity":"low","reason":"the classifier did not answer"}]}`

// some are the pointers of refund that most tests disclose.
var some = []string{"/decision/reason", "/inputs/0/value", "/outputs/0/value", "/factors/0/label", "/factors/0/weight", "/factors/1/label"}

func sha256Sum(b []byte) []byte {
	sum := sha256.Sum256(b)
	return sum[:]
}

// trustFor is the trust policy for a tampering that is in the trust, not in the
// receipt; for all others it asks for both witnesses.
func (w *world) trustFor(t testing.TB, tampering string) []byte {
	t.Helper()
	name := map[string]string{"another log's key": origin, "a log not trusted": "elsewhere.example"}[tampering]
	if name == "" {
		return w.trust(t, 2)
	}
	_, vkey, err := note.GenerateKey(&seeded{seed: "another"}, name)
	if err != nil {
		t.Fatal(err)
	}
	b, err := proof.FormatTrust([]string{vkey}, nil, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
