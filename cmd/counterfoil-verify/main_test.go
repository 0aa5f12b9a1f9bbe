// SPDX-License-Identifier: Apache-2.0

//go:build !js

package main

import (
	"go/build"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes the test binary the real binary, too: scripts run it as
// counterfoil-verify.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"counterfoil-verify": main})
}

// vectors is the folder of the published vectors.
func vectors(t testing.TB) string {
	t.Helper()
	dir, err := filepath.Abs("../../testdata/vectors")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("VECTORS", filepath.Join(vectors(t), "receipts"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"status": status},
	})
}

// status CODE PROGRAM ARGS… wants a program to end with that exit status.
func status(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if err != nil {
		_, code, ok := strings.Cut(err.Error(), "exit status ")
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = code
	}
	if got != args[0] {
		ts.Fatalf("exit status %s, want %s", got, args[0])
	}
}

const module = "github.com/counterfoil/counterfoil/"

// TestImports follows all imports within the module, for the command line and
// for the page: an auditor has to read record, proof and verify, and no more.
func TestImports(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	foreign := []string{"github.com/go-json-experiment/json", "golang.org/x/mod/sumdb/", "filippo.io/torchwood"}
	forbidden := []string{"net/http", "net", "os/exec", "database/sql", "plugin", "unsafe", "C"}
	for _, platform := range [][2]string{{"linux", "amd64"}, {"js", "wasm"}} {
		c := build.Default
		c.GOOS, c.GOARCH, c.CgoEnabled = platform[0], platform[1], false
		rooms := []string{"cmd/counterfoil-verify"}
		for i := 0; i < len(rooms); i++ {
			p, err := c.ImportDir(filepath.Join(root, rooms[i]), 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, im := range p.Imports {
				room, ours := strings.CutPrefix(im, module)
				switch {
				case ours && !slices.Contains(rooms, room):
					rooms = append(rooms, room)
				case ours:
				case slices.Contains(forbidden, im):
					t.Errorf("%s imports %s", rooms[i], im)
				case strings.Contains(strings.Split(im, "/")[0], ".") && !slices.ContainsFunc(foreign, func(f string) bool { return strings.HasPrefix(im, f) }):
					t.Errorf("%s imports %s", rooms[i], im)
				}
			}
		}
		slices.Sort(rooms)
		want := []string{"cmd/counterfoil-verify", "proof", "record", "verify"}
		if platform[0] != "js" { // a page checks receipts only
			want = []string{"cmd/counterfoil-verify", "pack", "proof", "record", "verify"}
		}
		if !slices.Equal(rooms, want) {
			t.Errorf("%s: made of %v, want %v", platform[0], rooms, want)
		}
	}
}

// require skips a test that lacks something, or fails it where nothing may be
// lacking.
func require(t *testing.T, ok bool, what string) {
	t.Helper()
	switch {
	case ok:
	case os.Getenv("COUNTERFOIL_TEST_REQUIRE") == "1":
		t.Fatalf("%s is missing", what)
	default:
		t.Skipf("%s is missing", what)
	}
}
