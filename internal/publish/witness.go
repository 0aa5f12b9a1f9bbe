// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"

	"github.com/counterfoil/counterfoil/internal/witness"
	"github.com/counterfoil/counterfoil/proof"
)

// maxReply bounds a peer's answer, in bytes. A larger one is refused.
const maxReply = 64 << 10

// witnessPeer remembers, in its one goroutine, what size the witness knows; it
// learns it from the witness when that is wrong.
type witnessPeer struct {
	p        *Publisher
	w        Witness
	verifier note.Verifier
	known    int64
}

func newWitnessPeer(p *Publisher, w Witness) (*witnessPeer, error) {
	v, err := torchwood.NewCosignatureVerifier(w.Key)
	if err != nil {
		return nil, fmt.Errorf("witness %s: %w", w.Name, err)
	}
	return &witnessPeer{p: p, w: w, verifier: v}, nil
}

func (w *witnessPeer) name() string { return w.w.Name }

func (w *witnessPeer) send(ctx context.Context, signed []byte, size int64) error {
	for range 3 { // once, and again when the witness knows another size
		known, line, err := w.add(ctx, signed, size)
		if err != nil {
			return err
		}
		if line == nil {
			if known > size {
				return fmt.Errorf("the witness has cosigned size %d, we have %d: this log was rolled back", known, size)
			}
			w.known = known
			continue
		}
		w.known = size
		return w.p.cfg.Log.AddCosignature(ctx, size, w.w.Name, line)
	}
	return errors.New("the witness keeps changing its mind about what it knows")
}

// add asks for a cosignature. A nil line says that the witness knows size known.
func (w *witnessPeer) add(ctx context.Context, signed []byte, size int64) (known int64, line []byte, err error) {
	req := witness.Request{Old: w.known, Note: signed}
	if w.known > 0 && w.known < size {
		if req.Proof, err = w.p.cfg.Log.Consistency(ctx, w.known, size); err != nil {
			return 0, nil, err
		}
	}
	res, body, err := post(ctx, w.p.cfg.HTTP, strings.TrimRight(w.w.URL, "/")+"/add-checkpoint", "text/plain; charset=utf-8", req.Format())
	if err != nil {
		return 0, nil, err
	}
	switch res.StatusCode {
	case http.StatusOK:
		line, err := w.own(signed, body)
		return 0, line, err
	case http.StatusConflict:
		n, err := strconv.ParseInt(strings.TrimSpace(string(body)), 10, 64)
		if err != nil || n < 0 {
			return 0, nil, fmt.Errorf("the witness answered conflict without a size: %q", clip(body))
		}
		return n, nil, nil
	}
	return 0, nil, fmt.Errorf("the witness answered %s: %s", res.Status, clip(body))
}

// own picks this witness's signature line out of the answer and verifies it.
func (w *witnessPeer) own(signed, lines []byte) ([]byte, error) {
	text, err := proof.Text(signed)
	if err != nil {
		return nil, err
	}
	n, err := note.Open(append(append(bytes.Clone(text), '\n'), lines...), note.VerifierList(w.verifier))
	if err != nil {
		return nil, fmt.Errorf("the cosignature is not good: %w", err)
	}
	sig := n.Sigs[0]
	return fmt.Appendf(nil, "— %s %s\n", sig.Name, sig.Base64), nil
}

func post(ctx context.Context, client *http.Client, url, media string, body []byte) (*http.Response, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, nil, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Content-Type", media)
	res, err := client.Do(req)
	if err != nil {
		return nil, nil, fmt.Errorf("send: %w", err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxReply+1))
	if err != nil {
		return nil, nil, fmt.Errorf("read answer: %w", err)
	}
	if len(b) > maxReply {
		return nil, nil, fmt.Errorf("read answer: it is larger than %d bytes", maxReply)
	}
	return res, b, nil
}

func clip(b []byte) string {
	if len(b) > 200 {
		b = b[:200]
	}
	return strings.TrimSpace(strings.ToValidUTF8(string(b), "?"))
}
