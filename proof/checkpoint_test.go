// SPDX-License-Identifier: Apache-2.0

package proof_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/counterfoil/counterfoil/proof"
)

const origin = "counterfoil.example/main"

func key(name string) ed25519.PrivateKey {
	sum := sha256.Sum256([]byte("proof tests: " + name))
	return ed25519.NewKeyFromSeed(sum[:])
}

// logKey makes the signer and the verifier key of a log from a seed.
func logKey(t testing.TB, name, seed string) (note.Signer, string) {
	t.Helper()
	k := key(seed)
	public := append([]byte{1}, k.Public().(ed25519.PublicKey)...)
	sum := sha256.Sum256(append([]byte(name+"\n"), public...))
	id := fmt.Sprintf("+%08x+", binary.BigEndian.Uint32(sum[:]))
	s, err := note.NewSigner("PRIVATE+KEY+" + name + id + base64.StdEncoding.EncodeToString(append([]byte{1}, k.Seed()...)))
	if err != nil {
		t.Fatal(err)
	}
	return s, name + id + base64.StdEncoding.EncodeToString(public)
}

func witness(t testing.TB, name string) *torchwood.CosignatureSigner {
	t.Helper()
	w, err := torchwood.NewCosignatureSigner(name, key(name))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func sign(t testing.TB, cp proof.Checkpoint, signer note.Signer, more ...note.Signer) []byte {
	t.Helper()
	b, err := proof.Sign(cp, signer)
	if err != nil {
		t.Fatal(err)
	}
	if len(more) == 0 {
		return b
	}
	text, err := proof.Text(b)
	if err != nil {
		t.Fatal(err)
	}
	if b, err = note.Sign(&note.Note{Text: string(text)}, append([]note.Signer{signer}, more...)...); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestCheckpointRoundTrip(t *testing.T) {
	t.Parallel()
	signer, _ := logKey(t, origin, "log")
	rapid.Check(t, func(t *rapid.T) {
		want := proof.Checkpoint{Origin: origin, Size: rapid.Int64Min(0).Draw(t, "size"), Root: tlog.Hash(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "root"))}
		b, err := proof.Sign(want, signer)
		if err != nil {
			t.Fatal(err)
		}
		got, err := proof.ParseCheckpoint(b)
		if err != nil || got != want {
			t.Fatalf("got %+v, %v, want %+v", got, err, want)
		}
		text, err := proof.Text(b)
		if err != nil || string(text) != fmt.Sprintf("%s\n%d\n%s\n", origin, want.Size, want.Root) {
			t.Fatalf("text %q, %v", text, err)
		}
	})
}

func TestCheckpointRefused(t *testing.T) {
	t.Parallel()
	const root = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
	for name, b := range map[string]string{
		"empty":          "",
		"no signatures":  origin + "\n5\n" + root,
		"no root":        origin + "\n5\n\n— x y\n",
		"size not plain": origin + "\n05\n" + root + "\n— x y\n",
		"negative size":  origin + "\n-5\n" + root + "\n— x y\n",
		"size too large": origin + "\n9223372036854775808\n" + root + "\n— x y\n",
		"short root":     origin + "\n5\nAAAA\n\n— x y\n",
		"too long":       origin + "\n5\n" + root + strings.Repeat("x", 64<<10) + "\n\n— x y\n",
	} {
		if cp, err := proof.ParseCheckpoint([]byte(b)); err == nil {
			t.Errorf("%s: read as %+v", name, cp)
		}
	}
}

// FuzzParseCheckpoint wants of what is read that it reads the same when it is
// written again.
func FuzzParseCheckpoint(f *testing.F) {
	signer, _ := logKey(f, origin, "log")
	f.Add(sign(f, proof.Checkpoint{Origin: origin, Size: 5}, signer, witness(f, "w1.example")))
	for _, b := range vectorReceipts(f) {
		if r, err := proof.ParseReceipt(b); err == nil {
			f.Add(r.Note)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		cp, err := proof.ParseCheckpoint(b)
		if err != nil {
			return
		}
		if cp.Size < 0 {
			t.Fatalf("size %d", cp.Size)
		}
		text := torchwood.Checkpoint{Origin: cp.Origin, Tree: tlog.Tree{N: cp.Size, Hash: cp.Root}}.String()
		again, err := proof.ParseCheckpoint([]byte(text + "\n"))
		if err != nil || again != cp {
			t.Fatalf("%q reads as %+v, and written again as %+v, %v", b, cp, again, err)
		}
	})
}
