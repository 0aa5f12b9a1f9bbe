// SPDX-License-Identifier: Apache-2.0

package leaf_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/counterfoil/counterfoil/internal/leaf"
)

const statement = `{"capture":"sdk","decision":{"kind":"refund","outcome":"denied","reason":{"seal":"EO0MCvtAtBk6CmQ3LlcYIbRJYSExp3D0ko-OS56j9NA"},"status":"made"},` +
	`"id":"019b76da-a800-76f1-8e19-2c930da49d6a","principal":"local:http","recorded":"2026-11-23T16:41:03.628628Z","statement":"counterfoil/v1","time":"2026-01-01T00:00:00.000Z","type":"decision"}`

const (
	frozen = "7c94e75fbe4ca12b72478e25f19ab5d9c7860e34025d922d8c3a1bee0519b508"
	row    = "01d002007b3df51073646b222c5946003a354a228d1c997f22df3542d11fb0454f304d4376744174426b36436d51334c6c63594962524a59534578703344306b6f2d4f5335366a394e41227d5ea5048c30313962373664612d613830302d373666312d386531392d32633933306461343964366152df050c687474704ab5015431312d32335431363a34313a30332e3632383632385aad2462b0012e63014830312d30315430303a30303a30302e3030305a3976246465636973696f6e227d"
)

func TestPackHalves(t *testing.T) {
	t.Parallel()
	packed := leaf.Pack([]byte(statement))
	if len(packed) > len(statement)*2/3 {
		t.Errorf("%d bytes are packed to %d", len(statement), len(packed))
	}
	got, err := leaf.Unpack(packed)
	if err != nil || string(got) != statement {
		t.Errorf("unpacked to %s, %v", got, err)
	}
}

// TestDictionaryIsFrozen fails when somebody improves the dictionary, which
// would make every stored row unreadable.
func TestDictionaryIsFrozen(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("v1.dict")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	if got := hex.EncodeToString(sum[:]); got != frozen {
		t.Fatalf("v1.dict has changed: %s", got)
	}
}

// TestStoredRow reads a row as an earlier version has written it.
func TestStoredRow(t *testing.T) {
	t.Parallel()
	stored, err := hex.DecodeString(row)
	if err != nil {
		t.Fatal(err)
	}
	got, err := leaf.Unpack(stored)
	if err != nil || string(got) != statement {
		t.Fatalf("unpacked to %s, %v", got, err)
	}
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := []byte("{" + strings.Join(rapid.SliceOf(rapid.SampledFrom([]string{`"id":"`, `{"seal":"`, "x", "\x00", "é", statement})).Draw(t, "parts"), ""))
		if len(s) > 65535 {
			t.Skip("too long for a statement")
		}
		got, err := leaf.Unpack(leaf.Pack(s))
		if err != nil || !bytes.Equal(got, s) {
			t.Fatalf("%q became %q, %v", s, got, err)
		}
	})
}

func FuzzUnpack(f *testing.F) {
	f.Add(leaf.Pack([]byte(statement)))
	f.Add([]byte(statement))
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, stored []byte) {
		got, err := leaf.Unpack(stored)
		if err == nil && len(got) > max(65535, len(stored)) {
			t.Fatalf("%d bytes unpack to %d", len(stored), len(got))
		}
	})
}

func BenchmarkPack(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		leaf.Pack([]byte(statement))
	}
}

func BenchmarkUnpack(b *testing.B) {
	packed := leaf.Pack([]byte(statement))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := leaf.Unpack(packed); err != nil {
			b.Fatal(err)
		}
	}
}
