// SPDX-License-Identifier: Apache-2.0

// Package floors tests the rules of the house that the compiler does not: that
// imports only go down the floors, that a public room takes on no more than an
// auditor wants to read, and some habits (DESIGN.md, CONTRIBUTING.md).
//
// It parses the sources itself: a test that runs "go list" would be cached by
// what that process read, which the go command does not see.
package floors

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

const mod = "github.com/counterfoil/counterfoil/"

// floor gives each room its floor; a room imports only rooms of lower floors.
var floor = map[string]int{
	"record": 0, "proof": 0,
	"verify": 1, "api": 1, "internal/db": 1, "internal/keyring": 1, "internal/leaf": 1,
	"client": 2, "pack": 2, "internal/tlog": 2, "internal/evidence": 2, "internal/db/dbtest": 2,
	"internal/access": 2, "internal/blob": 1, "internal/access/token": 1, "internal/keyring/kms": 2,
	"internal/ledger": 3, "internal/witness": 3,
	"internal/mapping": 4, "internal/paper": 4, "internal/demo": 4, "internal/publish": 4, "internal/audit": 4,
	"internal/custody": 4, "internal/extent": 4, "internal/ledger/ledgertest": 4, "internal/registry": 4, "internal/search": 4, "internal/challenge": 4, "internal/control": 2, "internal/oversight": 4,
	"internal/drill": 5, "internal/door": 5, "internal/reconstruct": 5, "internal/explain": 5, "internal/guard": 5, "internal/inquiry": 5, "internal/obligation": 5, "internal/packer": 5, "internal/replay": 5, "internal/sample": 5, "internal/scorecard": 2, "docs": 0,
	"internal/server": 6,
	"internal/app":    7,
	"internal/doctor": 8, "internal/bench": 8,
	"cmd/counterfoil": 9, "cmd/counterfoil-verify": 9,
}

// own lists what public rooms, and the auditor's binary, may import beside the
// standard library: rooms of ours, and named modules.
var own = map[string][]string{
	"record":                 {"github.com/go-json-experiment/json/"},
	"proof":                  {"github.com/go-json-experiment/json/", "golang.org/x/mod/sumdb/", "filippo.io/torchwood", "github.com/digitorus/"},
	"verify":                 {mod + "record", mod + "proof", "golang.org/x/mod/sumdb/"},
	"api":                    {},
	"client":                 {mod + "api", mod + "proof", mod + "record", mod + "verify"},
	"pack":                   {mod + "record", mod + "proof", mod + "verify", "golang.org/x/mod/sumdb/", "github.com/go-json-experiment/json/"},
	"cmd/counterfoil-verify": {mod + "record", mod + "proof", mod + "verify", mod + "pack"},
}

// source is one parsed file.
type source struct {
	path, room string
	text       string
	file       *ast.File
	test       bool
}

// sources parses every Go file of the module.
func sources(t *testing.T) []source {
	t.Helper()
	root := os.DirFS("../..")
	var out []source
	err := fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() && p != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if err != nil || d.IsDir() || path.Ext(p) != ".go" {
			return err
		}
		text, err := fs.ReadFile(root, p)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), p, text, parser.ParseComments)
		out = append(out, source{path: p, room: path.Dir(p), text: string(text), file: f, test: strings.HasSuffix(p, "_test.go")})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 100 {
		t.Fatalf("found only %d files", len(out))
	}
	return out
}

func imports(s source) []string {
	var out []string
	for _, im := range s.file.Imports {
		out = append(out, strings.Trim(im.Path.Value, `"`))
	}
	return out
}

func TestImportsGoDown(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		from, ok := floor[s.room]
		if !ok {
			t.Errorf("%s: room %s has no floor", s.path, s.room)
		}
		seen[s.room] = true
		for _, im := range imports(s) {
			to, ours := strings.CutPrefix(im, mod)
			if ours && floor[to] >= from {
				t.Errorf("%s (floor %d) imports %s (floor %d)", s.path, from, to, floor[to])
			}
			if strings.HasSuffix(im, "test") && ours && !strings.HasSuffix(s.room, "test") {
				t.Errorf("%s imports %s, which is for tests", s.path, to)
			}
			allow, public := own[s.room]
			foreign := strings.Contains(strings.Split(im, "/")[0], ".")
			if public && foreign && !slices.ContainsFunc(allow, func(a string) bool { return strings.HasPrefix(im+"/", a) }) {
				t.Errorf("%s: a public room imports %s", s.path, im)
			}
		}
	}
	for _, room := range slices.Sorted(maps.Keys(floor)) {
		if !seen[room] {
			t.Errorf("the table names %s, which has no source", room)
		}
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	documented := map[string]bool{}
	for _, s := range sources(t) {
		if !strings.HasPrefix(s.text, "// SPDX-License-Identifier: Apache-2.0\n") {
			t.Errorf("%s: begin it with // SPDX-License-Identifier: Apache-2.0", s.path)
		}
		if s.file.Doc != nil {
			documented[s.room] = true
		}
	}
	for _, room := range slices.Sorted(maps.Keys(floor)) {
		if !documented[room] {
			t.Errorf("%s has no package comment", room)
		}
	}
}

// TestHabits finds what reviews should not have to look for.
func TestHabits(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if lines := strings.Count(s.text, "\n"); !s.test && lines > 450 {
			t.Errorf("%s has %d lines: a file is one idea", s.path, lines)
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			x, _ := sel.X.(*ast.Ident)
			if x == nil {
				return true
			}
			switch name := x.Name + "." + sel.Sel.Name; {
			case name == "time.Sleep":
				t.Errorf("%s: %s: wait for what you wait for", s.path, name)
			case !s.test && !strings.HasPrefix(s.room, "cmd/") && (name == "os.Exit" || name == "os.Getenv" || strings.HasPrefix(name, "log.") && x.Obj == nil && slices.Contains(imports(s), "log")):
				if !strings.HasSuffix(s.room, "test") {
					t.Errorf("%s: %s: libraries do not exit, log or read the environment", s.path, name)
				}
			}
			return true
		})
		for _, decl := range s.file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || s.test {
				continue
			}
			if f.Name.Name == "init" && f.Recv == nil {
				t.Errorf("%s: init: nothing happens on import", s.path)
			}
			if f.Recv == nil && f.Name.IsExported() && f.Doc == nil {
				t.Errorf("%s: %s has no doc comment", s.path, f.Name.Name)
			}
		}
	}
}
