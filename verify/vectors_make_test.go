// SPDX-License-Identifier: Apache-2.0

package verify_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	"github.com/digitorus/timestamp"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/counterfoil/counterfoil/proof"
	"github.com/counterfoil/counterfoil/record"
)

// maker makes the receipts of the vectors: a log of a few records, two
// witnesses and a time-stamp authority, all with keys that anybody may know.
type maker struct {
	t         *testing.T
	log       note.Signer
	logKey    string
	witnesses []*torchwood.CosignatureSigner
	cert      *x509.Certificate
	tsa       *ecdsa.PrivateKey

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

func newMaker(t *testing.T) *maker {
	m := &maker{t: t}
	m.log, m.logKey = logSigner(t, vectorOrigin, seed("log"))
	for _, name := range []string{"w1.vectors.counterfoil.example", "w2.vectors.counterfoil.example"} {
		w, err := torchwood.NewCosignatureSigner(name, seed(name))
		m.witnesses = append(m.witnesses, must(t, w, err))
	}
	m.authority()
	for i, text := range []string{
		`{"type":"registry","id":"v-0","time":"2026-03-01T00:00:00Z","registry":{"act":"approve","kind":"policy","name":"returns","version":"5"}}`,
		`{"type":"decision","id":"v-1","time":"2026-03-03T09:12:44.120Z","system":"refund-agent","subject":"customer:4711","decision":{"kind":"refund","status":"made","outcome":"denied","adverse":true,"confidence":0.82,"reason":"the order is older than 30 days"},"inputs":[{"name":"order","value":{"order_id":"W123","total":89.9}}]}`,
		`{"type":"oversight","id":"v-2","time":"2026-03-03T09:15:00Z","about":"v-1","oversight":{"act":"override","actor":"agent-7","before":"denied","after":"approved","reason":"goodwill"}}`,
		`{"type":"heartbeat","id":"v-3","time":"2026-03-03T09:20:00Z","source":{"id":"s"},"heartbeat":{"from":"2026-03-03T09:00:00Z","to":"2026-03-03T09:20:00Z","count":2}}`,
		`{"type":"decision","id":"v-4","time":"2026-03-03T09:21:00Z","system":"router","decision":{"kind":"route","status":"made","outcome":"queue-7"}}`,
	} {
		v := recordVector{Name: text, Record: text}
		rec, err := record.Parse([]byte(text))
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

func (m *maker) reader() tlog.HashReaderFunc {
	return func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, n := range indexes {
			out[i] = m.hashes[n]
		}
		return out, nil
	}
}

func (m *maker) authority() {
	t := m.t
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	m.tsa = must(t, key, err)
	purpose, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}}) // time stamping, and nothing else
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Vector Time"}, NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: must(t, purpose, err)}}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	cert, err := x509.ParseCertificate(must(t, der, err))
	m.cert = must(t, cert, err)
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

func (m *maker) stamp(text []byte) []byte {
	sum := sha256.Sum256(text)
	ts := timestamp.Timestamp{HashAlgorithm: crypto.SHA256, HashedMessage: sum[:], Time: time.Date(2026, 3, 3, 10, 0, 30, 0, time.UTC), Policy: asn1.ObjectIdentifier{1, 2, 3}, AddTSACertificate: true}
	answer, err := ts.CreateResponseWithOpts(m.cert, m.tsa, crypto.SHA256)
	parsed, err := timestamp.ParseResponse(must(m.t, answer, err))
	return must(m.t, parsed, err).RawToken
}

// receipt proves one record in the log of five, cosigned by both witnesses.
func (m *maker) receipt(index int64, disclose ...string) *proof.Receipt {
	path, err := tlog.ProveRecord(5, index, m.reader())
	r := &proof.Receipt{Statement: m.statements[index].Bytes(), Index: index, Path: must(m.t, path, err), Note: m.note(5, m.log, vectorOrigin, 2)}
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
	if err := os.WriteFile(filepath.Join(vectors, "receipts", file), b, 0o644); err != nil {
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

func writeReceipts(t *testing.T) []receiptVector {
	if err := os.MkdirAll(filepath.Join(vectors, "receipts"), 0o755); err != nil {
		t.Fatal(err)
	}
	m := newMaker(t)
	var ws []proof.Witness
	for i, w := range m.witnesses {
		ws = append(ws, proof.Witness{Name: fmt.Sprintf("w%d", i+1), Key: w.Verifier().String()})
	}
	roots := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: m.cert.Raw})
	log, err := proof.FormatTrust([]string{m.logKey}, nil, 0, nil)
	m.write("log.trust.txt", must(t, log, err))
	witnessed, err := proof.FormatTrust([]string{m.logKey}, ws, 2, roots)
	m.write("witnessed.trust.txt", must(t, witnessed, err))
	_, strangerKey := logSigner(t, vectorOrigin, seed("stranger"))
	stranger, err := proof.FormatTrust([]string{strangerKey}, nil, 0, nil)
	m.write("stranger.trust.txt", must(t, stranger, err))

	m.goodReceipts()
	m.badStatements()
	m.badProofs()
	m.badValues()
	m.badFiles()
	return m.all
}

func (m *maker) goodReceipts() {
	m.addReceipt("nothing disclosed", "sealed", m.receipt(1), "log", "witnessed")
	m.addReceipt("one value disclosed", "disclosed", m.receipt(1, "/decision/reason"), "log", "witnessed")
	m.addReceipt("everything disclosed", "open", m.receipt(1, "all"), "log")
	m.addReceipt("no private values", "public", m.receipt(4), "witnessed")
	erased := m.receipt(1, "/decision/reason")
	erased.Erased = []proof.Erasure{{Pointer: "/subject", Tombstone: "v-9"}}
	m.addReceipt("a value said to be erased", "erased", erased, "log")
	stamped := m.receipt(1)
	text, err := proof.Text(stamped.Note)
	stamped.Timestamp = m.stamp(must(m.t, text, err))
	m.addReceipt("time-stamped", "stamped", stamped, "log", "witnessed")
	first := m.receipt(0)
	first.Path, first.Note = nil, m.note(1, m.log, vectorOrigin, 0)
	m.addReceipt("a log of one record", "single", first, "log")
	var pretty bytes.Buffer
	b, err := m.receipt(1, "all").Marshal()
	if err := json.Indent(&pretty, must(m.t, b, err), "", "  "); err != nil {
		m.t.Fatal(err)
	}
	m.add("formatted for people", "pretty", pretty.Bytes(), "log")
}

func (m *maker) badStatements() {
	edit := func(name, file, from, to string) {
		r := m.receipt(1)
		r.Statement = []byte(strings.Replace(string(r.Statement), from, to, 1))
		if bytes.Equal(r.Statement, m.statements[1].Bytes()) {
			m.t.Fatalf("%s changes nothing", name)
		}
		m.addReceipt("refused: "+name, file, r, "log")
	}
	edit("another outcome", "outcome", `"denied"`, `"approved"`)
	edit("another time", "time", `09:12:44.120Z`, `09:12:44.121Z`)
	edit("a seal of something else", "seal", `{"seal":"`, `{"seal":"A`+"")
	edit("a private value in clear", "clear", string(`"subject":{"seal":"`), `"subject":"customer:4711","x_was":{"seal":"`)
	edit("an unknown member", "member", `"type":"decision"`, `"type":"decision","version":1`)
	r := m.receipt(1)
	r.Statement = m.statements[2].Bytes()
	m.addReceipt("refused: the statement of another record", "other-statement", r, "log")
}

func (m *maker) badProofs() {
	change := func(name, file string, trust string, do func(r *proof.Receipt)) {
		r := m.receipt(1)
		do(r)
		m.addReceipt("refused: "+name, file, r, trust)
	}
	change("another index", "index", "log", func(r *proof.Receipt) { r.Index = 2 })
	change("an index beyond the log", "beyond", "log", func(r *proof.Receipt) { r.Index = 5 })
	change("hashes of the path exchanged", "path-swapped", "log", func(r *proof.Receipt) { r.Path[0], r.Path[1] = r.Path[1], r.Path[0] })
	change("a hash of the path missing", "path-short", "log", func(r *proof.Receipt) { r.Path = r.Path[:len(r.Path)-1] })
	change("a hash too many in the path", "path-long", "log", func(r *proof.Receipt) { r.Path = append(r.Path, r.Path[0]) })
	change("the checkpoint of another size", "size", "log", func(r *proof.Receipt) { r.Note = m.note(4, m.log, vectorOrigin, 2) })
	change("a checkpoint with another root, signature kept", "root", "log", func(r *proof.Receipt) {
		other, err := proof.Text(m.note(4, m.log, vectorOrigin, 2))
		lines := strings.Split(string(must(m.t, other, err)), "\n")
		mine := strings.Split(string(r.Note), "\n")
		mine[2] = lines[2]
		r.Note = []byte(strings.Join(mine, "\n"))
	})
	change("signed by a stranger under the log's name", "stranger", "log", func(r *proof.Receipt) {
		s, _ := logSigner(m.t, vectorOrigin, seed("stranger"))
		r.Note = m.note(5, s, vectorOrigin, 2)
	})
	change("another log", "origin", "log", func(r *proof.Receipt) {
		s, _ := logSigner(m.t, "other.example/log", seed("log"))
		r.Note = m.note(5, s, "other.example/log", 2)
	})
	change("one witness of two", "one-witness", "witnessed", func(r *proof.Receipt) { r.Note = m.note(5, m.log, vectorOrigin, 1) })
	change("no witness", "no-witness", "witnessed", func(r *proof.Receipt) { r.Note = m.note(5, m.log, vectorOrigin, 0) })
	change("a witness's signature of another checkpoint", "moved-cosignature", "witnessed", func(r *proof.Receipt) {
		theirs := strings.Split(strings.TrimSpace(string(m.note(4, m.log, vectorOrigin, 2))), "\n")
		mine := strings.Split(strings.TrimSpace(string(r.Note)), "\n")
		mine[len(mine)-1] = theirs[len(theirs)-1]
		r.Note = []byte(strings.Join(mine, "\n") + "\n")
	})
	change("a time stamp of another checkpoint", "stamp-moved", "witnessed", func(r *proof.Receipt) { r.Timestamp = m.stamp([]byte("something else\n")) })
	change("a time stamp that is none", "stamp-garbage", "witnessed", func(r *proof.Receipt) { r.Timestamp = []byte{0x30, 0x03, 0x02, 0x01, 0x01} })
	change("a time stamp of an unknown authority", "stamp-stranger", "witnessed", func(r *proof.Receipt) {
		cert, key := m.cert, m.tsa
		defer func() { m.cert, m.tsa = cert, key }()
		m.authority()
		text, err := proof.Text(r.Note)
		r.Timestamp = m.stamp(must(m.t, text, err))
	})
	m.all = append(m.all, receiptVector{Name: "refused: a policy that names another key", File: "sealed.receipt.json", Trust: "stranger.trust.txt"})
}

func (m *maker) badValues() {
	change := func(name, file string, do func(r *proof.Receipt)) {
		r := m.receipt(1, "/decision/reason")
		do(r)
		m.addReceipt("refused: "+name, file, r, "log")
	}
	change("another value", "value", func(r *proof.Receipt) { r.Disclosed[0].Value = []byte(`"the order is older than 31 days"`) })
	change("another salt", "salt", func(r *proof.Receipt) { r.Disclosed[0].Salt[15] ^= 1 })
	change("a value in another place", "place", func(r *proof.Receipt) { r.Disclosed[0].Pointer = "/subject" })
	change("a value where no seal is", "no-seal", func(r *proof.Receipt) { r.Disclosed[0].Pointer = "/decision/outcome" })
	change("a value twice", "twice", func(r *proof.Receipt) { r.Disclosed = append(r.Disclosed, r.Disclosed[0]) })
	change("a value both disclosed and erased", "both", func(r *proof.Receipt) {
		r.Erased = []proof.Erasure{{Pointer: "/decision/reason", Tombstone: "v-9"}}
	})
	change("an erasure where no seal is", "erased-nothing", func(r *proof.Receipt) {
		r.Erased = []proof.Erasure{{Pointer: "/decision/kind", Tombstone: "v-9"}}
	})
}

func (m *maker) badFiles() {
	raw, err := m.receipt(1, "/decision/reason").Marshal()
	good := string(must(m.t, raw, err))
	edit := func(name, file, from, to string) {
		b := strings.Replace(good, from, to, 1)
		if b == good {
			m.t.Fatalf("%s changes nothing", name)
		}
		m.add("refused: "+name, file, []byte(b), "log")
	}
	edit("another version of the format", "format", proof.ReceiptFormat, "counterfoil/receipt/v2")
	edit("an unknown member of the file", "file-member", `{"disclosed"`, `{"comment":"","disclosed"`)
	edit("a member of the file twice", "file-twice", `,"receipt":`, `,"receipt":"counterfoil/receipt/v1","receipt":`)
	edit("a member of the statement twice", "statement-twice", `"adverse":true`, `"adverse":false,"adverse":true`)
	edit("an index with a leading zero", "index-zero", `\nindex 1\n`, `\nindex 01\n`)
	edit("another kind of proof", "proof-kind", `c2sp.org/tlog-proof@v1`, `c2sp.org/tlog-proof@v2`)
	m.add("refused: something behind the receipt", "trailing", []byte(good+"{}\n"), "log")
	m.add("refused: cut off", "cut", []byte(good[:len(good)/2]), "log")
	m.add("refused: nothing", "empty", nil, "log")
	m.add("refused: not UTF-8", "utf8", []byte(strings.Replace(good, "older", "old\xffr", 1)), "log")
}
