// SPDX-License-Identifier: Apache-2.0

package server

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/counterfoil/counterfoil/internal/ledger"
)

// chunk is how much of the memory budget is taken at a time.
const chunk = 256 << 10

// zstdWindow is the largest window of a zstd frame, that which RFC 8878
// recommends; a decoder takes about as much.
const zstdWindow = 8 << 20

// lease is what one request holds of the memory budget.
type lease struct {
	s    *Server
	held int64
}

// need makes sure that the lease covers n bytes.
func (l *lease) need(n int64) error {
	for l.held < n {
		if !l.s.budget.TryAcquire(chunk) {
			return refused(string(ledger.Busy), "send the same again after a moment", "the memory for requests in flight is used up")
		}
		l.held += chunk
	}
	return nil
}

func (l *lease) release() {
	if l.held > 0 {
		l.s.budget.Release(l.held)
		l.held = 0
	}
}

// counted counts what is read through it.
type counted struct {
	r io.Reader
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// buffers are body buffers that are used again. Only such of a usual size are
// kept.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 1<<20); return &b }}

const keepBuffer = 4 << 20

func giveBack(b *[]byte) {
	if cap(*b) <= keepBuffer {
		*b = (*b)[:0]
		buffers.Put(b)
	}
}

// body reads the whole body of a request into buf, decompressed, within every
// limit.
func (s *Server) body(w http.ResponseWriter, r *http.Request, buf *[]byte, l *lease) error {
	sent := &counted{r: http.MaxBytesReader(w, r.Body, s.cfg.Limits.BodyBytes)}
	var src io.Reader = sent
	encoding := strings.ToLower(r.Header.Get("Content-Encoding"))
	switch encoding {
	case "", "identity":
	case "gzip":
		z, err := gzip.NewReader(sent)
		if err != nil {
			return badBody(encoding, err)
		}
		defer z.Close() //nolint:errcheck // it only reads
		src = z
	case "zstd":
		window := &lease{s: s} // until the body is read
		defer window.release()
		if err := window.need(min(zstdWindow, s.cfg.Limits.InFlight/2)); err != nil {
			return err
		}
		z, err := s.zstd(sent)
		if err != nil {
			return badBody(encoding, err)
		}
		defer s.zstdDone(z)
		src = z
	default:
		return refused("media_type", "use gzip, zstd or none", "Content-Encoding %q is not supported", encoding)
	}
	if err := l.need(min(max(r.ContentLength, 1), s.cfg.Limits.BodyBytes)); err != nil {
		return err
	}
	b := (*buf)[:0]
	defer func() { *buf = b }()
	for {
		if len(b) == cap(b) {
			if err := l.need(int64(cap(b)) * 2); err != nil {
				return err
			}
			b = append(b, 0)[:len(b)]
		}
		n, err := src.Read(b[len(b):min(cap(b), len(b)+chunk)])
		b = b[:len(b)+n]
		if int64(len(b)) > s.cfg.Limits.DecodedBytes {
			return refused("body_too_large", "send smaller batches", "the body is larger than %d bytes", s.cfg.Limits.DecodedBytes)
		}
		if len(b) > 1<<20 && int64(len(b)) > s.cfg.Limits.Ratio*sent.n {
			return refused("body_too_large", "send it with less compression", "the body grows to more than %d times its size", s.cfg.Limits.Ratio)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return badBody(encoding, err)
		}
		if err := l.need(int64(len(b))); err != nil {
			return err
		}
	}
}

func badBody(encoding string, err error) error {
	if e, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return refused("body_too_large", "send smaller batches", "the body is larger than %d bytes", e.Limit)
	}
	if encoding == "" || encoding == "identity" {
		return refused(string(ledger.Invalid), "send the whole body", "the body could not be read to its end")
	}
	return refused("bad_encoding", "", "the body is not valid %s", encoding)
}

// zstd takes an idle decoder or makes one; its memory is bounded.
func (s *Server) zstd(r io.Reader) (*zstd.Decoder, error) {
	select {
	case z := <-s.zstds:
		return z, z.Reset(r)
	default:
		return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(s.cfg.Limits.DecodedBytes)),
			zstd.WithDecoderMaxWindow(zstdWindow), zstd.WithDecoderLowmem(true))
	}
}

func (s *Server) zstdDone(z *zstd.Decoder) {
	if err := z.Reset(nil); err != nil && !errors.Is(err, zstd.ErrDecoderNilInput) {
		z.Close()
		return
	}
	select {
	case s.zstds <- z:
	default:
		z.Close()
	}
}
