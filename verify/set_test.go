// SPDX-License-Identifier: Apache-2.0

package verify_test

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/counterfoil/counterfoil/proof"
	"github.com/counterfoil/counterfoil/verify"
)

// trust is a policy that believes the log of m, whatever it signs.
func (m *maker) trust() *proof.Trust {
	m.t.Helper()
	b, err := proof.FormatTrust([]string{m.logKey}, nil, 0, nil)
	if err != nil {
		m.t.Fatal(err)
	}
	p, err := proof.ParseTrust(b)
	return must(m.t, p, err)
}

func (m *maker) file(index int64) []byte {
	m.t.Helper()
	b, err := m.receipt(index).Marshal()
	return must(m.t, b, err)
}

func codes(r verify.Result) []string {
	var out []string
	for _, f := range r.Faults {
		out = append(out, f.Code)
	}
	return out
}

// TestContradictions forks a log under its own key. Each receipt is valid
// alone; two together prove the fork.
func TestContradictions(t *testing.T) {
	t.Parallel()
	records := vectorRecords()
	edited := slices.Clone(records)
	edited[1] = strings.Replace(edited[1], `"denied"`, `"approved"`, 1)
	moved := slices.Clone(records)
	moved[1], moved[4] = moved[4], moved[1]
	honest, longer := newMaker(t, records[:5]...), newMaker(t, records...)
	other := func(records ...string) *maker { return newMaker(t, records...) }
	for name, c := range map[string]struct {
		one, two []byte
		want     string // part of what is said; empty: they agree
	}{
		"the same receipt twice":             {honest.file(1), honest.file(1), ""},
		"the same log, grown":                {honest.file(1), longer.file(1), ""},
		"two records of one log":             {honest.file(1), honest.file(2), ""},
		"two statements at one index":        {honest.file(1), other(edited...).file(1), "another statement at index 1"},
		"one record at two indexes":          {honest.file(1), other(append(moved, records[0])...).file(4), "has record v-1 at index 1"},
		"two roots of one size":              {honest.file(2), other(edited[:5]...).file(2), "another root for size 5"},
		"two roots of one size, other index": {honest.file(2), other(edited[:5]...).file(3), "another root for size 5"},
	} {
		s := verify.NewSet(honest.trust())
		first, second := s.Add("one", c.one), s.Add("two", c.two)
		if !first.Valid || s.Count() != 2 {
			t.Fatalf("%s: the first is not valid: %v", name, first.Faults)
		}
		if alone := verify.Receipt(c.two, honest.trust()); !alone.Valid {
			t.Fatalf("%s: the second is not valid alone: %v", name, alone.Faults)
		}
		if second.Valid != (c.want == "") {
			t.Errorf("%s: valid is %v, %v", name, second.Valid, second.Faults)
			continue
		}
		if c.want == "" {
			continue
		}
		said := false
		for _, f := range second.Faults {
			said = said || f.Code == verify.Contradiction && f.Promise == 2 && strings.Contains(f.Detail, c.want) && strings.HasPrefix(f.Detail, "one ")
		}
		if !said {
			t.Errorf("%s: %v, want %q", name, second.Faults, c.want)
		}
	}
}

// TestContradictionsNeedProof sees that a receipt that is not valid can not
// discredit one that is, and that two logs may say different things.
func TestContradictionsNeedProof(t *testing.T) {
	t.Parallel()
	m := newMaker(t, vectorRecords()...)
	s := verify.NewSet(m.trust())
	bad := strings.Replace(string(m.file(1)), `"denied"`, `"approved"`, 1)
	if r := s.Add("bad", []byte(bad)); r.Valid || !slices.Equal(codes(r), []string{verify.NotIncluded}) {
		t.Fatalf("%v", r.Faults)
	}
	if r := s.Add("good", m.file(1)); !r.Valid {
		t.Errorf("a forged receipt discredits a good one: %v", r.Faults)
	}
	elsewhere := newMaker(t, strings.Replace(vectorRecords()[1], "denied", "approved", 1))
	signer, key := logSigner(t, "elsewhere.example", seed("elsewhere"))
	r := elsewhere.receipt(0)
	r.Note = elsewhere.note(1, signer, "elsewhere.example", 0)
	b, err := r.Marshal()
	policy, err2 := proof.FormatTrust([]string{m.logKey, key}, nil, 0, nil)
	both, err3 := proof.ParseTrust(policy)
	if err := errors.Join(err, err2, err3); err != nil {
		t.Fatal(err)
	}
	s = verify.NewSet(both)
	if one, two := s.Add("here", m.file(1)), s.Add("there", b); !one.Valid || !two.Valid {
		t.Errorf("two logs contradict each other: %v, %v", one.Faults, two.Faults)
	}
}

func TestDir(t *testing.T) {
	t.Parallel()
	m := newMaker(t, vectorRecords()...)
	fsys := fstest.MapFS{
		"b.receipt.json":        {Data: m.file(1)},
		"deep/er/a.json":        {Data: m.file(2)},
		"deep/bad.receipt.json": {Data: []byte("{}")},
		"notes.txt":             {Data: []byte("not a receipt")},
		".hidden.json":          {Data: []byte("{}")},
		"folder.json/notes.txt": {Data: []byte("not a receipt")},
	}
	var seen []string
	s := verify.NewSet(m.trust())
	err := s.Dir(fsys, func(name string, r verify.Result) error {
		if r.Valid == (name == "deep/bad.receipt.json") {
			t.Errorf("%s: %v", name, r.Faults)
		}
		seen = append(seen, name)
		return nil
	})
	if want := []string{"b.receipt.json", "deep/bad.receipt.json", "deep/er/a.json"}; err != nil || !slices.Equal(seen, want) || s.Count() != 3 {
		t.Errorf("judged %v, %v, want %v", seen, err, want)
	}
	stop := errors.New("enough")
	if err := verify.NewSet(m.trust()).Dir(fsys, func(string, verify.Result) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("stopped with %v", err)
	}
	// Nothing that was checked is no success, in a used set neither.
	nothing := fstest.MapFS{"notes.txt": {Data: []byte("x")}}
	if err := s.Dir(nothing, nil); err == nil || !strings.Contains(err.Error(), "nothing was checked") {
		t.Errorf("an empty folder: %v", err)
	}
	if err := s.Dir(broken{fsys}, func(string, verify.Result) error { return nil }); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("a file that can not be read: %v", err)
	}
}

// broken is a file system with one file that can not be opened.
type broken struct{ fs.FS }

func (b broken) Open(name string) (fs.File, error) {
	if strings.HasSuffix(name, "a.json") {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return b.FS.Open(name)
}
