// SPDX-License-Identifier: Apache-2.0

package witness_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/torchwood"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/witness"
	"github.com/counterfoil/counterfoil/proof"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

const (
	origin = "example.com/log"
	name   = "witness.example.com/w1"
)

// key is a log's key. Its name is the origin.
type key struct {
	note.Signer
	vkey string
}

func newKey(t testing.TB, origin string) key {
	t.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		t.Fatal(err)
	}
	s, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	return key{s, vkey}
}

// history is one sequence of leaves: two of one origin are a fork.
type history struct {
	t      testing.TB
	key    key
	hashes []tlog.Hash
}

// grown makes a history of n leaves, of which the first same are those of every
// other history.
func grown(t testing.TB, k key, n, same int64) *history {
	t.Helper()
	h := &history{t: t, key: k}
	for i := range n {
		leaf := fmt.Sprintf("leaf %d", i)
		if i >= same {
			leaf += " of another history"
		}
		more, err := tlog.StoredHashes(i, []byte(leaf), h)
		if err != nil {
			t.Fatal(err)
		}
		h.hashes = append(h.hashes, more...)
	}
	return h
}

// ReadHashes implements [tlog.HashReader].
func (h *history) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, at := range indexes {
		out[i] = h.hashes[at]
	}
	return out, nil
}

func (h *history) root(n int64) tlog.Hash {
	h.t.Helper()
	root, err := tlog.TreeHash(n, h)
	if err != nil {
		h.t.Fatal(err)
	}
	return root
}

func (h *history) checkpoint(n int64) []byte {
	h.t.Helper()
	return sign(h.t, h.key, n, h.root(n))
}

func sign(t testing.TB, k key, n int64, root tlog.Hash) []byte {
	t.Helper()
	b, err := proof.Sign(proof.Checkpoint{Origin: k.Name(), Size: n, Root: root}, k)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// request is a good one, from a witness at size older to newer.
func (h *history) request(older, newer int64) witness.Request {
	h.t.Helper()
	r := witness.Request{Old: older, Note: h.checkpoint(newer)}
	if 0 < older && older < newer {
		var err error
		if r.Proof, err = tlog.ProveTree(newer, older, h); err != nil {
			h.t.Fatal(err)
		}
	}
	return r
}

// rig is one witness behind a real HTTP server on loopback.
type rig struct {
	t       testing.TB
	dbc     db.Config
	signer  *torchwood.CosignatureSigner
	key     key // of the log
	w       *witness.Witness
	metrics *prometheus.Registry
	url     string
	stop    func()
}

func newRig(t testing.TB, dbc db.Config) *rig {
	t.Helper()
	return newRigOf(t, dbc, newKey(t, origin))
}

func newRigOf(t testing.TB, dbc db.Config, k key) *rig {
	t.Helper()
	signer, err := witness.CreateKey(filepath.Join(t.TempDir(), "keys", "w.key"), name)
	if err != nil {
		t.Fatal(err)
	}
	d, err := db.Create(t.Context(), dbc)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, dbc: dbc, signer: signer, key: k}
	r.start()
	return r
}

// start serves the state that is there; stop it before a second start.
func (r *rig) start() {
	r.t.Helper()
	d, err := db.Open(r.t.Context(), r.dbc)
	if err != nil {
		r.t.Fatal(err)
	}
	r.metrics = prometheus.NewRegistry()
	r.w, err = witness.New(r.t.Context(), witness.Config{DB: d, Signer: r.signer, Logs: []string{r.key.vkey}, Registerer: r.metrics})
	if err != nil {
		r.t.Fatal(errors.Join(err, d.Close()))
	}
	srv := httptest.NewServer(r.w.Handler())
	r.url = srv.URL
	r.stop = sync.OnceFunc(func() {
		srv.Close()
		if err := d.Close(); err != nil {
			r.t.Error(err)
		}
	})
	r.t.Cleanup(func() { r.stop() })
}

func (r *rig) restart() {
	r.t.Helper()
	r.stop()
	r.start()
}

// answer is an HTTP answer, read.
type answer struct {
	status int
	header http.Header
	body   string
}

// post sends a body to add-checkpoint.
func post(ctx context.Context, url string, body []byte) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/add-checkpoint", bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, string(b)}, err
}

// send posts a body and wants a status. Whatever is not 200 must hold no
// signature.
func (r *rig) send(want int, body []byte) answer {
	r.t.Helper()
	a, err := post(r.t.Context(), r.url, body)
	if err != nil {
		r.t.Fatal(err)
	}
	if a.status != want {
		r.t.Fatalf("got %d %q, want %d, for\n%.300s", a.status, a.body, want, body)
	}
	if want != http.StatusOK && strings.Contains(a.body, "— ") {
		r.t.Fatalf("%d with a signature: %q", want, a.body)
	}
	return a
}

// cosigned sends a request that must be cosigned, and checks the signature.
func (r *rig) cosigned(req witness.Request) {
	r.t.Helper()
	a := r.send(http.StatusOK, req.Format())
	if err := verify(r.w.Key(), req.Note, a.body); err != nil {
		r.t.Fatalf("%v: %q", err, a.body)
	}
}

// verify checks the lines of an answer with torchwood's verifier: one
// signature, of this witness, over the text of the checkpoint, made just now.
func verify(vkey string, signed []byte, lines string) error {
	v, err := torchwood.NewCosignatureVerifier(vkey)
	if err != nil {
		return err
	}
	text, err := proof.Text(signed)
	if err != nil {
		return err
	}
	n, err := note.Open([]byte(string(text)+"\n"+lines), note.VerifierList(v))
	if err != nil {
		return err
	}
	if len(n.Sigs) != 1 || len(n.UnverifiedSigs) != 0 || n.Sigs[0].Name != name {
		return fmt.Errorf("signatures %+v, others %+v", n.Sigs, n.UnverifiedSigs)
	}
	at, err := torchwood.CosignatureTimestamp(n.Sigs[0])
	if err != nil {
		return err
	}
	if age := time.Since(time.Unix(at, 0)); age < -time.Second || age > time.Minute {
		return fmt.Errorf("the cosignature is %v old", age)
	}
	return nil
}

// conflict sends a request that must be answered with the size that is known.
func (r *rig) conflict(known int64, req witness.Request) {
	r.t.Helper()
	a := r.send(http.StatusConflict, req.Format())
	if got := a.header.Get("Content-Type"); got != "text/x.tlog.size" {
		r.t.Errorf("409 has content type %q", got)
	}
	if want := fmt.Sprintf("%d\n", known); a.body != want {
		r.t.Errorf("409 says %q, want %q", a.body, want)
	}
}

// knows checks the state that the witness reports.
func (r *rig) knows(size, forks, suspects int64) {
	r.t.Helper()
	logs, err := r.w.Logs(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	if len(logs) != 1 || logs[0].Origin != origin || logs[0].Size != size || logs[0].Forks != forks || logs[0].Suspects != suspects {
		r.t.Fatalf("state %+v, want size %d, forks %d, suspects %d", logs, size, forks, suspects)
	}
}

// fixedKey is the same key in every process: those of a fuzzer share a corpus.
func fixedKey(t testing.TB, origin string) key {
	t.Helper()
	seed := bytes.Repeat([]byte{7}, ed25519.SeedSize)
	vkey, err := note.NewEd25519VerifierKey(origin, ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	hash := strings.Split(vkey, "+")[1]
	s, err := note.NewSigner("PRIVATE+KEY+" + origin + "+" + hash + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, seed...)))
	if err != nil {
		t.Fatal(err)
	}
	return key{s, vkey}
}
