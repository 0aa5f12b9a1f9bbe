// SPDX-License-Identifier: Apache-2.0

package mapping_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/internal/mapping"
	"github.com/counterfoil/counterfoil/record"
)

const examples = "../../examples"

func lines(t *testing.T, name string) [][]byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(examples, name))
	if err != nil {
		t.Fatal(err)
	}
	out := bytes.Split(bytes.TrimSpace(raw), []byte("\n"))
	if len(out[0]) == 0 {
		t.Fatalf("%s is empty", name)
	}
	return out
}

// TestChatbotExample reads the small export with its mapping.
func TestChatbotExample(t *testing.T) {
	t.Parallel()
	m, err := mapping.Load(examples, "chatbot.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if m.Description() == "" {
		t.Error("no description")
	}
	var outcomes []string
	for i, line := range lines(t, "chatbot.ndjson") {
		recs, bodies := records(t, m, line, i+1)
		if len(recs) != 1 || recs[0].Fields().Seq != int64(i+1) {
			t.Fatalf("line %d: %d records, %+v", i+1, len(recs), recs[0].Fields())
		}
		outcomes = append(outcomes, bodies[0].Decision.Kind+" "+bodies[0].Decision.Outcome)
	}
	want := []string{"Order-Status answered", "Change-Address escalated", "Refund-Request answered", "Opening-Hours answered", "Other escalated"}
	if !slices.Equal(outcomes, want) {
		t.Errorf("got %q, want %q", outcomes, want)
	}
}

// TestReadmeMessage makes the message that the README shows.
func TestReadmeMessage(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(filepath.Join(examples, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := mapping.Load(".", examples+"/chatbot.yaml")
	if err != nil {
		t.Fatal(err)
	}
	line := bytes.ReplaceAll(lines(t, "chatbot.ndjson")[2], []byte(`"handover":false`), []byte(`"handover":"maybe"`))
	_, err = m.Records(line, 3)
	e, ok := errors.AsType[*mapping.Error](err)
	if !ok {
		t.Fatalf("no *Error: %v", err)
	}
	shown := strings.TrimPrefix(e.Error(), "../../") + "\nhint: " + e.Hint() + "\n"
	if !strings.Contains(string(readme), shown) {
		t.Errorf("examples/README.md does not show\n%s", shown)
	}
	if e.Input != 3 || e.Line == 0 || e.Path != "$.line.handover" || e.Field != "/decision/outcome" || e.Rule != "answer" {
		t.Errorf("%+v", e)
	}
}

// TestRecordExamples parses the records that need no mapping.
func TestRecordExamples(t *testing.T) {
	t.Parallel()
	single, err := os.ReadFile(filepath.Join(examples, "decision.json"))
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	seqs := map[string]int64{}
	for _, raw := range append([][]byte{single}, lines(t, "decision-with-followups.ndjson")...) {
		r, err := record.Parse(raw)
		if err != nil {
			t.Fatalf("%v\n%s", err, raw)
		}
		f := r.Fields()
		if ids[f.ID] || f.About != "" && !ids[f.About] {
			t.Errorf("%s stands twice, or is about %q, which is not there yet", f.ID, f.About)
		}
		if last, ok := seqs[f.Source]; ok && f.Seq != last+1 {
			t.Errorf("%s: %s jumps from %d to %d", f.ID, f.Source, last, f.Seq)
		}
		ids[f.ID], seqs[f.Source] = true, f.Seq
	}
	if len(ids) != 9 {
		t.Errorf("%d records, want 9", len(ids))
	}
}
