// SPDX-License-Identifier: Apache-2.0

package mapping_test

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/internal/mapping"
	"github.com/counterfoil/counterfoil/record"
)

// shared returns a file of the shared data folder, which is not part of the
// repository. Without it the test is skipped, unless COUNTERFOIL_TEST_REQUIRE
// says that nothing may be skipped.
func shared(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("COUNTERFOIL_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	file := filepath.Join(dir, "data", name)
	if _, err := os.Stat(file); err != nil {
		if os.Getenv("COUNTERFOIL_TEST_REQUIRE") != "" {
			t.Fatalf("the shared data is missing: %v", err)
		}
		t.Skipf("the shared data is missing (set COUNTERFOIL_SHARED to its folder): %v", err)
	}
	return file
}

type toolCall struct{ ID, Name, Arguments string }

type message struct {
	Role, Name string
	Content    *string
	ToolCalls  []toolCall `json:"tool_calls"`
}

func (m message) text() string {
	if m.Content == nil {
		return ""
	}
	return *m.Content
}

type conversation struct {
	ID       string `json:"conversation_id"`
	Customer string `json:"customer_id"`
	Reward   float64
	Messages []message
	line     []byte
}

func airline(t *testing.T) []conversation {
	t.Helper()
	f, err := os.Open(shared(t, "airline-agent.ndjson.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var out []conversation
	for r := bufio.NewReader(z); ; {
		line, err := r.ReadBytes('\n')
		if len(line) > 1 {
			c := conversation{line: line}
			if err := json.Unmarshal(line, &c); err != nil {
				t.Fatal(err)
			}
			out = append(out, c)
		}
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// airlineMapping loads the example with the policy from wherever the shared
// folder is.
func airlineMapping(t *testing.T) *mapping.Mapping {
	t.Helper()
	raw, err := os.ReadFile("../../examples/airline-agent.yaml")
	if err != nil {
		t.Fatal(err)
	}
	m, err := mapping.Parse("airline-agent.yaml", raw, func(name string) ([]byte, error) {
		return os.ReadFile(shared(t, filepath.Base(name)))
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// body is what the tests read back from a record.
type body struct {
	ID, Type, About, Subject string
	Time                     time.Time
	Source                   struct{ Seq int }
	Interaction              struct{ ID, Channel string }
	Decision                 struct{ Kind, Status, Outcome string }
	Versions                 struct{ Policy []string }
	Inputs                   []struct {
		Name  string
		Value json.RawMessage
	}
	Steps []struct {
		Op           string
		RequestModel string `json:"request_model"`
		Tool         string
		CallID       string `json:"call_id"`
		Arguments    json.RawMessage
		Result       json.RawMessage
	}
	Outputs []struct{ Value string }
	Signal  struct{ Value float64 }
	Clock   string                        `json:"x_clock"`
	Last    []string                      `json:"x_unanswered"`
	Policy  struct{ Name, Digest string } `json:"x_policy"`
}

func records(t *testing.T, m *mapping.Mapping, line []byte, n int) ([]*record.Record, []body) {
	t.Helper()
	raw, err := m.Records(line, n)
	if err != nil {
		t.Fatal(err)
	}
	var recs []*record.Record
	var bodies []body
	for _, r := range raw {
		rec, err := record.Parse(r)
		if err != nil {
			t.Fatalf("%v\n%s", err, r)
		}
		var b body
		if err := json.Unmarshal(r, &b); err != nil {
			t.Fatal(err)
		}
		recs, bodies = append(recs, rec), append(bodies, b)
	}
	return recs, bodies
}
