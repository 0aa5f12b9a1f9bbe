// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/counterfoil/counterfoil/internal/db/dbtest"
)

// TestMain makes the test binary the real binary, too: scripts run it as
// counterfoil.
func TestMain(m *testing.M) {
	testscript.Main(tests{m}, map[string]func(){"counterfoil": main})
}

// tests runs the tests with a PostgreSQL server at hand.
type tests struct{ m *testing.M }

func (t tests) Run() int { return dbtest.Main(t.m) }

func TestScripts(t *testing.T) {
	t.Parallel()
	runScripts(t, "testdata/script", "")
}

// TestPostgresScripts runs the scripts that need a server, each file in the
// same empty database.
func TestPostgresScripts(t *testing.T) {
	t.Parallel()
	runScripts(t, "testdata/postgres", dbtest.Database(t))
}

func runScripts(t *testing.T, dir, database string) {
	t.Helper()
	repository, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	shared := cmp.Or(os.Getenv("COUNTERFOIL_SHARED"), filepath.Join(repository, "..", "shared"))
	testscript.Run(t, testscript.Params{
		Dir: dir,
		Condition: func(cond string) (bool, error) {
			if cond != "shared" {
				return false, fmt.Errorf("unknown condition %q", cond)
			}
			_, err := os.Stat(shared)
			return err == nil || os.Getenv(dbtest.Require) != "", nil
		},
		Setup: func(env *testscript.Env) error {
			env.Setenv("REPO", repository)
			env.Setenv("SHARED", shared)
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("DATABASE", database)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"freeport": freeport,
			"await":    await,
			"until":    until,
			"capture":  capture,
			"flip":     flip,
		},
	})
}

// freeport VAR sets VAR to a port of loopback that was free a moment ago.
func freeport(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	ts.Check(err)
	ts.Check(l.Close())
	ts.Setenv(args[0], port)
}

// await URL waits until a GET of it answers 200.
func await(ts *testscript.TestScript, _ bool, args []string) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, args[0], nil)
		ts.Check(err)
		if res, err := http.DefaultClient.Do(req); err == nil {
			ts.Check(res.Body.Close())
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			ts.Fatalf("%s does not answer", args[0])
		}
	}
}

// until REGEXP PROGRAM ARGS… runs a program again and again until it succeeds
// with an output that matches.
func until(ts *testscript.TestScript, _ bool, args []string) {
	pattern := regexp.MustCompile(args[0])
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := ts.Exec(args[1], args[2:]...); err == nil && pattern.MatchString(ts.ReadFile("stdout")) {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			ts.Fatalf("%v never printed %s", args[1:], pattern)
		}
	}
}

// capture VAR REGEXP sets VAR to the first group found in the last output.
func capture(ts *testscript.TestScript, _ bool, args []string) {
	found := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if len(found) < 2 {
		ts.Fatalf("no %s in the output", args[1])
	}
	ts.Setenv(args[0], found[1])
}

// flip FILE TEXT changes the first byte of TEXT wherever it stands in a file.
func flip(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	b, err := os.ReadFile(path)
	ts.Check(err)
	if !strings.Contains(string(b), args[1]) {
		ts.Fatalf("%s does not hold %s", args[0], args[1])
	}
	changed := string(args[1][0]^1) + args[1][1:]
	ts.Check(os.WriteFile(path, []byte(strings.ReplaceAll(string(b), args[1], changed)), 0o600))
}
