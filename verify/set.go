// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/counterfoil/counterfoil/proof"
)

// Set judges many receipts and holds them against each other: two statements at
// one index, one record at two, or two roots of one size show that the log was
// forked, though each receipt may be valid alone. It is not safe for concurrent
// use.
type Set struct {
	v       *Verifier
	byIndex map[place]member
	byID    map[named]member
	roots   map[place]sized
	count   int
}

type place struct {
	origin string
	n      int64
}

type named struct{ origin, id string }

type member struct {
	name      string
	index     int64
	statement []byte
}

type sized struct {
	name string
	root tlog.Hash
}

// NewSet makes an empty set.
func NewSet(t *proof.Trust) *Set {
	return &Set{v: New(t), byIndex: map[place]member{}, byID: map[named]member{}, roots: map[place]sized{}}
}

// Count is how many receipts were judged.
func (s *Set) Count() int { return s.count }

// Add judges one more receipt; name is what to call it.
func (s *Set) Add(name string, data []byte) Result {
	r := s.v.Receipt(data)
	s.count++
	if !r.Valid {
		return r
	}
	m := member{name: name, index: r.Index, statement: r.statement}
	if old, ok := s.byIndex[place{r.Origin, r.Index}]; ok && !bytes.Equal(old.statement, r.statement) {
		s.contradict(&r, "%s has another statement at index %d: the log was forked", old.name, r.Index)
	}
	if old, ok := s.byID[named{r.Origin, r.ID}]; ok && old.index != r.Index {
		s.contradict(&r, "%s has record %s at index %d: the log was forked", old.name, r.ID, old.index)
	}
	if old, ok := s.roots[place{r.Origin, r.Size}]; ok && old.root != r.checkpoint.Root {
		s.contradict(&r, "%s has another root for size %d: the log was forked", old.name, r.Size)
	}
	s.byIndex[place{r.Origin, r.Index}], s.byID[named{r.Origin, r.ID}] = m, m
	s.roots[place{r.Origin, r.Size}] = sized{name, r.checkpoint.Root}
	return r
}

func (s *Set) contradict(r *Result, format string, args ...any) {
	r.Valid = false
	r.fail("agreement", Contradiction, 2, "", format, args...)
}

// Dir judges every *.json file below the root of fsys and calls each with its
// path and result, in order. An empty folder is an error: nothing was checked.
func (s *Set) Dir(fsys fs.FS, each func(name string, r Result) error) error {
	before := s.count
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(p) != ".json" || strings.HasPrefix(path.Base(p), ".") {
			return err
		}
		data, err := fs.ReadFile(fsys, p)
		if err != nil {
			return err
		}
		return each(p, s.Add(p, data))
	})
	if err != nil {
		return fmt.Errorf("read receipts: %w", err)
	}
	if s.count == before {
		return fmt.Errorf("read receipts: there is no .json file: nothing was checked")
	}
	return nil
}
