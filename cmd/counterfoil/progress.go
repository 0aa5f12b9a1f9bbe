// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"

	"github.com/schollz/progressbar/v3"
)

// bar draws progress on a terminal and nothing elsewhere.
type bar struct{ b *progressbar.ProgressBar }

// newBar makes a bar of total steps; bytes says that they are bytes.
func (c *cli) newBar(total int64, what string, bytes bool) *bar {
	if !isTerminal(c.err) || c.json {
		return &bar{}
	}
	opts := []progressbar.Option{progressbar.OptionSetWriter(c.err), progressbar.OptionSetDescription(what), progressbar.OptionSetWidth(30),
		progressbar.OptionThrottle(100e6), progressbar.OptionClearOnFinish(), progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true)}
	if bytes {
		opts = append(opts, progressbar.OptionShowBytes(true))
	}
	return &bar{progressbar.NewOptions64(total, opts...)}
}

func (b *bar) set(n int64) {
	if b.b != nil {
		_ = b.b.Set64(n) // drawing is best effort
	}
}

func (b *bar) add(n int64) {
	if b.b != nil {
		_ = b.b.Add64(n) // drawing is best effort
	}
}

func (b *bar) done() {
	if b.b != nil {
		_ = b.b.Finish() // drawing is best effort
	}
}

// reader counts what is read through it.
func (b *bar) reader(r io.Reader) io.Reader { return &barReader{r, b} }

type barReader struct {
	io.Reader
	b *bar
}

func (r *barReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.b.add(int64(n))
	return n, err
}
