// SPDX-License-Identifier: Apache-2.0

//go:build !js

package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/counterfoil/counterfoil/pack"
	"github.com/counterfoil/counterfoil/proof"
	"github.com/counterfoil/counterfoil/verify"
)

const usage = `counterfoil-verify checks Counterfoil receipts and evidence packs offline.

Usage:
  counterfoil-verify receipt --trust FILE [--json] RECEIPT…
  counterfoil-verify pack --trust FILE [--json] PACK…
  counterfoil-verify version

RECEIPT is a receipt file, a folder of them, or - for standard input.
PACK is an evidence pack: a zip file, or its folder.
FILE is the trust policy: get it, or compare it, another way than what it judges.

Exit status: 0 all valid, 1 something is not valid (each is named), 2 usage.

Example:
  counterfoil-verify receipt --trust trust.txt refund-4711.receipt.json
  counterfoil-verify pack --trust trust.txt pack.zip
`

// run is main without the process.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return 2
	}
	switch args[0] {
	case "receipt", "pack":
		return runReceipt(args[0], args[1:], stdin, stdout, stderr)
	case "version", "--version":
		fmt.Fprintln(stdout, "counterfoil-verify", version())
		return 0
	case "help", "-h", "--help":
		fmt.Fprint(stdout, usage)
		return 0
	}
	return complain(stderr, "run counterfoil-verify help", "unknown command %q", args[0])
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return "unknown"
}

// complain prints one line and a hint, and returns the exit status of usage.
func complain(w io.Writer, hint, format string, args ...any) int {
	fmt.Fprintf(w, "counterfoil-verify: "+format+"\n", args...)
	if hint != "" {
		fmt.Fprintln(w, "hint:", hint)
	}
	return 2
}

// session is one run of the receipt command.
type session struct {
	set    *verify.Set
	json   *json.Encoder // nil: for people
	out    io.Writer
	failed int
}

func runReceipt(what string, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet(what, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	trustFile := flags.String("trust", "", "")
	asJSON := flags.Bool("json", false, "")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprint(stdout, usage)
			return 0
		}
		return complain(stderr, "run counterfoil-verify help", "%v", err)
	}
	if *trustFile == "" {
		return complain(stderr, "ask the log's operator for `counterfoil key trust`, and compare it with a second source", "--trust FILE is missing")
	}
	if flags.NArg() == 0 {
		return complain(stderr, map[string]string{"receipt": "name a receipt file, a folder, or - for standard input", "pack": "name a zip file, or the folder of a pack"}[what], "there is no %s to check", what)
	}
	b, err := os.ReadFile(*trustFile)
	if err != nil {
		return complain(stderr, "name the trust policy that you keep", "%v", err)
	}
	trust, err := proof.ParseTrust(b)
	if err != nil {
		return complain(stderr, "the file must hold a line `log <verifier key>`", "%s: %v", *trustFile, err)
	}
	s := &session{set: verify.NewSet(trust), out: stdout}
	if *asJSON {
		s.json = json.NewEncoder(stdout)
	}
	for _, name := range flags.Args() {
		check := func() error { return s.check(name, stdin) }
		if what == "pack" {
			check = func() error { return s.pack(name, trust) }
		}
		if err := check(); err != nil {
			return complain(stderr, "nothing is said about what could not be read", "%v", err)
		}
	}
	return s.finish()
}

func (s *session) check(name string, stdin io.Reader) error {
	if name == "-" {
		b, err := io.ReadAll(io.LimitReader(stdin, proof.MaxReceipt+1))
		if err != nil {
			return err
		}
		return s.show("standard input", s.set.Add(name, b))
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return s.set.Dir(os.DirFS(name), s.show)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	return s.show(name, s.set.Add(name, b))
}

// pack checks one evidence pack.
func (s *session) pack(name string, trust *proof.Trust) error {
	fsys, closer, err := pack.Open(name)
	if err != nil {
		return err
	}
	r := pack.Verify(fsys, trust, nil)
	if !r.Valid {
		s.failed++
	}
	if err := closer.Close(); err != nil {
		return err
	}
	if s.json != nil {
		return s.json.Encode(struct {
			File string `json:"file"`
			*pack.Report
		}{name, r})
	}
	return pack.Print(s.out, name, r)
}

func (s *session) show(name string, r verify.Result) error {
	if !r.Valid {
		s.failed++
	}
	if s.json != nil {
		return s.json.Encode(struct {
			File string `json:"file"`
			verify.Result
		}{name, r})
	}
	return verify.Print(s.out, name, r)
}

func (s *session) finish() int {
	if s.json == nil && s.set.Count() > 1 {
		fmt.Fprintf(s.out, "%d receipts, %d valid, %d not valid\n", s.set.Count(), s.set.Count()-s.failed, s.failed)
	}
	if s.failed > 0 {
		return 1
	}
	return 0
}
