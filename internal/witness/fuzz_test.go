// SPDX-License-Identifier: Apache-2.0

package witness_test

import (
	"bytes"
	"errors"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/witness"
	"github.com/counterfoil/counterfoil/proof"
)

// FuzzAdd sends any body to a witness that has cosigned ten leaves. Whatever
// is parsed has one form only; whatever is cosigned is the log's one history,
// and the state never goes back.
func FuzzAdd(f *testing.F) {
	r := newRigOf(f, dbtest.SQLite(f), fixedKey(f, origin))
	h, fork := grown(f, r.key, 40, 40), grown(f, r.key, 40, 7)
	r.cosigned(h.request(0, 10))
	for _, seed := range []witness.Request{
		h.request(10, 11), h.request(10, 16), h.request(10, 40), h.request(10, 10), h.request(0, 0), h.request(0, 40), h.request(11, 40),
		fork.request(10, 10), fork.request(10, 40), {Old: 10, Note: h.checkpoint(40)}, {},
	} {
		f.Add(seed.Format())
	}
	f.Add([]byte("old 10\n\n\n\n"))
	f.Add([]byte("old 10\n" + h.root(1).String() + "\r\n\n"))
	var roots []tlog.Hash
	for n := range int64(41) {
		roots = append(roots, h.root(n))
	}
	known := int64(10)
	f.Fuzz(func(t *testing.T, body []byte) {
		req, perr := witness.ParseRequest(body)
		if perr == nil && !bytes.Equal(req.Format(), body) {
			t.Fatalf("%q came back as %q", body, req.Format())
		}
		line, err := r.w.Add(t.Context(), body)
		if perr != nil && !errors.Is(err, witness.ErrMalformed) {
			t.Fatalf("not parsed (%v), but: %v", perr, err)
		}
		if err != nil {
			_, conflict := errors.AsType[*witness.ConflictError](err)
			if line != nil || !conflict && !errors.Is(err, witness.ErrMalformed) && !errors.Is(err, witness.ErrUnknownLog) && !errors.Is(err, witness.ErrSignature) && !errors.Is(err, witness.ErrProof) {
				t.Fatalf("%q, %v", line, err)
			}
			return
		}
		cp, err := proof.ParseCheckpoint(req.Note)
		if err != nil || cp.Size < known || cp.Size > 40 || cp.Root != roots[cp.Size] {
			t.Fatalf("cosigned %+v after size %d, %v", cp, known, err)
		}
		known = cp.Size
		if err := verify(r.w.Key(), req.Note, string(line)); err != nil {
			t.Fatal(err)
		}
	})
}
