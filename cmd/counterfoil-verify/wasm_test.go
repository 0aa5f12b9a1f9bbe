// SPDX-License-Identifier: Apache-2.0

//go:build !js

package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/proof"
	"github.com/counterfoil/counterfoil/verify"
)

// buildWASM builds the verifier for pages, and finds the support script of the
// Go that built it.
func buildWASM(t *testing.T) (wasm, support string) {
	t.Helper()
	goCommand, err := exec.LookPath("go")
	require(t, err == nil, "the go command")
	wasm = filepath.Join(t.TempDir(), "verify.wasm")
	cmd := exec.CommandContext(t.Context(), goCommand, "build", "-trimpath", "-o", wasm, ".")
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build for js and wasm: %v\n%s", err, out)
	}
	root, err := exec.CommandContext(t.Context(), goCommand, "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	return wasm, filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec.js")
}

// harness loads the verifier as a page would, judges what it is told to on
// standard input, and prints the answers.
//
//go:embed testdata/wasm.cjs
var harness string

// TestWASM lets the verifier for pages judge every receipt of the vectors, and
// wants the very result that package verify gives.
func TestWASM(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	require(t, err == nil, "node")
	wasm, support := buildWASM(t)
	dir := filepath.Join(vectors(t), "receipts")
	b, err := os.ReadFile(filepath.Join(vectors(t), "receipts.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []struct {
		Name, File, Trust string
		Expect            struct{ Valid bool }
	}
	if err := json.Unmarshal(b, &all); err != nil || len(all) < 25 {
		t.Fatalf("%d vectors, %v", len(all), err)
	}
	cmd := exec.CommandContext(t.Context(), node, "-e", harness, support, wasm, dir)
	cmd.Stdin = bytes.NewReader(b)
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, complaints.String())
	}
	var got []json.RawMessage
	if err := json.Unmarshal(out, &got); err != nil || len(got) != len(all) {
		t.Fatalf("%d answers to %d questions, %v", len(got), len(all), err)
	}
	for i, v := range all {
		receipt, err := os.ReadFile(filepath.Join(dir, v.File))
		if err != nil {
			t.Fatal(err)
		}
		policy, err := os.ReadFile(filepath.Join(dir, v.Trust))
		if err != nil {
			t.Fatal(err)
		}
		trust, err := proof.ParseTrust(policy)
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(verify.Receipt(receipt, trust))
		if err != nil {
			t.Fatal(err)
		}
		var page verify.Result
		if err := json.Unmarshal(got[i], &page); err != nil || page.Valid != v.Expect.Valid {
			t.Errorf("%s: valid is %v, want %v (%v)", v.Name, page.Valid, v.Expect.Valid, err)
		}
		if !bytes.Equal(got[i], want) {
			t.Errorf("%s: the page says\n%s\nwant\n%s", v.Name, got[i], want)
		}
	}
}
