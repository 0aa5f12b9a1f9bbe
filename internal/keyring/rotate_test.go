// SPDX-License-Identifier: Apache-2.0

package keyring_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/counterfoil/counterfoil/internal/keyring"
)

// TestRotationModel drives two nodes on one file through any order of steps. A
// blob opens where its master is in the node's memory or in the file.
func TestRotationModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		ok(t, err)
		path := filepath.Join(dir, "main.key")
		nodes := []*keyring.Keyring{must(keyring.Create(path))(t), must(keyring.Open(path))(t)}
		file, next := []int{0}, 1
		memory := [][]int{{0}, {0}} // generations, the current one first
		type blob struct {
			gen  int
			data []byte
		}
		var blobs []blob
		node := rapid.IntRange(0, 1)
		rt.Repeat(map[string]func(*rapid.T){
			"add": func(rt *rapid.T) {
				n := node.Draw(rt, "node")
				ok(t, nodes[n].AddCurrent(t.Context(), ""))
				file = append([]int{next}, file...)
				next++
				memory[n] = file
			},
			"drop": func(rt *rapid.T) {
				n := node.Draw(rt, "node")
				err := nodes[n].DropOld(t.Context())
				if memory[n][0] != file[0] {
					if !errors.Is(err, keyring.ErrRotated) {
						rt.Fatalf("drop by a node that is behind: %v", err)
					}
					return
				}
				ok(t, err)
				file = file[:1]
				memory[n] = file
			},
			"reload": func(rt *rapid.T) {
				n := node.Draw(rt, "node")
				ok(t, nodes[n].Reload(t.Context()))
				memory[n] = file
			},
			"wrap": func(rt *rapid.T) {
				n := node.Draw(rt, "node")
				blobs = append(blobs, blob{memory[n][0], nodes[n].Wrap("test", secret)})
			},
			"unwrap": func(rt *rapid.T) {
				if len(blobs) == 0 {
					return
				}
				n, b := node.Draw(rt, "node"), rapid.SampledFrom(blobs).Draw(rt, "blob")
				if got := nodes[n].IsCurrent("test", b.data); got != (memory[n][0] == b.gen) {
					rt.Fatalf("IsCurrent: %v", got)
				}
				if !slices.Contains(memory[n], b.gen) {
					memory[n] = file
				}
				_, err := nodes[n].Unwrap("test", b.data)
				if want := slices.Contains(memory[n], b.gen); (err == nil) != want {
					rt.Fatalf("generation %d, memory %v: %v", b.gen, memory[n], err)
				}
			},
			"": func(rt *rapid.T) {
				for n := range nodes {
					if nodes[n].Masters() != len(memory[n]) {
						rt.Fatalf("node %d has %d masters, want %v", n, nodes[n].Masters(), memory[n])
					}
				}
			},
		})
	})
}

// TestConcurrent wraps and unwraps on two nodes while both rotate: no blob is
// ever without its master, and no added master is lost.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	path := keyFile(t)
	nodes := []*keyring.Keyring{must(keyring.Create(path))(t), must(keyring.Open(path))(t)}
	const rotations, workers, blobs = 6, 4, 150
	var wg sync.WaitGroup
	for _, k := range nodes {
		wg.Go(func() {
			for range rotations {
				if err := k.AddCurrent(t.Context(), ""); err != nil {
					t.Error(err)
				}
			}
		})
		for range workers {
			wg.Go(func() {
				for i := range blobs {
					blob := nodes[i%2].Wrap("test", secret)
					if got, err := k.Unwrap("test", blob); err != nil || string(got) != string(secret) {
						t.Errorf("unwrap: %v", err)
						return
					}
					k.IsCurrent("test", blob)
				}
			})
		}
	}
	wg.Wait()
	if n := must(keyring.Open(path))(t).Masters(); n != 1+2*rotations {
		t.Errorf("%d masters in the file, want %d", n, 1+2*rotations)
	}
}

func TestRotationKeepsFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	target, path := filepath.Join(dir, "target.key"), filepath.Join(dir, "main.key")
	must(keyring.Create(target))(t)
	ok(t, os.Symlink("target.key", path))
	k := must(keyring.Open(path))(t)
	old := k.Wrap("test", secret)
	before := read(t, path)
	ok(t, k.AddCurrent(t.Context(), ""))
	if after := read(t, target); !strings.HasSuffix(after, "\n"+before) || strings.Count(after, "\n") != 2 {
		t.Error("the old line does not follow the new one")
	}
	if info := must(os.Lstat(path))(t); info.Mode()&os.ModeSymlink == 0 {
		t.Error("the link was replaced")
	}
	if info := must(os.Stat(path))(t); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	opens(t, k, old)
	if k.IsCurrent("test", old) || !k.IsCurrent("test", k.Wrap("test", secret)) || k.IsCurrent("other", k.Wrap("test", secret)) {
		t.Error("IsCurrent is wrong")
	}
	ok(t, k.DropOld(t.Context()))
	ok(t, k.DropOld(t.Context())) // nothing is left to do
	if _, err := k.Unwrap("test", old); err == nil {
		t.Error("opened after the drop")
	}
	opens(t, must(keyring.Open(path))(t), k.Wrap("test", secret))
}

// TestRotationFails asserts that a rotation that can not write leaves the file
// and the keyring as they were.
func TestRotationFails(t *testing.T) {
	t.Parallel()
	path := keyFile(t)
	k := must(keyring.Create(path))(t)
	ok(t, k.AddCurrent(t.Context(), ""))
	before, blob := read(t, path), k.Wrap("test", secret)
	ok(t, os.MkdirAll(filepath.Join(path+".new", "in the way"), 0o700))
	if err := k.AddCurrent(t.Context(), ""); err == nil {
		t.Error("added without a place to write")
	}
	if err := k.DropOld(t.Context()); err == nil {
		t.Error("dropped without a place to write")
	}
	if read(t, path) != before || !k.IsCurrent("test", blob) || k.Masters() != 2 {
		t.Error("a failed rotation changed something")
	}
	ok(t, os.RemoveAll(path+".new"))
	ok(t, os.WriteFile(path+".new", []byte(before[:20]), 0o644)) // as a crash leaves it
	opens(t, must(keyring.Open(path))(t), blob)
	ok(t, k.AddCurrent(t.Context(), ""))
	if _, err := os.Lstat(path + ".new"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the temporary file: %v", err)
	}
	ok(t, os.Remove(path))
	if _, err := k.Unwrap("other", blob); err == nil || !strings.Contains(err.Error(), "reload key file") {
		t.Errorf("unwrap without the file: %v", err)
	}
	opens(t, k, blob)
}

func TestNoFile(t *testing.T) {
	t.Parallel()
	path := keyFile(t)
	onDisk := must(keyring.Create(path))(t)
	ok(t, onDisk.AddCurrent(t.Context(), ""))
	k := must(keyring.Parse(read(t, path)))(t)
	opens(t, k, onDisk.Wrap("test", secret))
	if k.Masters() != 2 {
		t.Errorf("%d masters", k.Masters())
	}
	if err := k.AddCurrent(t.Context(), ""); !errors.Is(err, keyring.ErrNoFile) {
		t.Errorf("add: %v", err)
	}
	if err := k.DropOld(t.Context()); !errors.Is(err, keyring.ErrNoFile) {
		t.Errorf("drop: %v", err)
	}
	ok(t, k.Reload(t.Context()))
	if _, err := k.Unwrap("other", k.Wrap("test", secret)); err == nil {
		t.Error("opened under another purpose")
	}
}
