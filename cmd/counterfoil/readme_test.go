// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

var shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")

// TestReadme runs the tour of the README as a new user would: in a copy of the
// repository's sources, one command after the other, in one shell.
func TestReadme(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var tour strings.Builder
	blocks := shellBlock.FindAllStringSubmatch(string(text), -1)
	for _, b := range blocks {
		tour.WriteString(b[1])
	}
	if len(blocks) < 5 {
		t.Fatalf("the tour has %d blocks", len(blocks))
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	work := t.TempDir()
	script := strings.NewReplacer("127.0.0.1:8780", address, "go build -o bin/ ./cmd/...", "go build -C "+root+" -o "+work+"/bin/ ./cmd/...", "counterfoil serve --data trail --open &", "counterfoil serve --data trail --open --listen "+address+" &").
		Replace(tour.String())
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-m", "-e", "-o", "pipefail", "-c", script+"\nwait\n")
	cmd.Dir = work
	cmd.Env = append(os.Environ(), "COUNTERFOIL_DATA=", "COUNTERFOIL_DATABASE=")
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{`"checkpoint":"counterfoil.local/main`, `"proof":`, "1 record appended", "refund-0001-o1", "customer:4711", "VALID", "older than 30 days", "WHOLE", "verified absent", "erased", "0 missed", "0 failures"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the tour never prints %q", want)
		}
	}
	for _, file := range []string{"refund.receipt.json", "refund.html", "trust.txt"} {
		if _, err := os.Stat(filepath.Join(work, file)); err != nil {
			t.Error(err)
		}
	}
	if t.Failed() {
		t.Logf("%s", out)
	}
}

// TestMakefile holds what the README says of make against the Makefile.
func TestMakefile(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"demo", "test"} {
		cmd := exec.CommandContext(t.Context(), "make", "-n", "-C", "../..", target)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("make %s: %v\n%s", target, err, out)
		}
	}
}
