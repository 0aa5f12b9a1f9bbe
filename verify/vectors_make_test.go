// SPDX-License-Identifier: Apache-2.0

package verify_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/counterfoil/counterfoil/proof"
	"github.com/counterfoil/counterfoil/record"
)

// maker makes the receipts of the vectors: a log of a few records, two
// witnesses and a time-stamp authority, all with keys that anybody may know.
// The same cases give the same bytes, always.
type maker struct {
	t         *testing.T
	dir       string            // where to write
	files     map[string][]byte // what was written
	log       note.Signer
	logKey    string
	witnesses []*witness
	authority *authority

	statements []*record.Statement
	openings   [][]record.Opening
	hashes     []tlog.Hash // as tlog.StoredHashes orders them
	all        []receiptVector
}

const vectorOrigin = "vectors.counterfoil.example/log"

// must stops the test on an error.
func must[T any](t *testing.T, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func seed(name string) ed25519.PrivateKey {
	sum := sha256.Sum256([]byte("counterfoil vectors: " + name))
	return ed25519.NewKeyFromSeed(sum[:])
}

// logSigner writes a key in the note format, which is all that x/mod reads.
func logSigner(t *testing.T, origin string, key ed25519.PrivateKey) (note.Signer, string) {
	public := append([]byte{1}, key.Public().(ed25519.PublicKey)...)
	sum := sha256.Sum256(append([]byte(origin+"\n"), public...))
	id := fmt.Sprintf("%08x", binary.BigEndian.Uint32(sum[:]))
	private := "PRIVATE+KEY+" + origin + "+" + id + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, key.Seed()...))
	signer, err := note.NewSigner(private)
	return must(t, signer, err), origin + "+" + id + "+" + base64.StdEncoding.EncodeToString(public)
}

// witness cosigns at a fixed time.
type witness struct {
	*torchwood.CosignatureSigner
	key ed25519.PrivateKey
}

func newWitness(t *testing.T, name string) *witness {
	t.Helper()
	w, err := torchwood.NewCosignatureSigner(name, seed(name))
	return &witness{must(t, w, err), seed(name)}
}

func (w *witness) Sign(text []byte) ([]byte, error) {
	at := time.Date(2026, 3, 3, 10, 0, 20, 0, time.UTC).Unix()
	sig := ed25519.Sign(w.key, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, text))
	return append(binary.BigEndian.AppendUint64(nil, uint64(at)), sig...), nil
}

// vectorRecords are the records of the log.
func vectorRecords() []string {
	return []string{
		`{"type":"registry","id":"v-0","time":"2026-03-01T00:00:00Z","registry":{"act":"approve","kind":"policy","name":"returns","version":"5"}}`,
		`{"type":"decision","id":"v-1","time":"2026-03-03T09:12:44.120Z","system":"refund-agent","subject":"customer:4711","decision":{"kind":"refund","status":"made","outcome":"denied","adverse":true,"confidence":0.82,"reason":"the order is older than 30 days"},"inputs":[{"name":"order","value":{"order_id":"W123","total":89.9}}]}`,
		`{"type":"oversight","id":"v-2","time":"2026-03-03T09:15:00Z","about":"v-1","oversight":{"act":"override","actor":"agent-7","before":"denied","after":"approved","reason":"goodwill"}}`,
		`{"type":"heartbeat","id":"v-3","time":"2026-03-03T09:20:00Z","source":{"id":"s"},"heartbeat":{"from":"2026-03-03T09:00:00Z","to":"2026-03-03T09:20:00Z","count":2}}`,
		`{"type":"decision","id":"v-4","time":"2026-03-03T09:21:00Z","system":"router","decision":{"kind":"route","status":"made","outcome":"queue-7"}}`,
		`{"type":"decision","id":"v-5","time":"2026-03-03T09:22:00Z","system":"router","use_case":"routing","interaction":{"id":"int_1","x_tag":"Grüße 😀 \u001b[31m\u202e"},"decision":{"kind":"route","status":"made","score":1e-7},"x_none":null}`,
		`{"type":"notice","id":"v-6","time":"2026-03-03T09:23:00Z","about":"v-1","notice":{"kind":"outcome","text":"Your refund was denied."}}`,
	}
}

// newMaker makes a log of records, in which use cases are private, too.
func newMaker(t *testing.T, records ...string) *maker {
	m := &maker{t: t, files: map[string][]byte{}}
	m.log, m.logKey = logSigner(t, vectorOrigin, seed("log"))
	for _, name := range []string{"w1.vectors.counterfoil.example", "w2.vectors.counterfoil.example"} {
		m.witnesses = append(m.witnesses, newWitness(t, name))
	}
	m.authority = newAuthority(t, 1)
	rules, err := record.Strict("/use_case")
	must(t, rules, err)
	for i, text := range records {
		v := recordVector{Name: text, Record: text}
		rec, err := rules.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		st, open, err := rec.Seal(record.Completion{Recorded: time.Date(2026, 3, 3, 10, 0, i, 0, time.UTC), Principal: "local:http", Capture: "sdk"}, &saltReader{v: &v})
		if err != nil {
			t.Fatal(err)
		}
		hashes, err := tlog.StoredHashes(int64(i), st.Bytes(), m.reader())
		m.hashes = append(m.hashes, must(t, hashes, err)...)
		m.statements, m.openings = append(m.statements, st), append(m.openings, open)
	}
	return m
}

func (m *maker) size() int64 { return int64(len(m.statements)) }

func (m *maker) reader() tlog.HashReaderFunc {
	return func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, n := range indexes {
			out[i] = m.hashes[n]
		}
		return out, nil
	}
}

// note signs the checkpoint of a size, with the first n witnesses.
func (m *maker) note(size int64, signer note.Signer, origin string, n int) []byte {
	root, err := tlog.TreeHash(size, m.reader())
	text := torchwood.Checkpoint{Origin: origin, Tree: tlog.Tree{N: size, Hash: must(m.t, root, err)}}.String()
	signers := []note.Signer{signer}
	for _, w := range m.witnesses[:n] {
		signers = append(signers, w)
	}
	b, err := note.Sign(&note.Note{Text: text}, signers...)
	return must(m.t, b, err)
}

// receipt proves one record in the whole log, cosigned by both witnesses.
func (m *maker) receipt(index int64, disclose ...string) *proof.Receipt {
	path, err := tlog.ProveRecord(m.size(), index, m.reader())
	r := &proof.Receipt{Statement: m.statements[index].Bytes(), Index: index, Path: must(m.t, path, err), Note: m.note(m.size(), m.log, vectorOrigin, 2)}
	for _, o := range m.openings[index] {
		for _, p := range disclose {
			if p == o.Pointer || p == "all" {
				r.Disclosed = append(r.Disclosed, proof.Disclosure(o))
			}
		}
	}
	return r
}

func (m *maker) write(file string, b []byte) {
	m.files[file] = b
	if err := os.WriteFile(filepath.Join(m.dir, file), b, 0o644); err != nil {
		m.t.Fatal(err)
	}
}

// add writes a file and the vectors that judge it.
func (m *maker) add(name, file string, b []byte, trust ...string) {
	m.write(file+".receipt.json", b)
	for _, p := range trust {
		title := name
		if len(trust) > 1 {
			title += ", by " + p
		}
		m.all = append(m.all, receiptVector{Name: title, File: file + ".receipt.json", Trust: p + ".trust.txt"})
	}
}

func (m *maker) addReceipt(name, file string, r *proof.Receipt, trust ...string) {
	b, err := r.Marshal()
	m.add(name, file, must(m.t, b, err), trust...)
}

// writeReceipts writes all receipts and policies into a folder.
func writeReceipts(t *testing.T, dir string) *maker {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	m := newMaker(t, vectorRecords()...)
	m.dir = dir
	var ws []proof.Witness
	for i, w := range m.witnesses {
		ws = append(ws, proof.Witness{Name: fmt.Sprintf("w%d", i+1), Key: w.Verifier().String()})
	}
	m.policy("log", []string{m.logKey}, nil, 0, nil)
	m.policy("witnessed", []string{m.logKey}, ws, 2, m.authority.cert)
	m.policy("one-of-two", []string{m.logKey}, ws, 1, nil)
	_, strangerKey := logSigner(t, vectorOrigin, seed("stranger"))
	m.policy("stranger", []string{strangerKey}, nil, 0, nil)
	m.policy("renewed", []string{strangerKey, m.logKey}, nil, 0, nil)

	m.goodReceipts()
	m.badStatements()
	m.badProofs()
	m.badStamps()
	m.badValues()
	m.badFiles()
	return m
}

func (m *maker) policy(name string, logs []string, ws []proof.Witness, quorum int, root *x509.Certificate) {
	var roots []byte
	if root != nil {
		roots = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw})
	}
	b, err := proof.FormatTrust(logs, ws, quorum, roots)
	m.write(name+".trust.txt", must(m.t, b, err))
}
