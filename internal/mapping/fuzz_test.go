// SPDX-License-Identifier: Apache-2.0

package mapping_test

import (
	"errors"
	"testing"

	"github.com/counterfoil/counterfoil/internal/mapping"
	"github.com/counterfoil/counterfoil/record"
)

// FuzzRecords feeds any line to a mapping that uses every operator: it may
// refuse, it may not crash, and what it makes are records.
func FuzzRecords(f *testing.F) {
	m, err := mapping.Parse("m.yaml", []byte(thread), nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"id":"c","day":2,"m":[{"t":"a"},{"t":"b","q":1}]}`))
	f.Add([]byte(`{"id":"c","day":-1,"m":[{"t":[[]],"q":null}]}`))
	f.Add([]byte(`[1,2,{"m":3}]`))
	f.Add([]byte("\xff"))
	f.Fuzz(func(t *testing.T, line []byte) {
		out, err := m.Records(line, 1)
		if err != nil {
			if _, ok := errors.AsType[*mapping.Error](err); !ok {
				t.Fatalf("not an *Error: %v", err)
			}
			return
		}
		again, err := m.Records(line, 1)
		if err != nil || len(again) != len(out) {
			t.Fatalf("second reading: %d records, %v", len(again), err)
		}
		for i, r := range out {
			if _, err := record.Parse(r); err != nil || string(r) != string(again[i]) {
				t.Fatalf("%v: %s", err, r)
			}
		}
	})
}

// FuzzParse feeds any text to the reader of mapping files.
func FuzzParse(f *testing.F) {
	f.Add([]byte(thread))
	f.Add([]byte(rule("    x_v: {each: \"$.line[*]\", value: {format: \"{$.each}\"}}\n")))
	f.Add([]byte("mapping: &a [*a]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := mapping.Parse("m.yaml", text, nil)
		if (m == nil) == (err == nil) {
			t.Fatalf("mapping %v, error %v", m, err)
		}
	})
}
