// SPDX-License-Identifier: Apache-2.0

package verify_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/proof"
	"github.com/counterfoil/counterfoil/verify"
)

// receiptVector says how one receipt file is to be judged under one policy.
type receiptVector struct {
	Name   string        `json:"name"`
	File   string        `json:"file"`
	Trust  string        `json:"trust"`
	Expect receiptExpect `json:"expect"`
}

type receiptExpect struct {
	Valid bool `json:"valid"`
	// Of a valid one:
	ID        string            `json:"id,omitempty"`
	Index     int64             `json:"index"`
	Size      int64             `json:"size"`
	Witnesses int               `json:"witnesses"`
	Stamped   string            `json:"stamped,omitempty"`
	Fields    map[string]string `json:"fields,omitempty"` // pointer → disclosed, withheld or erased
	// Of one that is not: the codes of its faults, sorted, and the pointer of
	// the first that has one.
	Faults  []string `json:"faults,omitempty"`
	Pointer string   `json:"pointer,omitempty"`
}

func (v *receiptVector) judge(t *testing.T) receiptExpect {
	t.Helper()
	r := verify.Receipt(read(t, v.File), policy(t, v.Trust))
	if !r.Valid {
		e := receiptExpect{}
		for _, f := range r.Faults {
			e.Faults = append(e.Faults, f.Code)
			if e.Pointer == "" {
				e.Pointer = f.Pointer
			}
		}
		slices.Sort(e.Faults)
		return e
	}
	e := receiptExpect{Valid: true, ID: r.ID, Index: r.Index, Size: r.Size, Witnesses: r.Witnesses, Fields: map[string]string{}}
	if !r.Stamped.IsZero() {
		e.Stamped = r.Stamped.Format("2006-01-02T15:04:05Z")
	}
	for _, f := range r.Fields {
		e.Fields[f.Pointer] = string(f.State)
	}
	return e
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(vectors, "receipts", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func policy(t *testing.T, name string) *proof.Trust {
	t.Helper()
	trust, err := proof.ParseTrust(read(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return trust
}

func TestReceiptVectors(t *testing.T) {
	index := filepath.Join(vectors, "receipts.json")
	if *update {
		folder := filepath.Join(vectors, "receipts")
		m := writeReceipts(t, folder)
		old, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range old {
			if _, made := m.files[f.Name()]; !made {
				os.Remove(filepath.Join(folder, f.Name()))
			}
		}
		for i := range m.all {
			m.all[i].Expect = m.all[i].judge(t)
		}
		writeVectors(t, index, m.all)
	}
	var all []receiptVector
	readVectors(t, index, &all)
	good, bad, used := 0, map[string]int{}, map[string]bool{}
	for _, v := range all {
		used[v.File], used[v.Trust] = true, true
		if got := v.judge(t); !sameJSON(t, got, v.Expect) {
			t.Errorf("%s: got %+v, want %+v", v.Name, got, v.Expect)
		}
		if strings.HasPrefix(v.Name, "refused: ") == v.Expect.Valid {
			t.Errorf("%s: valid is %v", v.Name, v.Expect.Valid)
		}
		if v.Expect.Valid {
			good++
		}
		for _, code := range v.Expect.Faults {
			bad[code]++
		}
	}
	if good < 5 || len(all)-good < 20 {
		t.Errorf("%d good and %d bad receipts are too few", good, len(all)-good)
	}
	for _, code := range []string{verify.Malformed, verify.BadStatement, verify.BadCheckpoint, verify.NotIncluded, verify.BadDisclosure, verify.BadStamp} {
		if bad[code] == 0 {
			t.Errorf("no vector has the fault %s", code)
		}
	}
	err := fs.WalkDir(os.DirFS(filepath.Join(vectors, "receipts")), ".", func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !used[p] {
			err = errors.New(p + " belongs to no vector")
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestReceiptVectorsFresh sees that the cases still give the files.
func TestReceiptVectorsFresh(t *testing.T) {
	t.Parallel()
	m := writeReceipts(t, t.TempDir())
	if len(m.files) < 40 {
		t.Fatalf("only %d files", len(m.files))
	}
	for name, b := range m.files {
		if string(read(t, name)) != string(b) {
			t.Errorf("%s is not what its case gives; make vectors writes it", name)
		}
	}
}

func sameJSON(t *testing.T, a, b any) bool {
	t.Helper()
	x, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(x) == string(y)
}

// TestEveryByteCounts flips each bit of a good receipt in turn: it must no
// longer be valid, or still say the same.
func TestEveryByteCounts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file, trust string
		harmless    int // one change of so many bits may go unnoticed
	}{
		{"open.receipt.json", "witnessed.trust.txt", 100},
		{"stamped.receipt.json", "witnessed.trust.txt", 20}, // some of the token is signed by nobody
	} {
		good, judge := read(t, c.file), verify.New(policy(t, c.trust))
		want := judge.Receipt(good)
		if !want.Valid || len(want.Fields) == 0 {
			t.Fatalf("%s is not valid to begin with", c.file)
		}
		want.Steps = nil
		harmless := 0
		for i := range good {
			for bit := range 8 {
				changed := slices.Clone(good)
				changed[i] ^= 1 << bit
				got := judge.Receipt(changed)
				if !got.Valid {
					continue
				}
				harmless++
				got.Steps = nil
				if !sameJSON(t, got, want) {
					t.Errorf("%s, byte %d, bit %d: still valid, but says otherwise", c.file, i, bit)
				}
			}
		}
		if harmless > 8*len(good)/c.harmless {
			t.Errorf("%s: %d changes of %d bytes went unnoticed", c.file, harmless, len(good))
		}
	}
}

// FuzzReceipt looks for a file that is valid under the vectors' policy and is
// none of theirs: nobody else has the keys.
func FuzzReceipt(f *testing.F) {
	dir := filepath.Join(vectors, "receipts")
	known := map[string]bool{}
	files, err := filepath.Glob(filepath.Join(dir, "*.receipt.json"))
	if err != nil || len(files) < 20 {
		f.Fatalf("found %d receipts, %v", len(files), err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "log.trust.txt"))
	if err != nil {
		f.Fatal(err)
	}
	trust, err := proof.ParseTrust(text)
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		if r := verify.Receipt(b, trust); r.Valid {
			known[r.Leaf] = true
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if r := verify.Receipt(b, trust); r.Valid && !known[r.Leaf] {
			t.Fatalf("a forged receipt is valid: %+v", r)
		}
	})
}
