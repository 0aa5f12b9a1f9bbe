// SPDX-License-Identifier: Apache-2.0

package evidence_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/counterfoil/counterfoil/internal/evidence"
	"github.com/counterfoil/counterfoil/record"
)

// TestRoundTrip seals and opens any list of openings, compressible or not, and
// sees every single changed byte refused.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	key := evidence.NewKey()
	rapid.Check(t, func(t *rapid.T) {
		var in []record.Opening
		for i := range rapid.IntRange(0, 12).Draw(t, "n") {
			o := record.Opening{Pointer: fmt.Sprintf("/inputs/%d/value", i)}
			copy(o.Salt[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "salt"))
			o.Value = rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "value")
			if rapid.Bool().Draw(t, "repeat") {
				o.Value = []byte(strings.Repeat("the customer said ", 20))
			}
			in = append(in, o)
		}
		sealed, err := key.Seal("rec-1", in)
		if err != nil {
			t.Fatal(err)
		}
		out, err := key.Open("rec-1", sealed)
		if err != nil {
			t.Fatal(err)
		}
		if len(in) != len(out) {
			t.Fatalf("%d in, %d out", len(in), len(out))
		}
		for i := range in {
			if in[i].Pointer != out[i].Pointer || in[i].Salt != out[i].Salt || !bytes.Equal(in[i].Value, out[i].Value) {
				t.Fatalf("opening %d: in %+v, out %+v", i, in[i], out[i])
			}
		}
		sealed[rapid.IntRange(0, len(sealed)-1).Draw(t, "flip")] ^= 0x20
		if _, err := key.Open("rec-1", sealed); err == nil {
			t.Fatal("opened a changed row")
		}
	})
}

func TestBoundToRecordAndKey(t *testing.T) {
	t.Parallel()
	key := evidence.NewKey()
	sealed, err := key.Seal("rec-1", []record.Opening{{Pointer: "/subject", Value: []byte(`"mia"`)}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := key.Open("rec-2", sealed); err == nil {
		t.Error("opened as another record")
	}
	if _, err := evidence.NewKey().Open("rec-1", sealed); err == nil {
		t.Error("opened under another key")
	}
	again, err := evidence.OpenKey(key.Secret())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.Open("rec-1", sealed); err != nil {
		t.Error(err)
	}
	if _, err := evidence.OpenKey([]byte("short")); err == nil {
		t.Error("accepted a short key")
	}
	if bytes.Contains(fmt.Appendf(nil, "%v %#v", key, key), key.Secret()) || fmt.Sprint(key) != "[redacted]" {
		t.Error("prints the key")
	}
}

func BenchmarkSeal(b *testing.B) {
	key := evidence.NewKey()
	var in []record.Opening
	for i := range 8 {
		in = append(in, record.Opening{Pointer: fmt.Sprintf("/inputs/%d/value", i), Value: []byte(strings.Repeat(fmt.Sprintf(`"order %d"`, i), 14))})
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := key.Seal("0192f3a4-0001", in); err != nil {
			b.Fatal(err)
		}
	}
}
