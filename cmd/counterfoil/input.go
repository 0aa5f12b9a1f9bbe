// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/go-json-experiment/json/jsontext"
)

// source reads one JSON value after the other: lines, a pretty document, or the
// elements of an array. It does not judge the values.
type source struct {
	name  string
	dec   *jsontext.Decoder
	lines *lineCounter
	array bool
	first bool
	done  func()
}

// lineCounter knows at which line each byte stands.
type lineCounter struct {
	r      io.Reader
	offset int64
	breaks []int64 // offsets of line breaks that were read and not passed yet
	line   int
}

func (l *lineCounter) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	for i, b := range p[:n] {
		if b == '\n' {
			l.breaks = append(l.breaks, l.offset+int64(i))
		}
	}
	l.offset += int64(n)
	return n, err
}

// at is the line, from 1, of a byte that is not before the last one asked for.
func (l *lineCounter) at(offset int64) int {
	n := 0
	for n < len(l.breaks) && l.breaks[n] < offset {
		n++
	}
	l.breaks, l.line = l.breaks[n:], l.line+n
	return l.line + 1
}

// open opens a file, or standard input for "-", and undoes gzip.
func (c *cli) open(name string) (*source, error) {
	in, size, closeFile := c.in, int64(-1), func() {}
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		closeFile = func() { f.Close() }
		if info, err := f.Stat(); err == nil {
			size = info.Size()
		}
		in = f
	}
	b := c.newBar(size, "appending", true)
	buf := bufio.NewReaderSize(b.reader(in), 1<<16)
	var r io.Reader = buf
	if magic, err := buf.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(buf)
		if err != nil {
			closeFile()
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		r = z
	}
	lines := &lineCounter{r: r}
	return &source{name: name, lines: lines, first: true, done: func() { b.done(); closeFile() },
		dec: jsontext.NewDecoder(lines, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))}, nil
}

func (s *source) close() { s.done() }

// next returns the next value and its line, or io.EOF.
func (s *source) next() ([]byte, int, error) {
	if s.first {
		s.first = false
		if s.dec.PeekKind() == '[' {
			s.array = true
			if _, err := s.dec.ReadToken(); err != nil {
				return nil, 0, s.wrong(err)
			}
		}
	}
	if s.array && s.dec.PeekKind() == ']' {
		if _, err := s.dec.ReadToken(); err != nil {
			return nil, 0, s.wrong(err)
		}
		s.array = false
	}
	v, err := s.dec.ReadValue()
	if errors.Is(err, io.EOF) {
		return nil, 0, io.EOF
	}
	if err != nil {
		return nil, 0, s.wrong(err)
	}
	line := s.lines.at(s.dec.InputOffset() - int64(len(v)))
	return bytes.Clone(v), line, nil
}

func (s *source) wrong(err error) error {
	line := s.lines.at(s.dec.InputOffset())
	if e, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		line = s.lines.at(e.ByteOffset)
		err = errors.New("not valid JSON")
		if e.Err != nil {
			err = fmt.Errorf("not valid JSON: %w", e.Err)
		}
	}
	return &hinted{fmt.Errorf("%s:%d: %w", s.name, line, err), "each record is one JSON object; nothing from this line on was read"}
}
