// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/internal/app"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

func document(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("../..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestSettingsAreDocumented holds the configuration against the manual.
func TestSettingsAreDocumented(t *testing.T) {
	t.Parallel()
	manual := document(t, "docs/operations.md")
	settings := 0
	for field := range reflect.TypeFor[app.Config]().Fields() {
		name := field.Tag.Get("yaml")
		if name == "-" {
			continue
		}
		settings++
		if !strings.Contains(manual, "\n| `"+name+"` |") {
			t.Errorf("docs/operations.md does not explain the setting %s", name)
		}
	}
	if settings < 5 {
		t.Errorf("found %d settings", settings)
	}
	for _, code := range []ledger.Code{ledger.Conflict, ledger.Busy, ledger.Unavailable, ledger.Full, ledger.NotFound, ledger.Closed, ledger.Locked,
		ledger.NewerSchema, ledger.Invalid, ledger.Internal} {
		if !strings.Contains(manual, "`"+string(code)+"`") {
			t.Errorf("docs/operations.md does not explain the error %s", code)
		}
	}
}

// TestCommandsAreDocumented holds the list in the change log against the binary.
func TestCommandsAreDocumented(t *testing.T) {
	t.Parallel()
	changes := document(t, "CHANGELOG.md")
	c := &cli{out: new(bytes.Buffer), err: new(bytes.Buffer)}
	for _, cmd := range c.root().Commands() {
		if !strings.Contains(changes, cmd.Name()) && cmd.Name() != "help" && cmd.Name() != "completion" {
			t.Errorf("CHANGELOG.md does not name the command %s", cmd.Name())
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)#]+)(?:#[^)]*)?\)`)

// TestLinks follows every relative link of the documents.
func TestLinks(t *testing.T) {
	t.Parallel()
	found := 0
	for _, pattern := range []string{"*.md", "docs/*.md", "examples/*.md", "testdata/vectors/*.md"} {
		files, err := filepath.Glob(filepath.Join("../..", pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range link.FindAllStringSubmatch(string(b), -1) {
				if strings.Contains(m[1], "://") {
					continue
				}
				found++
				if _, err := os.Stat(filepath.Join(filepath.Dir(file), m[1])); err != nil {
					t.Errorf("%s links to %s, which is not there", file, m[1])
				}
			}
		}
	}
	if found < 10 {
		t.Errorf("found %d links", found)
	}
}
