// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

// answers is the book in which every answer of every test is entered.
var answers *book

// TestMain ends with the last test of all: that the tests have seen every
// answer that the API document declares, and every problem there is.
func TestMain(m *testing.M) {
	flag.Parse()
	var err error
	if answers, err = newBook(); err != nil {
		fmt.Fprintln(os.Stderr, "API document:", err)
		os.Exit(1)
	}
	code := m.Run()
	if code == 0 && whole() {
		for _, line := range answers.unseen() {
			fmt.Fprintln(os.Stderr, "FAIL: no test has seen", line)
			code = 1
		}
	}
	os.Exit(code)
}

// whole says whether all tests were run.
func whole() bool {
	for _, name := range []string{"test.run", "test.skip", "test.list", "test.fuzz", "test.bench"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != "" {
			return false
		}
	}
	return true
}
