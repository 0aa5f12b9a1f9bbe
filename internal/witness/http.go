// SPDX-License-Identifier: Apache-2.0

package witness

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxBody bounds an add-checkpoint request, in bytes: 63 hashes and a note with
// the signatures of a hundred others.
const maxBody = 64 << 10

// Handler serves POST /add-checkpoint, and for people GET / and GET /forks. It
// can be mounted under a prefix with http.StripPrefix.
func (w *Witness) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /add-checkpoint", w.serveAdd)
	mux.HandleFunc("GET /{$}", w.page(w.home))
	mux.HandleFunc("GET /forks", w.page(w.forks))
	return mux
}

func (w *Witness) serveAdd(rw http.ResponseWriter, r *http.Request) {
	var line []byte
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxBody))
	if err == nil {
		line, err = w.Add(r.Context(), body)
	} else if _, large := errors.AsType[*http.MaxBytesError](err); !large {
		err = fmt.Errorf("%w: the body was cut off", ErrMalformed)
	}
	code := status(err)
	w.metrics.requests.WithLabelValues(strconv.Itoa(code)).Inc()
	conflict, _ := errors.AsType[*ConflictError](err)
	switch {
	case err == nil:
		text(rw, code, "text/plain; charset=utf-8", string(line))
	case conflict != nil:
		text(rw, code, "text/x.tlog.size", fmt.Sprintf("%d\n", conflict.Known))
	case code == http.StatusServiceUnavailable:
		if r.Context().Err() == nil {
			w.cfg.Logger.Error("add-checkpoint failed", "error", err)
		}
		rw.Header().Set("Retry-After", "5")
		text(rw, code, "text/plain; charset=utf-8", "the witness can not keep its state now; try again\n")
	default:
		text(rw, code, "text/plain; charset=utf-8", err.Error()+"\n")
	}
}

// status is the HTTP status of an outcome of Add.
func status(err error) int {
	_, conflict := errors.AsType[*ConflictError](err)
	_, large := errors.AsType[*http.MaxBytesError](err)
	switch {
	case err == nil:
		return http.StatusOK
	case conflict:
		return http.StatusConflict
	case large:
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, ErrMalformed):
		return http.StatusBadRequest
	case errors.Is(err, ErrSignature):
		return http.StatusForbidden
	case errors.Is(err, ErrUnknownLog):
		return http.StatusNotFound
	case errors.Is(err, ErrProof):
		return http.StatusUnprocessableEntity
	}
	return http.StatusServiceUnavailable
}

// text sends an answer. The other side may be gone: then it asks again.
func text(rw http.ResponseWriter, code int, media, body string) {
	h := rw.Header()
	h.Set("Content-Type", media)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	rw.WriteHeader(code)
	_, _ = io.WriteString(rw, body)
}

func (w *Witness) page(write func(*http.Request, *strings.Builder) error) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		var b strings.Builder
		if err := write(r, &b); err != nil {
			w.cfg.Logger.Error("page failed", "path", r.URL.Path, "error", err)
			text(rw, http.StatusServiceUnavailable, "text/plain; charset=utf-8", "the witness can not read its state now\n")
			return
		}
		text(rw, http.StatusOK, "text/plain; charset=utf-8", b.String())
	}
}

// home says who the witness is and what it has seen.
func (w *Witness) home(r *http.Request, b *strings.Builder) error {
	logs, err := w.Logs(r.Context())
	if err != nil {
		return err
	}
	fmt.Fprintf(b, "Counterfoil witness %s (c2sp.org/tlog-witness)\n\nkey %s\n\n", w.cfg.Signer.Name(), w.Key())
	for _, l := range logs {
		fmt.Fprintf(b, "log %s\n  size %d\n", l.Origin, l.Size)
		if !l.Time.IsZero() {
			fmt.Fprintf(b, "  since %s\n", l.Time.Format(time.RFC3339))
		}
		if l.Forks+l.Suspects > 0 {
			fmt.Fprintf(b, "  forks %d, checkpoints with a bad proof %d: see forks\n", l.Forks, l.Suspects)
		}
	}
	return nil
}

// forks prints the evidence, so that anybody can check it.
func (w *Witness) forks(r *http.Request, b *strings.Builder) error {
	all, err := w.Forks(r.Context())
	if err != nil {
		return err
	}
	for _, f := range all {
		word := "checkpoint with a bad proof"
		if f.Proven {
			word = "fork: the log signed two histories"
		}
		fmt.Fprintf(b, "%s\nlog %s\ntime %s\n", word, f.Origin, f.Time.Format(time.RFC3339))
		for _, h := range f.Proof {
			fmt.Fprintf(b, "proof %s\n", h)
		}
		fmt.Fprintf(b, "\ncosigned:\n%s\noffered:\n%s\n----\n\n", f.Known, f.Offered)
	}
	if len(all) == 0 {
		b.WriteString("none\n")
	}
	return nil
}
