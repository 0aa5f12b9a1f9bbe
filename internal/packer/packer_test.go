// SPDX-License-Identifier: Apache-2.0

package packer_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/counterfoil/counterfoil/internal/custody"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/ledger/ledgertest"
	"github.com/counterfoil/counterfoil/internal/packer"
	"github.com/counterfoil/counterfoil/internal/paper"
	"github.com/counterfoil/counterfoil/pack"
	"github.com/counterfoil/counterfoil/proof"
	"github.com/counterfoil/counterfoil/record"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

// People of the tests.
var (
	anna  = custody.By{Actor: "person:anna", Role: "auditor"}
	piet  = custody.By{Actor: "person:piet", Role: "privacy"}
	lena  = custody.By{Actor: "person:lena", Role: "legal"}
	paula = custody.By{Actor: "person:paula", Role: "privacy"}
	rosa  = custody.By{Actor: "person:rosa", Role: "records"}
)

var now = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// rig is a running ledger with a packer.
type rig struct {
	testing.TB
	l     *ledger.Ledger
	c     *custody.Custodian
	p     *packer.Packer
	trust []byte
}

func newRig(t testing.TB, dbc db.Config) *rig {
	t.Helper()
	clock := func() time.Time { return now }
	r := &rig{TB: t, l: ledgertest.New(t, dbc, "example.com/pack", &ledger.Config{Now: clock})}
	ledgertest.Run(t, r.l)
	var err error
	if r.c, err = custody.New(custody.Config{Ledger: r.l, Policy: custody.DefaultPolicy(), Now: clock, Pause: time.Nanosecond}); err != nil {
		t.Fatal(err)
	}
	if r.trust, err = proof.FormatTrust(r.l.VerifierKeys(), nil, 0, nil); err != nil {
		t.Fatal(err)
	}
	r.p, err = packer.New(packer.Config{Ledger: r.l, Custodian: r.c, Trust: func() ([]byte, error) { return r.trust, nil }, Verifiers: fstest.MapFS{"counterfoil-verify-linux-amd64": {Data: []byte("\x7fELF")}}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) add(docs ...string) {
	r.Helper()
	b := ledger.Batch{Principal: "key:bot", Capture: "sdk"}
	for _, doc := range docs {
		rec, err := record.Parse([]byte(doc))
		if err != nil {
			r.Fatal(err)
		}
		b.Records = append(b.Records, rec)
	}
	if _, err := r.l.Append(r.Context(), b); err != nil {
		r.Fatal(err)
	}
}

// fill appends what packs are made of: decisions of two systems, what is about
// them, and one that was erased.
func (r *rig) fill() {
	r.Helper()
	for i := range 12 {
		r.add(fmt.Sprintf(`{"type":"decision","id":"d-%02d","time":"2026-03-%02dT09:12:44.5Z","system":%q,"subject":"customer:%d","decision":{"kind":"refund","status":"made","outcome":%q,"confidence":0.%d,"reason":"because “%d” <b>"},
			"controls":[{"id":"limit@2","result":%q}],"inputs":[{"name":"order","source":"oms","value":{"mail":"c%d@example.org","n":1e21}}]}`,
			i, i+1, []string{"refund-agent", "router"}[i%2], i, []string{"denied", "approved", "referred"}[i%3], i+1, i, []string{"pass", "fail"}[i%2], i))
	}
	r.add(`{"type":"oversight","id":"o-1","time":"2026-03-20T10:00:00Z","about":"d-00","oversight":{"act":"override","actor":"person:ann","after":"approved","reason":"was right"}}`,
		`{"type":"finding","id":"f-1","time":"2026-03-20T11:00:00Z","about":"o-1","finding":{"code":"late","status":"open"}}`,
		`{"type":"challenge","id":"c-1","time":"2026-03-21T11:00:00Z","about":"d-01","challenge":{"kind":"complaint","status":"received","text":"no"}}`)
	e, err := r.c.AskErasure(r.Context(), piet, custody.ErasureSpec{Ground: custody.GroundSubject, Ticket: "t-1", Subjects: []json.RawMessage{json.RawMessage(`"customer:6"`)}})
	if err == nil {
		_, err = r.c.ApproveErasure(r.Context(), lena, e.ID, true, "")
	}
	if err == nil {
		_, err = r.c.ExecuteErasures(r.Context(), rosa, []string{e.ID})
	}
	if err != nil {
		r.Fatal(err)
	}
}

// order asks for a pack, and has two others approve it.
func (r *rig) order(query, profile string, edit ...func(*packer.Order)) string {
	r.Helper()
	o := packer.Order{Purpose: "audit", Ticket: "a-7", Query: query, Profile: profile, Related: true, Leaves: true}
	for _, e := range edit {
		e(&o)
	}
	req, err := r.p.Ask(r.Context(), anna, o, now)
	if err == nil {
		_, err = r.c.ApprovePack(r.Context(), piet, req.ID, true, "seen")
	}
	if err == nil {
		_, err = r.c.ApprovePack(r.Context(), lena, req.ID, true, "")
	}
	if err != nil {
		r.Fatal(err)
	}
	return req.ID
}

// make makes a pack as a zip file.
func (r *rig) make(id string, size int64) []byte {
	r.Helper()
	var b bytes.Buffer
	z := packer.NewZip(&b, "pack-"+id)
	if _, err := r.p.Make(r.Context(), anna, id, size, z, func() {}); err != nil {
		r.Fatal(err)
	}
	if err := z.Close(); err != nil {
		r.Fatal(err)
	}
	return b.Bytes()
}

// files unpacks a zip file.
func files(t testing.TB, b []byte) fstest.MapFS {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	out := fstest.MapFS{}
	for _, f := range z.File {
		_, name, _ := strings.Cut(f.Name, "/")
		b, err := fs.ReadFile(z, f.Name)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = &fstest.MapFile{Data: b}
	}
	return out
}

func (r *rig) verify(f fs.FS) *pack.Report {
	r.Helper()
	trust, err := proof.ParseTrust(r.trust)
	if err != nil {
		r.Fatal(err)
	}
	return pack.Verify(f, trust, nil)
}

// TestPack makes packs of several queries and profiles, and has both checkers
// check them.
func TestPack(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		r := newRig(t, dbc)
		r.fill()
		for _, c := range []struct {
			query, profile      string
			want                string // ids, without the access records
			disclosed, withheld int64
			erased              int64
		}{
			{"system:refund-agent", "regulator", "d-00 d-02 d-04 d-06 d-08 d-10 o-1 f-1 +erasure", 5*3 + 1, 5 + 1, 4},
			{"system:refund-agent", "court", "d-00 d-02 d-04 d-06 d-08 d-10 o-1 f-1 +erasure", 5*4 + 1, 1, 4},
			{"reviewed:override", "sealed", "d-00 o-1 f-1", 0, 5, 0},
			{"failed:limit -outcome:denied time<2026-03-09", "subject", "d-01 d-05 d-07 c-1", 3*3 + 1, 3, 0},
			{"outcome:nothing", "court", "", 0, 0, 0},
		} {
			id := r.order(c.query, c.profile)
			f := files(t, r.make(id, 0))
			rep := r.verify(f)
			if !rep.Valid || !rep.Complete {
				t.Fatalf("%s: %+v", c.query, rep.Faults)
			}
			var ids []string
			for line := range bytes.Lines(f[pack.FileRecords].Data) {
				var e struct {
					Statement struct {
						ID, Type string
						Access   struct{ Target string }
					}
				}
				if err := json.Unmarshal(line, &e); err != nil {
					t.Fatal(err)
				}
				switch {
				case e.Statement.Access.Target == id:
				case e.Statement.Type == "erasure":
					ids = append(ids, "+erasure")
				default:
					ids = append(ids, e.Statement.ID)
				}
			}
			slices.Sort(ids)
			want := strings.Fields(c.want)
			slices.Sort(want)
			if ids = slices.Compact(ids); !slices.Equal(ids, want) {
				t.Errorf("%s: holds %v, want %v", c.query, ids, want)
			}
			if n := len(bytes.Split(f[pack.FileCustody].Data, []byte("\n"))) - 1; n != 3 {
				t.Errorf("%s: %d acts of custody, want the request and two approvals", c.query, n)
			}
			t.Logf("%s: %+v", c.query, rep.Claim)
			if d := rep.Claim.Disclosed - 1; d != c.disclosed || rep.Claim.Erased != c.erased { // the order itself is disclosed
				t.Errorf("%s: %d disclosed and %d erased, want %d and %d", c.query, d, rep.Claim.Erased, c.disclosed, c.erased)
			}
			page := f["data/report.html"].Data
			style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindSubmatch(page)
			if style == nil || !strings.Contains(html.UnescapeString(string(page)), paper.Policy(string(style[1]))) {
				t.Errorf("%s: the report has a style that its policy does not allow", c.query)
			}
			r.python(f, true)
		}
	})
}

// python runs docs/verify.py over a pack.
func (r *rig) python(f fstest.MapFS, valid bool) {
	r.Helper()
	for _, need := range []string{"python3", "openssl"} {
		if _, err := exec.LookPath(need); err != nil && os.Getenv(dbtest.Require) == "" {
			r.Skip(need + " is missing")
		}
	}
	dir := filepath.Join(r.TempDir(), "pack")
	if err := os.CopyFS(dir, f); err != nil {
		r.Fatal(err)
	}
	policy := filepath.Join(r.TempDir(), "policy.txt")
	if err := os.WriteFile(policy, r.trust, 0o600); err != nil {
		r.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(r.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "python3", "../../docs/verify.py", dir, policy).CombinedOutput()
	if (err == nil) != valid {
		r.Errorf("docs/verify.py: %v\n%s", err, out)
	}
}

// TestSame makes a pack twice: the same bytes.
func TestSame(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		r := newRig(t, dbc)
		r.fill()
		id := r.order("kind:refund", "regulator")
		first := r.make(id, 0)
		size := r.verify(files(t, first)).Claim.Size
		r.add(`{"type":"decision","id":"later","time":"2026-03-03T09:12:44Z","system":"router","decision":{"kind":"refund","status":"made"}}`)
		if !bytes.Equal(r.make(id, size), first) {
			t.Error("the same order at the same size gives other bytes")
		}
		if bytes.Equal(r.make(id, 0), first) {
			t.Error("the log has grown, and the pack has not")
		}
	})
}

// TestPackFaults changes each file and each line in turn, adds, removes and swaps:
// each is found, in its file.
func TestPackFaults(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	r.fill()
	whole := files(t, r.make(r.order("system:refund-agent", "regulator"), 0))
	if rep := r.verify(whole); !rep.Valid {
		t.Fatal(rep.Faults)
	}
	tried := 0
	try := func(what, file string, edit func(fstest.MapFS)) {
		f := maps.Clone(whole)
		edit(f)
		rep := r.verify(f)
		tried++
		if rep.Valid || !slices.ContainsFunc(rep.Faults, func(x pack.Fault) bool { return x.File == file }) {
			t.Errorf("%s %s: found %+v", what, file, rep.Faults)
		}
		if tried%25 == 0 {
			r.python(f, false)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(whole)) {
		data := whole[name].Data
		for _, at := range []int{0, len(data) / 2, len(data) - 1} {
			if at < 0 || len(data) == 0 {
				continue
			}
			try("changed", name, func(f fstest.MapFS) {
				b := bytes.Clone(data)
				b[at] ^= 1
				f[name] = &fstest.MapFile{Data: b}
			})
		}
		if !strings.HasSuffix(name, ".tsr") {
			try("removed", name, func(f fstest.MapFS) { delete(f, name) })
		}
		lines := bytes.SplitAfter(data, []byte("\n"))
		if !strings.HasSuffix(name, ".jsonl") || len(lines) < 3 {
			continue
		}
		for i := range lines[:len(lines)-1] {
			try("line removed of", name, func(f fstest.MapFS) {
				f[name] = &fstest.MapFile{Data: bytes.Join(slices.Delete(slices.Clone(lines), i, i+1), nil)}
			})
			if i > 0 {
				try("lines swapped of", name, func(f fstest.MapFS) {
					l := slices.Clone(lines)
					l[i], l[i-1] = l[i-1], l[i]
					f[name] = &fstest.MapFile{Data: bytes.Join(l, nil)}
				})
			}
		}
	}
	try("added", "data/more.txt", func(f fstest.MapFS) { f["data/more.txt"] = &fstest.MapFile{Data: []byte("x")} })
	try("added", "more.txt", func(f fstest.MapFS) { f["more.txt"] = &fstest.MapFile{Data: []byte("x")} })
	if tried < 200 {
		t.Errorf("only %d changes were tried", tried)
	}
}

// TestApprovals orders packs that two others have not approved, or cannot.
func TestApprovals(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		r := newRig(t, dbc)
		ctx := t.Context()
		make := func(by custody.By, id string) error {
			_, err := r.p.Make(ctx, by, id, 0, packer.NewZip(&bytes.Buffer{}, "x"), func() {})
			return err
		}
		o := packer.Order{Purpose: "audit", Ticket: "a-7", Profile: "court"}
		ask, err := r.p.Ask(ctx, anna, o, now)
		if err != nil {
			t.Fatal(err)
		}
		code(t, make(anna, ask.ID), ledger.Conflict)
		approve := func(by custody.By, id string, yes bool) error {
			_, err := r.c.ApprovePack(ctx, by, id, yes, "")
			return err
		}
		code(t, approve(anna, ask.ID, true), ledger.Forbidden)
		code(t, approve(piet, ask.ID, true), "")
		code(t, make(anna, ask.ID), ledger.Conflict)
		code(t, approve(piet, ask.ID, true), ledger.Forbidden)
		code(t, approve(anna, ask.ID, true), ledger.Forbidden)
		code(t, approve(paula, ask.ID, true), "")
		code(t, make(piet, ask.ID), ledger.Forbidden)
		code(t, approve(lena, ask.ID, false), ledger.Conflict)
		code(t, make(anna, ask.ID), "")
		no, err := r.p.Ask(ctx, anna, o, now)
		if err != nil {
			t.Fatal(err)
		}
		code(t, approve(lena, no.ID, false), "")
		code(t, approve(piet, no.ID, true), ledger.Conflict)
		code(t, make(anna, no.ID), ledger.Conflict)
		_, err = r.p.Ask(ctx, anna, packer.Order{Purpose: "audit", Ticket: "a", Profile: "everything"}, now)
		code(t, err, ledger.Invalid)
		_, err = r.p.Ask(ctx, anna, packer.Order{Purpose: "audit", Profile: "court"}, now)
		code(t, err, ledger.Invalid)
		if _, err = r.p.Ask(ctx, anna, packer.Order{Purpose: "audit", Ticket: "a", Profile: "court", Query: "nothing:x"}, now); err == nil {
			t.Error("a query of an unknown field was ordered")
		}
	})
}

func code(t *testing.T, err error, want ledger.Code) {
	t.Helper()
	var have ledger.Code
	if e := new(ledger.Error); asError(err, &e) {
		have = e.Code
	} else if err != nil {
		t.Error(err)
	}
	if have != want {
		t.Errorf("the answer is %q (%v), want %q", have, err, want)
	}
}

func asError(err error, to **ledger.Error) bool { return errors.As(err, to) }
