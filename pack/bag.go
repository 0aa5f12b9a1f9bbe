// SPDX-License-Identifier: Apache-2.0

package pack

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// Names of files of a pack (RFC 8493 and docs/format.md).
const (
	fileBagIt    = "bagit.txt"
	fileInfo     = "bag-info.txt"
	fileTags     = "tagmanifest-sha256.txt"
	fileEnvelope = "pack.dsse.json"
	fileStamp    = "pack.tsr"

	FileSelection   = "data/selection.json"
	FileCheckpoint  = "data/checkpoints/checkpoint"
	FileToken       = "data/timestamps/checkpoint.tsr"
	FileLeaves      = "data/leaves.jsonl"
	FileRecords     = "data/records.jsonl"
	FileDisclosures = "data/disclosures.jsonl"
	FileTombstones  = "data/tombstones.jsonl"
	FileCustody     = "data/custody.jsonl"
	FileTrust       = "data/trust/policy.txt"
	dirProofs       = "data/proofs/"
)

// ProofFile is where the proof of the record at an index stands.
func ProofFile(index int64) string { return fmt.Sprintf("%s%d.tlog-proof", dirProofs, index) }

var bagit = []byte("BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")

// Sink takes the files of a pack, one after the other. Create's writer is closed
// before the next call.
type Sink interface {
	Create(name string) (io.WriteCloser, error)
}

// Writer writes the files of a pack and the manifests over them. It is not safe
// for concurrent use.
type Writer struct {
	sink  Sink
	sums  map[string][2][]byte // SHA-256 and SHA-512, by name
	bytes int64
}

// NewWriter begins a pack.
func NewWriter(s Sink) *Writer { return &Writer{sink: s, sums: map[string][2][]byte{}} }

// Create begins a file, whose writer must be closed before the next.
func (w *Writer) Create(name string) (io.WriteCloser, error) {
	if _, twice := w.sums[name]; twice || !safeName(name) {
		return nil, fmt.Errorf("write pack: a file can not be called %q", name)
	}
	f, err := w.sink.Create(name)
	if err != nil {
		return nil, fmt.Errorf("write pack: %w", err)
	}
	return &summed{w: w, name: name, file: f, a: sha256.New(), b: sha512.New()}, nil
}

// Put writes a whole file.
func (w *Writer) Put(name string, content []byte) error {
	f, err := w.Create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}

type summed struct {
	w    *Writer
	name string
	file io.WriteCloser
	a, b hash.Hash
}

func (s *summed) Write(b []byte) (int, error) {
	s.a.Write(b)
	s.b.Write(b)
	if strings.HasPrefix(s.name, "data/") {
		s.w.bytes += int64(len(b))
	}
	return s.file.Write(b)
}

func (s *summed) Close() error {
	s.w.sums[s.name] = [2][]byte{s.a.Sum(nil), s.b.Sum(nil)}
	return s.file.Close()
}

// Finish writes the manifests and what signs them; sign gets the SHA-256 of the
// tag manifest and gives the envelope, stamp may be nil.
func (w *Writer) Finish(info [][2]string, sign func(digest []byte) ([]byte, error), stamp func(envelope []byte) ([]byte, error)) error {
	payload := 0
	var text bytes.Buffer
	for name := range w.sums {
		if strings.HasPrefix(name, "data/") {
			payload++
		}
	}
	for _, line := range append(info, [2]string{"Payload-Oxum", fmt.Sprintf("%d.%d", w.bytes, payload)}) {
		fmt.Fprintf(&text, "%s: %s\n", line[0], line[1])
	}
	steps := []func() error{
		func() error { return w.Put(fileBagIt, bagit) },
		func() error { return w.Put(fileInfo, text.Bytes()) },
		func() error { return w.Put("manifest-sha256.txt", w.manifest(0, true)) },
		func() error { return w.Put("manifest-sha512.txt", w.manifest(1, true)) },
		func() error { return w.Put(fileTags, w.manifest(0, false)) },
		func() error {
			digest := w.sums[fileTags][0]
			envelope, err := sign(digest)
			if err != nil {
				return err
			}
			if err := w.Put(fileEnvelope, envelope); err != nil || stamp == nil {
				return err
			}
			token, err := stamp(envelope)
			if err != nil {
				return err
			}
			return w.Put(fileStamp, token)
		},
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// manifest lists the digests of the payload, or of all else.
func (w *Writer) manifest(sum int, payload bool) []byte {
	var out bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(w.sums)) {
		if strings.HasPrefix(name, "data/") == payload {
			fmt.Fprintf(&out, "%x  %s\n", w.sums[name][sum], name)
		}
	}
	return out.Bytes()
}

// safeName says whether a name needs no escaping anywhere.
func safeName(name string) bool {
	return fs.ValidPath(name) && !strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-/", r))
	})
}

// checkFiles holds every file against the manifests.
func (c *check) checkFiles() {
	before := len(c.r.Faults)
	have := map[string]bool{}
	err := fs.WalkDir(c.fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || d.IsDir():
			return err
		case !d.Type().IsRegular() || !safeName(name):
			c.fault(BadFile, name, 0, "", "it is not a file that a pack may have")
		default:
			have[name] = true
		}
		return nil
	})
	if err != nil {
		c.fault(BadFile, "", 0, "", "the files can not be listed: %v", err)
		return
	}
	if b, _ := fs.ReadFile(c.fsys, fileBagIt); !bytes.Equal(b, bagit) {
		c.fault(BadFile, fileBagIt, 0, "", "it is not that of a pack")
	}
	payload := c.manifest("manifest-sha256.txt", sha256.Size)
	again := c.manifest("manifest-sha512.txt", sha512.Size)
	tags := c.manifest(fileTags, sha256.Size)
	for _, name := range slices.Sorted(maps.Keys(have)) {
		switch {
		case name == fileTags || name == fileEnvelope || name == fileStamp:
		case strings.HasPrefix(name, "data/"):
			c.checkFile(name, payload[name], again[name])
		default:
			c.checkFile(name, tags[name], nil)
		}
	}
	for _, m := range []map[string][]byte{payload, tags} {
		for _, name := range slices.Sorted(maps.Keys(m)) {
			if !have[name] {
				c.fault(BadFile, name, 0, "", "it is missing")
			}
		}
	}
	c.files = have
	if len(c.r.Faults) == before {
		c.pass("files", "%d files are as the manifests say, and there is no other", len(have))
	}
}

func (c *check) checkFile(name string, want256, want512 []byte) {
	if want256 == nil {
		c.fault(BadFile, name, 0, "", "no manifest names it: it was added")
		return
	}
	f, err := c.fsys.Open(name)
	if err == nil {
		a, b := sha256.New(), sha512.New()
		_, err = io.Copy(io.MultiWriter(a, b), f)
		err = errors.Join(err, f.Close())
		if err == nil && (!bytes.Equal(a.Sum(nil), want256) || strings.HasPrefix(name, "data/") && !bytes.Equal(b.Sum(nil), want512)) {
			c.fault(BadFile, name, 0, "", "it was changed: its digest is another")
			return
		}
	}
	if err != nil {
		c.fault(BadFile, name, 0, "", "it can not be read: %v", err)
	}
}

// manifest reads a manifest: lines of a digest, two spaces and a name, sorted.
func (c *check) manifest(name string, size int) map[string][]byte {
	out := map[string][]byte{}
	f, err := c.fsys.Open(name)
	if err != nil {
		c.fault(BadFile, name, 0, "", "it is missing")
		return out
	}
	defer func() { _ = f.Close() }() // it was only read
	lines, before := bufio.NewScanner(f), ""
	for n := int64(1); lines.Scan(); n++ {
		sum, file, ok := strings.Cut(lines.Text(), "  ")
		digest, err := hex.DecodeString(sum)
		if !ok || err != nil || len(digest) != size || !safeName(file) || file <= before {
			c.fault(BadFile, name, n, "", "the line is not a digest and a name, in order")
			continue
		}
		before, out[file] = file, digest
	}
	if lines.Err() != nil {
		c.fault(BadFile, name, 0, "", "it can not be read: %v", lines.Err())
	}
	return out
}
