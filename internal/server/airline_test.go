// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/leaf"
	"github.com/counterfoil/counterfoil/internal/mapping"
)

func shared(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("COUNTERFOIL_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	path := filepath.Join(dir, "data", name)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv(dbtest.Require) != "" {
			t.Fatalf("the shared data is missing: %v", err)
		}
		t.Skipf("the shared data is missing (set COUNTERFOIL_SHARED to its folder): %v", err)
	}
	return path
}

// personal collects personal values out of the results of tools, wherever they
// stand: full names, customer ids, e-mail and postal addresses, dates of birth,
// ids of means of payment.
func personal(v any, into map[string]string) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			personal(e, into)
		}
	case map[string]any:
		first, _ := v["first_name"].(string)
		last, _ := v["last_name"].(string)
		if first != "" && last != "" {
			into[first+" "+last] = "name"
		}
		for k, e := range v {
			s, isText := e.(string)
			switch {
			case isText && slices.Contains([]string{"email", "address1", "address2", "dob", "user_id"}, k):
				into[s] = k
			case isText && k == "id" && (strings.HasPrefix(s, "credit_card_") || strings.HasPrefix(s, "gift_card_") || strings.HasPrefix(s, "certificate_")):
				into[s] = "payment"
			case isText && k == "payment_id":
				into[s] = "payment"
			}
			if k == "payment_methods" {
				if methods, ok := e.(map[string]any); ok {
					for id := range methods {
						into[id] = "payment"
					}
				}
			}
			personal(e, into)
		}
	}
}

// TestAirlineStaysPrivate appends all real conversations over the API, with
// faults thrown in, and looks for what is personal in them wherever it must not
// be: leaves, tiles, log lines, metrics, error texts, pages of the database.
func TestAirlineStaysPrivate(t *testing.T) {
	t.Parallel()
	f, err := os.Open(shared(t, "airline-agent.ndjson.gz"))
	must(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	must(t, err)
	raw, err := os.ReadFile("../../examples/airline-agent.yaml")
	must(t, err)
	m, err := mapping.Parse("airline-agent.yaml", raw, func(name string) ([]byte, error) { return os.ReadFile(shared(t, filepath.Base(name))) })
	must(t, err)

	r := newRig(t, options{})
	values := map[string]string{}
	var errorTexts bytes.Buffer
	records := 0
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 8<<20)
	for n := 1; lines.Scan(); n++ {
		var c struct {
			Messages []struct{ Role, Content string }
		}
		must(t, json.Unmarshal(lines.Bytes(), &c))
		for _, msg := range c.Messages {
			var v any
			if msg.Role == "tool" && json.Unmarshal([]byte(msg.Content), &v) == nil {
				personal(v, values)
			}
		}
		docs, err := m.Records(lines.Bytes(), n)
		must(t, err)
		records += len(docs)
		body := "[" + string(bytes.Join(docs, []byte(","))) + "]"
		r.post(body).want(201)
		// The same again, broken in ways that errors must not quote.
		errorTexts.Write(r.post(strings.Replace(body, `"type":"`, `"nonsense":1,"type":"`, 1)).body)
		errorTexts.Write(r.post(strings.Replace(body, `"subject":`, `"system":`, 1)).body)
		errorTexts.Write(r.post(body[:len(body)/2]).body)
		changed := strings.Replace(body, `"value":`, `"value":1,"x_old":`, 1)
		errorTexts.Write(r.post(changed).body)
		errorTexts.Write(r.post(strings.ReplaceAll(body, `"source":"credit_card"`, `"source":1,"source":2`)).body)
		errorTexts.Write(r.post(strings.ReplaceAll(body, `"source":"credit_card"`, `"source":1.00000000000000000001`)).body)
		errorTexts.Write(r.post(strings.Replace(body, `"subject":"`, `"trace":"of `, 1)).body)
	}
	must(t, lines.Err())
	kinds := map[string]int{}
	for _, k := range values {
		kinds[k]++
	}
	if records < 2000 || len(values) < 200 || len(kinds) < 6 || errorTexts.Len() < 10000 {
		t.Fatalf("%d records, values %v, %d bytes of errors: that proves little", records, kinds, errorTexts.Len())
	}

	var leaves, tiles bytes.Buffer
	must(t, r.d.Read(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		for query, into := range map[string]*bytes.Buffer{`SELECT statement FROM entry`: &leaves, `SELECT hashes FROM tile`: &tiles} {
			rows, err := tx.Query(ctx, query)
			if err != nil {
				return err
			}
			if err := copyColumn(rows, into); err != nil {
				return err
			}
		}
		return nil
	}))
	places := map[string][]byte{"a leaf": leaves.Bytes(), "a tile": tiles.Bytes(), "the log of the server": []byte(r.log.String()),
		"the metrics": r.get("/metrics").want(200).body, "an error": errorTexts.Bytes(),
		"a list": r.get("/v1/ledgers/main/records?limit=1000").want(200).body}
	files, err := filepath.Glob(strings.TrimPrefix(r.dbc.URL, "sqlite:") + "*")
	must(t, err)
	for _, file := range files {
		b, err := os.ReadFile(file)
		must(t, err)
		places["the file "+filepath.Base(file)] = b
	}
	if len(files) == 0 {
		t.Fatal("no database file was scanned")
	}
	for where, b := range places {
		if len(b) == 0 && !strings.HasSuffix(where, "-wal") {
			t.Errorf("%s is empty: nothing was scanned", where)
		}
		for _, v := range slices.Sorted(maps.Keys(values)) {
			if len(v) >= 6 && bytes.Contains(b, []byte(v)) {
				i := bytes.Index(b, []byte(v))
				t.Errorf("%s holds a %s: %s, in %q", where, values[v], v, b[max(0, i-200):min(len(b), i+100)])
			}
		}
	}
	// The scan is able to find them: they are there for who may read them.
	p := into[api.Page](r.get("/v1/ledgers/main/records?limit=1000&kind=get_user_details").want(200))
	found := false
	for _, e := range p.Records[:min(20, len(p.Records))] {
		var st struct{ ID string }
		must(t, json.Unmarshal(e.Statement, &st))
		b := r.get(fmt.Sprintf("/v1/ledgers/main/records/%s?disclose=all", st.ID)).want(200).body
		for v, k := range values {
			found = found || k == "email" && bytes.Contains(b, []byte(v))
		}
	}
	if !found {
		t.Error("no e-mail address is found where there must be one")
	}
}

func copyColumn(rows *sql.Rows, into *bytes.Buffer) error {
	defer rows.Close()
	for rows.Next() {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			return err
		}
		if plain, err := leaf.Unpack(b); err == nil {
			into.Write(plain)
		}
		into.Write(b)
	}
	return rows.Err()
}
