// SPDX-License-Identifier: Apache-2.0

package witness

import (
	"errors"
	"fmt"
	"io"
	"net/http"
)

// maxBody bounds an add-checkpoint request, in bytes: 63 hashes and a note.
const maxBody = 64 << 10

// Handler serves POST /add-checkpoint and, for people, GET /.
func (w *Witness) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /add-checkpoint", w.serveAdd)
	mux.HandleFunc("GET /{$}", w.serveHome)
	return mux
}

func (w *Witness) serveAdd(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxBody))
	if err != nil {
		http.Error(rw, "the request is too large or was cut off", http.StatusBadRequest)
		return
	}
	line, err := w.Add(r.Context(), body)
	if err == nil {
		rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
		rw.Write(line) // the log may be gone: it asks again
		return
	}
	if c, ok := errors.AsType[*ConflictError](err); ok {
		rw.Header().Set("Content-Type", "text/x.tlog.size")
		rw.WriteHeader(http.StatusConflict)
		fmt.Fprintf(rw, "%d\n", c.Known)
		return
	}
	status := http.StatusInternalServerError
	for sentinel, s := range map[error]int{ErrMalformed: 400, ErrSignature: 403, ErrUnknownLog: 404, ErrProof: 422} {
		if errors.Is(err, sentinel) {
			status = s
		}
	}
	text := err.Error()
	if status == http.StatusInternalServerError {
		w.cfg.Logger.Error("add-checkpoint failed", "error", err)
		text = "internal error"
	}
	http.Error(rw, text, status)
}

func (w *Witness) serveHome(rw http.ResponseWriter, r *http.Request) {
	logs, err := w.Logs(r.Context())
	if err != nil {
		http.Error(rw, "internal error", http.StatusInternalServerError)
		return
	}
	rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintf(rw, "Counterfoil witness\n\nkey %s\n", w.Key())
	for _, l := range logs {
		fmt.Fprintf(rw, "log %s size %d forks %d\n", l.Origin, l.Size, l.Forks)
	}
}
