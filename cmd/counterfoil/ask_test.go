// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/internal/inquiry"
)

// TestQuestionsHaveCommands parses the example of each question that another
// command answers by the flags of that command, and looks for each in docs.
func TestQuestionsHaveCommands(t *testing.T) {
	t.Parallel()
	manual := document(t, "docs/questions.md")
	for _, q := range inquiry.Questions() {
		if q.Word != "" {
			if !strings.Contains(manual, "`counterfoil ask "+strings.Fields(q.Example)[2]) || !strings.Contains(manual, "`"+q.Word) {
				t.Errorf("docs/questions.md has no row for question %d, %s", q.N, q.Word)
			}
			continue
		}
		c := &cli{out: new(bytes.Buffer), err: new(bytes.Buffer)}
		root := c.root()
		words := strings.Fields(q.Command)
		cmd, rest, err := root.Find(words)
		if err != nil || cmd == root {
			t.Errorf("question %d: there is no command %s", q.N, q.Command)
			continue
		}
		example, _, _ := strings.Cut(q.Example, " && ")
		if err := cmd.ParseFlags(append(rest, strings.Fields(example)[3:]...)); err != nil {
			t.Errorf("question %d: %s: %v", q.N, q.Example, err)
		}
		if err := cmd.ValidateArgs(cmd.Flags().Args()); err != nil {
			t.Errorf("question %d: %s: %v", q.N, q.Example, err)
		}
		if !strings.Contains(manual, "`"+words[0]) && !strings.Contains(manual, "`counterfoil "+words[0]) {
			t.Errorf("docs/questions.md does not name %s", q.Command)
		}
	}
}
