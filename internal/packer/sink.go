// SPDX-License-Identifier: Apache-2.0

package packer

import (
	"archive/zip"
	"fmt"
	"io"
	"time"
)

// Zip is a sink that writes a zip file with one folder in it. The same files give
// the same bytes: there are no times in it.
type Zip struct {
	z   *zip.Writer
	top string
}

// NewZip begins a zip file; top is the name of the folder.
func NewZip(w io.Writer, top string) *Zip { return &Zip{zip.NewWriter(w), top} }

// Create implements [pack.Sink].
func (z *Zip) Create(name string) (io.WriteCloser, error) {
	w, err := z.z.CreateHeader(&zip.FileHeader{Name: z.top + "/" + name, Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		return nil, fmt.Errorf("write zip file: %w", err)
	}
	return open{w}, nil
}

// Close ends the file.
func (z *Zip) Close() error { return z.z.Close() }

// open is a file that the next one ends.
type open struct{ io.Writer }

func (open) Close() error { return nil }
